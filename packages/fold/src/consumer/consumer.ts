// The one loop over a topic. Folds, the supervisor of functions, the live tail of a gateway and whoever follows records
// over HTTP are small uses of it.
//
//   follow ─► gather ─► hand on ─► checkpoint ─► follow …
//     ▲                    │
//     ├── wait, longer each time ◄── an error that may pass
//     ├── look for the topic ◄────── it was deleted
//     └── restart: its user says where to go on, or stands still with the reason ◄── another history (history-break.ts)
//
// It hands on record by record or batch by batch (hand-on.ts); a checkpoint may follow at a distance (late-checkpoint.ts).
//
// Beside the tail it looks at the topic now and then: partitions that were added are read from their first record, a topic
// that was deleted or made again is noticed also where the tail hears nothing of it. The phases are in phases.ts.
// docs/internals/consumer.md is the page, docs/decisions/0036-one-consumer.md the reasons.
import { delayOrAbort, silentLogger, systemClock, ThroughlineError, type Clock, type Logger } from '@throughline/event';
import type { Damage, Log, TopicDescription } from '@throughline/log';
import { defaults } from '../defaults.ts';
import { allPartitions, type Assignment } from './assignment.ts';
import { openWindow, type Window } from './gather.ts';
import { handOnBatches, handOnEach, notTaken, type Following, type HandOn } from './hand-on.ts';
import { breakIn, changed, endsHistory, remade, type HistoryBreak } from './history-break.ts';
import { LateCheckpoint } from './late-checkpoint.ts';
import { MetDamage } from './met-damage.ts';
import { failureOf, move, problemOf, retryAfterMs } from './phases.ts';
import type { ConsumerPhase, Failure, PhaseEvent } from './phases.ts';
import { Progress, type StartPosition } from './progress.ts';
import { changedPartition, watchTopic } from './topic-watch.ts';
import { Waiters, type Targets } from './waiters.ts';

export interface ConsumerOptions {
  readonly log: Log;
  readonly topic: string;
  /** Names it in log lines and errors. */
  readonly name: string;
  readonly handOn: HandOn;
  /**
   * Answers a break in the history: says where to go on, once whatever came from the old one is dealt with; or throws the
   * reason to stand still with.
   */
  readonly onBreak: (broken: HistoryBreak, description: TopicDescription) => StartPosition | Promise<StartPosition>;
  /** Called before the first record of partitions that were added. */
  readonly onGrown?: (description: TopicDescription) => void;
  /** Called with each step from phase to phase. */
  readonly onPhase?: (on: PhaseEvent, phase: ConsumerPhase, from: ConsumerPhase) => void;
  /** Called for each range that the log cannot read, before the consumer goes on behind it. It is logged and counted as well. */
  readonly onDamage?: (damage: Damage) => void;
  readonly assignment?: Assignment | undefined;
  /** Called when partitions are ours no more, before others have them: work that they have led to comes to its end. */
  readonly onReleased?: (partitions: readonly number[]) => Promise<void>;
  /** Whether every error is tried again, and not only those that say that they may pass: nothing but the log can fail. */
  readonly retriesAll?: boolean;
  /** Milliseconds before the first try again; doubled each time. */
  readonly retryMsMin?: number;
  readonly topicCheckMs?: number | undefined;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

interface Request {
  readonly resolve: () => void;
  readonly reject: (error: ThroughlineError) => void;
}

export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #assignment: Assignment;
  readonly #checkpoint: LateCheckpoint | undefined;
  readonly #progress = new Progress();
  readonly #waiters = new Waiters();
  #phase: ConsumerPhase = { name: 'catching-up', failure: undefined };
  #topicId = '';
  /** Counts the histories: one more with each that does not go on from the last. */
  #history = 0;
  #partitions: readonly number[] = [];
  /** The ends of the partitions that have to be reached to be live. */
  #liveTargets: readonly bigint[] = [];
  /** A break that was noticed and is not answered yet: nothing is read until it is. */
  #broken: HistoryBreak | undefined;
  readonly #requests: Request[] = [];
  #skippedRecords = 0;
  #damagedRecords = 0;
  #isClosing = false;
  /** Ends the tail or the wait under way. */
  #interrupt = new AbortController();
  /** Why the tail was left that could have gone on, where that is a failure. */
  #leftBecause: ThroughlineError | undefined;
  #closeWindow: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  /** Resolves when it has stopped: with the error that stopped it, or undefined after `close`. */
  stopped: Promise<ThroughlineError | undefined> = Promise.resolve(undefined);
  #resolveStopped: (error: ThroughlineError | undefined) => void = () => {};

