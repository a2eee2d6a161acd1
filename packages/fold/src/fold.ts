// Consume, reduce, checkpoint: the one idea that every system above is built from. A fold follows a topic, hands each
// record to a reducer, and commits the state together with the offsets it is reduced to (store.ts). Records may be
// delivered more than once (after a kill, a lost lease, a replay); the state has each that can be read exactly once,
// because a batch whose checkpoint was not committed has left no trace in the state either. What the log cannot read any
// more (a damaged batch) is passed, counted and logged. A failure that may pass (a full disk) is tried again; every other
// stops the fold.
//
// A fold sees each partition in order; between partitions there is none, so a reducer must not depend on one.
import type { Fold, FoldOptions } from './fold-options.ts';
import { RunningFold } from './running-fold.ts';

/**
 * Starts a fold of `topic`; it goes on in the background until `close` or an error.
 *
 * @throws ThroughlineError UNKNOWN_TOPIC; FOLD_CODE_CHANGED, FOLD_LOG_CHANGED, FOLD_BEHIND_LOG (unless `replayOn` has
 *   it), FOLD_FENCED; what the store throws on opening
 * @example
 * const store = memoryStore(() => ({ count: 0 }));
 * const counting = await fold({ log, topic: 'conversations', name: 'count', codeVersion: '1', store,
 *   reduce: (state) => { state.count++; } });
 * await counting.caughtUp(); // store.state.count is the number of records
 */
export async function fold<State>(options: FoldOptions<State>): Promise<Fold> {
  const running = new RunningFold(options);
  try {
    await running.start();
  } catch (error) {
    await options.store.close();
    throw error;
  }
  return running;
}
