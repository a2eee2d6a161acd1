// The environments of one function: as many processes as runs need, up to a limit, and a spare that has loaded the
// function ahead, so that a first token waits for no start and a killed process is replaced at once. Without work only
// the spare is left: the function is dormant.
//
// A function that cannot be loaded is reported once and not started again and again: the next invocation tries it anew.
// When its sources change, a candidate loads them first. Once it has, it and those after it serve, and the old ones drain:
//
//   candidate ──ready──► serves          the others ──► retired ──their last invocation ends──► stopped
//       └── cannot be loaded ──► stopped: the others serve on, and no more of them are started while the sources stay so
//
// What the machine does not give (a folder on a full disk, a process) is waited for, and asked for ever more slowly; an
// environment that dies meanwhile, and a spare that is missing, are nobody's exception.
import path from 'node:path';
import { ThroughlineError, type Clock, type Logger, type Timer } from '@throughline/event';
import { spareDelayMs, spareDelayMsMax, startRetryMs, startRetryMsMax } from '../defaults.ts';
import { environmentVariables } from './environment-variables.ts';
import { Environment, type EnvironmentState } from './environment.ts';
import { SpawnFailed } from './function-process.ts';
import type { HandlerError } from './invocation-contract.ts';
import type { InvokerConfig } from './invoker-config.ts';
import type { Machine } from './machine.ts';
import { count, type InvocationReport, type InvocationTotals } from './metering.ts';
import { Reaper } from './reaper.ts';
import { isSecretError, readSecrets, redactor, type Secrets } from './secrets.ts';

export interface EnvironmentStatus {
  readonly id: string;
  readonly pid: number;
  readonly state: EnvironmentState;
  /** Invocations begun, and under way. */
  readonly invocations: number;
  readonly running: number;
  readonly residentBytes: number;
}

export interface EnvironmentPoolOptions {
  readonly config: InvokerConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly machine: Machine;
  /** Folder in which each environment gets one for its HOME and TMPDIR. */
  readonly scratchDir: string;
  readonly compileCacheDir: string | undefined;
  newId(): string;
  /** A slot may have become free. */
  onCapacity(): void;
  /** Changed sources serve from now on, or could not be loaded. */
  onUpdated?(error: HandlerError | undefined): void;
}

export class EnvironmentPool {
  readonly totals: InvocationTotals = { invocations: 0, cold: 0, warm: 0, errors: 0, billedMs: 0 };
  lastReport: InvocationReport | undefined;
  /** Why the function could not be loaded the last time. */
  initError: HandlerError | undefined;
  /** Why the changed sources could not be loaded, while what was loaded before serves on. */
  updateError: HandlerError | undefined;
  /** Why the machine did not give what a process needs, while it does not. */
  startError: string | undefined;
  readonly #options: EnvironmentPoolOptions;
  readonly #environments = new Set<Environment>();
  /** Those of older sources: they end what they have begun. */
  readonly #retired = new Set<Environment>();
  /** It loads the changed sources; nobody is served by it yet. */
  #candidate: Environment | undefined;
  #updatesWaiting = 0;
  readonly #stopped = new Map<Environment, () => void>();
  /** Ends frozen processes should the supervisor die; made with the first process. */
  #reaper: Reaper | undefined;
  #spareTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #startTimer: Timer | undefined;
  #startFailures = 0;
  #unusedDeaths = 0;
  #isClosed = false;

  constructor(options: EnvironmentPoolOptions) {
    this.#options = options;
    if (options.config.problem === undefined) this.#addSpares();
  }

