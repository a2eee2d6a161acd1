// One partition: what is appended is queued, placed, written and acknowledged here, in the order of the calls.
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
import { ThroughlineError, type Clock, type Logger, type LogRecord, type Timer } from '@throughline/event';
import { decodeRecordBatch, setBaseOffset, setPartitionLeaderEpoch, type RecordBatchHeader } from '@throughline/wire';
import { checkBatch } from './batch-check.ts';
import type { AppendedBatch, PartitionLog, ReadBatches } from './broker.ts';
import type { CommitJournal, JournalPartition } from './commit-journal.ts';
import type { BrokerLimits } from './defaults.ts';
import { isOutOfDisk } from './disk.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { Segments } from './segments.ts';
import { TailCache, type TailCacheBudget } from './tail-cache.ts';
import type { TopicConfig } from './topic-config.ts';

export interface PartitionOptions {
  readonly topic: string;
  readonly partition: number;
  /** 16 bytes. */
  readonly topicId: Uint8Array;
  readonly config: TopicConfig;
  readonly segments: Segments;
  readonly epochs: LeaderEpochs;
  readonly logStartOffset: bigint;
  readonly recoveryPoint: bigint;
  readonly journal: CommitJournal;
  readonly tailCacheBudget: TailCacheBudget;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An append on its way. */
interface Waiting {
  readonly batch: Uint8Array;
  header: RecordBatchHeader;
  /** It has its offset and is acknowledged or about to be: it must not be refused any more. */
  readonly isPlaced: boolean;
  readonly resolve: (appended: AppendedBatch) => void;
  readonly reject: (error: ThroughlineError) => void;
}

/** Something to do between two writes, in its place in the queue. */
interface Command {
  readonly run: () => Promise<void>;
}

/** Batches of one write: the operating system takes 1024 buffers at once. */
const writeBatchCountMax = 1024;

export class Partition implements PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly #options: PartitionOptions;
  readonly #journalPartition: JournalPartition;
  readonly #segments: Segments;
  readonly #tail: TailCache;
  readonly #listeners = new Set<() => void>();
  #config: TopicConfig;
  #logStartOffset: bigint;
  #highWatermark: bigint;
  #recoveryPoint: bigint;
  /** The offset that the next batch to be placed gets. */
  #nextOffset: bigint;
  #queue: (Waiting | Command)[] = [];
  #queueBytes = 0;
  #unplacedCount = 0;
  #isPumping = false;
  /** Groups handed to the journal and not settled. */
  #commitCount = 0;
  #onCommitted: (() => void)[] = [];
  /**
   * Groups that the journal refused for want of space. They are told so once what was written of them to the segment is
   * gone, or a crash in between would bring back what had been refused.
   */
  #refused: Waiting[] = [];
  /** Acknowledged in memory and refused by a full disk: tried again when the timer fires. */
  #isDiskFull = false;
  #retryTimer: Timer | undefined;
  /** While the config is changed nothing is placed ahead of the queue. */
  #isAltering = false;
  #isOnline = true;
  #isClosed = false;
  /** Ends of the queue. */
  #onIdle: (() => void)[] = [];
  /** Syncs, retention and the like happen one at a time. */
  #maintenance: Promise<unknown> = Promise.resolve();

  constructor(options: PartitionOptions) {
    this.#options = options;
    this.topic = options.topic;
    this.partition = options.partition;
    this.#journalPartition = { topicId: options.topicId, partition: options.partition };
    this.#segments = options.segments;
    this.#config = options.config;
    this.#logStartOffset = options.logStartOffset;
    this.#recoveryPoint = options.recoveryPoint;
    this.#nextOffset = options.segments.endOffset;
    this.#highWatermark = this.#nextOffset;
    this.#tail = new TailCache(options.tailCacheBudget, options.limits.partitionTailCacheBytesMax);
  }

  get logStartOffset(): bigint {
    return this.#logStartOffset;
  }

  get highWatermark(): bigint {
    return this.#highWatermark;
  }

  get logEndOffset(): bigint {
    return this.#nextOffset;
  }

