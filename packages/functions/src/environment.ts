// An environment: one operating system process that has loaded one function and serves its invocations, one at a time
// (Lambda's classic contract) or several (its multi-concurrency). It is a fault boundary: whatever the function does to
// its process, every invocation settles exactly once, with the reason.
//
//   starting ──ready──► idle ◄──► busy          any state ──process gone──► stopped
//
// A process that exceeds its time or memory, or writes rubbish to the pipe, is killed with its whole process group.
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '@throughline/event';
import { limits, memoryWatchMs, oldSpaceShare, pipeDrainMs } from './defaults.ts';
import {
  encodeFrame,
  FrameDecoder,
  type Frame,
  type HandlerError,
  type InvokePayload,
  type ReturnedPayload,
} from './framed-pipe.ts';
import { LineSplitter } from './line-splitter.ts';
import { billed, errorLine, InvocationLog, type InvocationReport } from './metering.ts';
import { residentBytes } from './resident-memory.ts';

export type EnvironmentState = 'starting' | 'idle' | 'busy' | 'stopped';

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
  readonly clock: Clock;
  /** A line that the function printed. */
  onLine(line: string, requestId: string | undefined): void;
  onReport(report: InvocationReport): void;
  /** Became idle, busy or ready, or has a free slot again. */
  onChange(): void;
  /** The process has gone. `initError`: it never became ready, for this reason. */
  onStopped(initError: HandlerError | undefined): void;
}

