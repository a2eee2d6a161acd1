// Who waits until a consumer has come to an offset. A wait is for one history: when that ends (the topic was made again),
// its offsets will not come any more, and whoever waits is told so.
import type { ThroughlineError } from '@throughline/event';

/** Index = partition: the offset to come to; none where a partition does not matter. */
export type Targets = readonly (bigint | undefined)[];

interface Waiter {
  readonly targets: Targets;
  /** Number of the history that the targets are of. */
  readonly history: number;
  readonly resolve: () => void;
  readonly reject: (error: ThroughlineError) => void;
}

export class Waiters {
  readonly #waiting = new Set<Waiter>();

  get size(): number {
    return this.#waiting.size;
  }

  /** Waits until `settle` finds `targets` reached, or until `signal` aborts: then it rejects with the signal's reason. */
  wait(targets: Targets, history: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { targets, history, resolve, reject };
    this.#waiting.add(waiter);
    if (signal === undefined) return promise;
    const giveUp = (): void => {
      this.#waiting.delete(waiter);
      reject(signal.reason);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  settle(hasReached: (targets: Targets) => boolean): void {
    for (const waiter of this.#waiting) {
      if (!hasReached(waiter.targets)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }

  /** Rejects those who wait for a history before `history`, or all. */
  reject(error: ThroughlineError, history = Infinity): void {
    for (const waiter of this.#waiting) {
      if (waiter.history >= history) continue;
      this.#waiting.delete(waiter);
      waiter.reject(error);
    }
  }
}
