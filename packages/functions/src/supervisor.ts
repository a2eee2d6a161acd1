// The supervisor: it follows topic `conversations`, starts a function for every run that is requested, and is the only
// one who appends what functions write. It outlives them, so a dead function costs a pause, and it keeps nothing that the
// log does not have, so its own death costs no more.
//
//   TopicReader ─► Conversations (fold) ─► RunKeeper ─► RunStarter ─► Invoker (queue, environments)
//                                                           └──► RunAttempt ─► log ─► …      └──► one process each
//
// It learns only from the log, also about itself: that it owns a run, that a run is stopped or has ended, that another
// supervisor has taken over. Any number of supervisors can work on one log; the order of the log decides between them.
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  guardedClock,
  silentLogger,
  systemClock,
  systemRandom,
  ulids,
  type Clock,
  type Logger,
  type Random,
} from '@throughline/event';
import { sqliteStore, type FoldStatus } from '@throughline/fold';
import type { Log, TopicDescription } from '@throughline/log';
import { Conversations } from './conversations.ts';
import { conversationBytesMax, conversationsMax } from './defaults.ts';
import { resolveFunction, type FunctionConfig, type ResolvedFunction } from './function-config.ts';
import type { EnvironmentStatus } from './invoker/environment-pool.ts';
import type { FunctionStatus } from './invoker/function-status.ts';
import { Invoker } from './invoker/invoker.ts';
import { RunKeeper, type FunctionOfRuns } from './runs/run-keeper.ts';
import type { MemberOptions } from './sharing/function-group.ts';
import { RunShares } from './sharing/run-shares.ts';
import { TopicReader } from './topic-reader.ts';

export interface SupervisorOptions {
  readonly log: Log;
  /** Topic of conversations; it must be there. */
  readonly topic: string;
  readonly functions: readonly FunctionConfig[];
  /**
   * The log is exclusively ours: whoever else owns a run is dead, and a run of an unknown function is an error. Otherwise
   * supervisors share the partitions of the topic, function by function, in consumer groups (`Log.join`).
   */
  readonly isExclusive: boolean;
  /** What it is as a member of those groups. With a name of its own it has its partitions again at once after a crash. */
  readonly member?: MemberOptions;
  /** Name of this incarnation; made up where absent. Two supervisors must not share one. */
  readonly owner?: string;
  /**
   * What the names of this supervisor's incarnations begin with, where no two of them live at once: whoever else has such a
   * name is dead, and its runs are taken over without waiting for their leases.
   */
  readonly ownerPrefix?: string;
  /**
   * File of folded conversations and the checkpoint, of this supervisor alone; a folder `<file>-scratch` is made beside it.
   * A temporary one where absent: then each start reads the whole topic.
   */
  readonly storePath?: string;
  /** Folder of V8's compile cache; it takes a quarter off the load time of a function. */
  readonly compileCacheDir?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Folded conversations kept in memory at most. */
  readonly conversationsMax?: number;
}

/** A function, and what this supervisor does for it. */
export interface SupervisedFunctionStatus extends FunctionStatus {
  /** The partitions whose runs are started here; absent where there is nobody to share with. */
  readonly partitions?: readonly number[];
}

/** How far the supervisor has read, and what. */
export interface SupervisorReading extends FoldStatus {
  /** The partitions that it reads at the moment. */
  readonly partitions: readonly number[];
}

export interface Supervisor {
  /** Name of this incarnation, as in `attempt-started`. */
  readonly owner: string;
  /** How far it has read the topic, and how many records it had to skip. */
  reading(): SupervisorReading;
  /** One entry per function, in the order of their configuration. */
  status(): SupervisedFunctionStatus[];
  /**
   * Kills the process that serves `run`, or else any, as `kill -9` does; for development.
   *
   * @returns its process id, or undefined when there is none
   */
  killEnvironment(run?: string): number | undefined;
  /**
   * Resolves once the supervisor has read what the topic had at the time of the call, in the partitions that it reads.
   *
   * @throws ThroughlineError CLOSED
   */
  caughtUp(): Promise<void>;
  /** Appends what functions have written so far, ends their processes and stops; the next start carries on their runs. */
  close(): Promise<void>;
}

/**
 * Starts a supervisor; functions are loaded ahead, and runs start as soon as the topic has been read.
 *
 * @throws ThroughlineError CONFIG_INVALID, UNKNOWN_TOPIC, DATA_FORMAT_UNSUPPORTED
 * @example
 * const supervisor = await createSupervisor({ log, topic: 'conversations', isExclusive: true,
 *   functions: [{ name: 'answer', entry: '/srv/app/answer.ts' }] });
 */
export async function createSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const functions = options.functions.map(resolveFunction);
  const scratchDir = makeScratchDir(options.storePath);
  try {
    const storePath = options.storePath ?? path.join(scratchDir, 'conversations.sqlite');
    const description = await options.log.admin.describeTopic(options.topic);
    const store = sqliteStore({ path: storePath, initial: (database) => database.exec(Conversations.initial) });
    const bounds = {
      conversationsMax: options.conversationsMax ?? conversationsMax,
      bytesMax: conversationBytesMax,
    };
    const { log, topic, logger = silentLogger } = options;
    const conversations = await Conversations.open({ store, log, topic, logger, ...bounds }, description);
    return new RunningSupervisor(options, functions, conversations, description, scratchDir);
  } catch (error) {
    await rm(scratchDir, { recursive: true, force: true });
    throw error;
  }
}