  get bytes(): number {
    return this.#segments.bytes;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** Everything below it survives a power cut without the journal. */
  get recoveryPoint(): bigint {
    return this.#recoveryPoint;
  }

  get config(): TopicConfig {
    return this.#config;
  }

  append(batch: Uint8Array): Promise<AppendedBatch> {
    return new Promise((resolve, reject) => {
      this.#checkAppendable(batch.length);
      const header = checkBatch(batch, this.#config.recordBytesMax);
      if (this.#config.durability !== 'memory' || this.#isAltering || this.#unplacedCount > 0) {
        this.#unplacedCount++;
        this.#enqueue({ batch, header, isPlaced: false, resolve, reject });
        return;
      }
      const placed = this.#place(batch, header);
      const appended = appendedBatch(placed);
      this.#tail.keepFrom(this.#segments.endOffset);
      this.#tail.add(appended.baseOffset, appended.lastOffset, batch);
      // Beyond the bound the writer waits for the disk, as with `os`: a slow disk must not fill the memory.
      const mustWait = this.#queueBytes + batch.length > this.#options.limits.writeBehindBytesMax;
      if (!mustWait) resolve(appended);
      this.#enqueue({ batch, header: placed, isPlaced: true, resolve, reject });
      this.#advance(appended.lastOffset + 1n);
    });
  }

  async read(offset: bigint, bytesMax: number): Promise<ReadBatches> {
    if (this.#isClosed) throw this.#closed();
    const { logStartOffset, highWatermark } = this;
    if (offset < logStartOffset || offset > highWatermark) {
      throw new ThroughlineError('OFFSET_OUT_OF_RANGE', `offset ${offset} of ${this.#name}`, {
        details: { logStartOffset: logStartOffset.toString(), highWatermark: highWatermark.toString() },
      });
    }
    const request = { offset, bytesMax, endOffset: highWatermark };
    const batches =
      offset === highWatermark
        ? new Uint8Array(0)
        : (this.#tail.read(offset, bytesMax, highWatermark) ?? (await this.#segments.read(request)));
    return { batches, logStartOffset, highWatermark };
  }

  onAdvance(listener: () => void): () => void {
    // A function of its own: the same one registered twice is two listeners.
    const registered = (): void => listener();
    this.#listeners.add(registered);
    return () => this.#listeners.delete(registered);
  }

  async offsetForTime(timestampMs: number): Promise<bigint> {
    if (this.#isClosed) throw this.#closed();
    // What is only in memory has no index.
    if (this.#nextOffset > this.#segments.endOffset) await this.flush();
    const { highWatermark } = this;
    const baseOffset = await this.#segments.batchForTime(timestampMs, this.#logStartOffset);
    if (baseOffset === undefined || baseOffset >= highWatermark) return highWatermark;
    const batch = await this.#segments.read({ offset: baseOffset, bytesMax: 1, endOffset: highWatermark });
    if (batch.length === 0) return highWatermark;
    const records: LogRecord[] = [];
    decodeRecordBatch(
      batch,
      0,
      { topic: this.topic, partition: this.partition, fromOffset: this.#logStartOffset },
      records,
    );
    return records.find((record) => record.timestampMs >= timestampMs)?.offset ?? baseOffset;
  }

  /** Resolves when everything handed in so far is written, or refused. */
  async flush(): Promise<void> {
    if (this.#isPumping && !this.#isDiskFull) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /**
   * Makes the segments survive a power cut and moves the recovery point: all of them, or where the topic is not `fsync`
   * only the closed ones.
   *
   * @returns false when that failed, and the partition is offline
   */
  sync(withActive: boolean): Promise<boolean> {
    return this.#exclusive(async () => {
      if (!this.#isOnline) return false;
      try {
        this.#recoveryPoint = await this.#segments.sync(withActive);
        return true;
      } catch (error) {
        this.#goOffline(error, 'a segment could not be synced');
        return false;
      }
    });
  }

  /** True when a sync would move the recovery point. */
  get needsSync(): boolean {
    if (!this.#isOnline) return false;
    return this.#config.durability === 'fsync' ? this.#segments.isDirty : this.#segments.hasUnsyncedSealed;
  }

  /** Where the log may start once retention has done its work; rolls an active segment that has expired whole. */
  retentionPoint(nowMs: number): Promise<bigint> {
    return this.#exclusive(async () => {
      const { retentionMs, retentionBytes } = this.#config;
      let point = this.#logStartOffset;
      let { bytes } = this.#segments;
      for (const segment of this.#segments.sealed) {
        const isOverSize = retentionBytes !== null && bytes - segment.sizeBytes >= retentionBytes;
        if (!isOverSize && !(await isExpired(segment, retentionMs, nowMs))) return point;
        bytes -= segment.sizeBytes;
        if (segment.nextOffset > point) point = segment.nextOffset;
      }
      const { active } = this.#segments;
      if (active.sizeBytes > 0 && this.#isOnline && (await isExpired(active, retentionMs, nowMs))) {
        await this.#betweenWrites(() => this.#segments.roll());
        point = this.#segments.active.baseOffset;
      }
      return point;
    });
  }

  /** Moves the start of the log, which must have been noted durably before: the files below it are removed. */
  removeBefore(offset: bigint): Promise<void> {
    return this.#exclusive(async () => {
      if (offset > this.#logStartOffset) this.#logStartOffset = offset;
      await this.#segments.removeBefore(this.#logStartOffset);
    });
  }

  /** Applies a new config behind everything that is queued. */
  async alter(config: TopicConfig): Promise<void> {
    this.#isAltering = true;
    try {
      await this.#betweenWrites(async () => {
        if (this.#isOnline && config.durability === 'fsync' && this.#config.durability !== 'fsync') {
          // The journal holds nothing of what is there already.
          this.#recoveryPoint = await this.#segments.sync(true);
        }
        this.#config = config;
      });
    } finally {
      this.#isAltering = false;
    }
  }

  /** Ends it: what is queued is written, everything is synced, the files are closed. True when all of that worked. */
  async close(): Promise<boolean> {
    if (this.#isClosed) return true;
    this.#isClosed = true;
    this.#retryTimer?.cancel();
    this.#isDiskFull = false;
    this.#pump();
    await this.flush();
    const lostBytes = this.#queueBytes;
    if (lostBytes > 0)
      this.#options.logger.error(
        { partition: this.#name, lostBytes },
        'the disk is full: records kept in memory are lost',
      );
    await this.#committed();
    const isSynced = (await this.#storeIndexes()) && (await this.sync(true));
    await this.#exclusive(() => this.#segments.close());
    this.#tail.close();
    this.#wake();
    return isSynced && lostBytes === 0;
  }

  /** Lets go of everything without writing anything more: the topic is deleted, or the broker could not be opened. */
  async abandon(): Promise<void> {
    this.#isClosed = true;
    this.#retryTimer?.cancel();
    this.#refuse(this.#closed());
    await this.flush();
    await this.#committed();
    await this.#exclusive(() => this.#segments.close());
    this.#tail.close();
    this.#wake();
  }

  get #name(): string {
    return `${this.topic}-${this.partition}`;
  }

  #checkAppendable(batchBytes: number): void {
    if (this.#isClosed) throw this.#closed();
    if (!this.#isOnline) throw this.#offline();
    if (this.#isDiskFull) throw this.#outOfDisk(undefined);
    const { appendQueueBytesMax } = this.#options.limits;
    if (this.#queueBytes > 0 && this.#queueBytes + batchBytes > appendQueueBytesMax) {
      throw new ThroughlineError('THROTTLED', `${this.#queueBytes} bytes wait to be written to ${this.#name}`, {
        details: { appendQueueBytesMax },
        retryAfterMs: 100,
      });
    }
  }

  /** Gives a batch the next offset. */
  #place(batch: Uint8Array, header: RecordBatchHeader): RecordBatchHeader {
    const baseOffset = this.#nextOffset;
    setBaseOffset(batch, 0, baseOffset);
    setPartitionLeaderEpoch(batch, 0, this.#options.epochs.current);
    this.#nextOffset = baseOffset + BigInt(header.lastOffsetDelta) + 1n;
    return { ...header, baseOffset };
  }

  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#queueBytes += waiting.batch.length;
    this.#pump();
  }

  /** Runs `run` in the queue's order, when nothing is being written or committed. */
  #betweenWrites(run: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isDiskFull) return reject(this.#outOfDisk(undefined));
      this.#queue.push({ run: () => run().then(resolve, reject) });
      this.#pump();
    });
  }

  /** Starts writing unless that is going on. */
  #pump(): void {
    if (this.#isPumping || this.#isDiskFull) return;
    this.#isPumping = true;
    this.#work().then(
      () => this.#rest(),
      (error: unknown) => {
        this.#goOffline(error, 'appending failed');
        this.#rest();
      },
    );
  }

  #rest(): void {
    this.#isPumping = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
    // Something may have come in the same turn.
    if (this.#queue.length > 0 && !this.#isDiskFull) this.#pump();
  }

  async #work(): Promise<void> {
    while (!this.#isDiskFull) {
      if (this.#refused.length > 0) await this.#rollBack();
      const next = this.#queue[0];
      if (next === undefined) return;
      if ('run' in next) {
        this.#queue.shift();
        await this.#committed();
        if (this.#refused.length > 0) await this.#rollBack();
        await next.run();
      } else {
        await this.#writeNext();
      }
    }
  }

  async #writeNext(): Promise<void> {
    const group = this.#takeGroup();
    if (group.length === 0) {
      // Only a segment without commits under way is closed, so that a rollback never has to reopen one.
      await this.#committed();
      if (this.#refused.length > 0) return;
      await this.#guarded([], () => this.#segments.roll());
      return;
    }
    const batches = group.map(({ batch }) => batch);
    const headers = group.map(({ header }) => header);
    if (!(await this.#guarded(group, () => this.#segments.append(batches, headers)))) return;
    if (this.#config.durability !== 'fsync') return this.#acknowledge(group);
    if (this.#refused.length > 0) {
      // It stands behind one that is about to be taken back.
      this.#refused.push(...group);
      return;
    }
    this.#commitCount++;
    this.#options.journal.commit(this.#journalPartition, batches, (error) => this.#onSettled(group, error));
  }

  /** Takes what goes into the next write off the queue and places it; nothing when the segment is full. */
  #takeGroup(): Waiting[] {
    const { writeBytesMax } = this.#options.limits;
    const { active } = this.#segments;
    const group: Waiting[] = [];
    let bytes = 0;
    for (const waiting of this.#queue) {
      if ('run' in waiting || group.length === writeBatchCountMax) break;
      const { batch, header } = waiting;
      if (group.length > 0 && bytes + batch.length > writeBytesMax) break;
      const lastOffset = (waiting.isPlaced ? header.baseOffset : this.#nextOffset) + BigInt(header.lastOffsetDelta);
      const room =
        bytes === 0
          ? active.hasRoomFor(batch.length, lastOffset, this.#config.segmentBytes)
          : active.sizeBytes + bytes + batch.length <= this.#config.segmentBytes;
      if (!room) break;
      if (!waiting.isPlaced) waiting.header = this.#place(batch, header);
      bytes += batch.length;
      group.push(waiting);
    }
    this.#queue.splice(0, group.length);
    return group;
  }

  /** Does something to the disk; when that fails, settles `group` and what is queued. */
  async #guarded(group: readonly Waiting[], action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      if (!isOutOfDisk(error)) {
        this.#goOffline(error, 'a segment could not be written');
        this.#refuseGroup(group, this.#offline());
        return false;
      }
      const isCut = await this.#cutTornTail();
      const placed = group.filter((waiting) => waiting.isPlaced);
      const unplaced = group.filter((waiting) => !waiting.isPlaced);
      this.#queue.unshift(...placed);
      if (isCut) this.#resetNextOffset();
      this.#refuseGroup(unplaced, isCut ? this.#outOfDisk(error) : this.#offline());
      if (isCut) this.#refuse(this.#outOfDisk(error));
      if (this.#queue.some((waiting) => !('run' in waiting))) this.#tryLater();
      return false;
    }
  }

  /** The next batch is placed behind what is written, and what is placed and waits in memory. */
  #resetNextOffset(): void {
    const last = this.#queue.findLast((waiting): waiting is Waiting => !('run' in waiting) && waiting.isPlaced);
    this.#nextOffset = last === undefined ? this.#segments.endOffset : appendedBatch(last.header).lastOffset + 1n;
  }

  /** After a write that failed for want of space: nothing of it may stand in the file once others take its place. */
  async #cutTornTail(): Promise<boolean> {
    try {
      await this.#segments.cutTornTail();
      if (this.#config.durability === 'fsync') await this.#segments.active.sync();
      return true;
    } catch (error) {
      this.#goOffline(error, 'the torn tail could not be cut off');
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

  #onSettled(group: readonly Waiting[], error: ThroughlineError | undefined): void {
    this.#commitCount--;
    if (error === undefined) this.#acknowledge(group);
    else if (error.code === 'OUT_OF_DISK') {
      this.#refused.push(...group);
      this.#refuse(error);
    } else {
      this.#goOffline(error, 'the commit journal failed');
      this.#refuseGroup(group, this.#offline());
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
      this.#goOffline(error, 'a refused append could not be taken back');
    }
    this.#resetNextOffset();
    this.#refuseGroup(refused, this.#isOnline ? this.#outOfDisk(undefined) : this.#offline());
  }

  #acknowledge(group: readonly Waiting[]): void {
    let end = this.#highWatermark;
    for (const waiting of group) {
      const appended = appendedBatch(waiting.header);
      this.#queueBytes -= waiting.batch.length;
      if (!waiting.isPlaced) {
        this.#unplacedCount--;
        this.#tail.add(appended.baseOffset, appended.lastOffset, waiting.batch);
      }
      end = appended.lastOffset + 1n;
      waiting.resolve(appended);
    }
    this.#tail.keepFrom(this.#segments.endOffset);
    this.#advance(end);
  }

  #refuseGroup(group: readonly Waiting[], error: ThroughlineError): void {
    for (const waiting of group) {
      this.#queueBytes -= waiting.batch.length;
      if (!waiting.isPlaced) this.#unplacedCount--;
      waiting.reject(error);
    }
  }

  /** Refuses what is queued and not acknowledged; commands stay. */
  #refuse(error: ThroughlineError): void {
    const refused = this.#queue.filter((waiting): waiting is Waiting => !('run' in waiting) && !waiting.isPlaced);
    this.#queue = this.#queue.filter((waiting) => 'run' in waiting || waiting.isPlaced);
    this.#refuseGroup(refused, error);
  }

  #goOffline(error: unknown, what: string): void {
    if (!this.#isOnline) return;
    this.#isOnline = false;
    this.#options.logger.error({ partition: this.#name, error }, what);
    // What the journal holds of this partition cannot be synced to its segments any more: the next start replays it.
    this.#options.journal.keep();
    const refused = this.#queue.filter((waiting): waiting is Waiting => !('run' in waiting));
    this.#queue = this.#queue.filter((waiting) => 'run' in waiting);
    this.#refuseGroup(refused, this.#offline());
    this.#wake();
  }

  #advance(highWatermark: bigint): void {
    if (highWatermark <= this.#highWatermark) return;
    this.#highWatermark = highWatermark;
    this.#wake();
  }

  #wake(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Resolves when no commit is under way. */
  async #committed(): Promise<void> {
    if (this.#commitCount > 0) await new Promise<void>((resolve) => this.#onCommitted.push(resolve));
  }

  async #storeIndexes(): Promise<boolean> {
    try {
      await this.#segments.storeActiveIndexes();
      return true;
    } catch (error) {
      // They are rebuilt from the log.
      this.#options.logger.warn({ partition: this.#name, error }, 'the indexes could not be stored');
      return false;
    }
  }

  #exclusive<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#maintenance.then(action);
    this.#maintenance = result.catch(() => {});
    return result;
  }

  #offline(): ThroughlineError {
    return new ThroughlineError('PARTITION_OFFLINE', `${this.#name} is offline`, {
      details: { topic: this.topic, partition: this.partition },
    });
  }

  #outOfDisk(cause: unknown): ThroughlineError {
    return new ThroughlineError('OUT_OF_DISK', `no space to append to ${this.#name}`, {
      cause,
      details: { topic: this.topic, partition: this.partition },
    });
  }

  #closed(): ThroughlineError {
    return new ThroughlineError('CLOSED', `${this.#name} is closed`);
  }
}

function appendedBatch(header: RecordBatchHeader): AppendedBatch {
  return { baseOffset: header.baseOffset, lastOffset: header.baseOffset + BigInt(header.lastOffsetDelta) };
}

async function isExpired(
  segment: { largestTimestampMs(): Promise<number> },
  retentionMs: number | null,
  nowMs: number,
): Promise<boolean> {
  if (retentionMs === null) return false;
  const largest = await segment.largestTimestampMs();
  return largest >= 0 && nowMs - largest > retentionMs;
}
