// The loop that writes what is queued for a partition, and what becomes of it. One write is under way at a time. What comes
// while the disk is busy goes out with the next one, so that the slower the disk, the larger the writes. A batch gets its
// offset when it is taken for a write; one of durability `memory` has it already.
//
// The high watermark is the end of what is acknowledged: nothing beyond it is ever read. When an append fails:
//
//   full disk       the torn tail is cut off, and the append is rejected together with those queued behind it, so that a
//                   writer who sends one after the other never has a later one kept without an earlier one. The next
//                   append is tried anew. Those already acknowledged in memory stay there and are tried again.
//   anything else   nothing is known of the file any more: the partition is offline until the broker is opened again.
//                   Appends are rejected, reads go on. What the journal has under way then is rejected, too: it may be in a
//                   file that is not kept for the next start.
import type { ThroughlineError, Timer } from '@throughline/event';
import { lastOffsetOf, offsetBehind } from '@throughline/wire';
import { AppendQueue, type WaitingBatch } from './append-queue.ts';
import { AppendRejections } from './append-rejections.ts';
import { BatchPlacer } from './batch-placer.ts';
import { isOutOfDisk } from '../disk/disk.ts';
import { IdleWatch } from '../ground/idle.ts';
import type { Segments } from './segments.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import type { WriterOptions } from './writer-options.ts';
import type { PlacedBatch } from './placed-batches.ts';
import { holdingNothing, mayWaitFor, whileHolding } from './wait-order.ts';

