// Keeps an eye on every run that has not ended, and sees to it that something is being done about it: a run that waits is
// queued, one whose owner is gone is taken over, one that was stopped or tried too often is ended. What it knows of a run
// it knows from the log, also about its own attempts.
import {
  ThroughlineError,
  toRecord,
  type Change,
  type Clock,
  type Conversation,
  type Logger,
  type PayloadOf,
  type PlacedEvent,
  type Random,
  type RawEvent,
  type Run,
  type Timer,
} from '@throughline/event';
import type { Log } from '@throughline/log';
import { functionDefaults, retryDelayMs } from '../defaults.ts';
import type { InvocationError, StartedInvocation } from '../invoker/invocation-contract.ts';
import type { Invoker } from '../invoker/invoker.ts';
import { killOrphan } from '../invoker/orphans.ts';
import type { AttemptNews } from './attempt-table.ts';
import { RunAttempt, type AttemptHost } from './run-attempt.ts';
import { appendingOf, type RunConfig } from './run-config.ts';
import { failed, notStarted, type Outcome } from './run-ending.ts';
import { isRenewalDue, leaseTickMs, mayTakeOver } from './run-lease.ts';
import { RunStarter } from './run-starter.ts';
import { billedBefore, keyOf, runEntry, triesBefore, type RunEntry } from './run-table.ts';
import { standingChunks } from './standing-chunks.ts';

/** A function, as runs use it. */
export interface FunctionOfRuns {
  readonly invoker: Invoker;
  readonly config: RunConfig;
}

export interface RunKeeperOptions {
  readonly owner: string;
  readonly log: Log;
  readonly topic: string;
  /** The log is exclusively ours: whoever else owns a run is dead, and a run of an unknown function is an error. */
  readonly areOthersDead: boolean;
  /** Owners whose name begins so are dead as well: incarnations before this one. */
  readonly ownerPrefix: string | undefined;
  readonly functions: ReadonlyMap<string, FunctionOfRuns>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  newId(): string;
  /** Whether a run is to be started here; one that was begun here goes on in any case. */
  readonly mayStart: (run: Run) => boolean;
  /** Something was heard of `run`, or nobody works on it here any more. */
  readonly onNoted: (run: Run) => void;
}

type RunEvent = Extract<PlacedEvent, { run: string }>;
type RunEndedEvent = Extract<PlacedEvent, { type: 'run-ended' }>;

export class RunKeeper {
  readonly #options: RunKeeperOptions;
  readonly #runs = new Map<string, RunEntry>();
  /** Attempts that have moved to a sibling run which has not been read back yet, by that run. */
  readonly #moved = new Map<string, { readonly attempt: RunAttempt; readonly formerRunId: string }>();
  #isClosed = false;
  #tickTimer: Timer | undefined;

  readonly #starters: ReadonlyMap<string, RunStarter>;

  constructor(options: RunKeeperOptions) {
    this.#options = options;
    const starters = Array.from(options.functions, ([name, { invoker, config }]) => {
      const host = this.#hostOf(config);
      const starter: RunStarter = new RunStarter({
        invoker,
        config,
        random: options.random,
        begin: (entry, invocation, stop) => this.#begin(host, entry, invocation, stop),
        onNotStarted: (entry, error) => this.#onNotStarted(entry, error),
      });
      return [name, starter] as const;
    });
    this.#starters = new Map(starters);
  }

  /** What attempts need of it. */
  #hostOf(config: RunConfig): AttemptHost {
    const { owner, logger, clock, log, topic } = this.#options;
    return {
      owner,
      logger,
      attemptsMax: config.attemptsMax,
      leaseMs: config.leaseMs,
      appending: appendingOf(config, clock),
      nowMs: () => clock.nowMs(),
      newId: () => this.#options.newId(),
      append: (events) => this.#append(events),
      standingChunks: (run, endOffset) => standingChunks(log, topic, run, endOffset),
      billedBefore: (run) => billedBefore(this.#runs.get(keyOf(run.stream, run.id)), run.attempt),
      onMoved: (attempt, siblingId) => this.#onMoved(attempt, siblingId),
      onNews: (attempt, how) => this.#onNews(attempt, how),
    };
  }

