// An environment: one operating system process that has loaded one function and serves its invocations, one at a time
// (Lambda's classic contract) or several (its multi-concurrency). It is a fault boundary: whatever the function does to
// its process, every invocation settles exactly once, with the reason.
//
//   starting ──ready──► idle ◄──► busy          any state ──process gone──► stopped
//                        │ ▲ a moment later, where its function asks for it: SIGSTOP
//                        ▼ │ an invocation, or its end: SIGCONT
//                       frozen
//
// A process that exceeds its time or memory, or writes rubbish to the pipe, is killed with its whole process group.
import { unattended, type Clock, type Logger, type ThroughlineError, type Timer } from '@throughline/event';
import { freezeDelayMs } from '../defaults.ts';
import { deathOf, type KillReason } from './environment-death.ts';
import { PayloadProblem, readError, readHead, readLeaks, readValue } from './frame-payloads.ts';
import type { Frame } from './framed-pipe.ts';
import { FunctionProcess } from './function-process.ts';
import type { HandlerError } from './invocation-contract.ts';
import { threw, timedOut } from './invocation-errors.ts';
import { Invocation, type InvocationCall, type InvocationOutcome } from './invocation.ts';
import type { FunctionRuntime } from './launch-command.ts';
import type { Machine } from './machine.ts';
import { errorLine, type InvocationReport } from './metering.ts';
import { ProcessWatch } from './process-watch.ts';
import { residentBytes } from './resident-memory.ts';

export type EnvironmentState = 'starting' | 'idle' | 'busy' | 'frozen' | 'stopped';

