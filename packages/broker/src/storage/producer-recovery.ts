// Finding the producers of a partition when the broker starts: the latest snapshot that can be trusted, and the batches
// behind it.
//
// After a clean stop there is a snapshot of the very end, or a last segment that is small and read as a whole. After an unclean one only those that were synced are known to be
// whole and of this log; the segments above the recovery point are read anyway to be checked, and the heads of their
// batches are taken along. Where that leaves something out (no snapshot, a damaged one, a log that was cut again), the
// log is gone through from the snapshot on.
import type { Clock, Logger } from '@throughline/event';
import type { RecordBatchHeader } from '@throughline/wire';
import type { Disk } from '../disk/disk.ts';
import { noteCase } from './recovery-cases.ts';
import { decodeSnapshot, encodeSnapshot } from '../producers/producer-snapshot.ts';
import { ProducerStates, type ProducerLimits } from '../producers/producer-states.ts';
import { SnapshotFiles } from '../producers/snapshot-files.ts';

/** The log, as far as it matters here. */
export interface ReplayableLog {
  readonly startOffset: bigint;
  readonly endOffset: bigint;
  /** The first offsets of the segments. */
  readonly baseOffsets: readonly bigint[];
  /** Visits the heads of all batches, from the segment that `offset` is in. */
  visitFrom(offset: bigint, visit: (header: RecordBatchHeader) => void): Promise<void>;
}

export interface ProducerRecoveryOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** Of the files in it. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ProducerLimits;
  readonly isClean: boolean;
  /** Snapshots up to here were synced. */
  readonly syncedOffset: bigint;
}

export class ProducerRecovery {
  readonly states: ProducerStates;
  readonly files: SnapshotFiles;
  readonly #options: ProducerRecoveryOptions;
  /** The first segment that is being read anyway. */
  #firstVisited: bigint | undefined;
  #loadedOffset = 0n;
  #isLogCut = false;

  private constructor(options: ProducerRecoveryOptions, files: SnapshotFiles) {
    this.#options = options;
    this.states = new ProducerStates(options.limits);
    this.files = files;
  }

  static async begin(options: ProducerRecoveryOptions): Promise<ProducerRecovery> {
    const { disk, folder, names, isClean, syncedOffset } = options;
    const files = SnapshotFiles.of(disk, folder, names);
    if (!isClean) await files.remove((offset) => offset > syncedOffset);
    const recovery = new ProducerRecovery(options, files);
    await recovery.#load();
    return recovery;
  }

  /** The batches of the segment that begins at `baseOffset` are about to be visited. */
  async segmentBegins(baseOffset: bigint): Promise<void> {
    this.#firstVisited ??= baseOffset;
    const isKnown = this.#loadedOffset >= this.#firstVisited && this.states.endOffset === baseOffset;
    if (isKnown && baseOffset > 0n && !this.files.has(baseOffset)) await this.#store(baseOffset);
  }

  /** A batch that stands in the log. */
  visit(header: RecordBatchHeader): void {
    this.states.replay(header, this.#options.clock.nowMs());
  }

  /** What was visited from `offset` on is not in the log after all. */
  async logIsCut(offset: bigint): Promise<void> {
    this.#isLogCut = true;
    await this.files.remove((snapshot) => snapshot > offset);
  }

  /** Brings the producers up to the end of the log, which is complete now. */
  async finish(log: ReplayableLog): Promise<void> {
    const { startOffset, endOffset } = log;
    await this.files.remove((offset) => offset > endOffset);
    if (!this.#isComplete(startOffset, endOffset)) {
      await this.#load();
      await log.visitFrom(this.#loadedOffset, (header) => this.visit(header));
    }
    // The last offsets may be spent without a batch.
    this.states.endOffset = endOffset;
    // Where there is nobody to remember, going through a single segment again costs no more than it does anyway.
    const isWorthwhile = this.states.known.length > 0 || log.baseOffsets.length > 1;
    if (isWorthwhile && endOffset > startOffset && this.#loadedOffset < endOffset) await this.#store(endOffset);
    const used = new Set([...log.baseOffsets, endOffset]);
    await this.files.remove((offset) => !used.has(offset));
  }

  /** True when the snapshot and what was visited are all there is. */
  #isComplete(startOffset: bigint, endOffset: bigint): boolean {
    if (this.#isLogCut || this.#loadedOffset > endOffset) return false;
    if (this.#firstVisited === undefined) return this.#loadedOffset === endOffset;
    return this.#loadedOffset >= this.#firstVisited || this.#firstVisited === startOffset;
  }

  async #load(): Promise<void> {
    const { clock, logger, folder } = this.#options;
    this.states.reset(0n);
    this.#loadedOffset = 0n;
    for (const offset of this.files.latestFirst) {
      const bytes = await this.files.read(offset);
      const producers = bytes && decodeSnapshot(bytes);
      if (producers === undefined) {
        const aside = await this.files.setAside(offset);
        noteCase(logger, 'producers-lost', { folder, offset: offset.toString(), aside });
        continue;
      }
      this.states.reset(offset);
      for (const producer of producers) this.states.restore(producer, clock.nowMs());
      this.#loadedOffset = offset;
      return;
    }
  }

  #store(offset: bigint): Promise<void> {
    return this.files.store(offset, encodeSnapshot(this.states.known));
  }
}
