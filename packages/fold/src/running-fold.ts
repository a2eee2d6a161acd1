// A fold at work: a consumer that hands its batches to a store, one transaction each, and answers a break in the history by
// a replay, where it may.
//
//   describe topic ─► open store ─► may this state be carried on? (identity.ts) ─► claim it (fencing epoch + 1)
//        └─► consumer: follow ─► gather ─► one transaction ─► follow …
//                          └─► another history ─► replay beside the present state ─► swap
//
// The consumer's loop is the only one that touches the store.
import { silentLogger, systemClock, ThroughlineError, type Clock, type Logger } from '@throughline/event';
import type { TopicDescription } from '@throughline/log';
import { claimState } from './claim.ts';
import { Consumer } from './consumer/consumer.ts';
import type { Batch } from './consumer/hand-on.ts';
import { breakOfMismatch, type HistoryBreak } from './consumer/history-break.ts';
import { MetDamage } from './consumer/met-damage.ts';
import type { StartPosition } from './consumer/progress.ts';
import { defaults } from './defaults.ts';
import type { Fold, FoldOptions } from './fold-options.ts';
import { foldStatus, type FoldStatus } from './fold-status.ts';
import { explain, type FoldMismatch } from './identity.ts';
import { reduceRecords, type Skip } from './reduce-records.ts';
import { foldFromStart } from './replay.ts';
import type { Checkpoint } from './store.ts';

export class RunningFold<State> implements Fold {
  readonly #options: FoldOptions<State>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #commitRecordsMax: number;
  readonly #consumer: Consumer;
  /** As stored. Undefined before the first claim of a fresh store. */
  #checkpoint: Checkpoint | undefined;
  /** Why the last replay failed that was asked for. */
  #replayError: ThroughlineError | undefined;
  #isClosing = false;

