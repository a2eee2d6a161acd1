// Calls one function, for whoever wants it called: a run of a conversation, a request, a batch of records, a schedule. It
// owns the queue, the concurrency, the environments, time-outs and memory limits, and knows none of its callers.
//
//   waiting ──an environment is free──► running ──► settled       each invocation, exactly once
//      └── cancelled, waited too long, no room, closed ──► settled
//
// What waits is in memory only: a caller that must not lose it keeps it somewhere else, and asks again.
import { guardedClock, ThroughlineError, type Clock, type Logger, type Timer } from '@throughline/event';
import { limits } from '../defaults.ts';
import { EnvironmentPool } from './environment-pool.ts';
import { Environment } from './environment.ts';
import { statusOf, type FunctionStatus } from './function-status.ts';
import type {
  HandlerError,
  InvocationError,
  InvocationRequest,
  InvocationSink,
  Settlement,
} from './invocation-contract.ts';
import { cancelled, initFailed, notTheFunctions, reservedUp, throttled } from './invocation-errors.ts';
import { InvocationQueue } from './invocation-queue.ts';
import type { Invocation } from './invocation.ts';
import type { InvokerConfig } from './invoker-config.ts';
import { systemMachine, type Machine } from './machine.ts';

export interface InvokerOptions {
  readonly config: InvokerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folder in which each environment gets one for its HOME and TMPDIR. */
  readonly scratchDir: string;
  readonly compileCacheDir: string | undefined;
  readonly machine?: Machine;
  /** Names an environment; a ULID. */
  newId(): string;
  /** Changed sources serve from now on, or could not be loaded: what was loaded before serves on. */
  onUpdated?(error: HandlerError | undefined): void;
}

/** An invocation from `invoke` to its settlement. */
interface Call {
  readonly request: InvocationRequest;
  readonly sink: InvocationSink;
  readonly signal: AbortSignal;
  readonly isUrgent: boolean;
  readonly bytes: number;
  readonly queuedMs: number;
  /** It has its settlement: its caller is told, and it listens to nothing any more. */
  readonly settled: (settlement: Settlement) => void;
  queueTimer: Timer | undefined;
  invocation: Invocation | undefined;
}

export class Invoker {
  readonly config: InvokerConfig;
  readonly #options: InvokerOptions;
  readonly #pool: EnvironmentPool;
  readonly #queue: InvocationQueue<Call>;
  #runningCount = 0;
  #isScheduling = false;
  #isClosed = false;

  constructor(options: InvokerOptions) {
    const { config, logger, machine = systemMachine } = options;
    const clock = guardedClock(options.clock, logger);
    this.#options = { ...options, clock };
    this.config = config;
    this.#queue = new InvocationQueue(config.queueLengthMax, limits.queueBytesMax);
    this.#pool = new EnvironmentPool({ ...options, clock, machine, onCapacity: () => this.#schedule() });
  }