export class WriteLoop {
  readonly queue = new AppendQueue();
  readonly placer: BatchPlacer;
  readonly rejections: AppendRejections;
  config: TopicConfig;
  readonly #options: WriterOptions;
  readonly #segments: Segments;
  #highWatermark: bigint;
  readonly #pumping = new IdleWatch();
  /** Groups handed to the journal and not settled. */
  readonly #commits = new IdleWatch();
  /**
   * Batches that the journal rejected for want of space. They are told so once what was written of them to the segment is
   * gone, or a crash in between would bring back what had been rejected.
   */
  #rejected: WaitingBatch[] = [];
  /** Something acknowledged in memory was rejected by a full disk: it is tried again when the timer fires. */
  #isDiskFull = false;
  #retryTimer: Timer | undefined;
  #isOnline = true;
  #isEnding = false;
  /** What it waits for, in words. */
  #doing = '';
  #stepCount = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#segments = options.segments;
    this.config = options.config;
    this.rejections = new AppendRejections(options.topic, options.partition);
    this.placer = new BatchPlacer(options.segments, options.epochs);
    this.#highWatermark = this.placer.nextOffset;
  }

  get highWatermark(): bigint {
    return this.#highWatermark;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  /** What appends wait for, in words; undefined while none waits. A full disk is waited out, and told otherwise. */
  get waitsFor(): string | undefined {
    if (this.#isDiskFull || (this.queue.bytes === 0 && this.#pumping.isIdle)) return undefined;
    return this.#pumping.isIdle ? 'the commit journal' : this.#doing;
  }

  /** How often something has come a step further. */
  get stepCount(): number {
    return this.queue.settledCount + this.#stepCount;
  }

  /** Writes what is queued, unless that is going on. */
  run(): void {
    if (!this.#pumping.isIdle || this.#isDiskFull) return;
    this.#pumping.begin();
    // It outlives whoever has started it, and holds nothing of his.
    holdingNothing(() => this.#work()).then(
      () => this.#rest(),
      (error: unknown) => {
        this.goOffline(error, 'appending failed');
        this.#rest();
      },
    );
  }

  /** Writes what is queued for the last time; resolves when everything that can be has been written and settled. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#retryTimer?.cancel();
    this.#isDiskFull = false;
    this.run();
    await this.#pumping.settled();
    await this.#commits.settled();
    await this.#pumping.settled();
  }

  /** Takes nothing any more: what the disk has of this partition is not known. */
  goOffline(error: unknown, what: string): void {
    if (!this.#isOnline) return;
    this.#isOnline = false;
    this.#options.logger.error({ partition: this.rejections.name, error }, what);
    // What the journal holds of this partition cannot be synced to its segments any more: the next start replays it.
    this.#options.journal.keep();
    this.queue.rejectWaiting('all', this.rejections.offline());
    // Those who listen have nothing to do with what is held here.
    holdingNothing(() => this.#options.onChange());
  }

  /** Shows what is acknowledged. */
  advance(highWatermark: bigint): void {
    if (highWatermark <= this.#highWatermark) return;
    this.#highWatermark = highWatermark;
    this.#options.onChange();
  }

  /**
   * Writes batches that have their places, while nothing else is written or committed: as much as goes into one segment at a
   * time, which is kept or not as a whole.
   *
   * @param settle makes it as certain as the topic wants it, before anybody sees it
   * @throws ThroughlineError OUT_OF_DISK, PARTITION_OFFLINE; what was kept is below the high watermark
   */
  async writeHeld(batches: readonly PlacedBatch[], settle: () => Promise<void>): Promise<void> {
    this.#doing = 'a write to its segment';
    for (let rest = batches; rest.length > 0;) {
      const group = this.placer.fitting(rest, this.config);
      try {
        if (group.length === 0) await this.roll();
        else {
          await this.#segments.append(
            group.map(({ bytes }) => bytes),
            group.map(({ header }) => header),
          );
          await settle();
        }
      } catch (error) {
        await this.#takeBackHeld(error);
      }
      if (!this.#isOnline) throw this.rejections.offline();
      rest = rest.slice(group.length);
      this.#show(group);
    }
  }

  /** Skips offsets that no record has, while nothing else is written: the segments go on behind them already. */
  skip(): void {
    this.placer.reset(this.queue);
    this.advance(this.#segments.endOffset);
  }

  #show(group: readonly PlacedBatch[]): void {
    const nowMs = this.#options.clock.nowMs();
    for (const { bytes, header } of group) {
      this.#options.tail.add(header.baseOffset, lastOffsetOf(header), bytes);
      // Whatever its sequence: it has been checked where it was appended first.
      this.#options.producers.producerOf(header, nowMs)?.note(header);
    }
    this.#options.tail.keepFrom(this.#segments.endOffset);
    this.skip();
  }

  /** After a write that failed while everything else was held. @throws ThroughlineError always */
  async #takeBackHeld(error: unknown): Promise<never> {
    if (isOutOfDisk(error) && (await this.#cutTornTail())) {
      try {
        await this.#segments.truncateTo(this.#highWatermark);
        this.placer.reset(this.queue);
      } catch (later) {
        this.goOffline(later, 'a rejected append could not be taken back');
      }
      if (this.#isOnline) throw this.rejections.outOfDisk(error);
    }
    this.goOffline(error, 'a segment could not be written');
    throw this.rejections.offline();
  }

  /** A new segment, and a snapshot of the producers as they are at its beginning: nothing is being written or committed. */
  async roll(): Promise<void> {
    await this.#options.storeSnapshot();
    await this.#segments.roll();
  }

  #rest(): void {
    this.#pumping.end();
    // Something may have come in the same turn.
    if (this.queue.head !== undefined || this.#rejected.length > 0) this.run();
  }

  async #work(): Promise<void> {
    while (!this.#isDiskFull) {
      if (this.#rejected.length > 0) await this.#rollBack();
      if (this.queue.head === undefined) return;
      const command = this.queue.takeCommand();
      if (command === undefined) {
        await this.#writeNext();
      } else {
        await this.#committed();
        if (this.#rejected.length > 0) await this.#rollBack();
        this.#doing = 'whoever has stopped the writing';
        if (this.#isOnline) await whileHolding('writing', () => command.run());
        else command.reject(this.rejections.offline());
      }
      this.#stepCount++;
    }
  }

  async #writeNext(): Promise<void> {
    const group = this.placer.takeGroup(this.queue, this.#options.limits.writeBytesMax, this.config);
    if (group.length === 0) {
      // A segment is only closed when no commit is under way, so that what the journal rejects is always in the active one.
      await this.#committed();
      if (this.#rejected.length === 0) await this.#guarded([], () => this.roll());
      return;
    }
    const batches = group.map(({ batch }) => batch);
    const headers = group.map(({ header }) => header);
    if (!(await this.#guarded(group, () => this.#segments.append(batches, headers)))) return;
    if (!this.#isOnline) {
      // The journal failed meanwhile, with batches that stand before these: an acknowledgement would jump over them.
      this.queue.reject(group, this.rejections.offline());
    } else if (this.config.durability !== 'fsync') {
      this.#answer(group, () => this.#acknowledge(group));
    } else if (this.#rejected.length > 0) {
      // It stands behind a batch that is about to be taken back.
      this.#rejectLater(group, this.rejections.outOfDisk());
    } else {
      this.#commits.begin();
      this.#options.journal.commit(this.#options, batches, (error) => this.#onSettled(group, error));
    }
  }

  /** Does something to the segments; when that fails, settles `group` and what is queued, and returns false. */
  async #guarded(group: readonly WaitingBatch[], action: () => Promise<void>): Promise<boolean> {
    this.#doing = 'a write to its segment';
    try {
      await action();
      return true;
    } catch (error) {
      if (!isOutOfDisk(error)) {
        this.goOffline(error, 'a segment could not be written');
        this.queue.reject(group, this.rejections.offline());
      } else if (await this.#cutTornTail()) {
        this.queue.putBack(group.filter(({ isPlaced }) => isPlaced));
        this.placer.reset(this.queue);
        const rejection = this.rejections.outOfDisk(error);
        this.queue.reject(
          group.filter(({ isPlaced }) => !isPlaced),
          rejection,
        );
        this.queue.rejectWaiting('unplaced', rejection);
        if (this.queue.hasBatches) this.#tryLater();
      } else {
        this.queue.reject(group, this.rejections.offline());
      }
      return false;
    }
  }

  /** After a write that failed for want of space: nothing of it may stand in the file once others take its place. */
  async #cutTornTail(): Promise<boolean> {
    try {
      await this.#segments.cutTornTail();
      if (this.config.durability === 'fsync') await this.#segments.active.sync();
      return true;
    } catch (error) {
      this.goOffline(error, 'the torn tail could not be cut off');
      return false;
    }
  }

  #tryLater(): void {
    this.#isDiskFull = true;
    // They would wait for as long as the disk is full, and whoever waits for them with them.
    this.queue.rejectCommands(this.rejections.outOfDisk());
    if (this.#isEnding) return;
    this.#retryTimer = this.#options.clock.after(this.#options.limits.outOfDiskRetryMs, () => {
      this.#isDiskFull = false;
      this.run();
    });
  }

  #onSettled(group: readonly WaitingBatch[], error: ThroughlineError | undefined): void {
    this.#answer(group, () => {
      if (error?.code === 'OUT_OF_DISK') {
        this.#rejectLater(group, error);
      } else if (error === undefined && this.#isOnline) {
        this.#acknowledge(group);
      } else {
        // Of a partition that has gone offline meanwhile it is not certain that the next start finds these.
        if (error !== undefined) this.goOffline(error, 'the commit journal failed');
        this.queue.reject(group, this.rejections.offline());
      }
    });
    this.#commits.end();
    if (this.#rejected.length > 0) this.run();
  }

  /** Answers a group that was taken: when that fails in the middle, the rest of it is answered all the same. */
  #answer(group: readonly WaitingBatch[], action: () => void): void {
    try {
      action();
    } catch (error) {
      this.goOffline(error, 'an append could not be answered');
      this.queue.reject(group, this.rejections.offline());
    }
  }

  /** Waits for what is under way in the journal. */
  async #committed(): Promise<void> {
    mayWaitFor('commits');
    this.#doing = 'its commits in the journal';
    await this.#commits.settled();
  }

  /** Rejects batches that stand in the segment, once they are gone from there, and at once what waits behind them. */
  #rejectLater(group: readonly WaitingBatch[], error: ThroughlineError): void {
    for (const waiting of group) waiting.producer?.withdraw(waiting);
    this.#rejected.push(...group);
    this.queue.rejectWaiting('unplaced', error);
  }

  /** Takes back what was written to the segment and rejected by the journal. */
  async #rollBack(): Promise<void> {
    await this.#committed();
    this.#doing = 'a write to its segment';
    const rejected = this.#rejected;
    this.#rejected = [];
    try {
      if (this.#isOnline) await this.#segments.truncateTo(this.#highWatermark);
      if (this.#isOnline) await this.#segments.active.sync();
    } catch (error) {
      this.goOffline(error, 'a rejected append could not be taken back');
    }
    this.placer.reset(this.queue);
    this.queue.reject(rejected, this.#isOnline ? this.rejections.outOfDisk() : this.rejections.offline());
  }

  #acknowledge(group: readonly WaitingBatch[]): void {
    for (const waiting of group) {
      const { header } = waiting;
      if (!waiting.isPlaced) this.#options.tail.add(header.baseOffset, lastOffsetOf(header), waiting.batch);
      this.queue.acknowledge(waiting);
    }
    this.#options.tail.keepFrom(this.#segments.endOffset);
    this.advance(offsetBehind(group.at(-1)!.header));
  }
}
