// Waiting for records: until one of several partitions advances, the time is over, or whoever asked has gone. Nothing is
// polled; what happens while nobody looks is remembered, so that no advance is missed between a look and the next wait.
import type { Clock, Timer } from '@throughline/event';
import type { PartitionLog } from '../broker.ts';

export type Wakened = 'advanced' | 'expired' | 'gone';

export class LongPoll {
  readonly #ends: (() => void)[];
  readonly #timer: Timer;
  readonly #signal: AbortSignal;
  #hasAdvanced = false;
  #isExpired = false;
  #resolve: ((wakened: Wakened) => void) | undefined;

  constructor(logs: Iterable<PartitionLog>, clock: Clock, waitMs: number, signal: AbortSignal) {
    const onAdvance = (): void => {
      this.#hasAdvanced = true;
      this.#wake();
    };
    this.#ends = Array.from(logs, (log) => log.onAdvance(onAdvance));
    this.#timer = clock.after(waitMs, () => {
      this.#isExpired = true;
      this.#wake();
    });
    this.#signal = signal;
    signal.addEventListener('abort', this.#wake);
  }

  /** Resolves at once for what has happened since the last time. */
  next(): Promise<Wakened> {
    const wakened = this.#take();
    if (wakened !== undefined) return Promise.resolve(wakened);
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  end(): void {
    for (const end of this.#ends) end();
    this.#timer.cancel();
    this.#signal.removeEventListener('abort', this.#wake);
  }

  readonly #wake = (): void => {
    const resolve = this.#resolve;
    const wakened = resolve === undefined ? undefined : this.#take();
    if (wakened === undefined) return;
    this.#resolve = undefined;
    resolve?.(wakened);
  };

  #take(): Wakened | undefined {
    if (this.#signal.aborted) return 'gone';
    if (this.#isExpired) return 'expired';
    if (!this.#hasAdvanced) return undefined;
    this.#hasAdvanced = false;
    return 'advanced';
  }
}
