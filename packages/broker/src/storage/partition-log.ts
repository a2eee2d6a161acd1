// One partition as the broker keeps it: the writing side (partition-writer.ts), reading from the tail cache or the
// segments, and the upkeep that runs beside both: syncing, retention, closing.
import { ThroughlineError } from '@throughline/event';
import type {
  AppendCondition,
  PartitionLog,
  PlacedBatches,
  ReadBatches,
  SealedAt,
  TimedOffset,
} from './partition-face.ts';
import type { AppendedBatch } from '../ground/appended-batch.ts';
import { encodeSnapshot } from '../producers/producer-snapshot.ts';
import { expiredPoint, isExpired } from './expiry.ts';
import type { FolderFiles } from './folder-files.ts';
import type { SnapshotFiles } from '../producers/snapshot-files.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { PreparedConfig, WriterOptions } from './writer-options.ts';
import { PartitionWriter } from './partition-writer.ts';
import { checkFollows, placedBatches, type LogEnd, type PlacedBatch } from './placed-batches.ts';
import type { Segments } from './segments.ts';
import { TailCache, type TailCacheBudget } from './tail-cache.ts';
import { maxTimestampOffset, recordAtTime, type OffsetRange } from './time-lookup.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import { codedFullDisk } from '../disk/full-disk.ts';
import { OrderedTurns } from './wait-order.ts';
import type { Watched } from './watchdog.ts';

export interface PartitionOptions extends Omit<
  WriterOptions,
  'tail' | 'onChange' | 'logStartOffset' | 'storeSnapshot'
> {
  readonly snapshots: SnapshotFiles;
  readonly folderFiles: FolderFiles;
  readonly logStartOffset: bigint;
  readonly recoveryPoint: bigint;
  readonly tailCacheBudget: TailCacheBudget;
  readonly readBuffers: ReadBuffers;
  /** Stores which leader epochs have begun where. */
  readonly storeEpochs: () => Promise<void>;
  /** Notes durably in which epoch it is sealed, or with null that it is open again. */
  readonly noteSeal: (epoch: number | null) => Promise<void>;
  /** Syncs what is closed, and notes durably up to where. */
  readonly noteRecoveryPoint: (partition: Partition) => Promise<void>;
  /** Notes durably where the log will begin. */
  readonly noteLogStart: (partition: Partition, offset: bigint) => Promise<void>;
}

