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
import { ThroughlineError, type Clock, type Logger, type Timer } from '@throughline/event';
import { setBaseOffset, setPartitionLeaderEpoch, type RecordBatchHeader } from '@throughline/wire';
import { appendedBatch, AppendQueue, type WaitingBatch } from './append-queue.ts';
import { checkBatch } from './batch-check.ts';
import type { AppendedBatch } from './broker.ts';
import type { CommitJournal, JournalPartition } from './commit-journal.ts';
import type { BrokerLimits } from './defaults.ts';
import { isOutOfDisk } from './disk.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { Segments } from './segments.ts';
import type { TailCache } from './tail-cache.ts';
import type { TopicConfig } from './topic-config.ts';

export interface WriterOptions {
  readonly topic: string;
  readonly partition: number;
  /** 16 bytes. */
  readonly topicId: Uint8Array;
  readonly config: TopicConfig;
  readonly segments: Segments;
  readonly epochs: LeaderEpochs;
  readonly tail: TailCache;
  readonly journal: CommitJournal;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the high watermark has moved, and when the partition has gone offline. */
  readonly onChange: () => void;
}

/** Batches of one write: the operating system takes 1024 buffers at once. */
const writeBatchCountMax = 1024;
/** When a writer that was refused for a full queue may come again: the queue is a fraction of a second of a disk. */
const throttleRetryMs = 100;

