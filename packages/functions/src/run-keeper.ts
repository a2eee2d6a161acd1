// Keeps an eye on every run that has not ended, and sees to it that something is being done about it: a run that waits is
// queued, one whose owner is gone is taken over, one that was stopped or tried too often is ended. What it knows of a run
// it knows from the log, also about its own attempts.
import {
  ThroughlineError,
  toRecord,
  type Clock,
  type Conversation,
  type Logger,
  type PayloadOf,
  type PlacedEvent,
  type RawEvent,
  type Run,
  type Timer,
} from '@throughline/event';
import type { Log } from '@throughline/log';
import type { AttemptEnd, AttemptHost } from './attempt-host.ts';
import type { Folded } from './conversations.ts';
import { functionDefaults, retryDelayMs } from './defaults.ts';
import type { Environment } from './environment.ts';
import type { FunctionRunner } from './function-runner.ts';
import { killOrphan } from './orphans.ts';
import type { RunAttempt } from './run-attempt.ts';
import { failed, type Outcome } from './run-ending.ts';
import { isRenewalDue, leaseTickMs, mayTakeOver } from './run-lease.ts';
import { billedBefore, keyOf, runEntry, triesBefore, type RunEntry } from './run-table.ts';
import { standingChunks } from './standing-chunks.ts';

export interface RunKeeperOptions {
  readonly owner: string;
  readonly log: Log;
  readonly topic: string;
  /** The log is exclusively ours: whoever else owns a run is dead, and a run of an unknown function is an error. */
  readonly areOthersDead: boolean;
  /** Owners whose name begins so are dead as well: incarnations before this one. */
  readonly ownerPrefix: string | undefined;
  readonly functions: ReadonlyMap<string, FunctionRunner>;
  readonly clock: Clock;
  readonly logger: Logger;
  newId(): string;
}

type RunEvent = Extract<PlacedEvent, { run: string }>;
type RunEndedEvent = Extract<PlacedEvent, { type: 'run-ended' }>;

export class RunKeeper {
  readonly #options: RunKeeperOptions;
  readonly #runs = new Map<string, RunEntry>();
  /** Attempts that have moved to a sibling run which has not been read back yet, by that run. */
  readonly #moved = new Map<string, { readonly attempt: RunAttempt; readonly formerRunId: string }>();
  #isLive = false;
  #isClosed = false;
  #tickTimer: Timer | undefined;

  constructor(options: RunKeeperOptions) {
    this.#options = options;
  }