export class Partition implements PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly #options: PartitionOptions;
  readonly #segments: Segments;
  readonly #tail: TailCache;
  readonly #writer: PartitionWriter;
  readonly #listeners = new Set<() => void>();
  /** Syncs, removals and closing happen one at a time. A checkpoint waits for them, so that none of them waits for appends. */
  readonly #upkeep = new OrderedTurns('upkeep');
  #logStartOffset: bigint;
  #recoveryPoint: bigint;
  #isClosed = false;
  /** Its topic is being deleted. */
  #isAbandoned = false;

  constructor(options: PartitionOptions) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.#options = options;
    this.#segments = options.segments;
    this.#logStartOffset = options.logStartOffset;
    this.#recoveryPoint = options.recoveryPoint;
    this.#tail = new TailCache(options.tailCacheBudget, options.limits.partitionTailCacheBytesMax);
    this.#writer = new PartitionWriter({
      ...options,
      tail: this.#tail,
      onChange: () => this.#wake(),
      logStartOffset: () => this.#logStartOffset,
      storeSnapshot: () => this.#storeSnapshot(),
    });
  }

  get logStartOffset(): bigint {
    return this.#logStartOffset;
  }

  get highWatermark(): bigint {
    return this.#writer.highWatermark;
  }

  get logEndOffset(): bigint {
    return this.#writer.nextOffset;
  }

  get bytes(): number {
    return this.#segments.bytes;
  }

  get leaderEpoch(): number {
    return this.#options.epochs.current;
  }

  get isOnline(): boolean {
    return this.#writer.isOnline;
  }

  /** What of it may stand still. */
  get watched(): readonly Watched[] {
    return [this.#writer.watched, this.#upkeep];
  }

  /** Everything below it survives a power cut without the journal. */
  get recoveryPoint(): bigint {
    return this.#recoveryPoint;
  }

  get config(): TopicConfig {
    return this.#writer.config;
  }

  append(batch: Uint8Array): Promise<AppendedBatch> {
    return this.#writer.append(batch);
  }

  get isSealed(): boolean {
    return this.#writer.isSealed;
  }

  appendIf(batch: Uint8Array, condition: AppendCondition): Promise<AppendedBatch> {
    return this.#writer.appendIf(batch, condition, () => this.#settle());
  }

  async appendPlaced(placed: PlacedBatches): Promise<bigint> {
    const batches = placedBatches(placed.batches);
    const first = batches[0]?.header.baseOffset;
    if (first === undefined) return this.logEndOffset;
    const prepare = async (): Promise<void> => {
      checkFollows(batches, placed, this.#end);
      if (first > this.logEndOffset && !this.config.isCompacted) await this.#leaveGap(first);
      await this.#beginEpochsOf(batches);
    };
    await this.#writer.appendPlaced(batches, prepare, () => this.#settle());
    return this.highWatermark;
  }

  async seal(): Promise<SealedAt> {
    this.#checkOpen();
    const wasSealed = this.isSealed;
    // From now on nothing is let in; what was let in before is kept.
    this.#writer.isSealed = true;
    try {
      const goOn = await this.#writer.hold(() => codedFullDisk(() => this.#options.noteSeal(this.leaderEpoch)));
      goOn();
    } catch (error) {
      this.#writer.isSealed = wasSealed;
      throw error;
    }
    return { leaderEpoch: this.leaderEpoch, endOffset: this.logEndOffset };
  }

  /** Begins a leader epoch at the end of the log, and opens it if it was sealed. @throws ThroughlineError LEADER_EPOCH_FENCED */
  async beginEpoch(epoch: number): Promise<void> {
    const goOn = await this.#writer.hold(async () => {
      const { leaderEpoch, logEndOffset } = this;
      if (epoch <= leaderEpoch) {
        const message = `${this.name} is in leader epoch ${leaderEpoch}, and ${epoch} is not larger`;
        throw new ThroughlineError('LEADER_EPOCH_FENCED', message, {
          details: { leaderEpoch, endOffset: String(logEndOffset) },
        });
      }
      this.#options.epochs.begin(epoch, logEndOffset);
      await codedFullDisk(() => this.#options.storeEpochs());
      await codedFullDisk(() => this.#options.noteSeal(null));
      this.#writer.isSealed = false;
    });
    goOn();
  }

  get #end(): LogEnd {
    const { leaderEpoch, logEndOffset: endOffset, name } = this;
    const { epochs } = this.#options;
    const lastEpoch = endOffset > this.#logStartOffset ? epochs.at(endOffset - 1n) : -1;
    return { name, endOffset, leaderEpoch, lastEpoch, isSparse: this.config.isCompacted };
  }

  /** Makes what was written while all else is held as certain as the topic wants it. */
  async #settle(): Promise<void> {
    if (this.config.durability === 'fsync' && !(await this.sync(true))) throw this.#offline();
  }

  /**
   * Goes on at a later offset, in a segment of its own. A start after a crash takes a segment that ends before the next one for
   * cut off, unless it was synced: so that comes first. A log that has no records begins there then.
   */
  async #leaveGap(offset: bigint): Promise<void> {
    const isEmpty = this.#logStartOffset === this.logEndOffset;
    await this.#storeSnapshot();
    await codedFullDisk(() => this.#segments.roll(offset));
    await this.#options.noteRecoveryPoint(this);
    this.#writer.skip();
    if (!isEmpty) return;
    await codedFullDisk(() => this.#options.noteLogStart(this, offset));
    await this.removeBefore(offset);
  }

  async #beginEpochsOf(batches: readonly PlacedBatch[]): Promise<void> {
    const { epochs, storeEpochs } = this.#options;
    const { current } = epochs;
    for (const { header } of batches) {
      if (header.partitionLeaderEpoch > epochs.current) epochs.begin(header.partitionLeaderEpoch, header.baseOffset);
    }
    if (epochs.current !== current) await codedFullDisk(storeEpochs);
  }

  async read(offset: bigint, bytesMax: number): Promise<ReadBatches> {
    this.#checkOpen();
    const { logStartOffset, highWatermark } = this;
    if (offset < logStartOffset || offset > highWatermark) throw this.#outOfRange(offset);
    const request = { offset, bytesMax, endOffset: highWatermark };
    const batches =
      offset === highWatermark
        ? new Uint8Array(0)
        : (this.#tail.read(offset, bytesMax, highWatermark, this.#options.readBuffers) ??
          (await this.#segments.read(request)));
    return { batches, logStartOffset, highWatermark };
  }

  release(batches: Uint8Array): void {
    this.#options.readBuffers.give(batches);
  }

  onAdvance(listener: () => void): () => void {
    // A function of its own: the same one registered twice is two listeners.
    const registered = (): void => listener();
    this.#listeners.add(registered);
    return () => this.#listeners.delete(registered);
  }

  async offsetForTime(timestampMs: number): Promise<bigint> {
    const { highWatermark } = this;
    return (await this.recordAtTime(timestampMs))?.offset ?? highWatermark;
  }

  async recordAtTime(timestampMs: number): Promise<TimedOffset | undefined> {
    return recordAtTime(this.#segments, await this.#indexedRange(), timestampMs);
  }

  async maxTimestampOffset(): Promise<TimedOffset | undefined> {
    return maxTimestampOffset(this.#segments, await this.#indexedRange());
  }

  epochAt(offset: bigint): number {
    return this.#options.epochs.at(offset);
  }

  endOfEpoch(epoch: number): { readonly epoch: number; readonly endOffset: bigint } | undefined {
    return this.#options.epochs.endOffset(epoch, this.logEndOffset);
  }

  deleteRecords(beforeOffset: bigint): Promise<bigint> {
    return this.#upkeep.run('a deletion of records', async () => {
      this.#checkOpen();
      if (beforeOffset < 0n || beforeOffset > this.highWatermark) throw this.#outOfRange(beforeOffset);
      if (beforeOffset > this.#logStartOffset) {
        // What is known of the producers from before that place has to survive it: in the log, or in a snapshot.
        if (!(await this.#sync(true))) throw this.#offline();
        await codedFullDisk(() => this.#options.noteLogStart(this, beforeOffset));
        await this.#removeBefore(beforeOffset);
      }
      return this.#logStartOffset;
    });
  }

  /** True when a sync would move the recovery point. */
  get needsSync(): boolean {
    if (!this.isOnline) return false;
    if (this.config.durability !== 'fsync') return this.#segments.hasUnsyncedSealed;
    // What was under way in the last sync has been synced with it, and is acknowledged only now.
    return this.#segments.isDirty || this.#recoveryPoint < this.highWatermark;
  }

  /**
   * Makes the segments survive a power cut and moves the recovery point: all of them, or only the closed ones.
   *
   * @returns false when that failed, and the partition is offline
   */
  sync(withActive: boolean): Promise<boolean> {
    return this.#upkeep.run('a sync', () => this.#sync(withActive));
  }

  /** Where the log may begin by its retention; closes the active segment when all of it has expired. */
  async retentionPoint(nowMs: number): Promise<bigint> {
    const expired = () => expiredPoint(this.#segments, this.config, this.#logStartOffset, nowMs);
    const { isWhole } = await this.#upkeep.run('retention', expired);
    // Between two turns: closing a segment waits for the commits before it.
    if (isWhole && this.isOnline) {
      await this.#writer.roll(() => isExpired(this.#segments.active, this.config.retentionMs, nowMs));
    }
    return this.#upkeep.run('retention', async () => {
      const { point } = await expired();
      return point > this.#logStartOffset && !(await this.#syncSnapshots()) ? this.#logStartOffset : point;
    });
  }

  /** Moves the start of the log, which has been noted durably before: the files below it are removed. */
  removeBefore(offset: bigint): Promise<void> {
    return this.#upkeep.run('a removal of segments', () => this.#removeBefore(offset));
  }

  /** Forgets the producers that have been silent for too long. */
  forgetExpiredProducers(nowMs: number): void {
    this.#options.producers.forgetExpired(nowMs);
  }

  /**
   * Does all of a change of config that can fail. To and from `fsync` nothing may be under way, and everything is synced: the
   * journal holds nothing of what was written before it, and what it holds is freed without a look at other topics. So the
   * writing stops until the change is made or withdrawn.
   *
   * @throws ThroughlineError PARTITION_OFFLINE, OUT_OF_DISK, CLOSED
   */
  async prepare(config: TopicConfig): Promise<PreparedConfig> {
    if ((config.durability === 'fsync') === (this.config.durability === 'fsync')) {
      return { apply: () => this.#writer.apply(config), withdraw: () => {} };
    }
    const goOn = await this.#writer.hold(async () => {
      if (!(await this.sync(true))) throw this.#offline();
    });
    const apply = (): void => {
      this.#writer.apply(config);
      goOn();
    };
    return { apply, withdraw: goOn };
  }

  /** Ends it: what is queued is written, everything is synced, the files are closed. True when all of that worked. */
  async close(): Promise<boolean> {
    if (this.#isClosed) return true;
    this.#isClosed = true;
    const lostBytes = await this.#writer.close();
    if (lostBytes > 0) {
      const fields = { partition: this.name, lostBytes };
      this.#options.logger.error(fields, 'the disk is full: what was only in memory is lost');
    }
    const isSynced = (await this.#storeForNextStart()) && (await this.sync(true));
    return (await this.#closeFiles()) && isSynced && lostBytes === 0;
  }

  /** Ends it without making anything certain: its topic is being deleted. */
  async abandon(): Promise<void> {
    this.#isClosed = true;
    this.#isAbandoned = true;
    // Whoever waits for more hears that there will be none.
    this.#wake();
    await this.#writer.abandon();
    await this.#closeFiles();
  }

  async #sync(withActive: boolean): Promise<boolean> {
    // After a failure nothing is asked again: the answer would prove nothing.
    if (!this.isOnline || this.#isAbandoned) return false;
    // What was never written to cannot be lost: it is made again from the metadata log.
    if (this.#segments.isUntouched) return true;
    // What stands behind it may be rejected yet, and its offsets be given to others: that is not synced by this sync.
    const acknowledgedEnd = this.highWatermark;
    try {
      await this.#options.folderFiles.sync();
      const syncedEnd = await this.#segments.sync(withActive);
      const recoveryPoint = syncedEnd < acknowledgedEnd ? syncedEnd : acknowledgedEnd;
      if (!(await this.#syncSnapshots())) return false;
      this.#recoveryPoint = recoveryPoint;
      return true;
    } catch (error) {
      // A checkpoint that has begun meets the folders of a topic that is being deleted.
      if (this.#isAbandoned) return false;
      this.#writer.goOffline(error, 'a segment could not be synced');
      return false;
    }
  }

  /**
   * Makes the snapshots of the producers survive a power cut. That comes before the start of the log moves: what is known
   * of the producers from what is then removed is known from nowhere else.
   */
  async #syncSnapshots(): Promise<boolean> {
    if (!this.isOnline) return false;
    try {
      await this.#options.snapshots.sync();
      return true;
    } catch (error) {
      if (this.#isAbandoned) return false;
      this.#writer.goOffline(error, 'a snapshot of the producers could not be synced');
      return false;
    }
  }

  /** The start of the log is noted: what is below it is gone, and files that cannot be removed now are removed another time. */
  async #removeBefore(offset: bigint): Promise<void> {
    if (offset > this.#logStartOffset) this.#logStartOffset = offset;
    try {
      this.#options.epochs.truncateFromStart(this.#logStartOffset);
      await this.#segments.removeBefore(this.#logStartOffset);
      const { startOffset } = this.#segments;
      await this.#options.snapshots.remove((snapshot) => snapshot < startOffset);
    } catch (error) {
      this.#options.logger.warn(
        { partition: this.name, error },
        'files below the start of the log could not be removed',
      );
    }
  }

  /** What can be looked up by time now. What is only in memory has no index, and is written first. */
  async #indexedRange(): Promise<OffsetRange> {
    this.#checkOpen();
    const endOffset = this.highWatermark;
    if (endOffset > this.#segments.endOffset) await this.#writer.flush();
    return { startOffset: this.#logStartOffset, endOffset };
  }

  #offline(): ThroughlineError {
    return new ThroughlineError('PARTITION_OFFLINE', `${this.name} is offline`);
  }

  #outOfRange(offset: bigint): ThroughlineError {
    const { logStartOffset, highWatermark } = this;
    return new ThroughlineError('OFFSET_OUT_OF_RANGE', `offset ${offset} of ${this.name}`, {
      details: { logStartOffset: logStartOffset.toString(), highWatermark: highWatermark.toString() },
    });
  }

  /** False when that failed, which is no reason not to close the others. */
  async #closeFiles(): Promise<boolean> {
    let areClosed = true;
    try {
      await this.#upkeep.run('closing', () => this.#segments.close());
    } catch (error) {
      areClosed = false;
      this.#options.logger.warn({ partition: this.name, error }, 'the files of a partition could not be closed');
    }
    this.#tail.close();
    // Whoever follows the log learns from the next read that it is closed.
    this.#wake();
    return areClosed;
  }

  /** Stores what spares the next start reading; false when that failed, and it has to read. */
  async #storeForNextStart(): Promise<boolean> {
    try {
      await this.#segments.storeActiveIndexes();
      if (this.isOnline) await this.#storeSnapshot();
      return true;
    } catch (error) {
      const fields = { partition: this.name, error };
      this.#options.logger.warn(fields, 'the indexes or the producers could not be stored');
      return false;
    }
  }

  /** Stores what is known of the producers at the end of the segments, when all of it is acknowledged. */
  async #storeSnapshot(): Promise<void> {
    const { snapshots, producers } = this.#options;
    const { endOffset } = this.#segments;
    if (endOffset > 0n && !snapshots.has(endOffset)) await snapshots.store(endOffset, encodeSnapshot(producers.known));
  }

  #wake(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        // A reader's mistake must not stop the writing.
        this.#options.logger.error({ partition: this.name, error }, 'a listener failed');
      }
    }
  }

  get name(): string {
    return `${this.topic}-${this.partition}`;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new ThroughlineError('CLOSED', `${this.name} is closed`);
  }
}