export interface EnvironmentOptions {
  readonly id: string;
  readonly runtime: FunctionRuntime;
  readonly entry: string;
  readonly codeDir: string;
  readonly handler: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly initTimeoutMs: number;
  readonly memoryMb: number;
  readonly invocationsMax: number;
  /** Whether it may be frozen now, for want of work. */
  readonly mayFreeze: () => boolean;
  /** What must not be seen in what it prints and in its errors. */
  readonly redact: (text: string) => string;
  readonly stopGraceMs: number;
  readonly unresponsiveMs: number;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly logger: Logger;
  /** A line that the function printed. */
  onLine(line: string, requestId: string | undefined): void;
  readonly onReport: (report: InvocationReport) => void;
  /** Whoever takes an invocation's output has thrown. */
  onSinkFailed(error: ThroughlineError): void;
  /** Became idle, busy or ready, or has a free slot again. */
  onChange(): void;
  /** The process has gone. `initError`: it never became ready, for this reason. */
  onStopped(initError: HandlerError | undefined): void;
}

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
  #isFrozen = false;
  #freezeTimer: Timer | undefined;
  #isStopped = false;
  #initError: HandlerError | undefined;
  #killedFor: KillReason | undefined;
  #garbage = '';
  #isHeapExhausted = false;
  /** It has settled alone, and its last lines may still be read in this turn: they are on another pipe. */
  #settledAlone: Invocation | undefined;
  /** It has said that it ends. */
  #isEnding = false;
  /** One invocation has it to itself. */
  #isReserved = false;

  /** @throws SpawnFailed, or what the machine throws, when its process cannot be started */
  constructor(options: EnvironmentOptions) {
    const { clock, initTimeoutMs } = options;
    this.#options = options;
    this.id = options.id;
    this.#startedMs = clock.monotonicMs();
    this.idleSinceMs = this.#startedMs;
    this.#process = new FunctionProcess({
      launch: { ...options, environmentId: options.id },
      variables: options.variables,
      invocationsMax: options.invocationsMax,
      clock,
      machine: options.machine,
      logger: options.logger,
      onFrame: (frame) => this.#onFrame(frame),
      onGarbage: (problem) => this.#reject(problem),
      onLine: (line) => this.#onLine(line),
      onGone: (exitCode, signal) => this.#onGone(exitCode, signal),
    });
    this.#watch = new ProcessWatch({
      clock,
      memoryBytesMax: options.memoryMb * 1024 * 1024,
      unresponsiveMs: options.unresponsiveMs,
      runningCount: () => this.#running.size,
      isHeard: () => this.#isReady && this.#paused.size === 0,
      residentBytes: () => this.residentBytes(),
      ping: () => this.#process.ping(),
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
    if (this.#isFrozen) return 'frozen';
    return this.#isReady ? 'idle' : 'starting';
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** How many more invocations it takes now; 0 once it has ended or is to be killed. */
  get freeSlots(): number {
    if (this.#process.hasExited || this.#isEnding || this.#isStopped || this.#killedFor !== undefined) return 0;
    if (this.#isReserved && this.#running.size > 0) return 0;
    return this.#options.invocationsMax - this.#running.size;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  residentBytes(): number {
    return (this.#isStopped ? undefined : residentBytes(this.pid)) ?? 0;
  }

  /** Starts an invocation; one that comes before the function is loaded waits in the process. */
  invoke(call: InvocationCall): Invocation {
    const { clock } = this.#options;
    this.#thaw();
    const number = ++this.invocations;
    const timeoutMs = Math.min(this.#options.timeoutMs, call.request.timeoutMs ?? Infinity);
    const invocation = new Invocation(clock, call, {
      environment: { id: this.id, pid: this.pid },
      isCold: !this.#isReady,
      timeoutMs,
      cancel: () => this.#cancel(number),
      pause: (isPaused) => this.#pause(invocation, isPaused),
      memoryBytesMax: () => this.#watch.bytesMax,
      onSinkFailed: (error) => this.#options.onSinkFailed(error),
    });
    this.#isReserved = call.request.isAlone === true;
    this.#running.set(number, invocation);
    invocation.begin();
    if (invocation.isSettled) {
      this.#running.delete(number);
      return invocation;
    }
    const deadline = this.#isReady ? `"deadlineMs":${clock.nowMs() + timeoutMs},` : '';
    const fields = `{${deadline}"timeoutMs":${timeoutMs},${call.fieldsJson.slice(1, -1)}}`;
    this.#process.invoke(number, fields, call.eventJson);
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
    this.#thaw();
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
        this.#initError ??= this.#readError(payload);
        break;
      case 'ending':
        this.#isEnding = true;
        break;
      case 'leaked': {
        const read = readLeaks(payload);
        if (read instanceof PayloadProblem) this.#reject(read.says);
        else this.#onLeaks(number, read);
        break;
      }
      case 'pong':
        this.#watch.answered();
        break;
      case 'data':
        this.#running.get(number)?.data(payload);
        break;
      case 'head': {
        const read = this.#sound(readHead(payload));
        if (read !== undefined) this.#running.get(number)?.head(read);
        break;
      }
      case 'returned': {
        const value = readValue(payload);
        if (value instanceof PayloadProblem) this.#reject(value.says);
        else this.#settle(number, { value });
        break;
      }
      case 'threw': {
        const error = this.#readError(payload);
        if (error !== undefined) this.#settle(number, { error: threw(error) });
        break;
      }
      default:
        this.#reject(`a frame of type ${type}`);
    }
  }

  #readError(payload: Buffer): HandlerError | undefined {
    const error = this.#sound(readError(payload));
    const { redact } = this.#options;
    return error && { ...error, errorMessage: redact(error.errorMessage), trace: error.trace.map(redact) };
  }

  /** What is left of it stands still once the process is frozen, and goes on in the middle of another invocation. */
  #onLeaks(number: number, leaks: string): void {
    const invocation = this.#running.get(number);
    if (invocation === undefined) return;
    const line = `${invocation.requestId}\tWARN\tthis invocation leaves work behind, which stands still while the process is frozen: ${leaks}`;
    invocation.log.add(line);
    this.#options.onLine(line, invocation.requestId);
  }

  /** What a payload says, or undefined for one that nobody but our bootstrap can have meant. */
  #sound<Value extends object>(read: Value | PayloadProblem): Value | undefined {
    if (!(read instanceof PayloadProblem)) return read;
    this.#reject(read.says);
    return undefined;
  }

  #reject(problem: string): void {
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
    if (this.#running.size === 0) this.#freezeLater();
    this.#options.onChange();
  }

  #startTimeout(number: number, invocation: Invocation): void {
    const { timeoutMs } = invocation;
    invocation.timer = this.#after(timeoutMs, () => {
      invocation.settle({ error: timedOut(timeoutMs) });
      if (this.#options.invocationsMax === 1) return this.kill('timed-out');
      // Others run in the process: the one that is late is asked to end first.
      this.#cancel(number);
    });
  }

  #cancel(number: number): void {
    const invocation = this.#running.get(number);
    if (invocation === undefined) return;
    invocation.markCancelled();
    this.#pause(invocation, false);
    this.#process.cancel(number);
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

  #settle(number: number, outcome: InvocationOutcome): void {
    const invocation = this.#running.get(number);
    if (invocation === undefined) return;
    this.#running.delete(number);
    invocation.timer?.cancel();
    this.#pause(invocation, false);
    this.#watch.ended();
    if (this.#running.size === 0) {
      this.idleSinceMs = this.#options.clock.monotonicMs();
      this.#settledAlone = invocation;
      this.#freezeLater();
    }
    // A handler that was asked to end ends as it likes ("Premature close", "AbortError"): that is no error of its own.
    // One that is late has settled before.
    const wasAsked = invocation.wasCancelled && !invocation.isSettled;
    const isError = outcome.error !== undefined && !wasAsked;
    if (isError && outcome.error?.code === 'FUNCTION_ERROR' && !this.#process.printsErrors) {
      invocation.log.add(errorLine(invocation.requestId, outcome.error));
    }
    invocation.settle(outcome);
    // What the handler printed last is on another pipe and may be read only now.
    const { onReport, memoryMb, logger } = this.#options;
    setImmediate(() => {
      if (this.#settledAlone !== undefined) this.#process.flushLines();
      this.#settledAlone = undefined;
      unattended(logger, 'reporting an invocation', () => onReport(invocation.report(isError, memoryMb)));
    });
    this.#options.onChange();
  }

  /** Calls that follow each other closely find it awake, and what it printed last is read. */
  #freezeLater(): void {
    if (this.#freezeTimer !== undefined || !this.#options.mayFreeze()) return;
    this.#freezeTimer = this.#after(freezeDelayMs, () => {
      this.#freezeTimer = undefined;
      const { clock, mayFreeze } = this.#options;
      const isIdle = this.#isReady && !this.#isStopped && this.#running.size === 0 && this.#killedFor === undefined;
      if (!isIdle || this.#isFrozen || !mayFreeze()) return;
      // One timer for many invocations: it looks again where there was one meanwhile.
      if (clock.monotonicMs() - this.idleSinceMs < freezeDelayMs) this.#freezeLater();
      else this.#isFrozen = this.#process.signal('SIGSTOP');
    });
  }

  #thaw(): void {
    if (!this.#isFrozen) return;
    this.#isFrozen = false;
    this.#process.signal('SIGCONT');
  }

  #onLine(text: string): void {
    const line = this.#options.redact(text);
    if (line.includes('JavaScript heap out of memory')) this.#isHeapExhausted = true;
    // With several at once nobody can tell whose line it is. One that began in this very turn has printed nothing yet.
    const only = this.#settledAlone ?? (this.#running.size === 1 ? this.#running.values().next().value : undefined);
    if (only?.log.add(line) === false) return;
    this.#options.onLine(line, only?.requestId);
  }

  #onGone(exitCode: number | null, signal: string | null): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#watch.stop();
    const error = deathOf(
      { exitCode, signal, isHeapExhausted: this.#isHeapExhausted },
      { killedFor: this.#killedFor, initError: this.#initError, garbage: this.#garbage, isReady: this.#isReady },
      { ...this.#options, isShared: this.#running.size > 1 },
    );
    for (const number of this.#running.keys()) this.#settle(number, { error });
    this.#options.onStopped(error.code === 'FUNCTION_INIT_FAILED' ? error : undefined);
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