  /** The environment that works on `runId`. */
  environmentOf(runId: string): StartedInvocation['environment'] | undefined {
    for (const { attempt } of this.#runs.values()) if (attempt?.runId === runId) return attempt.environment;
    return undefined;
  }

  /** Runs of a function that wait beside those in the queue of its invoker. */
  backlogCount(functionName: string): number {
    return this.#starters.get(functionName)?.backlogCount ?? 0;
  }

  /** Which runs may be started here has changed: those that wait give up their place or get one. */
  sharesChanged(): void {
    const { logger, mayStart } = this.#options;
    if (this.#isClosed) return;
    const entries = [...this.#runs.values()].sort((a, b) => a.run.requestedMs - b.run.requestedMs);
    for (const entry of entries) {
      const { run } = entry;
      if (entry.waiting !== undefined && !this.#isWanted(entry)) giveUpPlace(entry);
      const last = run.attempts.at(-1);
      if (last !== undefined && this.#isDead(last.owner) && mayStart(run)) killOrphan(last.environment, logger);
    }
    for (const entry of entries) this.#consider(entry);
  }

  /** Whether a record that begins or ends a run of a partition is on its way, or was not read back yet. */
  isUnsettled(functionName: string | undefined, partition: number): boolean {
    const isMeant = meaning(functionName, partition);
    for (const { attempt } of this.#moved.values()) if (isMeant(attempt.run)) return true;
    for (const { run, attempt, isEnding } of this.#runs.values())
      if (isMeant(run) && (isEnding || attempt?.isClaiming === true)) return true;
    return false;
  }

  /** Whether a run of a partition that was begun here has not ended. */
  isAtWork(functionName: string | undefined, partition: number): boolean {
    if (this.isUnsettled(functionName, partition)) return true;
    const isMeant = meaning(functionName, partition);
    for (const { run, attempt } of this.#runs.values())
      if (isMeant(run) && (attempt !== undefined || this.#isBegunHere(run))) return true;
    return false;
  }

  /** Runs of a conversation that had not ended when the checkpoint was written. */
  found(conversation: Conversation): void {
    for (const id of conversation.liveRunIds) {
      const run = conversation.runs.get(id);
      if (run === undefined) continue;
      this.#runs.set(keyOf(run.stream, run.id), runEntry(conversation, run, undefined));
      this.#tickLater();
    }
  }

  /** The log has another history: nothing of what was known holds. */
  startOver(): void {
    for (const entry of this.#runs.values()) {
      giveUpPlace(entry);
      entry.attempt?.lost();
    }
    this.#runs.clear();
    this.#moved.clear();
  }

  /** Starts nothing more, and hands over what runs: what functions have written so far is appended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tickTimer?.cancel();
    for (const entry of this.#runs.values()) giveUpPlace(entry);
    await Promise.all([...this.#runs.values()].map(async ({ attempt }) => attempt?.handOver()));
  }

  // What the log says.

  onEvent(event: PlacedEvent, { conversation, change }: { conversation: Conversation; change: Change }): void {
    if (!isRunEvent(event)) return;
    const run = conversation.runs.get(event.run);
    if (run === undefined) return;
    this.#onRunEvent(event, conversation, run, change.verdict === 'counts');
    this.#options.onNoted(run);
  }

  #onRunEvent(event: RunEvent, conversation: Conversation, run: Run, isCounted: boolean): void {
    const key = keyOf(event.stream, event.run);
    let entry = this.#runs.get(key);
    if (entry === undefined && run.phase !== 'ended') {
      entry = runEntry(conversation, run, this.#moved.get(key)?.attempt);
      this.#runs.set(key, entry);
      this.#tickLater();
    }
    if (event.type === 'run-ended') return this.#onRunEnded(event, key, entry, isCounted);
    if (entry === undefined) return;
    const { attempt } = entry;
    if (attempt !== undefined) this.#tellAttempt(attempt, event, run, isCounted);
    // Somebody else may own a run that waits by now.
    if (entry.waiting !== undefined && !this.#isWanted(entry)) giveUpPlace(entry);
    this.#consider(entry);
  }

  #tellAttempt(attempt: RunAttempt, event: RunEvent, run: Run, isCounted: boolean): void {
    const { owner, logger } = this.#options;
    if (event.type === 'attempt-started') {
      const isOurs = event.id === attempt.claimId;
      if (isOurs) this.#moved.delete(keyOf(event.stream, event.run));
      if (isOurs && isCounted) attempt.won(run, event.at.offset);
      else if (isOurs || isCounted) attempt.lost();
    } else if (event.type === 'chunk') {
      if (isCounted || event.actor !== owner || event.attempt !== attempt.number) return;
      // Somebody wrote chunks in our name. What readers have is what counts; the next attempt carries on from that.
      logger.error({ run: run.id, attempt: event.attempt }, 'a chunk of ours does not count: attempt given up');
      attempt.broken();
    } else if (event.type === 'stop-requested' && isCounted) attempt.stop();
  }

  #onRunEnded(event: RunEndedEvent, key: string, entry: RunEntry | undefined, isCounted: boolean): void {
    const siblingId = event.payload.supersededBy;
    if (!isCounted && event.actor === this.#options.owner && siblingId !== undefined) {
      const moved = this.#moved.get(keyOf(event.stream, siblingId));
      moved?.attempt.supersedeRejected(moved.formerRunId);
    }
    if (entry?.run.phase !== 'ended') return;
    giveUpPlace(entry);
    entry.attempt?.lost();
    this.#runs.delete(key);
  }

  // What is to be done.

  /** Decides what is to be done about a run that nothing is being done about. */
  #consider(entry: RunEntry): void {
    const { run } = entry;
    if (entry.attempt !== undefined || entry.isEnding || run.phase === 'ended' || this.#isClosed) return;
    const { areOthersDead, clock, mayStart } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs < entry.notBeforeMs || !(mayStart(run) || this.#isBegunHere(run))) return;
    const starter = this.#starters.get(run.function);
    if (starter === undefined) {
      // Another supervisor may know it, unless there is none.
      if (areOthersDead) this.#end(entry, failed('UNKNOWN_FUNCTION', `no function ${JSON.stringify(run.function)}`));
      return;
    }
    if (run.phase === 'running' && !mayTakeOver(run, this.#isDead(run.owner), nowMs)) return;
    if (run.isStopRequested) return this.#end(entry, { outcome: 'stopped' });
    if (entry.waiting === undefined) this.#enqueue(starter, entry);
  }

  #enqueue(starter: RunStarter, entry: RunEntry): void {
    const { run } = entry;
    const tries = triesBefore(entry.conversation, run) + run.attempt;
    if (tries >= starter.config.attemptsMax) {
      return this.#end(entry, failed('RUN_ABANDONED', `the run was tried ${tries} times`));
    }
    starter.enqueue(entry, run.phase === 'running');
  }

  #begin(host: AttemptHost, entry: RunEntry, invocation: StartedInvocation, stop: AbortController): RunAttempt {
    const { conversation, run } = entry;
    entry.attempt = new RunAttempt(host, run, triesBefore(conversation, run), invocation, stop);
    return entry.attempt;
  }

  #onNotStarted(entry: RunEntry, error: InvocationError): void {
    // A full queue, or functions that are stopping: the run stays on the log and is looked at again.
    if (error.isRetriable) this.#postpone(entry);
    else this.#end(entry, notStarted(error));
  }

  /** Whether a run that waits is still to be started: somebody else may own it or have ended it by now. */
  #isWanted(entry: RunEntry): boolean {
    const { run } = entry;
    const { clock, mayStart } = this.#options;
    if (entry.attempt !== undefined || entry.isEnding || run.phase === 'ended') return false;
    // Our own attempt that died needs no lease to run out.
    if (this.#isBegunHere(run)) return true;
    return mayStart(run) && (run.phase === 'waiting' || mayTakeOver(run, this.#isDead(run.owner), clock.nowMs()));
  }

  #isBegunHere({ phase, owner }: Run): boolean {
    return phase === 'running' && owner === this.#options.owner;
  }

  #isDead(runOwner: string | undefined): boolean {
    const { owner, areOthersDead, ownerPrefix } = this.#options;
    if (runOwner === undefined || runOwner === owner) return false;
    return areOthersDead || (ownerPrefix !== undefined && runOwner.startsWith(ownerPrefix));
  }

  /** Ends a run that no attempt of ours is working on. */
  #end(entry: RunEntry, outcome: Outcome): void {
    const { owner, clock, logger } = this.#options;
    const { run } = entry;
    entry.isEnding = true;
    giveUpPlace(entry);
    const startedMs = run.attempts[0]?.startedMs;
    const payload: PayloadOf<'run-ended'> = {
      ...outcome,
      ...(startedMs === undefined ? {} : { durationMs: Math.max(0, clock.nowMs() - startedMs) }),
      billedMs: billedBefore(entry, run.attempt + 1),
    };
    const id = this.#options.newId();
    const event = { type: 'run-ended', id, stream: run.stream, run: run.id, attempt: run.attempt };
    this.#append([{ ...event, actor: owner, payload }]).catch((error: unknown) => {
      const { code, message } = ThroughlineError.from(error);
      logger.error({ run: run.id, code, reason: message }, 'the end of a run was rejected by the log');
      this.#postpone(entry);
    });
  }

  // What attempts tell.

  #onNews(attempt: RunAttempt, how: AttemptNews): void {
    const entry = this.#runs.get(keyOf(attempt.run.stream, attempt.runId));
    if (entry?.attempt === attempt) entry.billedMs.set(attempt.number, attempt.billedMs());
    // An attempt that has ended its run stays in its place until that has been read back.
    if (how === 'ended') return;
    this.#release(attempt);
    if (how !== 'retry' || entry === undefined || entry.isEnding || this.#isClosed) return;
    const starter = this.#starters.get(entry.run.function);
    if (starter === undefined) return;
    entry.notBeforeMs = 0;
    entry.deaths++;
    this.#enqueue(starter, entry);
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

  /** Nobody works on the attempt's run any more; what is to become of it is decided at the next tick. */
  #release(attempt: RunAttempt): void {
    const { stream } = attempt.run;
    const key = keyOf(stream, attempt.runId);
    const entry = this.#runs.get(key);
    const moved = this.#moved.get(key);
    this.#moved.delete(key);
    if (entry?.attempt === attempt) this.#postpone(entry);
    // The move to a sibling was rejected: the former run is open again.
    const former = moved === undefined ? undefined : this.#runs.get(keyOf(stream, moved.formerRunId));
    if (former !== undefined) this.#postpone(former);
  }

  #postpone(entry: RunEntry): void {
    entry.attempt = undefined;
    entry.isEnding = false;
    entry.notBeforeMs = this.#options.clock.nowMs() + retryDelayMs;
    this.#options.onNoted(entry.run);
  }

  /** A record that cannot be made is an append that fails, also where a timer appends. */
  async #append(events: readonly RawEvent[]): Promise<unknown> {
    return this.#options.log.append(this.#options.topic, events.map(toRecord));
  }

  /** Renews our leases and looks for runs that nobody works on any more. Nothing ticks while no run is open. */
  #tickLater(): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    const leases = [...this.#starters.values()].map(({ config }) => config.leaseMs);
    this.#tickTimer ??= clock.after(leaseTickMs(Math.min(functionDefaults.leaseMs, ...leases)), () => {
      this.#tickTimer = undefined;
      for (const entry of this.#runs.values()) this.#look(entry, clock.nowMs());
      if (this.#runs.size > 0) this.#tickLater();
    });
  }

  #look(entry: RunEntry, nowMs: number): void {
    const { attempt, run } = entry;
    if (attempt === undefined) {
      this.#consider(entry);
    } else if (attempt.isOwning && isRenewalDue(attempt.lastAppendMs, run.leaseMs, nowMs)) {
      attempt.renewLease().catch((error: unknown) => {
        const { code, message } = ThroughlineError.from(error);
        this.#options.logger.warn({ run: run.id, code, reason: message }, 'lease was not renewed');
      });
    }
  }
}

function isRunEvent(event: PlacedEvent): event is RunEvent {
  return 'run' in event && event.run !== undefined;
}

/** Whether a run is one of a function, or of any, in a partition. */
function meaning(functionName: string | undefined, partition: number): (run: Run) => boolean {
  return (run) => run.partition === partition && (functionName === undefined || run.function === functionName);
}

/** It no longer waits for an environment. */
function giveUpPlace(entry: RunEntry): void {
  const { waiting } = entry;
  entry.waiting = undefined;
  waiting?.abort();
}