  constructor(options: ConsumerOptions) {
    const { name, handOn, assignment = allPartitions, clock = systemClock, logger = silentLogger } = options;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#assignment = assignment;
    if (handOn.kind === 'each' && handOn.checkpoint !== undefined)
      this.#checkpoint = new LateCheckpoint(handOn.checkpoint, name, clock, logger);
  }

  /** Begins to read. `broken`: what is known already to be a break is answered first. */
  start(description: TopicDescription, from: StartPosition, broken?: HistoryBreak): void {
    this.#broken = broken;
    this.#begin(description, from);
    this.#launch();
  }

  get phase(): ConsumerPhase {
    return this.#phase;
  }

  /** Why it does not read at the moment; undefined while it does. */
  get problem(): ThroughlineError | undefined {
    return problemOf(this.#phase);
  }

  /** Index = partition: the next offset to hand on. */
  get positions(): readonly bigint[] {
    return this.#progress.positions;
  }

  /** Where it stands, as `start` takes it: a copy. */
  place(): Required<StartPosition> {
    return {
      offsets: [...this.#progress.positions],
      marks: this.#progress.marks(),
      lastEpochs: [...this.#progress.lastEpochs],
    };
  }

  /** Records between the positions (or the first record that is kept) and the ends last seen. */
  get lagRecords(): number {
    return this.#progress.lagRecords(this.#partitions);
  }

  /** Records that `each` was not given or did not take as valid events, since the start. */
  get skippedRecords(): number {
    return this.#skippedRecords;
  }

  /** Offsets that `each` was not given because the log could not read them, since the start. */
  get damagedRecords(): number {
    return this.#damagedRecords;
  }

  /**
   * Resolves once everything has been handed on that the topic had at the time of the call.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC; the error that stopped the consumer; CLOSED
   */
  async caughtUp(): Promise<void> {
    for (;;) {
      if (this.#isClosing) throw this.#reason();
      const description = await this.#describe();
      if (this.#phase.name === 'live' || this.#phase.name === 'catching-up') this.#look(description);
      try {
        return await this.reached(description.partitions.map(({ highWatermark }) => highWatermark));
      } catch (error) {
        // Another history has begun, and what was to be reached was of the old one.
        if (!ThroughlineError.is(error, 'FOLD_LOG_CHANGED') || this.#phase.name === 'stopped') throw error;
      }
    }
  }

  /**
   * Resolves once the targets have been handed on.
   *
   * @throws ThroughlineError FOLD_LOG_CHANGED when their history has ended; what stopped the consumer; CLOSED; the reason
   *   of `signal`
   */
  async reached(targets: Targets, signal?: AbortSignal): Promise<void> {
    if (this.#hasReached(targets)) return;
    if (this.#phase.name === 'stopped' || this.#isClosing) throw this.#reason();
    // While the topic is away or was made again, what somebody waits for can only be of the history that comes.
    const isOfNext = this.#phase.name === 'absent' || endsHistory(this.#broken);
    const waiting = this.#waiters.wait(targets, this.#history + (isOfNext ? 1 : 0), signal);
    this.#closeWindow();
    await waiting;
  }

  /**
   * Asks its user to begin again (`onBreak` with kind `asked`); it also starts a consumer that an error has stopped.
   *
   * @throws ThroughlineError what `onBreak` throws: a consumer that was at work goes on as before
   */
  async restart(): Promise<void> {
    if (this.#isClosing) throw this.#reason();
    await new Promise<void>((resolve, reject) => {
      this.#requests.push({ resolve, reject });
      if (this.#phase.name === 'stopped') {
        this.#broken = { kind: 'asked', error: this.#reason() };
        this.#launch();
      } else {
        this.#broken ??= { kind: 'asked', error: undefined };
        this.#interrupt.abort();
      }
    });
  }

  /** Reads no more; what has been read is still handed on. `close` follows. */
  stop(): void {
    this.#isClosing = true;
    this.#interrupt.abort();
  }

  /** Stops after what is being handed on, and writes the last checkpoint. */
  async close(): Promise<void> {
    this.stop();
    await this.#running;
    await this.#checkpoint?.close();
  }

  #launch(): void {
    const { promise, resolve } = Promise.withResolvers<ThroughlineError | undefined>();
    this.stopped = promise;
    this.#resolveStopped = resolve;
    this.#updatePhase();
    this.#running = this.#run();
  }

  #begin(description: TopicDescription, from: StartPosition): void {
    this.#topicId = description.topicId;
    this.#progress.begin(from, description);
    this.#partitions = this.#assignment.partitions(description.partitions.length);
    this.#liveTargets = [...this.#progress.ends];
  }

  async #run(): Promise<void> {
    const stopListening = this.#assignment.onChange(() => this.#leave());
    let reason: ThroughlineError | undefined;
    try {
      while (!this.#isClosing) {
        this.#interrupt = new AbortController();
        this.#leftBecause = undefined;
        try {
          if (this.#phase.name === 'absent' && this.#requests.length === 0) await this.#lookFor(this.#phase.failure);
          else if (this.#broken !== undefined) await this.#answer(this.#broken);
          else await this.#follow();
        } catch (thrown) {
          await this.#failed(ThroughlineError.from(thrown));
        }
      }
    } catch (thrown) {
      reason = ThroughlineError.from(thrown);
      const { name, topic } = this.#options;
      this.#logger.error({ consumer: name, topic, ...reason.toJSON() }, 'a consumer has stopped');
    }
    stopListening();
    this.#move('stopped', { name: 'stopped', reason });
    this.#waiters.reject(this.#reason());
    for (const request of this.#requests.splice(0)) request.reject(this.#reason());
    this.#resolveStopped(reason);
  }

  async #follow(): Promise<void> {
    const { log, topic, name, handOn, onDamage, topicCheckMs = defaults.topicCheckMs } = this.#options;
    const interrupt = this.#interrupt;
    // A log without news sends no record that could say that it can be read again.
    if (failureOf(this.#phase) !== undefined && !(await this.#lookAgain())) return;
    await this.#assign();
    this.#updatePhase();
    const damage = new MetDamage(name, this.#logger);
    const steps = log.tail({
      topic,
      // The log says by itself whether it still has what was read: an unclean election may have taken it in between.
      from: { offsets: [...this.positions], lastEpochs: [...this.#progress.lastEpochs] },
      partitions: this.#partitions,
      signal: interrupt.signal,
      onDamage: (met) => {
        damage.meet(met);
        onDamage?.(met);
      },
    });
    const stopWatching = watchTopic({
      log,
      topic,
      everyMs: topicCheckMs,
      clock: this.#clock,
      onLook: (description) => void this.#look(description),
      onRemoved: (error) => this.#leave(error),
    });
    const following = this.#following(damage, interrupt);
    try {
      if (handOn.kind === 'each') await handOnEach(steps, handOn, following);
      else await handOnBatches(steps, handOn, following);
    } finally {
      stopWatching();
    }
    if (this.#leftBecause !== undefined) throw this.#leftBecause;
    // The topic cannot have ended by itself but with the log.
    if (!interrupt.signal.aborted) throw new ThroughlineError('CLOSED', 'the log is closed');
  }

  /** Takes over what is assigned now; what is not ours any more is at its end, for nothing is being handed on. */
  async #assign(): Promise<void> {
    const before = this.#partitions;
    const now = this.#assignment.partitions(this.positions.length);
    this.#partitions = now;
    const gone = before.filter((partition) => !now.includes(partition));
    if (gone.length > 0) {
      await this.#options.onReleased?.(gone);
      await this.#checkpoint?.save();
    }
    this.#assignment.settled?.(now);
    this.#assignment.advanced?.(this.#progress.positions, this.#progress.lastEpochs);
  }

  #following(damage: MetDamage, interrupt: AbortController): Following {
    const { name, topic, handOn } = this.#options;
    return {
      progress: this.#progress,
      damage,
      checkpoint: this.#checkpoint,
      interrupt,
      isCatchingUp: () => this.#phase.name === 'catching-up',
      onAdvance: (damagedRecords) => {
        this.#damagedRecords += damagedRecords;
        this.#assignment.advanced?.(this.#progress.positions, this.#progress.lastEpochs);
        this.#advanced();
      },
      onNotTaken: ({ partition, offset }, thrown) => {
        this.#skippedRecords++;
        const { level, reason, message } = notTaken(thrown);
        this.#logger[level]({ consumer: name, topic, partition, offset: String(offset), reason }, message);
      },
      openWindow: () => this.#openWindow(handOn.kind === 'batch' ? handOn.windowMs : 0),
    };
  }

  /** Records wait for others, but not while somebody waits for them. */
  #openWindow(windowMs: number): Window | undefined {
    if (windowMs <= 0 || this.#waiters.size > 0) return undefined;
    const window = openWindow(this.#clock, windowMs);
    this.#closeWindow = window.close;
    return window;
  }

  #describe(): Promise<TopicDescription> {
    return this.#options.log.admin.describeTopic(this.#options.topic);
  }

  /** Takes in what the topic is now; false when what was read is no beginning of it. */
  #look(description: TopicDescription): boolean {
    if (description.topicId !== this.#topicId) {
      this.#breakWith(remade(this.#options.name, this.#topicId, description));
      return false;
    }
    if (this.#progress.look(description)) {
      this.#options.onGrown?.(description);
      const partitionCount = description.partitions.length;
      this.#logger.info({ consumer: this.#options.name, partitionCount }, 'the topic has more partitions');
      this.#leave();
    }
    return true;
  }

  /** After a failure: the log may have come back with another topic, or with another history of this one. */
  async #lookAgain(): Promise<boolean> {
    const { log, topic, name } = this.#options;
    const description = await this.#describe();
    if (!this.#look(description)) return false;
    const partition = await changedPartition(log, description, this.#progress.marks());
    if (partition !== undefined) {
      this.#breakWith(changed(name, topic, partition));
      return false;
    }
    this.#liveTargets = [...this.#progress.ends];
    return true;
  }

  /** The topic is not there: is it there again, and which is it? */
  async #lookFor(failure: Failure): Promise<void> {
    const { signal } = this.#interrupt;
    if (failure.tryCount > 1) await delayOrAbort(this.#clock, defaults.absentCheckMs, signal);
    if (signal.aborted) return;
    this.#look(await this.#describe());
    if (this.#broken !== undefined) await this.#answer(this.#broken);
    else this.#move('found', { name: 'catching-up', failure });
  }

  /** Leaves the tail under way, to follow anew or to meet `because`. */
  #leave(because?: ThroughlineError): void {
    this.#leftBecause ??= because;
    this.#interrupt.abort();
  }

  #breakWith(broken: HistoryBreak): void {
    this.#broken = broken;
    this.#interrupt.abort();
  }

  async #answer(broken: HistoryBreak): Promise<void> {
    const { name, topic, onBreak } = this.#options;
    // A topic that was away is no failed try of the restart.
    const failure = this.#phase.name === 'absent' ? undefined : failureOf(this.#phase);
    this.#move('broken', { name: 'restarting', cause: broken, failure });
    const requests = this.#requests.splice(0);
    if (broken.kind !== 'asked' && broken.error !== undefined)
      this.#logger.warn({ consumer: name, topic, ...broken.error.toJSON() }, 'the history of a topic has changed');
    try {
      const description = await this.#describe();
      const from = await onBreak(broken, description);
      // Another break may have been noticed meanwhile.
      if (this.#broken === broken) this.#broken = undefined;
      if (endsHistory(broken)) this.#waiters.reject(broken.error, ++this.#history);
      this.#begin(description, from);
    } catch (thrown) {
      const error = ThroughlineError.from(thrown);
      for (const request of requests) request.reject(error);
      // What there was is whole and in place: where it may be carried on, it is.
      if (broken.error !== undefined || error.code === 'FOLD_FENCED') throw error;
      if (this.#broken === broken) this.#broken = undefined;
    }
    this.#move('restarted', { name: 'catching-up', failure: undefined });
    this.#advanced();
    for (const request of requests) request.resolve();
  }

  /**
   * Waits before the next try, which begins where the last hand-on ended: what failed has left nothing behind.
   *
   * @throws ThroughlineError `error` itself when the same can never succeed
   */
  async #failed(error: ThroughlineError): Promise<void> {
    const { name, topic, retriesAll = false } = this.#options;
    if (this.#isClosing && (error.retriable || error.code === 'CLOSED' || retriesAll)) return;
    const tryCount = (failureOf(this.#phase)?.tryCount ?? 0) + 1;
    const failure = { error, tryCount };
    if (error.code === 'UNKNOWN_TOPIC') return this.#isAbsent(failure);
    const broken = breakIn(name, error, this.positions);
    if (broken !== undefined && this.#phase.name !== 'restarting') return this.#breakWith(broken);
    if (error.code === 'CLOSED' || !(error.retriable || retriesAll)) throw error;
    this.#move('failed', { name: 'waiting', failure });
    const waitMs = retryAfterMs(tryCount, this.#options.retryMsMin);
    const fields = { consumer: name, topic, ...error.toJSON(), retryAfterMs: waitMs };
    this.#logger.error(fields, 'a consumer failed; trying again');
    // What failed may have ended its tail: a replay or the close during the wait is to end that.
    if (this.#interrupt.signal.aborted && !this.#isClosing && this.#requests.length === 0)
      this.#interrupt = new AbortController();
    await delayOrAbort(this.#clock, waitMs, this.#interrupt.signal);
    if (!this.#isClosing && this.#broken === undefined) this.#move('retried', { name: 'catching-up', failure });
  }

  #isAbsent(failure: Failure): void {
    const { name, topic } = this.#options;
    if (this.#phase.name === 'absent') {
      this.#phase = { name: 'absent', failure };
      return;
    }
    this.#move('removed', { name: 'absent', failure });
    this.#logger.error({ consumer: name, topic, ...failure.error.toJSON() }, 'the topic is gone; looking for it');
  }

  /** Something was handed on: whatever was wrong is over. */
  #advanced(): void {
    if (this.#phase.name === 'catching-up' && this.#phase.failure !== undefined)
      this.#move('progressed', { name: 'catching-up', failure: undefined });
    this.#updatePhase();
    this.#waiters.settle((targets) => this.#hasReached(targets));
  }

  #updatePhase(): void {
    if (this.#phase.name === 'catching-up' && this.#hasReached(this.#liveTargets))
      this.#move('reached', { name: 'live' });
  }

  #hasReached(targets: Targets): boolean {
    if (this.#broken !== undefined || this.#phase.name === 'absent' || this.#phase.name === 'restarting') return false;
    return this.#progress.hasReached(targets, this.#partitions);
  }

  #move(on: PhaseEvent, to: ConsumerPhase): void {
    const from = this.#phase;
    this.#phase = move(from, on, to);
    this.#options.onPhase?.(on, to, from);
  }

  #reason(): ThroughlineError {
    const reason = this.#isClosing ? undefined : this.problem;
    return reason ?? new ThroughlineError('CLOSED', `${this.#options.name} is closed`);
  }
}
