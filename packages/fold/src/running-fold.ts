// A fold at work: the loop that starts, follows, commits, replays and stops.
//
//   describe topic ─► open store ─► may this state be carried on? (identity.ts) ─► claim it (fencing epoch + 1)
//        └─► tail from the stored offsets ─► gather ─► one transaction ─► tail …
//                    ▲                                     │
//                    └── wait, longer each time ◄── an error that may pass (a full disk)
//
// The loop is the only one that touches the store; `replay` and `close` interrupt its tail and wait for it.
import { delay, silentLogger, systemClock, ThroughlineError, type Clock, type Logger } from '@throughline/event';
import type { TopicDescription } from '@throughline/log';
import { defaults } from './defaults.ts';
import type { Fold, FoldOptions, FoldStatus } from './fold.ts';
import { gather, openWindow, type Slice, type Window } from './gather.ts';
import { claimState } from './claim.ts';
import { explain } from './identity.ts';
import { MetDamage } from './met-damage.ts';
import { markOf } from './record-mark.ts';
import { reduceRecords, type Skip } from './reduce-records.ts';
import { foldFromStart, nextTurn } from './replay.ts';
import type { Checkpoint } from './store.ts';

interface ReplayRequest {
  readonly resolve: () => void;
  readonly reject: (error: ThroughlineError) => void;
}
type Waiter = ReplayRequest & { readonly targets: readonly bigint[] };

export class RunningFold<State> implements Fold {
  readonly #options: FoldOptions<State>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #commitRecordsMax: number;
  /** As stored. Undefined before the first claim of a fresh store. */
  #checkpoint: Checkpoint | undefined;
  #highWatermarks: bigint[] = [];
  /** The high watermarks that the fold has to reach to be live. */
  #liveTargets: readonly bigint[] = [];
  #phase: FoldStatus['phase'] = 'catching-up';
  #lastError: ThroughlineError | undefined;
  /** How long the next wait before another try is; 0 while all goes well. */
  #retryDelayMs = 0;
  /** What the tail under way has passed and no transaction has counted yet. */
  #damage: MetDamage;
  #isClosing = false;
  /** Aborts the tail under way: for a replay or the close. */
  #interrupt = new AbortController();
  /** Why the present state may not be carried on: nothing but a replay can follow. */
  #mustReplay: ThroughlineError | undefined;
  readonly #replayRequests: ReplayRequest[] = [];
  readonly #waiters = new Set<Waiter>();
  /** Ends the wait of the records that are gathered. */
  #closeWindow: () => void = () => {};
  #running: Promise<void> = Promise.resolve();
  stopped: Promise<ThroughlineError | undefined> = Promise.resolve(undefined);
  #resolveStopped: (error: ThroughlineError | undefined) => void = () => {};

