// Waiting for records: until one of several partitions advances, the time is over, or whoever asked has gone. Nothing is
// polled; what happens while nobody looks is remembered, so that no advance is missed between a look and the next wait.
import type { Clock, Timer } from '@throughline/event';
import type { PartitionLog } from '../storage/partition-face.ts';

export type Wakened = 'advanced' | 'expired' | 'gone';

export class LongPoll {
  readonly #ends: (() => void)[];
  readonly #timer: Timer;
  readonly #signal: AbortSignal;
  /** The places of those that have advanced since they were last asked for. */
  #advanced = new Set<number>();
  #isExpired = false;
  #resolve: ((wakened: Wakened) => void) | undefined;

  /** What is undefined of `logs` only keeps its place. */
  constructor(logs: readonly (PartitionLog | undefined)[], clock: Clock, waitMs: number, signal: AbortSignal) {
    this.#ends = logs.flatMap((log, place) => {
      const onAdvance = (): void => {
        this.#advanced.add(place);
        this.#wake();
      };
      return log === undefined ? [] : [log.onAdvance(onAdvance)];
    });
    this.#timer = clock.after(waitMs, () => {
      this.#isExpired = true;
      this.#wake();
    });
    this.#signal = signal;
    signal.addEventListener('abort', this.#wake);
  }

  /** Resolves at once for what has happened since the last time. */
  next(): Promise<Wakened> {
    const wakened = this.#happened();
    if (wakened !== undefined) return Promise.resolve(wakened);
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Which of the logs have advanced since this was last called, by their places. */
  takeAdvanced(): Iterable<number> {
    const advanced = this.#advanced;
    this.#advanced = new Set();
    return advanced;
  }

  end(): void {
    for (const end of this.#ends) end();
    this.#timer.cancel();
    this.#signal.removeEventListener('abort', this.#wake);
  }

  readonly #wake = (): void => {
    const resolve = this.#resolve;
    const wakened = resolve === undefined ? undefined : this.#happened();
    if (wakened === undefined) return;
    this.#resolve = undefined;
    resolve?.(wakened);
  };

  #happened(): Wakened | undefined {
    if (this.#signal.aborted) return 'gone';
    if (this.#isExpired) return 'expired';
    return this.#advanced.size > 0 ? 'advanced' : undefined;
  }
}
