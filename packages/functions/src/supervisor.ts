// The supervisor: it follows topic `conversations`, starts a function for every run that is requested, and is the only
// one who appends what functions write. It outlives them, so a dead function costs a pause, and it keeps nothing that the
// log does not have, so its own death costs no more.
//
//   tail ─► conversations (fold) ─► run? ─► queue of its function ─► environment free ─► RunAttempt ─► log ─► tail …
//
// It learns only from the log, also about itself: that it owns a run, that a run is stopped or has ended, that another
// supervisor has taken over. Any number of supervisors can work on one log; the order of the log decides between them.
import { mkdtempSync, mkdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  conversationOf,
  delay,
  eventFromRecord,
  pathTo,
  silentLogger,
  systemClock,
  systemRandom,
  ThroughlineError,
  toRecord,
  toUiMessage,
  ulids,
  type Clock,
  type Conversation,
  type Logger,
  type LogRecord,
  type PayloadOf,
  type PlacedEvent,
  type Random,
  type RawEvent,
  type Run,
  type Timer,
} from '@throughline/event';
import { sqliteStore } from '@throughline/fold';
import type { Log } from '@throughline/log';
import { Conversations } from './conversations.ts';
import {
  appendRetriesMax,
  appendRetryMs,
  checkpointMs,
  conversationBytesMax,
  conversationsMax,
  limits,
  retryDelayMs,
} from './defaults.ts';
import { EnvironmentPool } from './environment-pool.ts';
import type { Environment } from './environment.ts';
import { resolveFunction, type FunctionConfig, type ResolvedFunction } from './function-config.ts';
import { statusOf, type FunctionStatus } from './function-status.ts';
import { killOrphan } from './orphans.ts';
import { RunAttempt, type AttemptEnd, type AttemptHost } from './run-attempt.ts';
import { failed, type Outcome } from './run-ending.ts';
import { isRenewalDue, leaseTickMs, mayTakeOver } from './run-lease.ts';
import { RunQueue } from './run-queue.ts';
import { standingChunks } from './standing-chunks.ts';

export interface SupervisorOptions {
  readonly log: Log;
  /** Topic of conversations; it must be there. */
  readonly topic: string;
  readonly functions: readonly FunctionConfig[];
  /** The log is exclusively ours: whoever else owns a run is dead, and a run of an unknown function is an error. */
  readonly takeOverAtOnce: boolean;
  /** Name of this incarnation; made up where absent. Two supervisors must not share one. */
  readonly owner?: string;
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

export interface Supervisor {
  /** Name of this incarnation, as in `attempt-started`. */
  readonly owner: string;
  /** One entry per function, in the order of their configuration. */
  status(): FunctionStatus[];
  /** Records of the topic that are no valid event, since the start. */
  readonly skippedRecords: number;
  /**
   * Kills the process that serves `run`, or else any, as `kill -9` does; for development.
   *
   * @returns its process id, or undefined when there is none
   */
  killEnvironment(run?: string): number | undefined;
  /**
   * Resolves once the supervisor has read what the topic had at the time of the call.
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
 * const supervisor = await createSupervisor({ log, topic: 'conversations', takeOverAtOnce: true,
 *   functions: [{ name: 'answer', entry: '/srv/app/answer.ts' }] });
 */
export async function createSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const functions = options.functions.map(resolveFunction);
  const { partitions } = await options.log.admin.describeTopic(options.topic);
  const scratchDir = makeScratchDir(options.storePath);
  try {
    const storePath = options.storePath ?? path.join(scratchDir, 'conversations.sqlite');
    const conversations = await Conversations.open({
      store: sqliteStore({ path: storePath, initial: (database) => database.exec(Conversations.initial) }),
      log: options.log,
      topic: options.topic,
      conversationsMax: options.conversationsMax ?? conversationsMax,
      bytesMax: conversationBytesMax,
      logger: options.logger ?? silentLogger,
    });
    const supervisor = new RunningSupervisor(options, functions, conversations, scratchDir);
    supervisor.start(partitions.map(({ highWatermark }) => highWatermark));
    return supervisor;
  } catch (error) {
    await rm(scratchDir, { recursive: true, force: true });
    throw error;
  }
}

/** A folder for what environments write; what a killed incarnation left in it is removed. */
function makeScratchDir(storePath: string | undefined): string {
  if (storePath === undefined) return mkdtempSync(path.join(tmpdir(), 'throughline-functions-'));
  const scratchDir = `${storePath}-scratch`;
  rmSync(scratchDir, { recursive: true, force: true });
  mkdirSync(scratchDir, { recursive: true, mode: 0o700 });
  return scratchDir;
}

/** A run that has not ended. */
interface RunEntry {
  readonly conversation: Conversation;
  readonly run: Run;
  attempt: RunAttempt | undefined;
  isQueued: boolean;
  /** Its end is on the way to the log. */
  isEnding: boolean;
  /** Not tried again before this time: the log refused a record of it. */
  notBeforeMs: number;
  /** What our own attempts were billed, by their number. */
  readonly billedMs: Map<number, number>;
}

interface FunctionEntry {
  readonly config: ResolvedFunction;
  readonly pool: EnvironmentPool;
  readonly host: AttemptHost;
  readonly queue: RunQueue<RunEntry>;
  running: number;
}

type RunEvent = Extract<PlacedEvent, { run: string }>;

class RunningSupervisor implements Supervisor {
  readonly owner: string;
  skippedRecords = 0;
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: Random;
  readonly #newId: () => string;
  readonly #conversations: Conversations;
  readonly #scratchDir: string;
  readonly #functions = new Map<string, FunctionEntry>();
  readonly #runs = new Map<string, RunEntry>();
  /** Attempts that have moved to a sibling run which has not been read back yet, by that run. */
  readonly #moved = new Map<string, { readonly attempt: RunAttempt; readonly formerRunId: string }>();
  readonly #stop = new AbortController();
  readonly #waiters = new Set<{ readonly targets: readonly bigint[]; readonly resolve: () => void }>();
  readonly #tickMs: number;
  #isLive = false;
  #tickTimer: Timer | undefined;
  #saveTimer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #recordsSinceSave = 0;
  #tailing: Promise<void> = Promise.resolve();