export class PartitionWriter {
  readonly #options: WriterOptions;
  readonly #name: string;
  readonly #journalPartition: JournalPartition;
  readonly #segments: Segments;
  readonly #tail: TailCache;
  readonly #queue = new AppendQueue();
  #config: TopicConfig;
  #highWatermark: bigint;
  /** The offset that the next batch to be placed gets. */
  #nextOffset: bigint;
  #isPumping = false;
  #onIdle: (() => void)[] = [];
  /** Groups handed to the journal and not settled. */
  #commitCount = 0;
  #onCommitted: (() => void)[] = [];
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
    this.#name = `${options.topic}-${options.partition}`;
    this.#journalPartition = { topicId: options.topicId, partition: options.partition };
    this.#segments = options.segments;
    this.#tail = options.tail;
    this.#config = options.config;
    this.#nextOffset = options.segments.endOffset;
    this.#highWatermark = this.#nextOffset;
  }

  get highWatermark(): bigint {
    return this.#highWatermark;
  }

  get nextOffset(): bigint {
    return this.#nextOffset;
  }

  get config(): TopicConfig {
    return this.#config;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  append(batch: Uint8Array): Promise<AppendedBatch> {
    return new Promise((resolve, reject) => {
      this.#checkAppendable(batch.length);
      const header = checkBatch(batch, this.#config.recordBytesMax);
      if (this.#config.durability === 'memory' && !this.#isAltering && this.#queue.unplacedCount === 0) {
        this.#appendInMemory(batch, header, resolve, reject);
      } else {
        this.#queue.add({ batch, header, isPlaced: false, resolve, reject });
        this.#pump();
      }
    });
  }

  /** Runs `run` in its place in the queue, when nothing is being written or committed. */
  betweenWrites(run: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isDiskFull) return reject(this.#outOfDisk(undefined));
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
    if (this.#isPumping && !this.#isDiskFull) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
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
    await this.#committed();
    await this.flush();
    return this.#queue.bytes;
  }

  /** Refuses what is queued, and takes no more. */
  async abandon(): Promise<void> {
    this.#queue.refuseWaiting('unplaced', this.#closed());
    await this.close();
  }

  /** Takes no appends any more: what the disk has of this partition is not known. */
  goOffline(error: unknown, what: string): void {
    if (!this.#isOnline) return;
    this.#isOnline = false;
    this.#options.logger.error({ partition: this.#name, error }, what);
    // What the journal holds of this partition cannot be synced to its segments any more: the next start replays it.
    this.#options.journal.keep();
    this.#queue.refuseWaiting('all', this.#offline());
    this.#options.onChange();
  }

  #appendInMemory(
    batch: Uint8Array,
    header: RecordBatchHeader,
    resolve: WaitingBatch['resolve'],
    reject: WaitingBatch['reject'],
  ): void {
    const placed = this.#place(batch, header);
    const appended = appendedBatch(placed);
    this.#tail.keepFrom(this.#segments.endOffset);
    this.#tail.add(appended.baseOffset, appended.lastOffset, batch);
    // Beyond the bound the writer waits for the disk, as with `os`: a slow disk must not fill the memory.
    if (this.#queue.bytes + batch.length <= this.#options.limits.writeBehindBytesMax) resolve(appended);
    this.#queue.add({ batch, header: placed, isPlaced: true, resolve, reject });
    this.#pump();
    this.#advance(appended.lastOffset + 1n);
  }

  #checkAppendable(batchBytes: number): void {
    if (this.#isClosed) throw this.#closed();
    if (!this.#isOnline) throw this.#offline();
    if (this.#isDiskFull) throw this.#outOfDisk(undefined);
    const { appendQueueBytesMax } = this.#options.limits;
    const queueBytes = this.#queue.bytes;
    if (queueBytes === 0 || queueBytes + batchBytes <= appendQueueBytesMax) return;
    throw new ThroughlineError('THROTTLED', `${queueBytes} bytes wait to be written to ${this.#name}`, {
      details: { appendQueueBytesMax },
      retryAfterMs: throttleRetryMs,
    });
  }

  /** Gives a batch the next offset. */
  #place(batch: Uint8Array, header: RecordBatchHeader): RecordBatchHeader {
    const baseOffset = this.#nextOffset;
    setBaseOffset(batch, 0, baseOffset);
    setPartitionLeaderEpoch(batch, 0, this.#options.epochs.current);
    this.#nextOffset = baseOffset + BigInt(header.lastOffsetDelta) + 1n;
    return { ...header, baseOffset };
  }

  /** Starts writing unless that is going on. */
  #pump(): void {
    if (this.#isPumping || this.#isDiskFull) return;
    this.#isPumping = true;
    this.#work().then(
      () => this.#rest(),
      (error: unknown) => {
        this.goOffline(error, 'appending failed');
        this.#rest();
      },
    );
  }

  #rest(): void {
    this.#isPumping = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
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
        await this.#committed();
        if (this.#refused.length > 0) await this.#rollBack();
        await command.run();
      }
    }
  }

  async #writeNext(): Promise<void> {
    const group = this.#takeGroup();
    if (group.length === 0) {
      // A segment is only closed when no commit is under way, so that what the journal refuses is always in the active one.
      await this.#committed();
      if (this.#refused.length === 0) await this.#guarded([], () => this.#segments.roll());
      return;
    }
    const batches = group.map(({ batch }) => batch);
    const headers = group.map(({ header }) => header);
    if (!(await this.#guarded(group, () => this.#segments.append(batches, headers)))) return;
    if (this.#config.durability !== 'fsync') {
      this.#acknowledge(group);
    } else if (this.#refused.length > 0) {
      // It stands behind a batch that is about to be taken back.
      this.#refused.push(...group);
    } else {
      this.#commitCount++;
      this.#options.journal.commit(this.#journalPartition, batches, (error) => this.#onSettled(group, error));
    }
  }

  /** Takes what goes into the next write off the queue and places it; nothing when the segment has no room for it. */
  #takeGroup(): WaitingBatch[] {
    const { writeBytesMax } = this.#options.limits;
    const { segmentBytes } = this.#config;
    return this.#queue.take(writeBatchCountMax, (waiting, bytesBefore) => {
      const { batch, header, isPlaced } = waiting;
      if (bytesBefore > 0 && bytesBefore + batch.length > writeBytesMax) return false;
      const lastOffset = (isPlaced ? header.baseOffset : this.#nextOffset) + BigInt(header.lastOffsetDelta);
      if (!this.#segments.active.hasRoomFor(bytesBefore, batch.length, lastOffset, segmentBytes)) return false;
      if (!isPlaced) waiting.header = this.#place(batch, header);
      return true;
    });
  }

  /** Does something to the segments; when that fails, settles `group` and what is queued, and returns false. */
  async #guarded(group: readonly WaitingBatch[], action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      if (!isOutOfDisk(error)) {
        this.goOffline(error, 'a segment could not be written');
        this.#queue.refuse(group, this.#offline());
      } else if (await this.#cutTornTail()) {
        this.#queue.putBack(group.filter(({ isPlaced }) => isPlaced));
        this.#resetNextOffset();
        const refusal = this.#outOfDisk(error);
        this.#queue.refuse(
          group.filter(({ isPlaced }) => !isPlaced),
          refusal,
        );
        this.#queue.refuseWaiting('unplaced', refusal);
        if (this.#queue.hasBatches) this.#tryLater();
      } else {
        this.#queue.refuse(group, this.#offline());
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
    this.#commitCount--;
    if (error === undefined) {
      this.#acknowledge(group);
    } else if (error.code === 'OUT_OF_DISK') {
      this.#refused.push(...group);
      this.#queue.refuseWaiting('unplaced', error);
    } else {
      this.goOffline(error, 'the commit journal failed');
      this.#queue.refuse(group, this.#offline());
    }
    if (this.#commitCount === 0) for (const resolve of this.#onCommitted.splice(0)) resolve();
    if (this.#refused.length > 0) this.#pump();
  }

  /** Takes back what was written to the segment and refused by the journal. */
  async #rollBack(): Promise<void> {
    await this.#committed();
    const refused = this.#refused;
    this.#refused = [];
    try {
      if (this.#isOnline) await this.#segments.truncateTo(this.#highWatermark);
      if (this.#isOnline) await this.#segments.active.sync();
    } catch (error) {
      this.goOffline(error, 'a refused append could not be taken back');
    }
    this.#resetNextOffset();
    this.#queue.refuse(refused, this.#isOnline ? this.#outOfDisk(undefined) : this.#offline());
  }

  /** The next batch is placed behind what is written, and behind what has its place and waits in memory. */
  #resetNextOffset(): void {
    const last = this.#queue.lastPlaced;
    this.#nextOffset = last === undefined ? this.#segments.endOffset : appendedBatch(last.header).lastOffset + 1n;
  }

  #acknowledge(group: readonly WaitingBatch[]): void {
    for (const waiting of group) {
      const { baseOffset, lastOffset } = appendedBatch(waiting.header);
      if (!waiting.isPlaced) this.#tail.add(baseOffset, lastOffset, waiting.batch);
      this.#queue.acknowledge(waiting);
    }
    this.#tail.keepFrom(this.#segments.endOffset);
    this.#advance(appendedBatch(group.at(-1)!.header).lastOffset + 1n);
  }

  #advance(highWatermark: bigint): void {
    if (highWatermark <= this.#highWatermark) return;
    this.#highWatermark = highWatermark;
    this.#options.onChange();
  }

  /** Resolves when no commit is under way. */
  async #committed(): Promise<void> {
    if (this.#commitCount > 0) await new Promise<void>((resolve) => this.#onCommitted.push(resolve));
  }

  #offline(): ThroughlineError {
    return new ThroughlineError('PARTITION_OFFLINE', `${this.#name} is offline`, { details: this.#details });
  }

  #outOfDisk(cause: unknown): ThroughlineError {
    return new ThroughlineError('OUT_OF_DISK', `no space to append to ${this.#name}`, {
      cause,
      details: this.#details,
    });
  }

  #closed(): ThroughlineError {
    return new ThroughlineError('CLOSED', `${this.#name} is closed`);
  }

  get #details(): { readonly topic: string; readonly partition: number } {
    const { topic, partition } = this.#options;
    return { topic, partition };
  }
}
