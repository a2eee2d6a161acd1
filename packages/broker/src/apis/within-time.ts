// The time-out of requests that change topics (`timeoutMs`): it ends the waiting and not the work, as in Kafka.
import type { Clock } from '@throughline/event';
import type { Problem } from './problem.ts';
import { problem } from './problem.ts';

/** One that has no time at all is rejected before anything is done. */
export function hasNoTime(timeoutMs: number): boolean {
  return timeoutMs <= 0;
}

/** What a topic is answered with whose change is not finished in time. */
export const timedOut: Problem = problem('REQUEST_TIMED_OUT');

/** The result of `work`, or `otherwise` when it takes longer than `timeoutMs`. */
export function withinTime<Result>(
  clock: Clock,
  timeoutMs: number,
  work: Promise<Result>,
  otherwise: () => Result,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => resolve(otherwise()));
    work.finally(() => timer.cancel()).then(resolve, reject);
  });
}
