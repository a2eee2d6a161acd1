// What is said about a function, with the defaults filled in and every value checked.
import path from 'node:path';
import {
  array,
  boolean,
  either,
  literal,
  number,
  object,
  optional,
  parse,
  record,
  string,
  ThroughlineError,
} from '@throughline/event';
import { asyncConfigOf, asyncFields, type AsyncConfig } from './async/async-config.ts';
import { functionDefaults } from './defaults.ts';
import type { InvokerConfig } from './invoker/invoker-config.ts';
import type { ApiRoute, FunctionUrl } from './lambda/hosted-function.ts';
import type { RunConfig } from './runs/run-config.ts';
import { readTrigger, type TriggerConfig } from './triggers/kinds.ts';
import { eventInvokeProblem } from './settings/function-settings.ts';
import { twinMapping } from './triggers/mapping/kinds.ts';

export type ResolvedFunction = InvokerConfig &
  RunConfig &
  AsyncConfig & {
    readonly url?: FunctionUrl;
    /** Its routes in APIs of several functions. */
    readonly routes: readonly ApiRoute[];
    /** What calls it, beside its URL, AWS's API and the runs of conversations. */
    readonly triggers: readonly TriggerConfig[];
  };
/** `name` is the one that `run-requested` has; all but `entry` has a default. */
export type FunctionConfig = Pick<ResolvedFunction, 'name' | 'entry'> &
  Partial<Omit<ResolvedFunction, 'name' | 'entry'>>;

const whole = number({ min: 0, integer: true });
const positive = number({ min: 1, integer: true });
const runtime = either(
  object({ kind: literal('nodejs') }),
  either(
    object({ kind: literal('python'), interpreter: string(), version: string(), packageDir: string() }),
    object({ kind: literal('provided'), name: string(), command: optional(array(string())) }),
  ),
);
const schema = object({
  runtime,
  name: string({ pattern: /^[A-Za-z0-9_-]{1,64}$/, what: 'a name (letters, digits, "_", "-"; at most 64)' }),
  entry: string(),
  handler: string({ pattern: /^\S{1,128}$/, what: 'the name of a handler' }),
  timeoutMs: positive,
  memoryMb: number({ min: 64, integer: true }),
  environmentsMax: positive,
  invocationsPerEnvironment: positive,
  queueLengthMax: positive,
  spareCount: whole,
  idleMs: positive,
  attemptsMax: positive,
  leaseMs: number({ min: 100, integer: true }),
  chunkWindowMs: whole,
  chunkBytesMax: positive,
  reservedConcurrency: optional(whole),
  provisionedConcurrency: whole,
  isFrozenWhenIdle: boolean(),
  secrets: record(either(object({ file: string() }), object({ variable: string() }))),
  stopGraceMs: whole,
  unresponsiveMs: positive,
  initTimeoutMs: positive,
  env: record(string({ pattern: /^[^\0]*$/, what: 'text without a NUL' })),
  codeDir: optional(string()),
  url: optional(object({ responseMode: literal('BUFFERED', 'RESPONSE_STREAM') })),
  routes: array(
    object({ api: string(), method: string(), path: string(), payloadFormatVersion: literal('1.0', '2.0') }),
  ),
  triggers: array(object({ type: string() })),
  ...asyncFields,
});

/**
 * Fills in the defaults.
 *
 * @throws ThroughlineError CONFIG_INVALID with the name of the function and of the value
 */
export function resolveFunction(config: FunctionConfig): ResolvedFunction {
  const resolved = {
    ...functionDefaults,
    ...asyncConfigOf({}),
    env: {},
    secrets: {},
    routes: [],
    triggers: [],
    ...config,
  };
  const problem = schema.problem(resolved, '') ?? eventInvokeProblem(resolved);
  if (problem !== undefined) throw new ThroughlineError('CONFIG_INVALID', `function ${config.name}: ${problem}`);
  if (!path.isAbsolute(config.entry)) {
    throw new ThroughlineError('CONFIG_INVALID', `function ${config.name}: entry: expected an absolute path`);
  }
  // A custom runtime makes of it what it likes.
  if (resolved.runtime.kind !== 'provided' && !/^[A-Za-z_$][\w$.]*$/.test(resolved.handler)) {
    throw new ThroughlineError('CONFIG_INVALID', `function ${config.name}: handler: expected the name of an export`);
  }
  for (const [where, names] of Object.entries({ env: resolved.env, secrets: resolved.secrets })) {
    const badName = Object.keys(names).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
    if (badName === undefined) continue;
    const message = `function ${config.name}: ${where}: ${JSON.stringify(badName)} is no name of a variable`;
    throw new ThroughlineError('CONFIG_INVALID', message);
  }
  const { reservedConcurrency = Infinity, provisionedConcurrency } = resolved;
  if (provisionedConcurrency > reservedConcurrency) {
    const message = `function ${config.name}: provisionedConcurrency: it is above reservedConcurrency (${reservedConcurrency})`;
    throw new ThroughlineError('CONFIG_INVALID', message);
  }
  if (resolved.runtime.kind === 'python' && resolved.invocationsPerEnvironment > 1) {
    const message = `function ${config.name}: invocationsPerEnvironment: a process of Python serves one at a time`;
    throw new ThroughlineError('CONFIG_INVALID', message);
  }
  const parsed = parse(schema, resolved, 'CONFIG_INVALID');
  const triggers = parsed.triggers.map((one, index) => readTrigger(one, `function ${config.name}: triggers[${index}]`));
  const twin = twinMapping(triggers, config.name);
  if (twin !== undefined) {
    const message = `function ${config.name}: triggers: two have the consumer group ${twin}; give one a consumerGroupId`;
    throw new ThroughlineError('CONFIG_INVALID', message);
  }
  return { ...parsed, ...asyncConfigOf(config), problem: config.problem, triggers };
}
