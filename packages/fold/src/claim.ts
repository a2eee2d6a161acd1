// How a new owner takes over a stored state: it reads the checkpoint, judges whether it may carry it on, and raises the
// fencing epoch in one compare-and-swap. An owner that is still at work may commit between the two; then what it left is
// looked at again, so that the newer owner wins and the older one finds itself fenced.
import { ThroughlineError } from '@throughline/event';
import type { Log, TopicDescription } from '@throughline/log';
import { defaults } from './defaults.ts';
import { claimOf, mismatch, type FoldMismatch } from './identity.ts';
import type { Checkpoint, FoldStore } from './store.ts';

export interface ClaimOptions<State> {
  readonly log: Log;
  /** As the store knows it. */
  readonly name: string;
  readonly codeVersion: string;
  readonly store: FoldStore<State>;
  /** Whether a state that may not be carried on can be replaced by a replay. */
  readonly mayReplay: (mismatch: FoldMismatch, description: TopicDescription) => boolean;
}

export interface Claim {
  readonly claimed: Checkpoint;
  /** Why the state may not be carried on and must be made anew. */
  readonly mismatch: ThroughlineError | undefined;
}

/**
 * Claims the state that `store` holds.
 *
 * @throws ThroughlineError a FoldMismatch that may not be replayed; FOLD_FENCED when the present owner commits too fast
 */
export async function claimState<State>(
  { log, name, codeVersion, store, mayReplay }: ClaimOptions<State>,
  description: TopicDescription,
): Promise<Claim> {
  for (let tryCount = 1; ; tryCount++) {
    const stored = await store.open(name);
    const found = stored === undefined ? undefined : await mismatch(stored, log, description, codeVersion);
    if (found !== undefined && !mayReplay(found.code, description)) throw found;
    const claimed = claimOf(stored, found !== undefined, { name, codeVersion, description });
    try {
      await store.transaction(stored, (state) => ({ state, next: claimed }));
      return { claimed, mismatch: found };
    } catch (error) {
      if (!ThroughlineError.is(error, 'FOLD_FENCED') || tryCount === defaults.claimTryCountMax) throw error;
    }
  }
}
