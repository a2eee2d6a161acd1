// The upkeep of a partition, which runs beside the writing: what of it is certain (the recovery point), where it begins (the log
// start offset), and closing its files. All of it happens one at a time; none of it waits for an append (wait-order.ts).
import { ThroughlineError } from '@throughline/event';
import { codedFullDisk } from '../disk/full-disk.ts';
import { encodeSnapshot } from '../producers/producer-snapshot.ts';
import type { SnapshotFiles } from '../producers/snapshot-files.ts';
import { expiredPoint, isExpired } from './expiry.ts';
import type { FolderFiles } from './folder-files.ts';
import type { PartitionWriter } from './partition-writer.ts';
import type { Removal } from './segments.ts';
import { OrderedTurns } from './wait-order.ts';
import type { Watched } from './watchdog.ts';
import type { WriterOptions } from './writer-options.ts';

export interface UpkeepOptions extends Pick<WriterOptions, 'segments' | 'epochs' | 'producers' | 'logger'> {
  readonly name: string;
  readonly writer: PartitionWriter;
  readonly snapshots: SnapshotFiles;
  readonly folderFiles: FolderFiles;
  readonly logStartOffset: bigint;
  readonly recoveryPoint: bigint;
  /** Notes durably where the log will begin. */
  readonly noteLogStart: (offset: bigint) => Promise<void>;
}