  /**
   * An environment with a free slot: one that serves already, else the spare, else a new process; undefined when all
   * that may serve are full or no process can be started, `onCapacity` follows; an error when the function has no place.
   *
   * @param isAlone whether it must be one that runs nothing
   */
  acquire(isAlone: boolean): Environment | HandlerError | undefined {
    if (this.#isClosed) return undefined;
    let best: Environment | undefined;
    let spare: Environment | undefined;
    let servingCount = 0;
    for (const environment of this.#environments) {
      if (environment === this.#candidate) continue;
      if (environment.invocations > 0) servingCount++;
      if (this.#retired.has(environment)) continue;
      if (environment.freeSlots === 0 || (isAlone && environment.runningCount > 0)) continue;
      if (environment.invocations > 0) {
        if (best === undefined || environment.runningCount < best.runningCount) best = environment;
      } else if (spare === undefined || (environment.isReady && !spare.isReady)) spare = environment;
    }
    if (best !== undefined) return best;
    if (servingCount >= this.#options.config.environmentsMax) return undefined;
    if (spare === undefined && servingCount > 0 && this.updateError !== undefined) return undefined;
    const chosen = spare ?? this.#start();
    if (!(chosen instanceof Environment)) return chosen;
    // Its start would take processor time from the answer that begins now.
    this.#planSpares(spareDelayMs);
    return chosen;
  }

  /** The sources have changed: a candidate loads them, beside what serves. */
  update(): void {
    if (this.#isClosed || this.#options.config.problem !== undefined) return;
    const unfinished = this.#candidate;
    this.#candidate = undefined;
    if (unfinished !== undefined) this.#retire(unfinished);
    const candidate = this.#start();
    if (candidate instanceof Environment) this.#candidate = candidate;
    else if (candidate === undefined) this.#updatesWaiting++;
  }

  /** Other numbers of processes are to be kept loaded: starts those that are missing, and stops unused ones beyond them. */
  refill(): void {
    if (this.#isClosed || this.#options.config.problem !== undefined) return;
    const { spareCount, provisionedConcurrency } = this.#options.config;
    const all = [...this.#environments].filter((one) => one !== this.#candidate && !this.#retired.has(one));
    const unused = all.filter(({ invocations }) => invocations === 0);
    const surplus = Math.min(unused.length - spareCount, all.length - provisionedConcurrency);
    for (const environment of unused.slice(0, Math.max(surplus, 0))) this.#retire(environment);
    this.#addSpares();
    this.#planIdleStop();
  }

  status(): EnvironmentStatus[] {
    return [...this.#environments].map((environment) => ({
      id: environment.id,
      pid: environment.pid,
      state: environment.state,
      invocations: environment.invocations,
      running: environment.runningCount,
      residentBytes: environment.residentBytes(),
    }));
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#spareTimer?.cancel();
    this.#idleTimer?.cancel();
    this.#startTimer?.cancel();
    const gone = [...this.#environments].map(
      (environment) => new Promise<void>((resolve) => this.#stopped.set(environment, resolve)),
    );
    for (const environment of this.#environments) environment.kill();
    await Promise.all(gone);
    this.#reaper?.close();
  }

  /** A new environment; an error when the function has no place; undefined when the machine gives none now. */
  #start(): Environment | HandlerError | undefined {
    if (this.#startTimer !== undefined) return undefined;
    const { config, logger, machine, scratchDir } = this.#options;
    const id = this.#options.newId();
    const homeDir = path.join(scratchDir, id);
    const secrets = readSecrets(config.secrets, machine, process.env);
    if (isSecretError(secrets)) return this.#failInit(secrets);
    let isMade = false;
    try {
      machine.makeDir(homeDir);
      isMade = true;
      const environment = this.#spawn(id, homeDir, secrets);
      if (this.startError !== undefined) logger.info({ function: config.name }, 'processes can be started again');
      this.startError = undefined;
      this.#startFailures = 0;
      return environment;
    } catch (cause) {
      if (isMade) this.#removeHome(homeDir);
      const taskRoot = codeDirOf(config);
      if (!machine.isDir(taskRoot)) {
        const errorMessage = `there is no folder ${taskRoot}`;
        return this.#failInit({ errorType: 'Runtime.InvalidTaskRoot', errorMessage, trace: [] });
      }
      // Each environment has a folder of its own: its name would make each failure look like a new one.
      if (cause instanceof SpawnFailed) this.#onSpawnFailed(cause);
      else this.#tellStartError(ThroughlineError.from(cause).message.replaceAll(homeDir, scratchDir));
      this.#startLater();
      return undefined;
    }
  }

  /** Asks again later; until then nobody asks, and what needs an environment waits. */
  #startLater(): void {
    const delayMs = Math.min(startRetryMs * 2 ** Math.min(this.#startFailures++, 20), startRetryMsMax);
    this.#startTimer = this.#options.clock.after(delayMs, () => {
      this.#startTimer = undefined;
      this.#options.onCapacity();
      if (this.#updatesWaiting > 0) {
        this.#updatesWaiting = 0;
        this.update();
      }
      this.#addSpares();
    });
  }

  #onSpawnFailed(failed: SpawnFailed): void {
    this.startError ??= failed.message;
    void failed.reason.then((reason) => this.startError !== undefined && this.#tellStartError(reason));
  }

  /** It is logged when it is new, and not with each try. */
  #tellStartError(reason: string): void {
    if (this.startError === reason) return;
    this.startError = reason;
    this.#options.logger.error(
      { function: this.#options.config.name, code: 'ENVIRONMENT_NOT_STARTED', reason },
      'no process could be started: it is tried again',
    );
  }

  /** @throws SpawnFailed, or what the machine throws */
  #spawn(id: string, homeDir: string, secrets: Secrets): Environment {
    const { config, clock, logger, machine, compileCacheDir } = this.#options;
    if (config.isFrozenWhenIdle) this.#reaper ??= new Reaper(machine, logger);
    const environment = new Environment({
      id,
      runtime: config.runtime,
      entry: config.entry,
      codeDir: codeDirOf(config),
      handler: config.handler,
      variables: environmentVariables(process.env, {
        name: config.name,
        runtime: config.runtime,
        handler: config.handler,
        entry: config.entry,
        codeDir: codeDirOf(config),
        memoryMb: config.memoryMb,
        logStreamName: id,
        homeDir,
        invocationsPerEnvironment: config.invocationsPerEnvironment,
        isProvisioned: config.provisionedConcurrency > 0,
        reportsLeaks: config.isFrozenWhenIdle,
        ...(compileCacheDir === undefined ? {} : { compileCacheDir }),
        configured: { ...config.env, ...secrets },
      }),
      timeoutMs: config.timeoutMs,
      initTimeoutMs: config.initTimeoutMs,
      memoryMb: config.memoryMb,
      invocationsMax: config.invocationsPerEnvironment,
      mayFreeze: () => this.#reaper?.isAlive === true,
      redact: redactor(secrets),
      stopGraceMs: config.stopGraceMs,
      unresponsiveMs: config.unresponsiveMs,
      clock,
      machine,
      logger,
      onLine: (line, requestId) =>
        logger.info({ function: config.name, environment: id, requestId, line }, 'function output'),
      onReport: (report) => this.#onReport(report),
      onSinkFailed: ({ code, message }) =>
        logger.error({ function: config.name, code, reason: message }, 'the output of an invocation was not taken'),
      onChange: () => this.#onChange(environment),
      onStopped: (initError) => this.#onStopped(environment, homeDir, initError),
    });
    this.#environments.add(environment);
    this.#reaper?.add(environment.pid);
    return environment;
  }

  #onReport(report: InvocationReport): void {
    count(this.totals, report);
    this.lastReport = report;
    const { logLines, ...figures } = report;
    this.#options.logger.info(
      { function: this.#options.config.name, ...figures, lines: logLines.length },
      'invocation ended',
    );
  }

  #onChange(environment: Environment): void {
    if (environment === this.#candidate) {
      if (environment.isReady) this.#adopt(environment);
      return;
    }
    if (this.#retired.has(environment)) {
      if (environment.runningCount === 0) environment.stop();
      return;
    }
    if (environment.isReady) this.initError = undefined;
    if (environment.freeSlots > 0 && !this.#isClosed) {
      this.#options.onCapacity();
      this.#planIdleStop();
    }
  }

  #onStopped(environment: Environment, homeDir: string, initError: HandlerError | undefined): void {
    this.#environments.delete(environment);
    this.#reaper?.delete(environment.pid);
    this.#stopped.get(environment)?.();
    this.#removeHome(homeDir);
    const wasCandidate = environment === this.#candidate;
    if (wasCandidate) this.#candidate = undefined;
    const wasRetired = this.#retired.delete(environment);
    if (this.#isClosed) return;
    if (wasCandidate) {
      this.#failUpdate(initError ?? { errorType: 'Runtime.ExitError', errorMessage: 'its process ended', trace: [] });
    } else if (wasRetired) {
      this.#planSpares(spareDelayMs);
    } else if (initError !== undefined) {
      this.#failInit(initError);
    } else {
      this.#unusedDeaths = environment.invocations === 0 ? this.#unusedDeaths + 1 : 0;
      this.#planSpares(Math.min(spareDelayMs * 2 ** Math.min(this.#unusedDeaths, 10), spareDelayMsMax));
    }
    this.#options.onCapacity();
  }

  /** From now on it and those that are started after it serve. */
  #adopt(candidate: Environment): void {
    this.#candidate = undefined;
    this.initError = undefined;
    this.updateError = undefined;
    for (const environment of this.#environments) if (environment !== candidate) this.#retire(environment);
    this.#options.onUpdated?.(undefined);
    this.#options.onCapacity();
  }

  #retire(environment: Environment): void {
    this.#retired.add(environment);
    if (environment.runningCount > 0) return;
    // One that still loads has heard nothing yet, and would load to the end before it looks.
    if (environment.isReady) environment.stop();
    else environment.kill();
  }

  /** What was loaded before serves on; where nothing was, the function cannot be loaded. */
  #failUpdate(error: HandlerError): void {
    if (this.initError !== undefined) this.#failInit(error);
    else this.updateError = error;
    this.#options.onUpdated?.(error);
  }

