// How a new owner takes over the state of a fold: it reads the stored checkpoint, judges whether it may carry it on, and
// raises the fencing epoch in one compare-and-swap. An owner that is still at work may commit between the two; then what
// it left is looked at again, so that the newer owner wins and the older one finds itself fenced.
import { ThroughlineError } from '@throughline/event';
import type { TopicDescription } from '@throughline/log';
import { defaults } from './defaults.ts';
import type { FoldOptions } from './fold.ts';
import { claimOf, mismatch } from './identity.ts';
import type { Checkpoint } from './store.ts';

/**
 * Claims the state that `options.store` holds.
 *
 * @returns the claimed checkpoint, and why it must be replayed where it must
 * @throws ThroughlineError a FoldMismatch that `replayOn` has not; FOLD_FENCED when the present owner commits too fast
 */
export async function claimState<State>(
  { log, name, codeVersion, store, replayOn = [] }: FoldOptions<State>,
  description: TopicDescription,
): Promise<{ readonly claimed: Checkpoint; readonly refusal: ThroughlineError | undefined }> {
  for (let tryCount = 1; ; tryCount++) {
    const stored = await store.open(name);
    const refusal = stored === undefined ? undefined : await mismatch(stored, log, description, codeVersion);
    if (refusal !== undefined && !replayOn.includes(refusal.code)) throw refusal;
    const claimed = claimOf(stored, refusal !== undefined, { name, codeVersion, description });
    try {
      await store.transaction(stored, (state) => ({ state, next: claimed }));
      return { claimed, refusal };
    } catch (error) {
      if (!ThroughlineError.is(error, 'FOLD_FENCED') || tryCount === defaults.claimTryCountMax) throw error;
    }
  }
}
