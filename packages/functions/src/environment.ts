// An environment: one operating system process that has loaded one function and serves its invocations, one at a time
// (Lambda's classic contract) or several (its multi-concurrency). It is a fault boundary: whatever the function does to
// its process, every invocation settles exactly once, with the reason.
//
//   starting ──ready──► idle ◄──► busy          any state ──process gone──► stopped
//
// A process that exceeds its time or memory, or writes rubbish to the pipe, is killed with its whole process group.
import { unattended, type Clock, type Logger, type Timer } from '@throughline/event';
import type { Frame, HandlerError, InvokePayload, ReturnedPayload } from './framed-pipe.ts';
import { FunctionProcess } from './function-process.ts';
import { Invocation, type InvocationListener, type Settlement } from './invocation.ts';
import { errorLine, type InvocationReport } from './metering.ts';
import { ProcessWatch } from './process-watch.ts';
import { residentBytes } from './resident-memory.ts';

export type EnvironmentState = 'starting' | 'idle' | 'busy' | 'stopped';

export interface EnvironmentOptions {
  readonly id: string;
  readonly entry: string;
  readonly handler: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly initTimeoutMs: number;
  readonly memoryMb: number;
  readonly invocationsMax: number;
  readonly stopGraceMs: number;
  readonly unresponsiveMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A line that the function printed. */
  onLine(line: string, requestId: string | undefined): void;
  onReport(report: InvocationReport): void;
  /** Became idle, busy or ready, or has a free slot again. */
  onChange(): void;
  /** The process has gone. `initError`: it never became ready, for this reason. */
  onStopped(initError: HandlerError | undefined): void;
}

/** Why we killed a process. */
type KillReason = 'timed-out' | 'out-of-memory' | 'unresponsive' | 'stop' | 'garbage';

export class Environment {
  readonly id: string;
  /** Invocations begun so far. */
  invocations = 0;
  /** Since when it has nothing to do, on the monotonic clock. */
  idleSinceMs: number;
  readonly #options: EnvironmentOptions;
  readonly #process: FunctionProcess;
  readonly #watch: ProcessWatch;
  readonly #startedMs: number;
  readonly #running = new Map<number, Invocation>();
  readonly #timers = new Set<Timer>();
  readonly #paused = new Set<Invocation>();
  #isReady = false;
  #isStopped = false;
  #initError: HandlerError | undefined;
  #killedFor: KillReason | undefined;
  #garbage = '';
  #isHeapExhausted = false;
  /** One invocation has it to itself. */
  #isReserved = false;