  constructor(
    options: SupervisorOptions,
    functions: readonly ResolvedFunction[],
    conversations: Conversations,
    scratchDir: string,
  ) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#logger = options.logger ?? silentLogger;
    this.#newId = ulids(this.#clock, this.#random);
    this.#conversations = conversations;
    this.#scratchDir = scratchDir;
    this.owner = options.owner ?? `supervisor/${this.#newId()}`;
    for (const config of functions) this.#functions.set(config.name, this.#functionEntry(config));
    this.#tickMs = leaseTickMs(Math.min(...functions.map(({ leaseMs }) => leaseMs), 60_000));
  }

  /** @param targets the high watermarks that have to be read before any run is started */
  start(targets: readonly bigint[]): void {
    void this.#whenRead(targets).then(() => this.#goLive());
    this.#tailing = this.#followUntilClosed();
  }

  status(): FunctionStatus[] {
    return [...this.#functions.values()].map(({ config, pool, queue, running }) =>
      statusOf(config, pool, { queued: queue.length, running }),
    );
  }

  killEnvironment(runId?: string): number | undefined {
    let environment: Environment | undefined;
    if (runId === undefined) {
      for (const { pool } of this.#functions.values()) environment ??= pool.anyEnvironment();
    } else {
      for (const { attempt } of this.#runs.values()) if (attempt?.runId === runId) environment = attempt.environment;
    }
    if (environment === undefined || environment.pid === 0) return undefined;
    this.#logger.warn({ pid: environment.pid, environment: environment.id }, 'environment is killed on request');
    try {
      // Not Environment.kill: this is to look like an accident.
      process.kill(environment.pid, 'SIGKILL');
      return environment.pid;
    } catch (error) {
      // It has just ended by itself.
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
      throw error;
    }
  }

  async caughtUp(): Promise<void> {
    if (this.#stop.signal.aborted) throw new ThroughlineError('CLOSED', 'the supervisor is closed');
    const { partitions } = await this.#options.log.admin.describeTopic(this.#options.topic);
    await this.#whenRead(partitions.map(({ highWatermark }) => highWatermark));
    if (this.#stop.signal.aborted) throw new ThroughlineError('CLOSED', 'the supervisor is closed');
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return this.#tailing;
    this.#stop.abort();
    this.#tickTimer?.cancel();
    this.#saveTimer?.cancel();
    const attempts = [...this.#runs.values()].flatMap(({ attempt }) => (attempt === undefined ? [] : [attempt]));
    await Promise.all(attempts.map((attempt) => attempt.handOver()));
    await Promise.all([...this.#functions.values()].map(({ pool }) => pool.close()));
    await this.#tailing;
    await this.#save();
    await this.#conversations.close();
    for (const { resolve } of this.#waiters) resolve();
    await rm(this.#scratchDir, { recursive: true, force: true });
  }

  // Reading the log.

  async #followUntilClosed(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#follow();
        if (!signal.aborted) throw new ThroughlineError('CLOSED', 'the log has ended the tail');
      } catch (cause) {
        const error = ThroughlineError.from(cause);
        if (signal.aborted) return;
        this.#logger.error({ code: error.code, reason: error.message }, 'supervisor cannot read the log');
        if (error.code === 'CLOSED') return;
        if (error.code === 'OFFSET_OUT_OF_RANGE') await this.#skipRemoved();
        await delay(this.#clock, retryDelayMs, signal).catch(() => {
          // Closed while waiting: the loop ends by itself.
        });
      }
    }
  }

  async #follow(): Promise<void> {
    const { log, topic } = this.#options;
    const from = { offsets: this.#conversations.positions };
    for await (const { partition, records, nextOffset } of log.tail({ topic, from, signal: this.#stop.signal })) {
      for (const record of records) this.#read(record);
      this.#conversations.skipTo(partition, nextOffset);
      for (const waiter of this.#waiters) {
        if (!this.#hasRead(waiter.targets)) continue;
        this.#waiters.delete(waiter);
        waiter.resolve();
      }
      this.#recordsSinceSave += records.length;
      if (this.#conversations.isTooLarge && this.#recordsSinceSave > 1000) await this.#save();
      else this.#saveLater();
      // A log in memory would otherwise keep everything else waiting until it has been read to its end.
      if (!this.#isLive) await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  }

  /** Retention has removed what was to be read next: what was in it is lost, what is left is not. */
  async #skipRemoved(): Promise<void> {
    const { partitions } = await this.#options.log.admin.describeTopic(this.#options.topic);
    for (const { partition, logStartOffset } of partitions) this.#conversations.skipTo(partition, logStartOffset);
  }

  #read(record: LogRecord): void {
    this.#conversations.passed(record);
    let event: PlacedEvent;
    try {
      event = eventFromRecord(record);
    } catch (error) {
      if (!ThroughlineError.is(error, 'INVALID_EVENT')) throw error;
      this.skippedRecords++;
      this.#logger.warn({ partition: record.partition, reason: error.message }, 'record is no valid event: skipped');
      return;
    }
    const folded = this.#conversations.apply(event, record.value?.length ?? 0);
    if (folded === undefined || !isRunEvent(event)) return;
    const { conversation, change } = folded;
    const run = conversation.runs.get(event.run);
    if (run !== undefined) this.#onRunEvent(event, conversation, run, change.verdict === 'counts');
  }

  #onRunEvent(event: RunEvent, conversation: Conversation, run: Run, isCounted: boolean): void {
    const key = keyOf(event.stream, event.run);
    let entry = this.#runs.get(key);
    if (entry === undefined && run.phase !== 'ended') {
      const attempt = this.#moved.get(key)?.attempt;
      entry = { conversation, run, attempt, isQueued: false, isEnding: false, notBeforeMs: 0, billedMs: new Map() };
      this.#runs.set(key, entry);
      this.#tickLater();
    }
    if (event.type === 'run-ended') return this.#onRunEnded(event, key, entry, isCounted);
    if (entry === undefined) return;
    const { attempt } = entry;
    if (event.type === 'attempt-started' && event.id === attempt?.claimId) {
      this.#moved.delete(key);
      if (isCounted) attempt.won(run, event.at.offset);
      else attempt.fenced();
    } else if (event.type === 'attempt-started' && isCounted) {
      attempt?.fenced();
    } else if (
      event.type === 'chunk' &&
      !isCounted &&
      event.actor === this.owner &&
      attempt?.number === event.attempt
    ) {
      // Somebody wrote chunks in our name. What readers have is what counts; the next attempt carries on from that.
      this.#logger.error({ run: run.id, attempt: event.attempt }, 'a chunk of ours does not count: attempt given up');
      attempt.broken();
    } else if (event.type === 'stop-requested' && isCounted && attempt !== undefined) attempt.stop();
    if (this.#isLive) this.#consider(entry);
  }

  #onRunEnded(
    event: Extract<PlacedEvent, { type: 'run-ended' }>,
    key: string,
    entry: RunEntry | undefined,
    isCounted: boolean,
  ): void {
    const siblingId = event.payload.supersededBy;
    if (!isCounted && event.actor === this.owner && siblingId !== undefined) {
      const moved = this.#moved.get(keyOf(event.stream, siblingId));
      moved?.attempt.supersedeRefused(moved.formerRunId);
    }
    if (entry?.run.phase !== 'ended') return;
    entry.attempt?.fenced();
    this.#runs.delete(key);
  }

  // Starting runs.

  #goLive(): void {
    if (this.#stop.signal.aborted) return;
    this.#isLive = true;
    const entries = [...this.#runs.values()].sort((a, b) => a.run.requestedMs - b.run.requestedMs);
    if (this.#options.takeOverAtOnce) {
      for (const { run } of entries) {
        const last = run.attempts.at(-1);
        if (last !== undefined && last.owner !== this.owner) killOrphan(last.environment, this.#logger);
      }
    }
    for (const entry of entries) this.#consider(entry);
    this.#logger.info({ owner: this.owner, openRuns: entries.length }, 'supervisor has read the log');
  }

  /** Decides what is to be done about a run that nothing is being done about. */
  #consider(entry: RunEntry): void {
    const { run } = entry;
    if (entry.attempt !== undefined || entry.isEnding || run.phase === 'ended' || this.#stop.signal.aborted) return;
    const { takeOverAtOnce } = this.#options;
    const found = this.#functions.get(run.function);
    const nowMs = this.#clock.nowMs();
    if (nowMs < entry.notBeforeMs) return;
    if (found === undefined) {
      // Another supervisor may know it, unless there is none.
      if (takeOverAtOnce) this.#end(entry, failed('UNKNOWN_FUNCTION', `no function ${JSON.stringify(run.function)}`));
      return;
    }
    if (run.phase === 'running' && !mayTakeOver(run, this.owner, takeOverAtOnce, nowMs)) return;
    if (run.isStopRequested) return this.#end(entry, { outcome: 'stopped' });
    if (entry.isQueued) return;
    const tries = triesBefore(entry.conversation, run) + run.attempt;
    if (tries >= found.config.attemptsMax) {
      return this.#end(entry, failed('RUN_ABANDONED', `the run was tried ${tries} times`));
    }
    this.#enqueue(found, entry, run.phase === 'running');
  }

  #enqueue(found: FunctionEntry, entry: RunEntry, isResumed: boolean): void {
    entry.isQueued = true;
    if (isResumed) found.queue.pushResumed(entry);
    else found.queue.push(entry);
    this.#schedule(found);
  }

  #schedule(found: FunctionEntry): void {
    while (found.queue.length > 0 && this.#isLive && !this.#stop.signal.aborted) {
      const entry = found.queue.shift()!;
      entry.isQueued = false;
      const isStillOpen = entry.attempt === undefined && !entry.isEnding && entry.run.phase !== 'ended';
      // Somebody else may own it by now.
      if (!isStillOpen || (entry.run.phase === 'running' && !this.#mayResume(entry))) continue;
      const environment = found.pool.acquire();
      if (environment === undefined) {
        entry.isQueued = true;
        found.queue.unshift(entry);
        return;
      }
      this.#startAttempt(found, entry, environment);
    }
  }

  #mayResume({ run }: RunEntry): boolean {
    // Our own attempt that died needs no lease to run out.
    return run.owner === this.owner || mayTakeOver(run, this.owner, this.#options.takeOverAtOnce, this.#clock.nowMs());
  }

  #startAttempt(found: FunctionEntry, entry: RunEntry, environment: Environment): void {
    const { conversation, run } = entry;
    const messages = pathTo(conversation, run.messageId).map(toUiMessage);
    if (messages.length === 0) {
      return this.#end(entry, failed('INVALID_EVENT', 'the message that the run answers is not in its conversation'));
    }
    const event = JSON.stringify({
      conversationId: conversationOf(run.stream),
      runId: run.id,
      replyId: run.replyId,
      attempt: run.attempt + 1,
      messages,
      ...(run.model === undefined ? {} : { model: run.model }),
      ...(run.settings === undefined ? {} : { settings: run.settings }),
    });
    if (event.length > limits.invokeBytesMax) {
      return this.#end(entry, failed('BODY_TOO_LARGE', `the conversation is ${event.length} characters long`));
    }
    entry.attempt = new RunAttempt(found.host, run, environment, triesBefore(conversation, run));
    found.running++;
    entry.attempt.start(uuid(this.#random), event);
  }

  /** Ends a run that no attempt of ours is working on. */
  #end(entry: RunEntry, end: Outcome): void {
    const { run } = entry;
    entry.isEnding = true;
    const startedMs = run.attempts[0]?.startedMs;
    const payload: PayloadOf<'run-ended'> = {
      ...end,
      ...(startedMs === undefined ? {} : { durationMs: Math.max(0, this.#clock.nowMs() - startedMs) }),
      billedMs: billedBefore(entry, run.attempt + 1),
    };
    const event = { type: 'run-ended', id: this.#newId(), stream: run.stream, run: run.id, attempt: run.attempt };
    this.#append([{ ...event, actor: this.owner, payload }]).catch((error: unknown) => this.#postpone(entry, error));
  }

  #postpone(entry: RunEntry, error: unknown): void {
    entry.isEnding = false;
    entry.notBeforeMs = this.#clock.nowMs() + retryDelayMs;
    const { code, message } = ThroughlineError.from(error);
    this.#logger.error({ run: entry.run.id, code, reason: message }, 'the end of a run was refused by the log');
  }

  // What attempts ask for and tell.

  #functionEntry(config: ResolvedFunction): FunctionEntry {
    const { chunkWindowMs, chunkBytesMax, attemptsMax, leaseMs } = config;
    const host: AttemptHost = {
      owner: this.owner,
      attemptsMax,
      leaseMs,
      logger: this.#logger,
      appending: {
        clock: this.#clock,
        windowMs: chunkWindowMs,
        bytesMax: chunkBytesMax,
        pendingBytesMax: limits.pendingBytesMax,
        retryMs: appendRetryMs,
        retriesMax: appendRetriesMax,
      },
      nowMs: () => this.#clock.nowMs(),
      newId: this.#newId,
      append: (events) => this.#append(events),
      standingChunks: (run, endOffset) => standingChunks(this.#options.log, this.#options.topic, run, endOffset),
      billedBefore: (run) => billedBefore(this.#runs.get(keyOf(run.stream, run.id)), run.attempt),
      onMoved: (attempt, siblingId) => this.#onMoved(attempt, siblingId),
      onOver: (attempt, how) => this.#onAttemptOver(found, attempt, how),
      onEndRefused: (attempt) => this.#release(attempt),
    };
    const pool = new EnvironmentPool({
      config,
      clock: this.#clock,
      logger: this.#logger,
      scratchDir: this.#scratchDir,
      compileCacheDir: this.#options.compileCacheDir,
      newId: this.#newId,
      onCapacity: () => this.#schedule(found),
    });
    const found: FunctionEntry = { config, pool, host, queue: new RunQueue(), running: 0 };
    return found;
  }

  #onMoved(attempt: RunAttempt, siblingId: string): void {
    const { stream, id } = attempt.run;
    const former = this.#runs.get(keyOf(stream, id));
    if (former !== undefined) {
      former.attempt = undefined;
      former.isEnding = true;
    }
    this.#moved.set(keyOf(stream, siblingId), { attempt, formerRunId: id });
  }

  #onAttemptOver(found: FunctionEntry, attempt: RunAttempt, how: AttemptEnd): void {
    found.running--;
    const entry = this.#runs.get(keyOf(attempt.run.stream, attempt.runId));
    if (entry?.attempt === attempt) entry.billedMs.set(attempt.number, attempt.billedMs());
    // An attempt that has ended its run stays in its place until that has been read back.
    if (how === 'ended') return;
    this.#release(attempt);
    if (how !== 'retry' || entry === undefined || entry.isEnding) return;
    entry.notBeforeMs = 0;
    this.#enqueue(found, entry, true);
  }

  /** Nobody works on the attempt's run any more; what is to become of it is decided at the next tick. */
  #release(attempt: RunAttempt): void {
    const { stream } = attempt.run;
    const key = keyOf(stream, attempt.runId);
    const entry = this.#runs.get(key);
    const moved = this.#moved.get(key);
    this.#moved.delete(key);
    // The move to a sibling was refused: the former run is open again.
    const former = moved === undefined ? undefined : this.#runs.get(keyOf(stream, moved.formerRunId));
    for (const open of [entry?.attempt === attempt ? entry : undefined, former]) {
      if (open === undefined) continue;
      open.attempt = undefined;
      open.isEnding = false;
      open.notBeforeMs = this.#clock.nowMs() + retryDelayMs;
    }
  }

  #append(events: readonly RawEvent[]): Promise<unknown> {
    return this.#options.log.append(this.#options.topic, events.map(toRecord));
  }

  // Clockwork.

  /** Renews our leases and looks for runs that nobody works on any more. Nothing ticks while no run is open. */
  #tickLater(): void {
    if (this.#stop.signal.aborted) return;
    this.#tickTimer ??= this.#clock.after(this.#tickMs, () => {
      this.#tickTimer = undefined;
      const nowMs = this.#clock.nowMs();
      for (const entry of this.#runs.values()) {
        const { attempt, run } = entry;
        if (attempt === undefined) {
          if (this.#isLive) this.#consider(entry);
        } else if (attempt.isOwning && isRenewalDue(attempt.lastAppendMs, run.leaseMs, nowMs)) {
          attempt.renewLease().catch((error: unknown) => {
            const { code, message } = ThroughlineError.from(error);
            this.#logger.warn({ run: run.id, code, reason: message }, 'lease was not renewed');
          });
        }
      }
      if (this.#runs.size > 0) this.#tickLater();
    });
  }

  #saveLater(): void {
    if (this.#stop.signal.aborted) return;
    this.#saveTimer ??= this.#clock.after(checkpointMs, () => {
      this.#saveTimer = undefined;
      void this.#save();
    });
  }

  /** A checkpoint that is not written costs a longer start, and no more. */
  #save(): Promise<void> {
    this.#recordsSinceSave = 0;
    this.#saving = this.#saving
      .then(() => this.#conversations.save())
      .catch((cause: unknown) => {
        const error = ThroughlineError.from(cause);
        this.#logger.warn({ code: error.code, reason: error.message }, 'checkpoint of conversations was not written');
      });
    return this.#saving;
  }

  #hasRead(targets: readonly bigint[]): boolean {
    return targets.every((target, partition) => (this.#conversations.positions[partition] ?? 0n) >= target);
  }

  async #whenRead(targets: readonly bigint[]): Promise<void> {
    if (this.#hasRead(targets)) return;
    await new Promise<void>((resolve) => void this.#waiters.add({ targets, resolve }));
  }
}

function isRunEvent(event: PlacedEvent): event is RunEvent {
  return 'run' in event && event.run !== undefined;
}

function keyOf(stream: string, runId: string): string {
  return `${stream}\0${runId}`;
}

/**
 * Tries of the runs that `run` took over from. A function that dies again and again and says something else each time
 * would otherwise make siblings without end. The first attempt of a sibling is the last one of the run before it.
 */
function triesBefore({ runs }: Conversation, run: Run): number {
  let tries = 0;
  const seen = new Set([run.id]);
  for (let id = run.supersedes; id !== undefined && !seen.has(id); id = runs.get(id)?.supersedes) {
    seen.add(id);
    tries += Math.max(0, (runs.get(id)?.attempt ?? 1) - 1);
  }
  return tries;
}

/** What the attempts before `endAttempt` were billed: as measured here, or else from what they left on the log. */
function billedBefore(entry: RunEntry | undefined, endAttempt: number): number {
  let sumMs = 0;
  for (const { attempt, startedMs, lastChunkMs } of entry?.run.attempts ?? []) {
    if (attempt < endAttempt)
      sumMs += entry?.billedMs.get(attempt) ?? Math.max(0, (lastChunkMs ?? startedMs) - startedMs);
  }
  return sumMs;
}

/** A random UUID (RFC 9562, version 4), which is what Lambda's request ids look like. */
function uuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const text = bytes.toString('hex');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}
