// The environments of one function: as many processes as runs need, up to a limit, and a spare that has loaded the
// function ahead, so that a first token waits for no start and a killed process is replaced at once. Without work only
// the spare is left: the function is dormant.
//
// A function that cannot be loaded is reported once and not started again and again: the next run tries it anew.
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Clock, Logger, Timer } from '@throughline/event';
import { spareDelayMs } from './defaults.ts';
import { environmentVariables } from './environment-variables.ts';
import { Environment, type EnvironmentState } from './environment.ts';
import type { HandlerError } from './framed-pipe.ts';
import { count, type InvocationReport, type InvocationTotals } from './metering.ts';
import type { ResolvedFunction } from './function-config.ts';

export interface EnvironmentStatus {
  readonly id: string;
  readonly pid: number;
  readonly state: EnvironmentState | 'frozen';
  /** Invocations begun, and under way. */
  readonly invocations: number;
  readonly running: number;
  readonly residentBytes: number;
}

export interface EnvironmentPoolOptions {
  readonly config: ResolvedFunction;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Folder in which each environment gets one for its HOME and TMPDIR. */
  readonly scratchDir: string;
  readonly compileCacheDir: string | undefined;
  newId(): string;
  /** A slot may have become free. */
  onCapacity(): void;
}

/** A spare that dies without having been used is replaced ever more slowly. */
const spareDelayMsMax = 30_000;

export class EnvironmentPool {
  readonly totals: InvocationTotals = { invocations: 0, cold: 0, warm: 0, errors: 0, billedMs: 0 };
  lastReport: InvocationReport | undefined;
  /** Why the function could not be loaded the last time. */
  initError: HandlerError | undefined;
  readonly #options: EnvironmentPoolOptions;
  readonly #environments = new Set<Environment>();
  readonly #stopped = new Map<Environment, () => void>();
  #spareTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #unusedDeaths = 0;
  #isClosed = false;

  constructor(options: EnvironmentPoolOptions) {
    this.#options = options;
    if (options.config.spareCount > 0) this.#addSpares();
  }

  /**
   * An environment with a free slot: one that serves already, else the spare, else a new process; undefined when all
   * that may serve are full.
   *
   * @param isAlone whether it must be one that runs nothing
   */
  acquire(isAlone = false): Environment | undefined {
    if (this.#isClosed) return undefined;
    let best: Environment | undefined;
    let spare: Environment | undefined;
    let servingCount = 0;
    for (const environment of this.#environments) {
      if (environment.invocations > 0) servingCount++;
      if (environment.freeSlots === 0 || (isAlone && environment.runningCount > 0)) continue;
      if (environment.invocations > 0) {
        if (best === undefined || environment.runningCount < best.runningCount) best = environment;
      } else if (spare === undefined || (environment.isReady && !spare.isReady)) spare = environment;
    }
    if (best !== undefined) return best;
    if (servingCount >= this.#options.config.environmentsMax) return undefined;
    const chosen = spare ?? this.#spawn();
    // Its start would take processor time from the answer that begins now.
    this.#planSpares(spareDelayMs);
    return chosen;
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

  /** An environment that runs something, else any; for the development menu. */
  anyEnvironment(): Environment | undefined {
    const all = [...this.#environments];
    return all.find((environment) => environment.runningCount > 0) ?? all[0];
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#spareTimer?.cancel();
    this.#idleTimer?.cancel();
    const gone = [...this.#environments].map(
      (environment) => new Promise<void>((resolve) => this.#stopped.set(environment, resolve)),
    );
    for (const environment of this.#environments) environment.kill();
    await Promise.all(gone);
  }

  #spawn(): Environment {
    const { config, clock, logger, compileCacheDir } = this.#options;
    const id = this.#options.newId();
    const homeDir = path.join(this.#options.scratchDir, id);
    mkdirSync(homeDir, { recursive: true, mode: 0o700 });
    const environment = new Environment({
      id,
      entry: config.entry,
      handler: config.handler,
      variables: environmentVariables(process.env, {
        name: config.name,
        handler: config.handler,
        entry: config.entry,
        memoryMb: config.memoryMb,
        logStreamName: id,
        homeDir,
        invocationsPerEnvironment: config.invocationsPerEnvironment,
        ...(compileCacheDir === undefined ? {} : { compileCacheDir }),
        configured: config.env,
      }),
      timeoutMs: config.timeoutMs,
      initTimeoutMs: config.initTimeoutMs,
      memoryMb: config.memoryMb,
      invocationsMax: config.invocationsPerEnvironment,
      stopGraceMs: config.stopGraceMs,
      unresponsiveMs: config.unresponsiveMs,
      clock,
      logger,
      onLine: (line, requestId) =>
        logger.info({ function: config.name, environment: id, requestId, line }, 'function output'),
      onReport: (report) => this.#onReport(report),
      onChange: () => this.#onChange(environment),
      onStopped: (initError) => this.#onStopped(environment, homeDir, initError),
    });
    this.#environments.add(environment);
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
    if (environment.isReady) this.initError = undefined;
    if (environment.freeSlots > 0 && !this.#isClosed) {
      this.#options.onCapacity();
      this.#planIdleStop();
    }
  }

  #onStopped(environment: Environment, homeDir: string, initError: HandlerError | undefined): void {
    const { config, logger } = this.#options;
    this.#environments.delete(environment);
    this.#stopped.get(environment)?.();
    rm(homeDir, { recursive: true, force: true }).catch((error: Error) =>
      logger.warn({ function: config.name, reason: error.message }, 'folder of an environment was not removed'),
    );
    if (this.#isClosed) return;
    if (initError !== undefined) {
      logger.error(
        { function: config.name, code: 'FUNCTION_INIT_FAILED', ...initError, trace: initError.trace.slice(0, 10) },
        'function could not be loaded',
      );
      this.initError = initError;
    } else {
      this.#unusedDeaths = environment.invocations === 0 ? this.#unusedDeaths + 1 : 0;
      this.#planSpares(Math.min(spareDelayMs * 2 ** Math.min(this.#unusedDeaths, 10), spareDelayMsMax));
    }
    this.#options.onCapacity();
  }

  #planSpares(delayMs: number): void {
    if (this.#isClosed || this.#options.config.spareCount === 0) return;
    this.#spareTimer ??= this.#options.clock.after(delayMs, () => {
      this.#spareTimer = undefined;
      this.#addSpares();
    });
  }

  #addSpares(): void {
    if (this.#isClosed || this.initError !== undefined) return;
    let unused = 0;
    for (const environment of this.#environments) if (environment.invocations === 0) unused++;
    for (; unused < this.#options.config.spareCount; unused++) this.#spawn();
  }

  /** Environments that have served and are idle for long enough are stopped; the spare stays. */
  #planIdleStop(): void {
    const { clock, config } = this.#options;
    this.#idleTimer ??= clock.after(config.idleMs, () => {
      this.#idleTimer = undefined;
      let isAnyLeft = false;
      for (const environment of this.#environments) {
        if (environment.invocations === 0) continue;
        if (environment.state === 'idle' && clock.monotonicMs() - environment.idleSinceMs >= config.idleMs) {
          environment.stop();
        } else isAnyLeft = true;
      }
      if (isAnyLeft && !this.#isClosed) this.#planIdleStop();
    });
  }
}