export class PartitionUpkeep {
  readonly #options: UpkeepOptions;
  readonly #turns = new OrderedTurns('upkeep');
  #logStartOffset: bigint;
  #recoveryPoint: bigint;
  /** Its files can be synced. */
  #hasFiles = true;
  /** Its topic is being deleted. */
  #isAbandoned = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#logStartOffset = options.logStartOffset;
    this.#recoveryPoint = options.recoveryPoint;
  }

  get logStartOffset(): bigint {
    return this.#logStartOffset;
  }

  /** Everything below it survives a power cut without the journal. */
  get recoveryPoint(): bigint {
    return this.#recoveryPoint;
  }

  get watched(): Watched {
    return this.#turns;
  }

  /** True when a sync would move the recovery point. */
  get needsSync(): boolean {
    const { segments, writer } = this.#options;
    if (!writer.isOnline) return false;
    if (writer.config.durability !== 'fsync') return segments.hasUnsyncedSealed;
    // What was under way in the last sync has been synced with it, and is acknowledged only now.
    return segments.isDirty || this.#recoveryPoint < writer.highWatermark;
  }

  /**
   * Makes the segments survive a power cut and moves the recovery point: all of them, or only the closed ones.
   *
   * @returns false when that failed, and the partition is offline
   */
  sync(withActive: boolean): Promise<boolean> {
    return this.#turns.run('a sync', () => this.#sync(withActive));
  }

  /**
   * Moves the start of the log to `offset`, where it is not there yet.
   *
   * @param check throws where that must not be, when it is its turn
   * @returns where the log begins now
   */
  deleteRecords(offset: bigint, check: () => void): Promise<bigint> {
    return this.#turns.run('a deletion of records', async () => {
      check();
      if (offset > this.#logStartOffset) {
        // What is known of the producers from before that place has to survive it: in the log, or in a snapshot.
        if (!(await this.#sync(true))) throw this.offline();
        await codedFullDisk(() => this.#options.noteLogStart(offset));
        await this.#removeBefore(offset);
      }
      return this.#logStartOffset;
    });
  }

  /** Where the log may begin by its retention; closes the active segment when all of it has expired. */
  async retentionPoint(nowMs: number): Promise<bigint> {
    const { segments, writer } = this.#options;
    const expired = () => expiredPoint(segments, writer.config, this.#logStartOffset, nowMs);
    const { isWhole } = await this.#turns.run('retention', expired);
    // Between two turns: closing a segment waits for the commits before it.
    if (isWhole && writer.isOnline) {
      await writer.roll(() => isExpired(segments.active, writer.config.retentionMs, nowMs));
    }
    return this.#turns.run('retention', async () => {
      const { point } = await expired();
      return point > this.#logStartOffset && !(await this.#syncSnapshots()) ? this.#logStartOffset : point;
    });
  }

  /** Moves the start of the log: the files below it are removed. It has been noted durably before, or they go `one by one`. */
  removeBefore(offset: bigint, how?: Removal): Promise<void> {
    return this.#turns.run('a removal of segments', () => this.#removeBefore(offset, how));
  }

  /** Stores what is known of the producers at the end of the segments, when all of it is acknowledged. */
  async storeSnapshot(): Promise<void> {
    const { segments, snapshots, producers } = this.#options;
    const { endOffset } = segments;
    if (endOffset > 0n && !snapshots.has(endOffset)) await snapshots.store(endOffset, encodeSnapshot(producers.known));
  }

  /** Stores what spares the next start reading, and makes all of it certain; false when something of that failed. */
  async finish(): Promise<boolean> {
    return (await this.#storeForNextStart()) && (await this.sync(true));
  }

  /** Nothing is made certain any more: its topic is being deleted. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** False when that failed, which is no reason not to close others. */
  async closeFiles(): Promise<boolean> {
    const { segments, name: partition, logger } = this.#options;
    try {
      await this.#turns.run('closing', () => {
        this.#hasFiles = false;
        return segments.close();
      });
      return true;
    } catch (error) {
      logger.warn({ partition, error }, 'the files of a partition could not be closed');
      return false;
    }
  }

  offline(): ThroughlineError {
    return new ThroughlineError('PARTITION_OFFLINE', `${this.#options.name} is offline`);
  }

  async #sync(withActive: boolean): Promise<boolean> {
    const { segments, writer, folderFiles } = this.#options;
    // After a failure nothing is asked again: the answer would prove nothing. A checkpoint may meet what was closed meanwhile.
    if (!writer.isOnline || this.#isAbandoned || !this.#hasFiles) return false;
    // What was never written to cannot be lost: it is made again from the metadata log.
    if (segments.isUntouched) return true;
    // What stands behind it may be rejected yet, and its offsets be given to others: that is not synced by this sync.
    const acknowledgedEnd = writer.highWatermark;
    try {
      await folderFiles.sync();
      const syncedEnd = await segments.sync(withActive);
      const recoveryPoint = syncedEnd < acknowledgedEnd ? syncedEnd : acknowledgedEnd;
      if (!(await this.#syncSnapshots())) return false;
      this.#recoveryPoint = recoveryPoint;
      return true;
    } catch (error) {
      // A checkpoint that has begun meets the folders of a topic that is being deleted.
      if (this.#isAbandoned) return false;
      writer.goOffline(error, 'a segment could not be synced');
      return false;
    }
  }

  /**
   * Makes the snapshots of the producers survive a power cut. That comes before the start of the log moves: what is known
   * of the producers from what is then removed is known from nowhere else.
   */
  async #syncSnapshots(): Promise<boolean> {
    const { writer, snapshots } = this.#options;
    if (!writer.isOnline) return false;
    try {
      await snapshots.sync();
      return true;
    } catch (error) {
      if (this.#isAbandoned) return false;
      writer.goOffline(error, 'a snapshot of the producers could not be synced');
      return false;
    }
  }

  /** The start of the log has moved: what is below it is gone, and files that cannot be removed now are removed another time. */
  async #removeBefore(offset: bigint, how?: Removal): Promise<void> {
    const { segments, epochs, snapshots, name: partition, logger } = this.#options;
    if (offset > this.#logStartOffset) this.#logStartOffset = offset;
    try {
      epochs.truncateFromStart(this.#logStartOffset);
      await segments.removeBefore(this.#logStartOffset, how);
      const { startOffset } = segments;
      await snapshots.remove((snapshot) => snapshot < startOffset);
    } catch (error) {
      logger.warn({ partition, error }, 'files below the start of the log could not be removed');
    }
  }

  /** False when that failed, and the next start has to read. */
  async #storeForNextStart(): Promise<boolean> {
    const { segments, snapshots, producers, writer, name: partition, logger } = this.#options;
    const { active, startOffset } = segments;
    // Where nobody is to be remembered, a start finds that in the segment, which it reads anyway.
    const isRead = active.isUnindexed && (active.baseOffset === startOffset || snapshots.has(active.baseOffset));
    try {
      await segments.storeActiveIndexes();
      if (writer.isOnline && !(isRead && producers.known.length === 0)) await this.storeSnapshot();
      return true;
    } catch (error) {
      logger.warn({ partition, error }, 'the indexes or the producers could not be stored');
      return false;
    }
  }
}