  constructor(options: FoldOptions<State>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#damage = new MetDamage(options.name, this.#logger);
    this.#commitRecordsMax = options.commitRecordsMax ?? defaults.commitRecordsMax;
    if (!Number.isSafeInteger(this.#commitRecordsMax) || this.#commitRecordsMax < 1)
      throw new ThroughlineError('INVALID_ARGUMENT', 'commitRecordsMax is a whole number of at least 1');
  }

  async start(): Promise<void> {
    const { log, topic } = this.#options;
    const description = await log.admin.describeTopic(topic);
    const { claimed, refusal } = await claimState(this.#options, description);
    this.#mustReplay = refusal;
    this.#checkpoint = claimed;
    this.#sight(description);
    this.#begin();
  }

  status(): FoldStatus {
    const { name, topic } = this.#options;
    const offsets = this.#checkpoint?.offsets ?? [];
    let lag = 0n;
    for (const [partition, end] of this.#highWatermarks.entries()) {
      const offset = offsets[partition] ?? 0n;
      if (end > offset) lag += end - offset;
    }
    return {
      name,
      topic,
      phase: this.#phase,
      offsets,
      lagRecords: Number(lag),
      skippedRecords: this.#checkpoint?.skippedRecords ?? 0,
      damagedRecords: this.#checkpoint?.damagedRecords ?? 0,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError.toJSON() }),
    };
  }

  async caughtUp(): Promise<void> {
    const { log, topic } = this.#options;
    const description = await log.admin.describeTopic(topic);
    const targets = description.partitions.map((found) => found.highWatermark);
    await new Promise<void>((resolve, reject) => {
      if (this.#hasReached(targets)) return resolve();
      if (this.#phase === 'stopped') return reject(this.#reason());
      this.#waiters.add({ targets, resolve, reject });
      this.#closeWindow();
    });
  }

  async replay(): Promise<void> {
    if (this.#isClosing) throw this.#closed();
    if (ThroughlineError.is(this.#lastError, 'FOLD_FENCED')) throw this.#lastError;
    await new Promise<void>((resolve, reject) => {
      this.#replayRequests.push({ resolve, reject });
      this.#interrupt.abort();
      if (this.#phase !== 'stopped') return;
      this.#mustReplay = this.#reason();
      this.#begin();
    });
  }

  async close(): Promise<void> {
    const isFirst = !this.#isClosing;
    this.#isClosing = true;
    this.#interrupt.abort();
    await this.#running;
    if (isFirst) await this.#options.store.close();
  }

  #begin(): void {
    const { promise, resolve } = Promise.withResolvers<ThroughlineError | undefined>();
    this.stopped = promise;
    this.#resolveStopped = resolve;
    this.#phase = 'catching-up';
    this.#updatePhase();
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    let error: ThroughlineError | undefined;
    try {
      while (!this.#isClosing) {
        this.#interrupt = new AbortController();
        try {
          if (this.#mustReplay !== undefined || this.#replayRequests.length > 0) await this.#replayNow();
          // The topic cannot have ended by itself but with the log.
          else if (await this.#follow()) throw new ThroughlineError('CLOSED', 'the log is closed');
        } catch (thrown) {
          await this.#waitToRetry(explain(this.#options.name, thrown));
        }
      }
    } catch (thrown) {
      error = explain(this.#options.name, thrown);
      this.#lastError = error;
      const { name, topic } = this.#options;
      this.#logger.error({ fold: name, topic, ...error.toJSON() }, 'fold stopped');
    }
    this.#phase = 'stopped';
    for (const waiting of [...this.#waiters, ...this.#replayRequests.splice(0)]) waiting.reject(this.#reason());
    this.#waiters.clear();
    this.#resolveStopped(error);
  }

  /**
   * Waits before the next try, which begins at the stored checkpoint: what failed has left nothing behind.
   *
   * @throws ThroughlineError `error` itself when the same can never succeed
   */
  async #waitToRetry(error: ThroughlineError): Promise<void> {
    if (!error.retriable || error.code === 'CLOSED') throw error;
    const { name, topic } = this.#options;
    this.#lastError = error;
    this.#phase = 'catching-up';
    const longerMs = Math.max(2 * this.#retryDelayMs, defaults.retryDelayMsMin);
    const retryAfterMs = Math.min(longerMs, defaults.retryDelayMsMax);
    this.#retryDelayMs = retryAfterMs;
    this.#logger.error({ fold: name, topic, ...error.toJSON(), retryAfterMs }, 'fold failed; trying again');
    // The failed transaction may have ended its tail: a replay or the close during the wait is to end that.
    if (this.#interrupt.signal.aborted && !this.#isClosing && this.#replayRequests.length === 0)
      this.#interrupt = new AbortController();
    try {
      await delay(this.#clock, retryAfterMs, this.#interrupt.signal);
    } catch {
      // Interrupted: a replay or the close does not wait, and the loop sees which it is.
    }
  }

  /** Follows the log until it is interrupted; tells whether the tail ended by itself. */
  async #follow(): Promise<boolean> {
    const { log, topic } = this.#options;
    const interrupt = this.#interrupt;
    this.#damage = new MetDamage(this.#options.name, this.#logger);
    // A log without news sends no record whose commit could say that it can be read again.
    if (this.#retryDelayMs > 0) this.#sight(await log.admin.describeTopic(topic));
    if (this.#hasReached(this.#liveTargets)) this.#goesWell();
    const from = { offsets: this.#checkpoint!.offsets };
    const steps = log.tail({ topic, from, signal: interrupt.signal, onDamage: this.#damage.meet });
    const options = { recordsMax: this.#commitRecordsMax, openWindow: () => this.#openWindow() };
    for await (const batch of gather(steps, options)) {
      try {
        await this.#commit(batch);
      } catch (error) {
        // Without this the loop would wait for the tail's next step before it lets the error out.
        interrupt.abort();
        throw error;
      }
      if (interrupt.signal.aborted) break;
      if (this.#phase === 'catching-up') await nextTurn();
    }
    return !interrupt.signal.aborted;
  }

  /** Records wait for others before their commit, but not while somebody waits for them. */
  #openWindow(): Window | undefined {
    const { commitDelayMs = defaults.commitDelayMs } = this.#options;
    if (commitDelayMs <= 0 || this.#waiters.size > 0) return undefined;
    const window = openWindow(this.#clock, commitDelayMs);
    this.#closeWindow = window.close;
    return window;
  }

  async #commit(batch: readonly Slice[]): Promise<void> {
    const { store, name, reduce } = this.#options;
    const expected = this.#checkpoint!;
    const records = batch.length === 1 ? batch[0]!.records : batch.flatMap((slice) => slice.records);
    const offsets = [...expected.offsets];
    const marks = [...expected.marks];
    for (const slice of batch) {
      offsets[slice.partition] = slice.nextOffset;
      const last = slice.records.at(-1);
      if (last !== undefined) marks[slice.partition] = markOf(last);
      this.#highWatermarks[slice.partition] = slice.highWatermark;
    }
    await store.prepare?.(records);
    const skips: Skip[] = [];
    const damagedRecords = expected.damagedRecords + this.#damage.countBelow(offsets);
    let next = expected;
    await store.transaction(expected, (state) => {
      const reduced = reduceRecords(name, reduce, state, records, skips);
      const skippedRecords = expected.skippedRecords + skips.length;
      next = { ...expected, offsets, marks, skippedRecords, damagedRecords };
      return { state: reduced, next };
    });
    this.#damage.counted(offsets);
    this.#committed(next, skips);
  }

  #committed(next: Checkpoint, skips: readonly Skip[]): void {
    this.#checkpoint = next;
    this.#goesWell();
    const { name, onSkipped, onCommitted } = this.#options;
    for (const { record, error } of skips) {
      const { topic, partition } = record;
      const fields = { fold: name, topic, partition, offset: String(record.offset), problem: error.message };
      this.#logger.warn(fields, 'fold skipped a record that is no valid event');
      onSkipped?.(record, error);
    }
    for (const waiter of this.#waiters) {
      if (!this.#hasReached(waiter.targets)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
    onCommitted?.(next.offsets);
  }

  async #replayNow(): Promise<void> {
    const requests = this.#replayRequests.splice(0);
    const { name, topic } = this.#options;
    this.#phase = 'catching-up';
    try {
      const startedMs = this.#clock.monotonicMs();
      this.#logger.info({ fold: name, topic, because: this.#mustReplay?.code ?? 'asked for' }, 'fold replay begins');
      await this.#rebuild();
      for (const request of requests) request.resolve();
      const durationMs = Math.round(this.#clock.monotonicMs() - startedMs);
      this.#logger.info({ fold: name, topic, durationMs }, 'fold replay is done');
    } catch (thrown) {
      const error = explain(this.#options.name, thrown);
      for (const request of requests) request.reject(error);
      // The state before the replay is whole and in place: where it may be carried on, the fold does.
      if (this.#mustReplay !== undefined || error.code === 'FOLD_FENCED') throw error;
      this.#lastError = error;
      this.#logger.error({ fold: name, topic, ...error.toJSON() }, 'fold replay failed');
    }
  }

  async #rebuild(): Promise<void> {
    const { log, topic, name, codeVersion, store, reduce } = this.#options;
    const description = await log.admin.describeTopic(topic);
    const rebuild = await store.rebuild();
    try {
      const damage = new MetDamage(name, this.#logger);
      const { offsets, marks, skips } = await foldFromStart({
        log,
        description,
        rebuild,
        recordsMax: this.#commitRecordsMax,
        reduceAll: (state, records, skips) => reduceRecords(name, reduce, state, records, skips),
        onDamage: damage.meet,
        checkOpen: () => {
          if (this.#isClosing) throw this.#closed();
        },
      });
      const expected = this.#checkpoint!;
      const { topicId } = description;
      const { fencingEpoch } = expected;
      const identity = { name, topic, topicId, codeVersion, fencingEpoch };
      const counts = { skippedRecords: skips.length, damagedRecords: damage.countBelow(offsets) };
      const next = { ...identity, offsets, marks, ...counts };
      await rebuild.swap(expected, next);
      this.#mustReplay = undefined;
      this.#lastError = undefined;
      this.#sight(description);
      this.#committed(next, skips);
    } catch (error) {
      await rebuild.discard();
      throw error;
    }
  }

  #sight(description: TopicDescription): void {
    this.#highWatermarks = description.partitions.map((found) => found.highWatermark);
    this.#liveTargets = this.#highWatermarks.slice();
  }

  /** Ends a time of failures and tries. */
  #goesWell(): void {
    if (this.#retryDelayMs > 0) this.#lastError = undefined;
    this.#retryDelayMs = 0;
    this.#updatePhase();
  }

  #updatePhase(): void {
    if (this.#phase === 'catching-up' && this.#mustReplay === undefined && this.#hasReached(this.#liveTargets))
      this.#phase = 'live';
  }

  #hasReached(targets: readonly bigint[]): boolean {
    if (this.#mustReplay !== undefined || this.#checkpoint === undefined) return false;
    // A partition that was added after the start is seen at the next start.
    return this.#checkpoint.offsets.every((offset, partition) => offset >= (targets[partition] ?? 0n));
  }

  #reason(): ThroughlineError {
    return this.#isClosing ? this.#closed() : (this.#lastError ?? this.#closed());
  }

  #closed(): ThroughlineError {
    return new ThroughlineError('CLOSED', `fold ${this.#options.name} is closed`);
  }
}