  constructor(options: FoldOptions<State>) {
    const { log, topic, name, clock = systemClock, logger = silentLogger } = options;
    const { commitRecordsMax = defaults.commitRecordsMax, commitDelayMs = defaults.commitDelayMs } = options;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
    this.#commitRecordsMax = commitRecordsMax;
    if (!Number.isSafeInteger(commitRecordsMax) || commitRecordsMax < 1)
      throw new ThroughlineError('INVALID_ARGUMENT', 'commitRecordsMax is a whole number of at least 1');
    this.#consumer = new Consumer({
      log,
      topic,
      name: `fold ${name}`,
      handOn: {
        kind: 'batch',
        take: (batch) => this.#commit(batch),
        recordsMax: commitRecordsMax,
        windowMs: commitDelayMs,
      },
      onBreak: (cause, description) => this.#onBreak(cause, description),
      onGrown: (description) => options.onTopic?.(description),
      clock,
      logger,
      assignment: options.assignment,
      topicCheckMs: options.topicCheckMs,
    });
  }

  async start(): Promise<void> {
    const { log, topic, name, codeVersion, store, onTopic } = this.#options;
    const description = await log.admin.describeTopic(topic);
    const { claimed, mismatch } = await claimState(
      { log, name, codeVersion, store, mayReplay: (reason, found) => this.#mayReplay(reason, found) },
      description,
    );
    this.#checkpoint = claimed;
    if (mismatch !== undefined) this.#options.onReplay?.();
    onTopic?.(description);
    this.#consumer.start(description, claimed, mismatch === undefined ? undefined : breakOfMismatch(mismatch));
  }

  status(): FoldStatus {
    const { skippedRecords = 0, damagedRecords = 0 } = this.#checkpoint ?? {};
    return { ...foldStatus(this.#consumer, this.#options, this.#replayError), skippedRecords, damagedRecords };
  }

  caughtUp(): Promise<void> {
    return this.#consumer.caughtUp();
  }

  async replay(): Promise<void> {
    const { problem } = this.#consumer;
    if (!this.#isClosing && ThroughlineError.is(problem, 'FOLD_FENCED')) throw problem;
    await this.#consumer.restart();
  }

  get stopped(): Promise<ThroughlineError | undefined> {
    return this.#consumer.stopped;
  }

  async close(): Promise<void> {
    const isFirst = !this.#isClosing;
    this.#isClosing = true;
    await this.#consumer.close();
    if (isFirst) await this.#options.store.close();
  }

  #mayReplay(reason: FoldMismatch, description: TopicDescription): boolean {
    const { replayOn = [] } = this.#options;
    return typeof replayOn === 'function' ? replayOn(reason, description) : replayOn.includes(reason);
  }

  async #commit({ records, offsets, marks, lastEpochs, damagedRecords }: Batch): Promise<void> {
    const { store, name, reduce } = this.#options;
    const expected = this.#checkpoint!;
    await store.prepare?.(records);
    const skips: Skip[] = [];
    let next = expected;
    await store.transaction(expected, (state) => {
      const reduced = reduceRecords(name, reduce, state, records, skips);
      next = {
        ...expected,
        offsets,
        marks,
        lastEpochs,
        skippedRecords: expected.skippedRecords + skips.length,
        damagedRecords: expected.damagedRecords + damagedRecords,
      };
      return { state: reduced, next };
    });
    this.#committed(next, skips);
  }

  #committed(next: Checkpoint, skips: readonly Skip[]): void {
    this.#checkpoint = next;
    const { name, onSkipped, onCommitted } = this.#options;
    for (const { record, error } of skips) {
      const { topic, partition } = record;
      const fields = { fold: name, topic, partition, offset: String(record.offset), problem: error.message };
      this.#logger.warn(fields, 'fold skipped a record that is no valid event');
      onSkipped?.(record, error);
    }
    onCommitted?.(next.offsets);
  }

  /** A state is never carried on over a break: it is made anew beside the present one, or the fold stands still. */
  async #onBreak({ kind, error }: HistoryBreak, description: TopicDescription): Promise<StartPosition> {
    const { name, topic } = this.#options;
    if (kind !== 'asked' && error !== undefined && !this.#mayReplay(error.code as FoldMismatch, description))
      throw error;
    if (kind !== 'asked') this.#options.onReplay?.();
    const fields = { fold: name, topic };
    try {
      const startedMs = this.#clock.monotonicMs();
      this.#logger.info({ ...fields, because: error?.code ?? 'asked for' }, 'fold replay begins');
      this.#options.onTopic?.(description);
      const { offsets, marks, lastEpochs } = await this.#rebuild(description);
      const durationMs = Math.round(this.#clock.monotonicMs() - startedMs);
      this.#logger.info({ ...fields, durationMs }, 'fold replay is done');
      this.#replayError = undefined;
      return { offsets, marks, lastEpochs };
    } catch (thrown) {
      const failure = explain(name, thrown);
      if (error !== undefined) throw failure;
      this.#replayError = failure;
      this.#logger.error({ ...fields, ...failure.toJSON() }, 'fold replay failed');
      throw failure;
    }
  }

  async #rebuild(description: TopicDescription): Promise<Checkpoint> {
    const { log, topic, name, codeVersion, store, reduce } = this.#options;
    const rebuild = await store.rebuild();
    try {
      const damage = new MetDamage(`fold ${name}`, this.#logger);
      const { offsets, marks, lastEpochs, skips } = await foldFromStart({
        log,
        description,
        rebuild,
        recordsMax: this.#commitRecordsMax,
        reduceAll: (state, records, skips) => reduceRecords(name, reduce, state, records, skips),
        onDamage: damage.meet,
        checkOpen: () => {
          if (this.#isClosing) throw new ThroughlineError('CLOSED', `fold ${name} is closed`);
        },
      });
      const expected = this.#checkpoint!;
      const { topicId } = description;
      const { fencingEpoch } = expected;
      const identity = { name, topic, topicId, codeVersion, fencingEpoch };
      const counts = { skippedRecords: skips.length, damagedRecords: damage.countBelow(offsets) };
      const next = { ...identity, offsets, marks, lastEpochs, ...counts };
      await rebuild.swap(expected, next);
      this.#committed(next, skips);
      return next;
    } catch (error) {
      await rebuild.discard();
      throw error;
    }
  }
}
