// What a template asks for, as far as this version has it: a setting or a kind of trigger that is not there is noted, and the
// function runs without it. A configuration of one's own is rejected in such a case; a template was written for AWS, where
// all of it is there.
import { ThroughlineError } from '@throughline/event';
import { readTrigger } from '@throughline/functions';
import { functionSchema, type FunctionSettings } from '../config-schema.ts';
import type { PlacedTrigger, Trigger } from './events.ts';
import type { RawFunction } from './functions.ts';
import type { Notes } from './notes.ts';

/** The function with what is there; undefined where that is no function. */
export function acceptFunction(raw: RawFunction, notes: Notes, path: string): FunctionSettings | undefined {
  const settings: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (Object.hasOwn(functionSchema.shape, name)) settings[name] = value;
    else notes.add(path, `${name} is not in this version, and is left out`);
  }
  settings['triggers'] = raw.triggers.flatMap((placed) => acceptTrigger(placed, notes));
  for (;;) {
    const parsed = functionSchema.safeParse(settings);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    const name = String(issue?.path[0]);
    if (name === 'entry' || settings[name] === undefined) {
      notes.add(path, `the function is left out: ${name}: ${issue?.message}`);
      return undefined;
    }
    notes.add(path, `${name} is left out: ${issue?.message}`);
    delete settings[name];
  }
}

function acceptTrigger({ trigger, path }: PlacedTrigger, notes: Notes): Trigger[] {
  if (trigger.type === 'url' || trigger.type === 'api') return [trigger];
  const problem = problemOf(trigger, path);
  if (problem === undefined) return [trigger];
  if (problem.code !== 'NOT_BUILT_YET') {
    // One thing that the kind does not take must not cost the trigger.
    for (const name of Object.keys(trigger)) {
      const { [name]: _, ...rest } = trigger;
      if (name === 'type' || problemOf(rest as Trigger, path) !== undefined) continue;
      notes.add(path, `${name} is left out: ${said(problem)}`);
      return [rest as Trigger];
    }
  }
  notes.add(path, `nothing calls the function for it: ${said(problem)}`);
  return [];

  function said({ message }: ThroughlineError): string {
    return message.replace(`${path}: `, '');
  }
}

/** @throws what is no fault of the trigger's settings */
function problemOf(trigger: Trigger, path: string): ThroughlineError | undefined {
  try {
    readTrigger(trigger, path);
    return undefined;
  } catch (error) {
    if (ThroughlineError.is(error, 'NOT_BUILT_YET') || ThroughlineError.is(error, 'CONFIG_INVALID')) return error;
    throw error;
  }
}
