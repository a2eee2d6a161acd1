// The supervisor: it follows topic `conversations`, starts a function for every run that is requested, and is the only
// one who appends what functions write. It outlives them, so a dead function costs a pause, and it keeps nothing that the
// log does not have, so its own death costs no more.
//
//   TopicReader ─► Conversations (fold) ─► RunKeeper ─► RunStarter ─► Invoker (queue, environments)
//                                                           └──► RunAttempt ─► log ─► …      └──► one process each
//
// It learns only from the log, also about itself: that it owns a run, that a run is stopped or has ended, that another
// supervisor has taken over. Any number of supervisors can work on one log; the order of the log decides between them.
import { mkdtempSync } from 'node:fs';
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
import type { FunctionHost } from './function-host.ts';
import type { EnvironmentStatus } from './invoker/environment-pool.ts';
import type { FunctionStatus } from './invoker/function-status.ts';
import { RunKeeper } from './runs/run-keeper.ts';
import type { MemberOptions } from './sharing/function-group.ts';
import { RunShares } from './sharing/run-shares.ts';
import { TopicReader } from './topic-reader.ts';

export interface SupervisorOptions {
  readonly log: Log;
  /** Topic of conversations; it must be there. */
  readonly topic: string;
  /** Whose runs are started; the caller closes it, after the supervisor. */
  readonly functions: FunctionHost;
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
   * File of folded conversations and the checkpoint, of this supervisor alone. A temporary one where absent: then each start
   * reads the whole topic.
   */
  readonly storePath?: string;
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
  /** The group that shares its runs out has not answered yet, or what it gave to this supervisor is still being read. */
  readonly isJoining?: true;
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
  /** Appends what functions have written so far, ends their invocations and stops; the next start carries on their runs. */
  close(): Promise<void>;
}

/**
 * Starts a supervisor; runs start as soon as the topic has been read.
 *
 * @throws ThroughlineError UNKNOWN_TOPIC, DATA_FORMAT_UNSUPPORTED
 * @example
 * const functions = createFunctionHost({ log, functions: [{ name: 'answer', entry: '/srv/app/answer.ts' }] });
 * const supervisor = await createSupervisor({ log, topic: 'conversations', isExclusive: true, functions });
 */
export async function createSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { log, topic, logger = silentLogger } = options;
  const temporaryDir =
    options.storePath === undefined ? mkdtempSync(path.join(tmpdir(), 'throughline-runs-')) : undefined;
  try {
    const storePath = options.storePath ?? path.join(temporaryDir ?? '', 'conversations.sqlite');
    const description = await log.admin.describeTopic(topic);
    const store = sqliteStore({ path: storePath, initial: (database) => database.exec(Conversations.initial) });
    const bounds = {
      conversationsMax: options.conversationsMax ?? conversationsMax,
      bytesMax: conversationBytesMax,
    };
    const conversations = await Conversations.open({ store, log, topic, logger, ...bounds }, description);
    return new RunningSupervisor(options, conversations, description, temporaryDir);
  } catch (error) {
    await removeDir(temporaryDir);
    throw error;
  }
}

async function removeDir(dir: string | undefined): Promise<void> {
  if (dir !== undefined) await rm(dir, { recursive: true, force: true });
}

class RunningSupervisor implements Supervisor {
  readonly owner: string;
  readonly #logger: Logger;
  readonly #temporaryDir: string | undefined;
  readonly #functions: FunctionHost['functions'];
  readonly #shares: RunShares;
  readonly #keeper: RunKeeper;
  readonly #reader: TopicReader;
  #closing: Promise<void> | undefined;

  constructor(
    options: SupervisorOptions,
    conversations: Conversations,
    description: TopicDescription,
    temporaryDir: string | undefined,
  ) {
    const { log, topic, random = systemRandom, logger = silentLogger } = options;
    const clock = guardedClock(options.clock ?? systemClock, logger);
    const newId = ulids(clock, random);
    const { ownerPrefix } = options;
    const owner = options.owner ?? `${ownerPrefix ?? 'supervisor/'}${newId()}`;
    const { isExclusive, member = {} } = options;
    this.owner = owner;
    this.#logger = logger;
    this.#temporaryDir = temporaryDir;
    const { functions } = options.functions;
    this.#functions = functions;
    const shares: RunShares = new RunShares({
      log,
      topic,
      owner,
      functionNames: [...functions.keys()],
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
      functions,
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
        ...(partitions !== undefined && this.#shares.isJoining(name) ? { isJoining: true } : {}),
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
    // Nothing is begun here any more: others need not wait until the processes have ended.
    await this.#shares.close();
    await this.#reader.finish();
    await removeDir(this.#temporaryDir);
  }

  /** One that works, else any. */
  #anyEnvironment(): EnvironmentStatus | undefined {
    const all = this.status().flatMap(({ environments }) => environments);
    return all.find(({ state }) => state === 'busy') ?? all[0];
  }
}
