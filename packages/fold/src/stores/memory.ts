// A fold's state as a plain value in this process: gone at its end and folded again at the next start. The reducer is
// synchronous, so nobody ever sees half a batch.
import { checkNext, checkWhole, fenced, isSameCheckpoint, type Checkpoint, type FoldStore } from '../store.ts';

export interface MemoryStore<State> extends FoldStore<State> {
  /** The state as of the last transaction. */
  readonly state: State;
}

/**
 * Makes a store that keeps the state in memory. The reducer may change the state in place or return the next one.
 *
 * @example const counts = memoryStore(() => new Map<string, number>())
 */
export function memoryStore<State>(initial: () => State): MemoryStore<State> {
  let state = initial();
  let checkpoint: Checkpoint | undefined;
  return {
    get state() {
      return state;
    },
    async open() {
      return checkpoint;
    },
    async transaction(expected, work) {
      if (!isSameCheckpoint(checkpoint, expected)) throw fenced(expected?.name ?? '', expected);
      const advance = work(state);
      checkNext(expected, advance.next);
      state = advance.state;
      checkpoint = advance.next;
    },
    async rebuild() {
      let fresh = initial();
      return {
        async apply(work) {
          fresh = work(fresh);
        },
        async swap(expected, next) {
          if (!isSameCheckpoint(checkpoint, expected)) throw fenced(next.name, expected);
          checkWhole(next);
          state = fresh;
          checkpoint = next;
        },
        async discard() {},
      };
    },
    async close() {},
  };
}