/**
 * A folder for what environments write; what a killed incarnation left in it is removed. It is made with the first
 * environment's, so that a disk that is full at the start is waited for like one that gets full later.
 */
function makeScratchDir(storePath: string | undefined): string {
  if (storePath === undefined) return mkdtempSync(path.join(tmpdir(), 'throughline-functions-'));
  const scratchDir = `${storePath}-scratch`;
  rmSync(scratchDir, { recursive: true, force: true });
  return scratchDir;
}

class RunningSupervisor implements Supervisor {
  readonly owner: string;
  readonly #logger: Logger;
  readonly #scratchDir: string;
  readonly #functions = new Map<string, FunctionOfRuns>();
  readonly #shares: RunShares;
  readonly #keeper: RunKeeper;
  readonly #reader: TopicReader;
  #closing: Promise<void> | undefined;

  constructor(
    options: SupervisorOptions,
    functions: readonly ResolvedFunction[],
    conversations: Conversations,
    description: TopicDescription,
    scratchDir: string,
  ) {
    const { log, topic, random = systemRandom, logger = silentLogger } = options;
    const clock = guardedClock(options.clock ?? systemClock, logger);
    const newId = ulids(clock, random);
    const { ownerPrefix } = options;
    const owner = options.owner ?? `${ownerPrefix ?? 'supervisor/'}${newId()}`;
    const { isExclusive, member = {} } = options;
    this.owner = owner;
    this.#logger = logger;
    this.#scratchDir = scratchDir;
    const { compileCacheDir } = options;
    for (const config of functions) {
      const invoker = new Invoker({ config, clock, logger, scratchDir, compileCacheDir, newId });
      this.#functions.set(config.name, { invoker, config });
    }
    const shares: RunShares = new RunShares({
      log,
      topic,
      owner,
      functionNames: functions.map(({ name }) => name),
      isExclusive,
      member,
      clock,
      logger,
      work: {
        isUnsettled: (functionName, partition) => keeper.isUnsettled(functionName, partition),
        isAtWork: (functionName, partition) => keeper.isAtWork(functionName, partition),
      },
      onChange: () => keeper.sharesChanged(),
      reached: (targets) => this.#reader.reached(targets),
    });
    this.#shares = shares;
    const keeper: RunKeeper = new RunKeeper({
      owner,
      log,
      topic,
      areOthersDead: isExclusive,
      ownerPrefix,
      functions: this.#functions,
      clock,
      random,
      logger,
      newId,
      mayStart: (run) => shares.mayStart(run),
      onNoted: (run) => shares.noted(run),
    });
    this.#keeper = keeper;
    this.#reader = new TopicReader({
      log,
      topic,
      conversations,
      assignment: shares,
      clock,
      logger,
      onEvent: (event, folded) => keeper.onEvent(event, folded),
      onStartOver: () => {
        shares.startOver();
        keeper.startOver();
      },
    });
    for (const conversation of conversations.withOpenRuns()) keeper.found(conversation);
    this.#reader.start(description);
  }

  reading(): SupervisorReading {
    const { problem, read } = this.#shares;
    return {
      ...(problem === undefined ? {} : { lastError: problem.toJSON() }),
      ...this.#reader.status(),
      partitions: read,
    };
  }

  status(): SupervisedFunctionStatus[] {
    return Array.from(this.#functions, ([name, { invoker }]) => {
      const status = invoker.status();
      const partitions = this.#shares.startedHere(name);
      return {
        ...status,
        queued: status.queued + this.#keeper.backlogCount(name),
        ...(partitions === undefined ? {} : { partitions }),
      };
    });
  }

  killEnvironment(runId?: string): number | undefined {
    const environment = runId === undefined ? this.#anyEnvironment() : this.#keeper.environmentOf(runId);
    if (environment === undefined) return undefined;
    this.#logger.warn({ pid: environment.pid, environment: environment.id }, 'environment is killed on request');
    try {
      // Not through its pool: this is to look like an accident.
      process.kill(environment.pid, 'SIGKILL');
      return environment.pid;
    } catch (error) {
      // It has just ended by itself.
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
      throw error;
    }
  }

  caughtUp(): Promise<void> {
    return this.#reader.caughtUp();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#reader.stop();
    await this.#keeper.close();
    const invokers = [...this.#functions.values()].map(({ invoker }) => invoker.close());
    // Nothing is begun here any more: others need not wait until the processes have ended.
    await Promise.all([this.#shares.close(), ...invokers]);
    await this.#reader.finish();
    await rm(this.#scratchDir, { recursive: true, force: true });
  }

  /** One that works, else any. */
  #anyEnvironment(): EnvironmentStatus | undefined {
    const all = this.status().flatMap(({ environments }) => environments);
    return all.find(({ state }) => state === 'busy') ?? all[0];
  }
}