  /**
   * Calls the function as soon as an environment is free; at once, in this turn, when one is.
   *
   * @param signal aborts when nobody waits any more: what waits is taken out, a handler that runs is asked to end, and
   *   its process is killed when it does not
   * @returns how it came to its end; it never rejects
   */
  invoke(request: InvocationRequest, sink: InvocationSink, signal: AbortSignal): Promise<Settlement> {
    return new Promise((resolve) => {
      const { clock } = this.#options;
      const onAbort = (): void => this.#cancel(call);
      const call: Call = {
        request,
        sink,
        signal,
        isUrgent: request.isUrgent === true,
        bytes: typeof request.event === 'string' ? request.event.length : 0,
        queuedMs: clock.monotonicMs(),
        settled: (settlement) => {
          call.queueTimer?.cancel();
          signal.removeEventListener('abort', onAbort);
          resolve(settlement);
        },
        queueTimer: undefined,
        invocation: undefined,
      };
      const problem = this.#isClosed ? undefined : this.#queue.problem(call.bytes);
      const unusable = this.config.problem;
      if (this.#isClosed) this.#settleUnstarted(call, closed());
      else if (signal.aborted) this.#settleUnstarted(call, cancelled());
      else if (unusable !== undefined)
        this.#settleUnstarted(call, notTheFunctions(new ThroughlineError(unusable.code, unusable.message)));
      else if (this.#isReservedUp(request)) this.#settleUnstarted(call, reservedUp(this.config));
      else if (problem !== undefined) this.#settleUnstarted(call, throttled(`${this.config.name}: ${problem}`));
      else {
        signal.addEventListener('abort', onAbort, { once: true });
        this.#queue.add(call);
        if (request.queueMsMax !== undefined) this.#giveUpLater(call, request.queueMsMax);
        this.#schedule();
      }
    });
  }

  /**
   * The sources have changed: they are loaded beside what serves, which ends what it has begun and is replaced. Where they
   * cannot be loaded it serves on.
   */
  update(): void {
    this.#pool.update();
  }

  /** Its configuration has other numbers of invocations at once, or of processes that are kept loaded. */
  concurrencyChanged(): void {
    this.#pool.refill();
    this.#schedule();
  }

  status(): FunctionStatus {
    return statusOf(this.config, this.#pool, { queued: this.#queue.length, running: this.#runningCount });
  }

  /** Settles what waits as CLOSED and ends all processes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const call of this.#queue) if (this.#queue.delete(call)) this.#settleUnstarted(call, closed());
    await this.#pool.close();
  }

  /** Starts what can be started. What that sets off (more invocations, free places) is seen to by the same loop. */
  #schedule(): void {
    if (this.#isScheduling) return;
    this.#isScheduling = true;
    try {
      for (let call = this.#queue.first(); call !== undefined && !this.#isClosed; call = this.#queue.first()) {
        if (this.#runningCount >= this.#concurrencyMax) return;
        const environment = this.#pool.acquire(call.request.isAlone === true);
        if (environment === undefined) return;
        this.#queue.delete(call);
        if (environment instanceof Environment) this.#start(call, environment);
        else this.#settleUnstarted(call, initFailed(environment));
      }
    } finally {
      this.#isScheduling = false;
    }
  }

  get #concurrencyMax(): number {
    return this.config.reservedConcurrency ?? Infinity;
  }

  /** Whether a call that does not wait, or one of a function that may not run at all, has no place. */
  #isReservedUp({ isThrottledAtOnce = false }: InvocationRequest): boolean {
    if (this.#concurrencyMax === 0) return true;
    return isThrottledAtOnce && this.#runningCount + this.#queue.length >= this.#concurrencyMax;
  }

  #start(call: Call, environment: Environment): void {
    const { request, sink } = call;
    let eventJson: string;
    let fieldsJson: string;
    try {
      eventJson = typeof request.event === 'string' ? request.event : request.event();
      if (eventJson.length > limits.invokeBytesMax) {
        throw new ThroughlineError('BODY_TOO_LARGE', `the event has ${eventJson.length} characters`);
      }
      const { requestId, invokedFunctionArn, traceId, clientContext } = request;
      fieldsJson = JSON.stringify({ requestId, invokedFunctionArn, traceId, clientContext });
    } catch (cause) {
      return this.#settleUnstarted(call, notTheFunctions(ThroughlineError.from(cause)));
    }
    call.queueTimer?.cancel();
    this.#runningCount++;
    const onSettled = (settlement: Settlement): void => {
      this.#runningCount--;
      call.settled(settlement);
      if (this.config.reservedConcurrency !== undefined) this.#schedule();
    };
    const queueMs = this.#waitedMs(call);
    call.invocation = environment.invoke({ sink, request, eventJson, fieldsJson, queueMs, onSettled });
    // It may have been cancelled by the very call that told its sink that it has started.
    if (call.signal.aborted) call.invocation.cancel();
  }

  #cancel(call: Call): void {
    if (this.#queue.delete(call)) {
      this.#settleUnstarted(call, cancelled());
      // It may have been the one that kept the others waiting.
      this.#schedule();
    } else call.invocation?.cancel();
  }

  #giveUpLater(call: Call, queueMsMax: number): void {
    call.queueTimer = this.#options.clock.after(queueMsMax, () => {
      if (!this.#queue.delete(call)) return;
      this.#settleUnstarted(call, throttled(`${this.config.name}: no environment was free for ${queueMsMax} ms`));
      this.#schedule();
    });
  }

  #settleUnstarted(call: Call, error: InvocationError): void {
    const settlement: Settlement = {
      head: undefined,
      value: undefined,
      error,
      metering: {
        queueMs: this.#waitedMs(call),
        isCold: false,
        initMs: undefined,
        durationMs: 0,
        billedMs: 0,
        memoryBytesMax: 0,
        environmentId: undefined,
        logLines: Promise.resolve([]),
      },
    };
    try {
      call.sink.ended?.(settlement);
    } catch (cause) {
      const { code, message } = ThroughlineError.from(cause);
      const fields = { function: this.config.name, code, reason: message };
      this.#options.logger.error(fields, 'the end of an invocation was not taken');
    }
    call.settled(settlement);
  }

  #waitedMs({ queuedMs }: Call): number {
    return this.#options.clock.monotonicMs() - queuedMs;
  }
}

function closed(): InvocationError {
  return notTheFunctions(new ThroughlineError('CLOSED', 'the functions are stopping'));
}
