// When what has arrived is shown. Tokens come hundreds a second; people read and screens draw far less often. So events
// wait for a timer and are folded and shown together: one commit for many (research/state §1: a 33 ms timer costs a third
// of a commit per token; requestAnimationFrame costs more than the timer, since it forces sixty full frames a second).
import type { Clock, Timer } from '@throughline/event';

export class Flusher {
  readonly #clock: Clock;
  readonly #flush: () => void;
  #timer: Timer | undefined;
  #dueMs = Infinity;

  constructor(clock: Clock, flush: () => void) {
    this.#clock = clock;
    this.#flush = flush;
  }

  /** Flushes in `delayMs` at the latest; 0 flushes at once. */
  within(delayMs: number): void {
    if (delayMs <= 0) return this.now();
    const dueMs = this.#clock.monotonicMs() + delayMs;
    if (dueMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.after(delayMs, () => this.now());
  }

  now(): void {
    this.cancel();
    this.#flush();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueMs = Infinity;
  }
}
