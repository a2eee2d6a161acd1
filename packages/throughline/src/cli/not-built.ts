// Verbs of the contract that this version does not have: they say so, whatever options they are given.
import { ThroughlineError } from '@throughline/event';

/** By name: what it will be, and what does the nearest thing today. */
export const notBuilt: Readonly<Record<string, string>> = {
  start: 'the server by roles comes later; `throughline dev` runs all of them in one process',
};

/** @throws ThroughlineError NOT_BUILT_YET, always */
export function rejectNotBuilt(verb: string): never {
  throw new ThroughlineError('NOT_BUILT_YET', `throughline ${verb}: ${notBuilt[verb] ?? 'it comes later'}.`);
}
