// The writing side of a partition: batches get their place, are written, and are acknowledged, in the order of the calls.
//
// One write is under way at a time. What comes while the disk is busy goes out with the next one, so that the slower the
// disk, the larger the writes. A batch gets its offset when it is taken for a write; one of durability `memory` at once.
//
//   memory   placed and acknowledged in the call, readable from the tail cache, written behind
//   os       acknowledged when its write has returned
//   fsync    written to the segment, then handed to the commit journal; acknowledged when that is synced. Meanwhile the
//            next group is written to the segment already.
//
// The high watermark is the end of what is acknowledged: nothing beyond it is ever read. When an append fails:
//
//   full disk       the torn tail is cut off, and the append is refused together with those queued behind it, so that a
//                   writer who sends one after the other never has a later one kept without an earlier one. The next
//                   append is tried anew. Those already acknowledged in memory stay there and are tried again.
//   anything else   nothing is known of the file any more: the partition is offline until the broker is opened again.
//                   Appends are refused, reads go on.
import type { ThroughlineError, Timer } from '@throughline/event';
import type { RecordBatchHeader } from '@throughline/wire';
import { AppendAdmission } from './append-admission.ts';
import { AppendQueue, type WaitingBatch } from './append-queue.ts';
import { AppendRefusals } from './append-refusals.ts';
import { BatchPlacer } from './batch-placer.ts';
import { lastOffsetOf } from './batch-scan.ts';
import type { AppendedBatch } from '../broker.ts';
import { isOutOfDisk } from './disk.ts';
import { Quiet } from '../quiet.ts';
import type { Segments } from './segments.ts';
import type { TopicConfig } from '../topic-config.ts';
import type { WriterOptions } from './partition-options.ts';

