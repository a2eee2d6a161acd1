// One call of a handler: what it costs, what it prints, and how it came to its end. It settles exactly once, whatever the
// process that serves it does.
import type { Clock, Timer } from '@throughline/event';
import { limits } from './defaults.ts';
import type { HandlerError } from './framed-pipe.ts';
import { billed, InvocationLog, type InvocationReport } from './metering.ts';

/** How an invocation came to its end. */
export type Settlement =
  | { readonly kind: 'returned'; readonly isStreaming: boolean }
  | { readonly kind: 'threw'; readonly error: HandlerError }
  | { readonly kind: 'init-failed'; readonly error: HandlerError }
  | { readonly kind: 'timed-out'; readonly timeoutMs: number }
  /** `isShared`: other invocations ran in the process, so it may not have been this one. */
  | { readonly kind: 'out-of-memory'; readonly memoryMb: number; readonly isShared: boolean }
  | { readonly kind: 'exited'; readonly how: string }
  | { readonly kind: 'cancelled' };

export interface InvocationListener {
  /** Output in order; never after it has settled. */
  onData(bytes: Buffer): void;
  /** Exactly once. */
  onSettled(settlement: Settlement): void;
}

/** What an invocation asks of its environment. */
export interface InvocationControl {
  cancel(): void;
  pause(isPaused: boolean): void;
}

export class Invocation {
  readonly requestId: string;
  /** The function was not loaded yet when it came. */
  readonly isCold: boolean;
  readonly log: InvocationLog;
  isCancelled = false;
  /** Its time-out. */
  timer: Timer | undefined;
  readonly #clock: Clock;
  readonly #listener: InvocationListener;
  readonly #control: InvocationControl;
  #startedMs: number;
  #endedMs: number | undefined;
  #initMs: number | undefined;
  #isSettled = false;

  constructor(
    clock: Clock,
    start: { readonly requestId: string; readonly isCold: boolean },
    listener: InvocationListener,
    control: InvocationControl,
  ) {
    this.#clock = clock;
    this.#listener = listener;
    this.#control = control;
    this.#startedMs = clock.monotonicMs();
    this.requestId = start.requestId;
    this.isCold = start.isCold;
    this.log = new InvocationLog(start.requestId, limits.logLinesPerInvocationMax);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Asks the handler to end; its process is killed when it does not. It settles as `cancelled`. */
  cancel(): void {
    this.#control.cancel();
  }

  /** Stops or goes on reading what the environment writes. */
  pause(isPaused: boolean): void {
    if (!this.#isSettled) this.#control.pause(isPaused);
  }

  /** The function was loaded while this invocation waited for it. */
  markStarted(initMs: number): void {
    this.#startedMs = this.#clock.monotonicMs();
    this.#initMs = initMs;
  }

  data(bytes: Buffer): void {
    if (!this.#isSettled && !this.isCancelled) this.#listener.onData(bytes);
  }

  settle(settlement: Settlement): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#endedMs = this.#clock.monotonicMs();
    this.#listener.onSettled(settlement);
  }

  /** What it is billed, or would be if it ended now; milliseconds. */
  billedMs(): number {
    return billed(this.#durationMs(), this.#initMs);
  }

  /** Closes the log of the invocation. */
  report(isError: boolean, memory: { readonly bytesMax: number; readonly limitMb: number }): InvocationReport {
    const report = {
      requestId: this.requestId,
      durationMs: this.#durationMs(),
      billedMs: this.billedMs(),
      isCold: this.isCold,
      isError,
      memoryBytesMax: memory.bytesMax,
    };
    return { ...report, logLines: this.log.close(report, memory.limitMb, this.#initMs) };
  }

  #durationMs(): number {
    return (this.#endedMs ?? this.#clock.monotonicMs()) - this.#startedMs;
  }
}
