// A clock that stands still until a test moves it: a minute of leases passes in no time, and timers fire in the order of
// their times, never two at once.
import type { Clock, Timer } from '@throughline/event';

interface Pending {
  readonly dueMs: number;
  readonly action: () => void;
}

/**
 * A Clock whose time moves only by `advance`.
 *
 * @example
 * const clock = new VirtualClock();
 * clock.after(10, () => console.log('ten')); await clock.advance(10); // ten
 */
export class VirtualClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  /** In the order in which they were set; of two timers of one time the earlier set fires first. */
  readonly #timers = new Set<Pending>();
  readonly #onTimerSet = new Set<() => void>();

  /** `startMs`: the wall time at the beginning, in milliseconds since 1970. */
  constructor(startMs: number = Date.UTC(2030, 0, 1)) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const timer: Pending = { dueMs: this.#elapsedMs + Math.max(0, delayMs), action };
    this.#timers.add(timer);
    for (const notify of this.#onTimerSet) notify();
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Timers that have not fired. */
  get timerCount(): number {
    return this.#timers.size;
  }

  /**
   * Moves time on by `durationMs`. Every timer that falls due fires at its own time, and what it sets off settles before
   * the next one fires; timers that are set on the way count, too.
   */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#elapsedMs + durationMs;
    await this.settle();
    for (let next = this.#next(); next !== undefined && next.dueMs <= endMs; next = this.#next()) {
      this.#elapsedMs = next.dueMs;
      this.#timers.delete(next);
      next.action();
      await this.settle();
    }
    this.#elapsedMs = endMs;
  }

  /**
   * Lets what is under way come to rest without moving time: promises, ticks, and input that has arrived. For work that
   * waits for a disk or a process, wait for that work instead.
   */
  async settle(turnCount = 3): Promise<void> {
    for (let turn = 0; turn < turnCount; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Resolves as soon as `count` timers are set: the code under test has come to where it waits. */
  async timersSet(count: number): Promise<void> {
    while (this.#timers.size < count) {
      await new Promise<void>((resolve) => {
        const notify = (): void => {
          this.#onTimerSet.delete(notify);
          resolve();
        };
        this.#onTimerSet.add(notify);
      });
    }
  }

  #next(): Pending | undefined {
    let next: Pending | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    return next;
  }
}
