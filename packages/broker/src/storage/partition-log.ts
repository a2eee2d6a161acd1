// One partition as the broker keeps it: the writing side (partition-writer.ts), the upkeep beside it (partition-upkeep.ts),
// reading from the tail cache or the segments, and what concerns all of them: its leader epochs, a seal, a change of its
// settings, its end.
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
import type { ReadBuffers } from './read-buffers.ts';
import type { PreparedConfig, WriterOptions } from './writer-options.ts';
import { PartitionUpkeep, type UpkeepOptions } from './partition-upkeep.ts';
import { PartitionWriter } from './partition-writer.ts';
import { checkFollows, placedBatches, type LogEnd, type PlacedBatch } from './placed-batches.ts';
import type { Removal, Segments } from './segments.ts';
import { TailCache, type TailCacheBudget } from './tail-cache.ts';
import { maxTimestampOffset, recordAtTime, type OffsetRange } from './time-lookup.ts';
import type { TopicConfig } from '../ground/topic-config.ts';
import { codedFullDisk } from '../disk/full-disk.ts';
import type { Watched } from './watchdog.ts';

export interface PartitionOptions
  extends
    Omit<WriterOptions, 'tail' | 'onChange' | 'logStartOffset' | 'storeSnapshot'>,
    Pick<UpkeepOptions, 'snapshots' | 'folderFiles' | 'logStartOffset' | 'recoveryPoint'> {
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
  readonly #upkeep: PartitionUpkeep;
  readonly #listeners = new Set<() => void>();
  #isClosed = false;

  constructor(options: PartitionOptions) {
    this.topic = options.topic;
    this.partition = options.partition;
    this.#options = options;
    this.#segments = options.segments;
    this.#tail = new TailCache(options.tailCacheBudget, options.limits.partitionTailCacheBytesMax);
    this.#writer = new PartitionWriter({
      ...options,
      tail: this.#tail,
      onChange: () => this.#wake(),
      logStartOffset: () => this.logStartOffset,
      storeSnapshot: () => this.#upkeep.storeSnapshot(),
    });
    this.#upkeep = new PartitionUpkeep({
      ...options,
      name: this.name,
      writer: this.#writer,
      noteLogStart: (offset) => options.noteLogStart(this, offset),
    });
  }

  get logStartOffset(): bigint {
    return this.#upkeep.logStartOffset;
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
    return [this.#writer.watched, this.#upkeep.watched];
  }

  /** Everything below it survives a power cut without the journal. */
  get recoveryPoint(): bigint {
    return this.#upkeep.recoveryPoint;
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
    const lastEpoch = endOffset > this.logStartOffset ? epochs.at(endOffset - 1n) : -1;
    return { name, endOffset, leaderEpoch, lastEpoch, isSparse: this.config.isCompacted };
  }

  /** Makes what was written while all else is held as certain as the topic wants it. */
  async #settle(): Promise<void> {
    if (this.config.durability === 'fsync' && !(await this.sync(true))) throw this.#upkeep.offline();
  }

  /**
   * Goes on at a later offset, in a segment of its own. A start after a crash takes a segment that ends before the next one for
   * cut off, unless it was synced: so that comes first. A log that has no records begins there then.
   */
  async #leaveGap(offset: bigint): Promise<void> {
    const isEmpty = this.logStartOffset === this.logEndOffset;
    await this.#upkeep.storeSnapshot();
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
    return this.#upkeep.deleteRecords(beforeOffset, () => {
      this.#checkOpen();
      if (beforeOffset < 0n || beforeOffset > this.highWatermark) throw this.#outOfRange(beforeOffset);
    });
  }

  get needsSync(): boolean {
    return this.#upkeep.needsSync;
  }

  sync(withActive: boolean): Promise<boolean> {
    return this.#upkeep.sync(withActive);
  }

  retentionPoint(nowMs: number): Promise<bigint> {
    return this.#upkeep.retentionPoint(nowMs);
  }

  removeBefore(offset: bigint, how?: Removal): Promise<void> {
    return this.#upkeep.removeBefore(offset, how);
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
      if (!(await this.sync(true))) throw this.#upkeep.offline();
    });
    const apply = (): void => {
      this.#writer.apply(config);
      goOn();
    };
    return { apply, withdraw: goOn };
  }

  /**
   * Ends it: what is queued is written, everything is synced unless it `isLate`, the files are closed.
   *
   * @returns true when all of that was done
   */
  async close(isLate: () => boolean): Promise<boolean> {
    if (this.#isClosed) return true;
    this.#isClosed = true;
    const lostBytes = await this.#writer.close();
    if (lostBytes > 0) {
      const fields = { partition: this.name, lostBytes };
      this.#options.logger.error(fields, 'the disk is full: what was only in memory is lost');
    }
    const isDue = !isLate();
    // What is not synced now is in the journal, which a checkpoint that is still under way must not free.
    if (!isDue) this.#options.journal.keep();
    const isSynced = isDue && (await this.#upkeep.finish());
    return (await this.#closeFiles()) && isSynced && lostBytes === 0;
  }

  /** Ends it without making anything certain: its topic is being deleted. */
  async abandon(): Promise<void> {
    this.#isClosed = true;
    this.#upkeep.abandon();
    // Whoever waits for more hears that there will be none.
    this.#wake();
    await this.#writer.abandon();
    await this.#closeFiles();
  }

  /** What can be looked up by time now. What is only in memory has no index, and is written first. */
  async #indexedRange(): Promise<OffsetRange> {
    this.#checkOpen();
    const endOffset = this.highWatermark;
    if (endOffset > this.#segments.endOffset) await this.#writer.flush();
    return { startOffset: this.logStartOffset, endOffset };
  }

  #outOfRange(offset: bigint): ThroughlineError {
    const { logStartOffset, highWatermark } = this;
    return new ThroughlineError('OFFSET_OUT_OF_RANGE', `offset ${offset} of ${this.name}`, {
      details: { logStartOffset: logStartOffset.toString(), highWatermark: highWatermark.toString() },
    });
  }

  async #closeFiles(): Promise<boolean> {
    const areClosed = await this.#upkeep.closeFiles();
    this.#tail.close();
    // Whoever follows the log learns from the next read that it is closed.
    this.#wake();
    return areClosed;
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