const bootstrap = fileURLToPath(
  new URL(`./bootstrap/main${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url),
);

export class Environment {
  readonly id: string;
  readonly pid: number;
  readonly startedMs: number;
  /** Invocations begun so far. */
  invocations = 0;
  /** Since when it has nothing to do, on the monotonic clock. */
  idleSinceMs: number;
  readonly #options: EnvironmentOptions;
  readonly #process: ChildProcess;
  readonly #pipe: Socket | undefined;
  readonly #decoder = new FrameDecoder(limits.frameBytesMax);
  readonly #running = new Map<number, Invocation>();
  readonly #timers = new Set<Timer>();
  readonly #paused = new Set<Invocation>();
  #isReady = false;
  #isStopped = false;
  /** The process has gone; its pipes may have more to read. */
  #hasExited = false;
  /** Load time of the process, once it is ready. */
  #initMs: number | undefined;
  #initError: HandlerError | undefined;
  /** Why we killed it, where it was us. */
  #killedFor: 'timed-out' | 'out-of-memory' | 'stop' | 'garbage' | undefined;
  #garbage = '';
  #isHeapExhausted = false;
  #memoryBytesMax = 0;
  #memoryTimer: Timer | undefined;

  constructor(options: EnvironmentOptions) {
    this.#options = options;
    this.id = options.id;
    this.startedMs = options.clock.monotonicMs();
    this.idleSinceMs = this.startedMs;
    const oldSpaceMb = Math.max(16, Math.floor(options.memoryMb * oldSpaceShare));
    this.#process = spawn(
      process.execPath,
      [
        ...importConditions(),
        `--max-old-space-size=${oldSpaceMb}`,
        '--disable-warning=ExperimentalWarning',
        bootstrap,
        options.entry,
        options.handler,
        options.id,
      ],
      {
        cwd: path.dirname(options.entry),
        env: { ...options.variables },
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
        // A process group of its own: killing it takes along what the function may have started.
        detached: true,
      },
    );
    this.pid = this.#process.pid ?? 0;
    this.#pipe = (this.#process.stdio[3] as Socket | null) ?? undefined;
    this.#listen();
    this.#after(options.initTimeoutMs, () => {
      if (this.#isReady || this.#isStopped) return;
      this.#initError = {
        errorType: 'Runtime.InitTimeout',
        errorMessage: `the function did not load within ${options.initTimeoutMs} ms`,
        trace: [],
      };
      this.kill('stop');
    });
  }

  get state(): EnvironmentState {
    if (this.#isStopped) return 'stopped';
    if (this.#running.size > 0) return 'busy';
    return this.#isReady ? 'idle' : 'starting';
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** How many more invocations it takes now; 0 once it is to be killed. */
  get freeSlots(): number {
    if (this.#hasExited || this.#isStopped || this.#killedFor !== undefined) return 0;
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
   */
  invoke(requestId: string, eventJson: string, listener: InvocationListener): Invocation {
    const number = ++this.invocations;
    const invocation = new Invocation(this.#options.clock, requestId, !this.#isReady, listener, {
      cancel: () => this.#cancel(number),
      pause: (isPaused) => this.#pause(invocation, isPaused),
    });
    this.#running.set(number, invocation);
    // The time-out of a cold start begins when the function is loaded; this deadline is the latest possible one.
    const startMs = this.#isReady ? 0 : this.#options.initTimeoutMs;
    const head: Omit<InvokePayload, 'event'> = {
      requestId,
      deadlineMs: this.#options.clock.nowMs() + startMs + this.#options.timeoutMs,
    };
    this.#pipe?.write(encodeFrame('invoke', number, `${JSON.stringify(head).slice(0, -1)},"event":${eventJson}}`));
    if (this.#isReady) this.#startTimeout(number, invocation);
    this.#watchMemory();
    this.#options.onChange();
    return invocation;
  }

  /** Kills the process and all that it started. */
  kill(reason: 'timed-out' | 'out-of-memory' | 'stop' | 'garbage' = 'stop'): void {
    if (this.#isStopped) return;
    this.#killedFor ??= reason;
    this.#signalGroup();
  }

  /** Ends an environment that has nothing to do: its pipe is closed, and it is killed if it stays. */
  stop(): void {
    if (this.#isStopped) return;
    this.#killedFor ??= 'stop';
    this.#pipe?.destroy();
    this.#after(this.#options.stopGraceMs, () => this.#signalGroup());
  }

  #listen(): void {
    const child = this.#process;
    let isDrained = false;
    const settleAll = (): void => {
      if (isDrained) return;
      isDrained = true;
      this.#onGone(child.exitCode, child.signalCode);
    };
    child.on('error', (error) => {
      // The process could not be started at all.
      this.#initError ??= { errorType: 'Runtime.SpawnFailed', errorMessage: error.message, trace: [] };
      if (child.pid === undefined) settleAll();
    });
    child.on('exit', () => {
      this.#hasExited = true;
      this.#signalGroup();
      this.#options.clock.after(pipeDrainMs, settleAll);
    });
    // 'close' comes when the pipes have been read to their end, so nothing that it wrote before its death is missed.
    child.on('close', settleAll);
    this.#pipe?.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    // A broken pipe says what 'exit' says as well.
    this.#pipe?.on('error', () => {});
    for (const stream of [child.stdout, child.stderr]) {
      const splitter = new LineSplitter(limits.logLineLengthMax);
      stream?.on('data', (bytes: Buffer) => splitter.push(bytes).forEach((line) => this.#onLine(line)));
      stream?.on('end', () => splitter.end().forEach((line) => this.#onLine(line)));
      stream?.on('error', () => {});
    }
  }

  #onBytes(bytes: Buffer): void {
    for (const frame of this.#decoder.push(bytes)) this.#onFrame(frame);
    if (this.#decoder.problem !== undefined && this.#killedFor === undefined) {
      this.#garbage = this.#decoder.problem;
      this.kill('garbage');
    }
  }

  #onFrame({ type, invocation: number, payload }: Frame): void {
    if (this.#killedFor !== undefined && this.#killedFor !== 'stop') return;
    const invocation = this.#running.get(number);
    switch (type) {
      case 'ready':
        this.#onReady();
        break;
      case 'init-error':
        this.#initError ??= this.#parse(payload) as HandlerError | undefined;
        break;
      case 'data':
        invocation?.data(payload);
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
        this.#garbage = `a frame of type ${type}`;
        this.kill('garbage');
    }
  }

  #parse(payload: Buffer): object | undefined {
    try {
      const value: unknown = JSON.parse(payload.toString());
      if (typeof value === 'object' && value !== null) return value;
      this.#garbage = 'a payload that is no object';
    } catch (error) {
      this.#garbage = `a payload that is no JSON (${(error as Error).message})`;
    }
    this.kill('garbage');
    return undefined;
  }

  #onReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#initMs = this.#options.clock.monotonicMs() - this.startedMs;
    this.idleSinceMs = this.#options.clock.monotonicMs();
    for (const [number, invocation] of this.#running) {
      invocation.markStarted(this.#initMs);
      this.#startTimeout(number, invocation);
    }
    this.#options.onChange();
  }

  #startTimeout(number: number, invocation: Invocation): void {
    invocation.timer = this.#after(this.#options.timeoutMs, () => {
      invocation.settle({ kind: 'timed-out', timeoutMs: this.#options.timeoutMs });
      if (this.#options.invocationsMax === 1) return this.kill('timed-out');
      // Others run in the process: the one that is late is asked to end first.
      this.#cancel(number);
    });
  }

  #cancel(number: number): void {
    const invocation = this.#running.get(number);
    if (invocation === undefined) return;
    invocation.isCancelled = true;
    this.#pause(invocation, false);
    this.#pipe?.write(encodeFrame('cancel', number));
    this.#after(this.#options.stopGraceMs, () => {
      if (this.#running.get(number) === invocation) this.kill('stop');
    });
  }

  #pause(invocation: Invocation, isPaused: boolean): void {
    if (isPaused) this.#paused.add(invocation);
    else this.#paused.delete(invocation);
    if (this.#paused.size > 0) this.#pipe?.pause();
    else if (this.#pipe?.isPaused() === true) this.#pipe.resume();
  }

  #settle(number: number, settlement: Settlement): void {
    const invocation = this.#running.get(number);
    if (invocation === undefined) return;
    this.#running.delete(number);
    invocation.timer?.cancel();
    this.#pause(invocation, false);
    this.#sampleMemory();
    if (this.#running.size === 0) this.idleSinceMs = this.#options.clock.monotonicMs();
    if (settlement.kind === 'threw') invocation.log.add(errorLine(invocation.requestId, settlement.error));
    invocation.settle(invocation.isCancelled ? { kind: 'cancelled' } : settlement);
    // What the handler printed last is on another pipe and may be read only now.
    const isError = settlement.kind !== 'returned';
    setImmediate(() => this.#report(invocation, isError));
    this.#options.onChange();
  }

  #report(invocation: Invocation, isError: boolean): void {
    const initMs = invocation.isCold ? this.#initMs : undefined;
    const report = {
      requestId: invocation.requestId,
      durationMs: invocation.durationMs(),
      billedMs: invocation.billedMs(),
      isCold: invocation.isCold,
      isError,
      memoryBytesMax: this.#memoryBytesMax,
    };
    const logLines = invocation.log.close(report, this.#options.memoryMb, initMs);
    this.#options.onReport({ ...report, logLines });
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
    this.#memoryTimer?.cancel();
    this.#pipe?.destroy();
    const isShared = this.#running.size > 1;
    const settlement = this.#deathOf(exitCode, signal, isShared);
    for (const number of this.#running.keys()) this.#settle(number, settlement);
    this.#options.onStopped(settlement.kind === 'init-failed' ? settlement.error : undefined);
  }

  #deathOf(exitCode: number | null, signal: string | null, isShared: boolean): Settlement {
    const { timeoutMs, memoryMb } = this.#options;
    if (this.#killedFor === 'timed-out') return { kind: 'timed-out', timeoutMs };
    if (this.#killedFor === 'out-of-memory' || this.#isHeapExhausted) {
      return { kind: 'out-of-memory', memoryMb, isShared };
    }
    if (this.#initError !== undefined) return { kind: 'init-failed', error: this.#initError };
    if (this.#killedFor === 'garbage') {
      return { kind: 'exited', how: `it wrote to file descriptor 3, which is not its own: ${this.#garbage}` };
    }
    const how = signal === null ? `its process exited with code ${exitCode}` : `its process was ended by ${signal}`;
    if (!this.#isReady && this.#killedFor === undefined && signal === null) {
      return { kind: 'init-failed', error: { errorType: 'Runtime.ExitError', errorMessage: how, trace: [] } };
    }
    return { kind: 'exited', how };
  }

  #watchMemory(): void {
    if (this.#memoryTimer !== undefined) return;
    this.#memoryTimer = this.#options.clock.after(memoryWatchMs, () => {
      this.#memoryTimer = undefined;
      if (this.#isStopped) return;
      if (this.#sampleMemory() > this.#options.memoryMb * 1024 * 1024) return this.kill('out-of-memory');
      if (this.#running.size > 0) this.#watchMemory();
    });
  }

  #sampleMemory(): number {
    const bytes = this.residentBytes();
    this.#memoryBytesMax = Math.max(this.#memoryBytesMax, bytes);
    return bytes;
  }

  #signalGroup(): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch (error) {
      // No process of the group is left.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
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