  constructor(options: EnvironmentOptions) {
    const { clock, initTimeoutMs } = options;
    this.#options = options;
    this.id = options.id;
    this.#startedMs = clock.monotonicMs();
    this.idleSinceMs = this.#startedMs;
    this.#process = new FunctionProcess({
      environmentId: options.id,
      entry: options.entry,
      handler: options.handler,
      variables: options.variables,
      memoryMb: options.memoryMb,
      clock,
      logger: options.logger,
      onFrame: (frame) => this.#onFrame(frame),
      onGarbage: (problem) => this.#refuse(problem),
      onLine: (line) => this.#onLine(line),
      onSpawnFailed: ({ message }) => this.#failInit('Runtime.SpawnFailed', message),
      onGone: (exitCode, signal) => this.#onGone(exitCode, signal),
    });
    this.#watch = new ProcessWatch({
      clock,
      memoryBytesMax: options.memoryMb * 1024 * 1024,
      unresponsiveMs: options.unresponsiveMs,
      runningCount: () => this.#running.size,
      isHeard: () => this.#isReady && this.#paused.size === 0,
      residentBytes: () => this.residentBytes(),
      ping: () => this.#process.send('ping', 0),
      onTooMuchMemory: () => this.kill('out-of-memory'),
      onStuck: () => this.kill('unresponsive'),
    });
    this.#after(initTimeoutMs, () => {
      if (this.#isReady || this.#isStopped) return;
      this.#failInit('Runtime.InitTimeout', `the function did not load within ${initTimeoutMs} ms`);
      this.kill();
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  get state(): EnvironmentState {
    if (this.#isStopped) return 'stopped';
    if (this.#running.size > 0) return 'busy';
    return this.#isReady ? 'idle' : 'starting';
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** How many more invocations it takes now; 0 once it has ended or is to be killed. */
  get freeSlots(): number {
    if (this.#process.hasExited || this.#isStopped || this.#killedFor !== undefined) return 0;
    if (this.#isReserved && this.#running.size > 0) return 0;
    return this.#options.invocationsMax - this.#running.size;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  residentBytes(): number {
    return (this.#isStopped ? undefined : residentBytes(this.pid)) ?? 0;
  }

  /**
   * Starts an invocation; one that comes before the function is loaded waits in the process.
   *
   * @param eventJson the handler's first argument, as JSON
   * @param isAlone whether no other invocation may run beside it
   */
  invoke(requestId: string, eventJson: string, listener: InvocationListener, isAlone = false): Invocation {
    this.#isReserved = isAlone;
    const { clock, timeoutMs, initTimeoutMs } = this.#options;
    const number = ++this.invocations;
    const invocation = new Invocation(clock, { requestId, isCold: !this.#isReady }, listener, {
      cancel: () => this.#cancel(number),
      pause: (isPaused) => this.#pause(invocation, isPaused),
    });
    this.#running.set(number, invocation);
    // The time-out of a cold start begins when the function is loaded; this deadline is the latest possible one.
    const startMs = this.#isReady ? 0 : initTimeoutMs;
    const head: Omit<InvokePayload, 'event'> = { requestId, deadlineMs: clock.nowMs() + startMs + timeoutMs };
    this.#process.send('invoke', number, `${JSON.stringify(head).slice(0, -1)},"event":${eventJson}}`);
    if (this.#isReady) this.#startTimeout(number, invocation);
    this.#watch.begin();
    this.#options.onChange();
    return invocation;
  }

  /** Kills the process and all that it started. */
  kill(reason: KillReason = 'stop'): void {
    if (this.#isStopped) return;
    this.#killedFor ??= reason;
    this.#process.kill();
  }

  /** Ends an environment that has nothing to do: its pipe is closed, and it is killed if it stays. */
  stop(): void {
    if (this.#isStopped) return;
    this.#killedFor ??= 'stop';
    this.#process.closePipe();
    this.#after(this.#options.stopGraceMs, () => this.#process.kill());
  }

  #onFrame({ type, invocation: number, payload }: Frame): void {
    // What comes after the verdict does not change it.
    if (this.#killedFor !== undefined && this.#killedFor !== 'stop') return;
    switch (type) {
      case 'ready':
        this.#onReady();
        break;
      case 'init-error':
        this.#initError ??= this.#parse(payload) as HandlerError | undefined;
        break;
      case 'pong':
        this.#watch.answered();
        break;
      case 'data':
        this.#running.get(number)?.data(payload);
        break;
      case 'returned': {
        const result = this.#parse(payload) as ReturnedPayload | undefined;
        if (result !== undefined) this.#settle(number, { kind: 'returned', isStreaming: result.isStreaming });
        break;
      }
      case 'threw': {
        const error = this.#parse(payload) as HandlerError | undefined;
        if (error !== undefined) this.#settle(number, { kind: 'threw', error });
        break;
      }
      case 'head':
        // Status, headers and content type concern an HTTP answer; a run has none.
        break;
      default:
        this.#refuse(`a frame of type ${type}`);
    }
  }

  #parse(payload: Buffer): object | undefined {
    try {
      const value: unknown = JSON.parse(payload.toString());
      if (typeof value === 'object' && value !== null) return value;
      this.#refuse('a payload that is no object');
    } catch (error) {
      this.#refuse(`a payload that is no JSON (${(error as Error).message})`);
    }
    return undefined;
  }

  #refuse(problem: string): void {
    if (this.#killedFor !== undefined) return;
    this.#garbage = problem;
    this.kill('garbage');
  }

  #onReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    const nowMs = this.#options.clock.monotonicMs();
    this.idleSinceMs = nowMs;
    for (const [number, invocation] of this.#running) {
      invocation.markStarted(nowMs - this.#startedMs);
      this.#startTimeout(number, invocation);
    }
    this.#options.onChange();
  }

  #startTimeout(number: number, invocation: Invocation): void {
    const { timeoutMs, invocationsMax } = this.#options;
    invocation.timer = this.#after(timeoutMs, () => {
      invocation.settle({ kind: 'timed-out', timeoutMs });
      if (invocationsMax === 1) return this.kill('timed-out');
      // Others run in the process: the one that is late is asked to end first.
      this.#cancel(number);
    });
  }

  #cancel(number: number): void {
    const invocation = this.#running.get(number);
    if (invocation === undefined) return;
    invocation.isCancelled = true;
    this.#pause(invocation, false);
    this.#process.send('cancel', number);
    this.#after(this.#options.stopGraceMs, () => {
      if (this.#running.get(number) === invocation) this.kill();
    });
  }

  /** One reader that cannot follow stops them all: the pipe is one. */
  #pause(invocation: Invocation, isPaused: boolean): void {
    if (isPaused) this.#paused.add(invocation);
    else this.#paused.delete(invocation);
    this.#process.pause(this.#paused.size > 0);
  }

  #settle(number: number, settlement: Settlement): void {
    const invocation = this.#running.get(number);
    if (invocation === undefined) return;
    this.#running.delete(number);
    invocation.timer?.cancel();
    this.#pause(invocation, false);
    this.#watch.sampleMemory();
    if (this.#running.size === 0) this.idleSinceMs = this.#options.clock.monotonicMs();
    // A handler that was asked to end ends as it likes ("Premature close", "AbortError"): that is no error of its own.
    // One that is late has settled before.
    const wasAsked = invocation.isCancelled && !invocation.isSettled;
    const isError = settlement.kind !== 'returned' && !wasAsked;
    if (isError && settlement.kind === 'threw') invocation.log.add(errorLine(invocation.requestId, settlement.error));
    invocation.settle(invocation.isCancelled ? { kind: 'cancelled' } : settlement);
    const memory = { bytesMax: this.#watch.bytesMax, limitMb: this.#options.memoryMb };
    // What the handler printed last is on another pipe and may be read only now.
    const report = (): void => this.#options.onReport(invocation.report(isError, memory));
    setImmediate(() => unattended(this.#options.logger, 'reporting an invocation', report));
    this.#options.onChange();
  }

  #onLine(line: string): void {
    if (line.includes('JavaScript heap out of memory')) this.#isHeapExhausted = true;
    // With several at once nobody can tell whose line it is.
    const only = this.#running.size === 1 ? this.#running.values().next().value : undefined;
    if (only?.log.add(line) === false) return;
    this.#options.onLine(line, only?.requestId);
  }

  #onGone(exitCode: number | null, signal: string | null): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#watch.stop();
    const settlement = this.#deathOf(exitCode, signal);
    for (const number of this.#running.keys()) this.#settle(number, settlement);
    this.#options.onStopped(settlement.kind === 'init-failed' ? settlement.error : undefined);
  }

  #deathOf(exitCode: number | null, signal: string | null): Settlement {
    const { timeoutMs, memoryMb } = this.#options;
    if (this.#killedFor === 'timed-out') return { kind: 'timed-out', timeoutMs };
    if (this.#killedFor === 'out-of-memory' || this.#isHeapExhausted) {
      return { kind: 'out-of-memory', memoryMb, isShared: this.#running.size > 1 };
    }
    if (this.#initError !== undefined) return { kind: 'init-failed', error: this.#initError };
    if (this.#killedFor === 'garbage') {
      return { kind: 'exited', how: `it wrote to file descriptor 3, which is not its own: ${this.#garbage}` };
    }
    if (this.#killedFor === 'unresponsive') {
      return {
        kind: 'exited',
        how: `its process, which others shared, was stuck for ${this.#options.unresponsiveMs} ms`,
      };
    }
    const how = signal === null ? `its process exited with code ${exitCode}` : `its process was ended by ${signal}`;
    // A process that ends itself while it loads will do so again; one that is killed from outside may not.
    if (!this.#isReady && this.#killedFor === undefined && signal === null) {
      return { kind: 'init-failed', error: { errorType: 'Runtime.ExitError', errorMessage: how, trace: [] } };
    }
    return { kind: 'exited', how };
  }

  #failInit(errorType: string, errorMessage: string): void {
    this.#initError ??= { errorType, errorMessage, trace: [] };
  }

  #after(delayMs: number, action: () => void): Timer {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }
}
