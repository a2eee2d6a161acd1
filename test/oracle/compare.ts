// Compares what two brokers answered, field by field, and sets aside what is meant to be different.
import { isDeepStrictEqual } from 'node:util';
import type { MeantDifference } from './differences.ts';
import { Normaliser } from './normalise.ts';
import type { Side, Step } from './side.ts';

export interface Difference {
  readonly step: Step;
  /** Where in the answer: `topics.0.errorCode`. */
  readonly path: string;
  readonly ours: unknown;
  readonly kafka: unknown;
}

/** The differences between two sides that ran the same scripts. */
export function differencesOf(ours: Side, kafka: Side): readonly Difference[] {
  const [left, right] = [new Normaliser(ours.topicIds), new Normaliser(kafka.topicIds)];
  const count = Math.max(ours.steps.length, kafka.steps.length);
  const found: Difference[] = [];
  for (let at = 0; at < count; at++) {
    const [a, b] = [ours.steps[at], kafka.steps[at]];
    if (a === undefined || b === undefined || a.what !== b.what || a.api !== b.api || a.version !== b.version) {
      const what = (step?: Step): string =>
        step === undefined ? 'nothing' : `${step.api} v${step.version}: ${step.what}`;
      throw new Error(`the scripts went apart: ours ${what(a)}, Kafka ${what(b)}`);
    }
    const [mine, theirs] = [left.step(a), right.step(b)];
    for (const one of fieldsThatDiffer(mine.answer, theirs.answer, [])) found.push({ step: mine, ...one });
  }
  return found;
}

function fieldsThatDiffer(ours: unknown, kafka: unknown, path: readonly string[]): Omit<Difference, 'step'>[] {
  if (isDeepStrictEqual(ours, kafka)) return [];
  const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  const areListsOfDifferentLength = Array.isArray(ours) && Array.isArray(kafka) && ours.length !== kafka.length;
  if (!isTree(ours) || !isTree(kafka) || areListsOfDifferentLength) return [{ path: path.join('.'), ours, kafka }];
  const fields = new Set([...Object.keys(ours), ...Object.keys(kafka)]);
  return Array.from(fields, (field) => fieldsThatDiffer(ours[field], kafka[field], [...path, field])).flat();
}

/** Which of the meant differences a difference is, if any. */
export function meantBy({ step, path, ours, kafka }: Difference, meant: MeantDifference): boolean {
  if (meant.api !== step.api && meant.api !== '*') return false;
  if (meant.when !== undefined && !meant.when.test(step.what)) return false;
  if ('kafka' in meant && !isDeepStrictEqual(kafka, meant.kafka)) return false;
  if (meant.ours instanceof RegExp) {
    if (typeof ours !== 'string' || !meant.ours.test(ours)) return false;
  } else if ('ours' in meant && !isDeepStrictEqual(ours, meant.ours)) return false;
  const wanted = meant.path.split('.');
  const given = path.split('.');
  return wanted.length <= given.length && wanted.every((part, at) => part === '*' || part === given[at]);
}

/** A difference as a line for people. */
export function shown({ step, path, ours, kafka }: Difference): string {
  return `${step.script} · ${step.api} v${step.version} · ${step.what} · ${path}\n    ours  ${text(ours)}\n    kafka ${text(kafka)}`;
}

function text(value: unknown): string {
  const json =
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? 'nothing';
  return json.length > 600 ? `${json.slice(0, 600)}…` : json;
}
