// One call of a handler that has an environment: what it costs, what it prints, and how it comes to its end. It settles
// exactly once, whatever the process that serves it does and whatever its sink throws.
//
//   running ──cancel──► cancelled       what it says no longer reaches the sink; it settles when its process is done
//      └──────┴──settle──► settled      nothing reaches the sink any more
import { ThroughlineError, type Clock, type Timer } from '@throughline/event';
import { limits } from '../defaults.ts';
import type {
  InvocationError,
  InvocationRequest,
  InvocationSink,
  ResponseHead,
  Settlement,
  StartedInvocation,
} from './invocation-contract.ts';
import { cancelled, notTheFunctions } from './invocation-errors.ts';
import { billed, InvocationLog, type InvocationReport } from './metering.ts';

/** What a caller hands to an environment. */
export interface InvocationCall {
  readonly request: InvocationRequest;
  /** The handler's first argument. */
  readonly eventJson: string;
  /** What else the process is told, as a JSON object that is not empty. */
  readonly fieldsJson: string;
  readonly sink: InvocationSink;
  /** How long it waited for the environment. */
  readonly queueMs: number;
  onSettled(settlement: Settlement): void;
}

/** What an invocation asks of its environment. */
export interface InvocationControl {
  readonly environment: { readonly id: string; readonly pid: number };
  readonly isCold: boolean;
  readonly timeoutMs: number;
  cancel(): void;
  /** Stops or goes on reading what the process writes. */
  pause(isPaused: boolean): void;
  memoryBytesMax(): number;
  /** The sink has thrown. */
  onSinkFailed(error: ThroughlineError): void;
}

/** How it came to its end: with a value (none, where the handler streams), or with an error. */
export interface InvocationOutcome {
  readonly value?: string | undefined;
  readonly error?: InvocationError;
}

export class Invocation implements StartedInvocation {
  readonly requestId: string;
  readonly environment: { readonly id: string; readonly pid: number };
  readonly isCold: boolean;
  readonly timeoutMs: number;
  readonly log: InvocationLog;
  /** Its time-out. */
  timer: Timer | undefined;
  readonly #clock: Clock;
  readonly #call: InvocationCall;
  readonly #control: InvocationControl;
  readonly #logLines = Promise.withResolvers<readonly string[]>();
  #phase: 'running' | 'cancelled' | 'settled' = 'running';
  #wasCancelled = false;
  #head: ResponseHead | undefined;
  #isHeadTold = false;
  /** Writes that the sink has not taken yet. */
  #untakenCount = 0;
  #startedMs: number;
  #endedMs: number | undefined;
  #initMs: number | undefined;

  constructor(clock: Clock, call: InvocationCall, control: InvocationControl) {
    this.#clock = clock;
    this.#call = call;
    this.#control = control;
    this.#startedMs = clock.monotonicMs();
    this.requestId = call.request.requestId;
    this.environment = control.environment;
    this.isCold = control.isCold;
    this.timeoutMs = control.timeoutMs;
    this.log = new InvocationLog(this.requestId, limits.logLinesPerInvocationMax);
  }

  get isSettled(): boolean {
    return this.#phase === 'settled';
  }

  /** It was asked to end, before or after it settled. */
  get wasCancelled(): boolean {
    return this.#wasCancelled;
  }

  /** Asks the handler to end; its process is killed when it does not. It settles INVOCATION_CANCELLED. */
  cancel(): void {
    this.#control.cancel();
  }

  // What its environment tells.

  /** It is about to be sent to the process; not, when it is settled afterwards. */
  begin(): void {
    try {
      this.#call.sink.started?.(this);
    } catch (cause) {
      const error = ThroughlineError.from(cause);
      this.#control.onSinkFailed(error);
      this.settle({ error: notTheFunctions(error) });
    }
  }

  /** The function was loaded while this invocation waited for it. */
  markStarted(initMs: number): void {
    this.#startedMs = this.#clock.monotonicMs();
    this.#initMs = initMs;
  }

  /** It has been asked to end. */
  markCancelled(): void {
    this.#wasCancelled = true;
    if (this.#phase === 'running') this.#phase = 'cancelled';
  }

  head(head: ResponseHead): void {
    for (const name of head.leftOut ?? [])
      this.log.add(`${this.requestId}\tWARN\t${name} fits no HTTP answer and was left out`);
    // What comes behind the first bytes comes too late, as on Lambda.
    if (!this.#isHeadTold) this.#head = { ...this.#head, ...head };
  }

  data(bytes: Buffer): void {
    if (this.#phase !== 'running') return;
    this.#tellHead();
    this.#tell(() => {
      const taken = this.#call.sink.write(bytes);
      if (taken === undefined) return;
      if (++this.#untakenCount === 1) this.#control.pause(true);
      taken.then(
        () => this.#onTaken(),
        (cause: unknown) => this.#failSink(cause),
      );
    });
  }

  settle({ value, error }: InvocationOutcome): void {
    if (this.#phase === 'settled') return;
    const failure = this.#phase === 'cancelled' ? cancelled() : error;
    if (failure === undefined) this.#tellHead();
    // Its sink may have thrown just now.
    if (this.isSettled) return;
    this.#phase = 'settled';
    this.#endedMs = this.#clock.monotonicMs();
    const settlement: Settlement = {
      head: this.#head,
      value: failure === undefined ? value : undefined,
      error: failure,
      metering: {
        queueMs: this.#call.queueMs,
        isCold: this.isCold,
        initMs: this.#initMs,
        durationMs: this.#durationMs(),
        billedMs: this.billedMs(),
        memoryBytesMax: this.#control.memoryBytesMax(),
        environmentId: this.environment.id,
        logLines: this.#logLines.promise,
      },
    };
    try {
      this.#call.sink.ended?.(settlement);
    } catch (cause) {
      this.#control.onSinkFailed(ThroughlineError.from(cause));
    }
    this.#call.onSettled(settlement);
  }

  billedMs(): number {
    return billed(this.#durationMs(), this.#initMs);
  }

  /** Closes the log of the invocation. */
  report(isError: boolean, memoryMb: number): InvocationReport {
    const report = {
      requestId: this.requestId,
      durationMs: this.#durationMs(),
      billedMs: this.billedMs(),
      isCold: this.isCold,
      isError,
      memoryBytesMax: this.#control.memoryBytesMax(),
    };
    const logLines = this.log.close(report, memoryMb, this.#initMs);
    this.#logLines.resolve(logLines);
    return { ...report, logLines };
  }

  #tellHead(): void {
    if (this.#isHeadTold) return;
    this.#isHeadTold = true;
    const head = this.#head;
    if (head !== undefined) this.#tell(() => this.#call.sink.head?.(head));
  }

  #tell(action: () => void): void {
    if (this.#phase !== 'running') return;
    try {
      action();
    } catch (cause) {
      this.#failSink(cause);
    }
  }

  #onTaken(): void {
    if (--this.#untakenCount === 0 && this.#phase === 'running') this.#control.pause(false);
  }

  /** Nobody takes the output any more: the invocation fails for its caller, and its handler is asked to end. */
  #failSink(cause: unknown): void {
    if (this.#phase !== 'running') return;
    const error = ThroughlineError.from(cause);
    this.#control.onSinkFailed(error);
    this.settle({ error: notTheFunctions(error) });
    this.#control.cancel();
  }

  #durationMs(): number {
    return (this.#endedMs ?? this.#clock.monotonicMs()) - this.#startedMs;
  }
}