export class PartitionWriter {
  readonly #options: WriterOptions;
  readonly #refusals: AppendRefusals;
  readonly #segments: Segments;
  readonly #queue = new AppendQueue();
  readonly #placer: BatchPlacer;
  readonly #admission: AppendAdmission;
  #config: TopicConfig;
  #highWatermark: bigint;
  /** The loop that writes what is queued. */
  readonly #pumping = new Quiet();
  /** Groups handed to the journal and not settled. */
  readonly #commits = new Quiet();
  /**
   * Batches that the journal refused for want of space. They are told so once what was written of them to the segment is
   * gone, or a crash in between would bring back what had been refused.
   */
  #refused: WaitingBatch[] = [];
  /** Something acknowledged in memory was refused by a full disk: it is tried again when the timer fires. */
  #isDiskFull = false;
  #retryTimer: Timer | undefined;
  /** While the config is being changed nothing is placed ahead of the queue. */
  #isAltering = false;
  #isOnline = true;
  #isClosed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#refusals = new AppendRefusals(options.topic, options.partition);
    this.#segments = options.segments;
    this.#config = options.config;
    this.#placer = new BatchPlacer(options.segments, options.epochs);
    this.#admission = new AppendAdmission(options);
    this.#highWatermark = this.#placer.nextOffset;
  }

  get highWatermark(): bigint {
    return this.#highWatermark;
  }

  get nextOffset(): bigint {
    return this.#placer.nextOffset;
  }

  get config(): TopicConfig {
    return this.#config;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  append(batch: Uint8Array): Promise<AppendedBatch> {
    try {
      this.#checkAppendable(batch.length);
      const admitted = this.#admission.admit(batch, this.#config);
      if ('duplicate' in admitted) return admitted.duplicate;
      const isPlaced = this.#config.durability === 'memory' && !this.#isAltering && this.#queue.unplacedCount === 0;
      const { promise: appended, resolve, reject } = Promise.withResolvers<AppendedBatch>();
      const settle = { resolve: (placed: RecordBatchHeader) => resolve(this.#admission.answer(placed)), reject };
      const waiting: WaitingBatch = { ...admitted, batch, isPlaced, appended, ...settle };
      waiting.producer?.begin(waiting, this.#options.clock.nowMs());
      if (isPlaced) this.#appendInMemory(waiting);
      else this.#queue.add(waiting);
      this.#pump();
      return appended;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Begins a new segment behind everything that is queued. */
  roll(): Promise<void> {
    return this.betweenWrites(() => this.#roll());
  }

  /** Runs `run` in its place in the queue, when nothing is being written or committed. */
  betweenWrites(run: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isDiskFull) return reject(this.#refusals.outOfDisk());
      this.#queue.addCommand(() => run().then(resolve, reject));
      this.#pump();
    });
  }

  /** Applies a new config behind everything that is queued; `prepare` runs just before it. */
  async alter(config: TopicConfig, prepare: () => Promise<void>): Promise<void> {
    this.#isAltering = true;
    try {
      await this.betweenWrites(async () => {
        await prepare();
        this.#config = config;
      });
    } finally {
      this.#isAltering = false;
    }
  }

  /** Resolves when everything handed in so far is written or refused. */
  async flush(): Promise<void> {
    if (!this.#isDiskFull) await this.#pumping.settled();
  }

  /**
   * Takes no more; resolves when everything is written and settled.
   *
   * @returns bytes acknowledged in memory that a full disk would not take
   */
  async close(): Promise<number> {
    this.#isClosed = true;
    this.#retryTimer?.cancel();
    this.#isDiskFull = false;
    this.#pump();
    await this.flush();
    await this.#commits.settled();
    await this.flush();
    return this.#queue.bytes;
  }

  /** Refuses what is queued, and takes no more. */
  async abandon(): Promise<void> {
    this.#queue.refuseWaiting('unplaced', this.#refusals.closed());
    await this.close();
  }

  /** Takes no appends any more: what the disk has of this partition is not known. */
  goOffline(error: unknown, what: string): void {
    if (!this.#isOnline) return;
    this.#isOnline = false;
    this.#options.logger.error({ partition: this.#refusals.name, error }, what);
    // What the journal holds of this partition cannot be synced to its segments any more: the next start replays it.
    this.#options.journal.keep();
    this.#queue.refuseWaiting('all', this.#refusals.offline());
    this.#options.onChange();
  }

  #appendInMemory(waiting: WaitingBatch): void {
    const { batch } = waiting;
    waiting.header = this.#placer.place(batch, waiting.header);
    const { baseOffset } = waiting.header;
    const lastOffset = lastOffsetOf(waiting.header);
    this.#options.tail.keepFrom(this.#segments.endOffset);
    this.#options.tail.add(baseOffset, lastOffset, batch);
    // Beyond the bound the writer waits for the disk, as with `os`: a slow disk must not fill the memory.
    if (this.#queue.bytes + batch.length <= this.#options.limits.writeBehindBytesMax) waiting.resolve(waiting.header);
    this.#queue.add(waiting);
    this.#advance(lastOffset + 1n);
  }

  #checkAppendable(batchBytes: number): void {
    if (this.#isClosed) throw this.#refusals.closed();
    if (!this.#isOnline) throw this.#refusals.offline();
    if (this.#isDiskFull) throw this.#refusals.outOfDisk();
    this.#refusals.checkQueue(this.#queue.bytes, batchBytes, this.#options.limits.appendQueueBytesMax);
  }

  /** Starts writing unless that is going on. */
  #pump(): void {
    if (!this.#pumping.isQuiet || this.#isDiskFull) return;
    this.#pumping.begin();
    this.#work().then(
      () => this.#rest(),
      (error: unknown) => {
        this.goOffline(error, 'appending failed');
        this.#rest();
      },
    );
  }

  #rest(): void {
    this.#pumping.end();
    // Something may have come in the same turn.
    if (this.#queue.head !== undefined || this.#refused.length > 0) this.#pump();
  }

  async #work(): Promise<void> {
    while (!this.#isDiskFull) {
      if (this.#refused.length > 0) await this.#rollBack();
      if (this.#queue.head === undefined) return;
      const command = this.#queue.takeCommand();
      if (command === undefined) {
        await this.#writeNext();
      } else {
        await this.#commits.settled();
        if (this.#refused.length > 0) await this.#rollBack();
        await command.run();
      }
    }
  }

  async #writeNext(): Promise<void> {
    const group = this.#placer.takeGroup(this.#queue, this.#options.limits.writeBytesMax, this.#config);
    if (group.length === 0) {
      // A segment is only closed when no commit is under way, so that what the journal refuses is always in the active one.
      await this.#commits.settled();
      if (this.#refused.length === 0) await this.#guarded([], () => this.#roll());
      return;
    }
    const batches = group.map(({ batch }) => batch);
    const headers = group.map(({ header }) => header);
    if (!(await this.#guarded(group, () => this.#segments.append(batches, headers)))) return;
    if (!this.#isOnline) {
      // The journal failed meanwhile, with batches that stand before these: an acknowledgement would jump over them.
      this.#queue.refuse(group, this.#refusals.offline());
    } else if (this.#config.durability !== 'fsync') {
      this.#acknowledge(group);
    } else if (this.#refused.length > 0) {
      // It stands behind a batch that is about to be taken back.
      this.#refuseLater(group, this.#refusals.outOfDisk());
    } else {
      this.#commits.begin();
      this.#options.journal.commit(this.#options, batches, (error) => this.#onSettled(group, error));
    }
  }

  /** Does something to the segments; when that fails, settles `group` and what is queued, and returns false. */
  async #guarded(group: readonly WaitingBatch[], action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      if (!isOutOfDisk(error)) {
        this.goOffline(error, 'a segment could not be written');
        this.#queue.refuse(group, this.#refusals.offline());
      } else if (await this.#cutTornTail()) {
        this.#queue.putBack(group.filter(({ isPlaced }) => isPlaced));
        this.#placer.reset(this.#queue);
        const refusal = this.#refusals.outOfDisk(error);
        this.#queue.refuse(
          group.filter(({ isPlaced }) => !isPlaced),
          refusal,
        );
        this.#queue.refuseWaiting('unplaced', refusal);
        if (this.#queue.hasBatches) this.#tryLater();
      } else {
        this.#queue.refuse(group, this.#refusals.offline());
      }
      return false;
    }
  }

  /** After a write that failed for want of space: nothing of it may stand in the file once others take its place. */
  async #cutTornTail(): Promise<boolean> {
    try {
      await this.#segments.cutTornTail();
      if (this.#config.durability === 'fsync') await this.#segments.active.sync();
      return true;
    } catch (error) {
      this.goOffline(error, 'the torn tail could not be cut off');
      return false;
    }
  }

  #tryLater(): void {
    this.#isDiskFull = true;
    if (this.#isClosed) return;
    this.#retryTimer = this.#options.clock.after(this.#options.limits.outOfDiskRetryMs, () => {
      this.#isDiskFull = false;
      this.#pump();
    });
  }

  #onSettled(group: readonly WaitingBatch[], error: ThroughlineError | undefined): void {
    if (error === undefined) {
      this.#acknowledge(group);
    } else if (error.code === 'OUT_OF_DISK') {
      this.#refuseLater(group, error);
    } else {
      this.goOffline(error, 'the commit journal failed');
      this.#queue.refuse(group, this.#refusals.offline());
    }
    this.#commits.end();
    if (this.#refused.length > 0) this.#pump();
  }

  /** Refuses batches that stand in the segment, once they are gone from there, and at once what waits behind them. */
  #refuseLater(group: readonly WaitingBatch[], error: ThroughlineError): void {
    for (const waiting of group) waiting.producer?.withdraw(waiting);
    this.#refused.push(...group);
    this.#queue.refuseWaiting('unplaced', error);
  }

  /** A new segment, and a snapshot of the producers as they are at its beginning: nothing is being written or committed. */
  async #roll(): Promise<void> {
    await this.#options.storeSnapshot();
    await this.#segments.roll();
  }

  /** Takes back what was written to the segment and refused by the journal. */
  async #rollBack(): Promise<void> {
    await this.#commits.settled();
    const refused = this.#refused;
    this.#refused = [];
    try {
      if (this.#isOnline) await this.#segments.truncateTo(this.#highWatermark);
      if (this.#isOnline) await this.#segments.active.sync();
    } catch (error) {
      this.goOffline(error, 'a refused append could not be taken back');
    }
    this.#placer.reset(this.#queue);
    this.#queue.refuse(refused, this.#isOnline ? this.#refusals.outOfDisk() : this.#refusals.offline());
  }

  #acknowledge(group: readonly WaitingBatch[]): void {
    for (const waiting of group) {
      const { header } = waiting;
      if (!waiting.isPlaced) this.#options.tail.add(header.baseOffset, lastOffsetOf(header), waiting.batch);
      this.#queue.acknowledge(waiting);
    }
    this.#options.tail.keepFrom(this.#segments.endOffset);
    this.#advance(lastOffsetOf(group.at(-1)!.header) + 1n);
  }

  #advance(highWatermark: bigint): void {
    if (highWatermark <= this.#highWatermark) return;
    this.#highWatermark = highWatermark;
    this.#options.onChange();
  }
}