  /** What attempts need of it. */
  readonly host: Omit<AttemptHost, 'attemptsMax' | 'leaseMs' | 'appending' | 'onOver' | 'logger' | 'owner'> = {
    nowMs: () => this.#options.clock.nowMs(),
    newId: () => this.#options.newId(),
    append: (events) => this.#append(events),
    standingChunks: (run, endOffset) => standingChunks(this.#options.log, this.#options.topic, run, endOffset),
    billedBefore: (run) => billedBefore(this.#runs.get(keyOf(run.stream, run.id)), run.attempt),
    onMoved: (attempt, siblingId) => this.#onMoved(attempt, siblingId),
    onEndRefused: (attempt) => this.#release(attempt),
  };

  /** The environment that works on `runId`. */
  environmentOf(runId: string): Environment | undefined {
    for (const { attempt } of this.#runs.values()) if (attempt?.runId === runId) return attempt.environment;
    return undefined;
  }

  /** The log has been read to its end: from here on runs are started. */
  goLive(): void {
    const { owner, logger } = this.#options;
    if (this.#isClosed) return;
    this.#isLive = true;
    const entries = [...this.#runs.values()].sort((a, b) => a.run.requestedMs - b.run.requestedMs);
    for (const { run } of entries) {
      const last = run.attempts.at(-1);
      if (last !== undefined && this.#isDead(last.owner)) killOrphan(last.environment, logger);
    }
    for (const entry of entries) this.#consider(entry);
    logger.info({ owner, openRuns: entries.length }, 'supervisor has read the log');
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

  /** The log has another history: nothing of what was known holds. Runs start again with `goLive`. */
  startOver(): void {
    this.#isLive = false;
    for (const { attempt } of this.#runs.values()) attempt?.fenced();
    this.#runs.clear();
    this.#moved.clear();
  }

  /** Starts nothing more, and hands over what runs: what functions have written so far is appended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tickTimer?.cancel();
    await Promise.all([...this.#runs.values()].map(async ({ attempt }) => attempt?.handOver()));
  }

  // What the log says.

  onEvent(event: PlacedEvent, { conversation, change }: Folded): void {
    if (!isRunEvent(event)) return;
    const run = conversation.runs.get(event.run);
    if (run !== undefined) this.#onRunEvent(event, conversation, run, change.verdict === 'counts');
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
    if (this.#isLive) this.#consider(entry);
  }

  #tellAttempt(attempt: RunAttempt, event: RunEvent, run: Run, isCounted: boolean): void {
    const { owner, logger } = this.#options;
    if (event.type === 'attempt-started') {
      const isOurs = event.id === attempt.claimId;
      if (isOurs) this.#moved.delete(keyOf(event.stream, event.run));
      if (isOurs && isCounted) attempt.won(run, event.at.offset);
      else if (isOurs || isCounted) attempt.fenced();
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
      moved?.attempt.supersedeRefused(moved.formerRunId);
    }
    if (entry?.run.phase !== 'ended') return;
    entry.attempt?.fenced();
    this.#runs.delete(key);
  }

  // What is to be done.

  /** Decides what is to be done about a run that nothing is being done about. */
  #consider(entry: RunEntry): void {
    const { run } = entry;
    if (entry.attempt !== undefined || entry.isEnding || run.phase === 'ended' || this.#isClosed) return;
    const { areOthersDead, functions, clock } = this.#options;
    const nowMs = clock.nowMs();
    if (nowMs < entry.notBeforeMs) return;
    const runner = functions.get(run.function);
    if (runner === undefined) {
      // Another supervisor may know it, unless there is none.
      if (areOthersDead) this.end(entry, failed('UNKNOWN_FUNCTION', `no function ${JSON.stringify(run.function)}`));
      return;
    }
    if (run.phase === 'running' && !mayTakeOver(run, this.#isDead(run.owner), nowMs)) return;
    if (run.isStopRequested) return this.end(entry, { outcome: 'stopped' });
    if (!entry.isQueued) this.#enqueue(runner, entry);
  }

  #enqueue(runner: FunctionRunner, entry: RunEntry): void {
    const { run } = entry;
    const tries = triesBefore(entry.conversation, run) + run.attempt;
    if (tries >= runner.config.attemptsMax) {
      return this.end(entry, failed('RUN_ABANDONED', `the run was tried ${tries} times`));
    }
    runner.enqueue(entry, run.phase === 'running');
  }

  /** Whether a run that was queued is still to be started: somebody else may own it or have ended it by now. */
  isWanted(entry: RunEntry): boolean {
    const { run } = entry;
    const { owner, clock } = this.#options;
    if (!this.#isLive || this.#isClosed) return false;
    if (entry.attempt !== undefined || entry.isEnding || run.phase === 'ended') return false;
    // Our own attempt that died needs no lease to run out.
    return run.phase === 'waiting' || run.owner === owner || mayTakeOver(run, this.#isDead(run.owner), clock.nowMs());
  }

  #isDead(runOwner: string | undefined): boolean {
    const { owner, areOthersDead, ownerPrefix } = this.#options;
    if (runOwner === undefined || runOwner === owner) return false;
    return areOthersDead || (ownerPrefix !== undefined && runOwner.startsWith(ownerPrefix));
  }

  /** Ends a run that no attempt of ours is working on. */
  end(entry: RunEntry, outcome: Outcome): void {
    const { owner, clock, logger } = this.#options;
    const { run } = entry;
    entry.isEnding = true;
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
      logger.error({ run: run.id, code, reason: message }, 'the end of a run was refused by the log');
      this.#postpone(entry);
    });
  }

  // What attempts tell.

  onAttemptOver(runner: FunctionRunner, attempt: RunAttempt, how: AttemptEnd): void {
    const entry = this.#runs.get(keyOf(attempt.run.stream, attempt.runId));
    if (entry?.attempt === attempt) entry.billedMs.set(attempt.number, attempt.billedMs());
    // An attempt that has ended its run stays in its place until that has been read back.
    if (how === 'ended') return;
    this.#release(attempt);
    if (how !== 'retry' || entry === undefined || entry.isEnding || this.#isClosed) return;
    entry.notBeforeMs = 0;
    entry.deaths++;
    this.#enqueue(runner, entry);
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
    // The move to a sibling was refused: the former run is open again.
    const former = moved === undefined ? undefined : this.#runs.get(keyOf(stream, moved.formerRunId));
    if (former !== undefined) this.#postpone(former);
  }

  #postpone(entry: RunEntry): void {
    entry.attempt = undefined;
    entry.isEnding = false;
    entry.notBeforeMs = this.#options.clock.nowMs() + retryDelayMs;
  }

  #append(events: readonly RawEvent[]): Promise<unknown> {
    return this.#options.log.append(this.#options.topic, events.map(toRecord));
  }

  /** Renews our leases and looks for runs that nobody works on any more. Nothing ticks while no run is open. */
  #tickLater(): void {
    if (this.#isClosed) return;
    const { clock, functions } = this.#options;
    const leases = [...functions.values()].map(({ config }) => config.leaseMs);
    this.#tickTimer ??= clock.after(leaseTickMs(Math.min(functionDefaults.leaseMs, ...leases)), () => {
      this.#tickTimer = undefined;
      for (const entry of this.#runs.values()) this.#look(entry, clock.nowMs());
      if (this.#runs.size > 0) this.#tickLater();
    });
  }

  #look(entry: RunEntry, nowMs: number): void {
    const { attempt, run } = entry;
    if (attempt === undefined) {
      if (this.#isLive) this.#consider(entry);
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