/** One call of a handler. */
export class Invocation {
  readonly requestId: string;
  /** The function was not loaded yet when it came. */
  readonly isCold: boolean;
  readonly log: InvocationLog;
  isCancelled = false;
  timer: Timer | undefined;
  readonly #clock: Clock;
  readonly #listener: InvocationListener;
  readonly #control: { cancel(): void; pause(isPaused: boolean): void };
  #startedMs: number;
  #endedMs: number | undefined;
  #initMs: number | undefined;
  #isSettled = false;

  constructor(
    clock: Clock,
    requestId: string,
    isCold: boolean,
    listener: InvocationListener,
    control: { cancel(): void; pause(isPaused: boolean): void },
  ) {
    this.#clock = clock;
    this.#listener = listener;
    this.#control = control;
    this.#startedMs = clock.monotonicMs();
    this.requestId = requestId;
    this.isCold = isCold;
    this.log = new InvocationLog(requestId, limits.logLinesPerInvocationMax);
  }

  /** Asks the handler to end; its process is killed when it does not. It settles as `cancelled`. */
  cancel(): void {
    this.#control.cancel();
  }

  /** Stops or goes on reading what the environment writes. */
  pause(isPaused: boolean): void {
    if (!this.#isSettled) this.#control.pause(isPaused);
  }

  durationMs(): number {
    return (this.#endedMs ?? this.#clock.monotonicMs()) - this.#startedMs;
  }

  billedMs(): number {
    return billed(this.durationMs(), this.#initMs);
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
}

/** Export conditions that this process was started with: a function must resolve the same files as its supervisor. */
function importConditions(): string[] {
  const conditions: string[] = [];
  process.execArgv.forEach((flag, index, flags) => {
    if (flag.startsWith('--conditions=')) conditions.push(flag);
    else if (flag === '-C' || flag === '--conditions') conditions.push(`--conditions=${flags[index + 1]}`);
  });
  return conditions;
}