  #failInit(initError: HandlerError): HandlerError {
    this.#options.logger.error(
      {
        function: this.#options.config.name,
        code: 'FUNCTION_INIT_FAILED',
        ...initError,
        trace: initError.trace.slice(0, 10),
      },
      'function could not be loaded',
    );
    this.initError = initError;
    return initError;
  }

  #removeHome(homeDir: string): void {
    const { config, logger, machine } = this.#options;
    machine
      .removeDir(homeDir)
      .catch((error: Error) =>
        logger.warn({ function: config.name, reason: error.message }, 'folder of an environment was not removed'),
      );
  }

  #planSpares(delayMs: number): void {
    if (this.#isClosed) return;
    this.#spareTimer ??= this.#options.clock.after(delayMs, () => {
      this.#spareTimer = undefined;
      this.#addSpares();
    });
  }

  #addSpares(): void {
    if (this.#isClosed || this.initError !== undefined) return;
    const { spareCount, provisionedConcurrency } = this.#options.config;
    let unused = 0;
    let count = 0;
    for (const environment of this.#environments) {
      if (environment === this.#candidate || this.#retired.has(environment)) continue;
      count++;
      if (environment.invocations === 0) unused++;
      else if (this.updateError !== undefined) return;
    }
    for (; unused < spareCount || count < provisionedConcurrency; unused++, count++) {
      if (!(this.#start() instanceof Environment)) return;
    }
  }

  /**
   * Environments that have served and are idle for long enough are stopped; the spare stays, and so do all while the sources
   * cannot be loaded: no others could take their place.
   */
  #planIdleStop(): void {
    const { clock, config } = this.#options;
    this.#idleTimer ??= clock.after(config.idleMs, () => {
      this.#idleTimer = undefined;
      let isAnyLeft = false;
      let count = this.#environments.size;
      for (const environment of this.#environments) {
        if (environment.invocations === 0) continue;
        const isIrreplaceable = this.updateError !== undefined || count <= config.provisionedConcurrency;
        if (
          !isIrreplaceable &&
          (environment.state === 'idle' || environment.state === 'frozen') &&
          clock.monotonicMs() - environment.idleSinceMs >= config.idleMs
        ) {
          environment.stop();
          count--;
        } else isAnyLeft = true;
      }
      if (isAnyLeft && !this.#isClosed) this.#planIdleStop();
    });
  }
}

function codeDirOf({ codeDir, entry }: InvokerConfig): string {
  return codeDir ?? path.dirname(entry);
}
