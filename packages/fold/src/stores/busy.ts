// Waiting for a file that another program has locked: a viewer, a backup, an SQL shell. SQLite could wait by itself
// (sqlite.org/pragma.html#pragma_busy_timeout), but the whole process would stand still for as long; DuckDB does not wait at
// all. So a step that finds the file locked (STORE_BUSY) is tried again after a pause in which everything else goes on. It is
// never taken for fencing: who holds the lock has changed nothing yet, and what it changes is seen when the step succeeds.
import { delay, ThroughlineError, type Clock } from '@throughline/event';
import { defaults } from '../defaults.ts';

/**
 * Runs `step` until it finds its file free, for at most `waitMs`. The first try is at once, in the same turn.
 *
 * @param step what leaves nothing behind when it throws STORE_BUSY
 * @throws ThroughlineError STORE_BUSY when the file was locked all the time; whatever else `step` throws, at once
 */
export async function whenFree<Result>(
  clock: Clock,
  waitMs: number,
  step: () => Result | Promise<Result>,
): Promise<Result> {
  const untilMs = clock.monotonicMs() + waitMs;
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!ThroughlineError.is(error, 'STORE_BUSY') || clock.monotonicMs() >= untilMs) throw error;
    }
    await delay(clock, defaults.storeBusyPollMs);
  }
}
