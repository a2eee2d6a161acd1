// A segment: one stretch of a partition in three files, named as in Apache Kafka after the first offset in 20 digits
// (storage/internals/log/LogSegment.java):
//
//   00000000000000001284.log        record batches, one after the other, nothing between (wire: record-batch-layout.ts)
//   00000000000000001284.index      offset → position (offset-index.ts)
//   00000000000000001284.timeindex  timestamp → offset (time-index.ts)
//
// The .log is the truth; the index files are written when the segment is closed (index-files.ts), but for a small one that is
// still written to when the broker stops: the next start reads it as a whole. The last segment of a
// partition is the active one and the only one written to; its indexes live in memory. The others are opened when somebody
// reads them, and closed again by the pool (open-segments.ts).
import { assert } from '@throughline/event';
import type { RecordBatchHeader } from '@throughline/wire';
import { closingOnFailure, isOutOfDisk, type DiskFile } from '../disk/disk.ts';
import { IndexFiles } from './index-files.ts';
import { segmentFiles, type SegmentFiles } from './open-segments.ts';
import { noteCase, type RecoveryCaseName } from './recovery-cases.ts';
import { resumeSegment, scanSegment, type Cut, type ScanOptions, type SegmentVisitor } from './recovery.ts';
import { batchForTime, headsFrom, largestTimestampFrom } from './segment-heads.ts';
import { SegmentIndexer } from './segment-indexer.ts';
import { indexMismatch, readSegment, type SegmentExtent, type SegmentReadRequest } from './segment-reader.ts';
import type { SegmentEnvironment } from './segment-environment.ts';
import { deletedSuffix, segmentName } from '../disk/segment-name.ts';
import { setBytesAside, setFileAside } from '../disk/set-aside.ts';
import { Unsynced } from './unsynced.ts';

interface Writing {
  readonly files: SegmentFiles;
  readonly indexer: SegmentIndexer;
}

/** How a segment is to be checked when the broker starts. */
export interface RecoveryTask extends Pick<ScanOptions, 'syncedOffset' | 'isFollowed' | 'decide'> {
  /** After a clean stop only what the stored indexes do not cover is read. */
  readonly isClean: boolean;
}

/** While the broker runs nothing is cut off for damage: what a segment holds has been judged at the start. */
const keepDamage: ScanOptions['decide'] = async () => ({ name: 'rot-below-recovery-point', does: 'keep' });

/** A relative offset is a signed 32-bit integer. */
const relativeOffsetMax = 0x7fffffffn;

export class Segment {
  readonly baseOffset: bigint;
  readonly #environment: SegmentEnvironment;
  readonly #folder: string;
  readonly #path: string;
  readonly #indexFiles: IndexFiles;
  #nextOffset: bigint;
  #sizeBytes: number;
  /** While it is the active segment. */
  #writing: Writing | undefined;
  readonly #unsynced = new Unsynced();
  /** False while its file may not be there. */
  #isMade = true;
  /** The stored indexes are those of the log as it is. */
  #areIndexesStored = false;
  /** Of a closed segment, once somebody has asked. */
  #largestTimestampMs: number | undefined;

  private constructor(environment: SegmentEnvironment, folder: string, baseOffset: bigint) {
    this.#environment = environment;
    this.#folder = folder;
    this.#path = `${folder}/${segmentName(baseOffset)}`;
    this.#indexFiles = new IndexFiles(environment.disk, this.#path);
    this.baseOffset = baseOffset;
    this.#nextOffset = baseOffset;
    this.#sizeBytes = 0;
  }

  /** Makes the files of a new active segment. */
  static async create(environment: SegmentEnvironment, folder: string, baseOffset: bigint): Promise<Segment> {
    const segment = new Segment(environment, folder, baseOffset);
    const log = await environment.activeFiles.open(segment.#logName);
    await closingOnFailure(log, async () => {
      const foundBytes = await log.size();
      if (foundBytes > 0) {
        await setBytesAside(environment.disk, segment.#place(log), 0, foundBytes);
        await log.truncate(0);
      }
      // Those of an earlier segment of this name would be taken for ours after a crash.
      await segment.#indexFiles.remove();
    });
    segment.#write(log, new SegmentIndexer(baseOffset));
    return segment;
  }

  /** The first segment of a partition that has no files: its own is made by the first append. */
  static unmade(environment: SegmentEnvironment, folder: string, baseOffset: bigint): Segment {
    const segment = new Segment(environment, folder, baseOffset);
    segment.#isMade = false;
    segment.#write(environment.activeFiles.openLater(segment.#logName), new SegmentIndexer(baseOffset));
    return segment;
  }

  /** A closed segment that ends where the next one begins; nothing of it is read until somebody asks. */
  static async sealed(
    environment: SegmentEnvironment,
    folder: string,
    baseOffset: bigint,
    nextOffset: bigint,
  ): Promise<Segment> {
    const segment = new Segment(environment, folder, baseOffset);
    segment.#nextOffset = nextOffset;
    const log = await environment.disk.open(segment.#logName, 'read');
    try {
      segment.#sizeBytes = await log.size();
    } finally {
      await log.close();
    }
    return segment;
  }

  /**
   * Takes the segment over as the active one when the broker starts. What is cut off its end is set aside.
   *
   * @param visitor is told of the batches, if they are all read
   * @returns the segment; the place where it was cut off, if it was; and whether synced records are missing at its end, so
   *   that the log has to go on in another segment
   */
  static async recover(
    environment: SegmentEnvironment,
    folder: string,
    baseOffset: bigint,
    task: RecoveryTask,
    visitor: SegmentVisitor,
  ): Promise<{ readonly segment: Segment; readonly cut: Cut | undefined; readonly endsInGap: boolean }> {
    const { logger, isSparse, recoveryReadBytes: readBytes } = environment;
    const segment = new Segment(environment, folder, baseOffset);
    const name = segment.#logName;
    const log = await environment.activeFiles.open(name);
    try {
      const fileBytes = await log.size();
      const visit = (header: RecordBatchHeader): void => visitor.visit(header);
      const options: ScanOptions = { ...task, baseOffset, fileBytes, readBytes, isSparse, logger, name, visit };
      const isIndexed = task.isClean && fileBytes > environment.unindexedBytesMax;
      const resumed = isIndexed ? await resumeSegment(log, await segment.#indexFiles.read(), options) : undefined;
      if (resumed === undefined) await visitor.segmentBegins(baseOffset);
      const { indexer, cut, endsInGap } = resumed ?? (await scanSegment(log, options));
      if (cut !== undefined) {
        const aside = await segment.#setTailAside(log, indexer.sizeBytes, fileBytes, cut.decision.name);
        const offset = indexer.nextOffset.toString();
        const place = { file: name, position: indexer.sizeBytes, offset, problem: cut.problem };
        noteCase(logger, cut.decision.name, { ...place, cutBytes: fileBytes - indexer.sizeBytes, aside });
        await log.truncate(indexer.sizeBytes);
        // What takes its place must not be found with a rest of it behind, should the power fail before the next sync.
        await log.syncData();
      }
      segment.#write(log, indexer);
      if (!task.isClean && fileBytes > 0) segment.#unsynced.note();
      segment.#areIndexesStored = resumed !== undefined;
      return { segment, cut, endsInGap };
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** Keeps what is about to be cut off; on a full disk all but a torn write, which was acknowledged to nobody. */
  async #setTailAside(log: DiskFile, from: number, to: number, why: RecoveryCaseName): Promise<string | undefined> {
    const { disk, logger } = this.#environment;
    try {
      return await setBytesAside(disk, this.#place(log), from, to);
    } catch (error) {
      if (why !== 'torn-tail' || !isOutOfDisk(error)) throw error;
      logger.error({ file: this.#logName, error }, 'the disk is full: a torn write is not set aside');
      return undefined;
    }
  }

  /** The offset after the last record. */
  get nextOffset(): bigint {
    return this.#writing?.indexer.nextOffset ?? this.#nextOffset;
  }

  get sizeBytes(): number {
    return this.#writing?.indexer.sizeBytes ?? this.#sizeBytes;
  }

  /** The largest timestamp of the first batch, while it is the active segment; undefined while there is none. */
  get firstTimestampMs(): number | undefined {
    return this.#writing?.indexer.firstTimestampMs;
  }

  /** True while something written is not known to be synced. */
  get isDirty(): boolean {
    return this.#unsynced.isAny || this.#indexFiles.isDirty;
  }

  /** True when `sizeBytes` more fit behind `pendingBytes`, up to `lastOffset`; an empty segment takes any batch. */
  hasRoomFor(pendingBytes: number, sizeBytes: number, lastOffset: bigint, segmentBytes: number): boolean {
    const usedBytes = this.sizeBytes + pendingBytes;
    if (usedBytes === 0) return true;
    return usedBytes + sizeBytes <= segmentBytes && lastOffset - this.baseOffset <= relativeOffsetMax;
  }

  /** Writes whole batches to the end. When that fails, none of them counts: call `cutTornTail`. */
  async append(batches: readonly Uint8Array[], headers: readonly RecordBatchHeader[]): Promise<void> {
    const { files, indexer } = this.#active();
    this.#areIndexesStored = false;
    try {
      await files.log.write(batches, indexer.sizeBytes);
    } finally {
      // Only now: a sync that was under way with the write may have missed it, and must not leave it for synced.
      this.#unsynced.note();
      this.#isMade = true;
    }
    for (const header of headers) indexer.add(header);
  }

  /** Removes what a failed write may have left behind the last whole batch. */
  async cutTornTail(): Promise<void> {
    const { files, indexer } = this.#active();
    await files.log.truncate(indexer.sizeBytes);
    this.#unsynced.note();
  }

  /** Forgets everything from `offset` on, the first of a batch. */
  async truncateTo(offset: bigint): Promise<void> {
    const { files, indexer } = this.#active();
    if (offset >= indexer.nextOffset) return;
    let position = indexer.sizeBytes;
    for await (const batch of headsFrom(files, this.#extent(), offset)) {
      if (batch.header.baseOffset < offset) continue;
      position = batch.position;
      break;
    }
    const { indexer: shorter } = await scanSegment(files.log, {
      ...this.#scanOptions(),
      fileBytes: position,
      syncedOffset: offset,
    });
    await files.log.truncate(position);
    files.offsetIndex = shorter.offsetIndex;
    files.timeIndex = shorter.timeIndex;
    files.positionHints.clear();
    this.#writing = { files, indexer: shorter };
    this.#unsynced.note();
    this.#areIndexesStored = false;
  }

  /**
   * Reads whole batches from the one that contains the offset on; empty when the segment ends before it.
   *
   * @throws ThroughlineError CORRUPT_RECORD
   */
  read(request: SegmentReadRequest): Promise<Uint8Array> {
    return this.#using(async (files) => {
      // Only what is whole now counts: the end moves on while we wait for the disk.
      const extent = this.#extent();
      const { log, positionHints, offsetIndex, readAhead } = files;
      const { readBuffers } = this.#environment;
      const hinted = positionHints.get(request.offset);
      const ahead = hinted === undefined ? undefined : await readAhead.take(hinted);
      let answer = await readSegment(log, extent, request, hinted ?? offsetIndex, ahead, readBuffers);
      if (answer === indexMismatch) {
        noteCase(this.#environment.logger, 'index-lost', { file: extent.name, problem: 'it does not fit its log' });
        answer = await readSegment(log, extent, request, undefined, undefined, readBuffers);
        await this.#dropIndexes();
      }
      assert(answer !== indexMismatch, 'without an index there is no mismatch');
      const { batches, nextOffset, nextPosition } = answer;
      positionHints.note(nextOffset, nextPosition);
      // Somebody reads in order. Only what is closed can no more be taken back.
      const leftBytes = this.#writing === undefined && hinted !== undefined ? extent.sizeBytes - nextPosition : 0;
      if (leftBytes > 0) readAhead.begin(log, readBuffers, nextPosition, Math.min(leftBytes, request.bytesMax));
      return batches;
    });
  }

  /** The offset of the first batch that ends at or after `fromOffset` and holds a timestamp at or after `timestampMs`. */
  batchForTime(timestampMs: number, fromOffset: bigint): Promise<bigint | undefined> {
    return this.#using((files) => batchForTime(files, this.#extent(), timestampMs, fromOffset));
  }

  /** The largest timestamp of the batches that end at or after `fromOffset`; -1 when they have none. */
  async largestTimestampMs(fromOffset: bigint = this.baseOffset): Promise<number> {
    if (fromOffset > this.baseOffset) {
      return this.#using((files) => largestTimestampFrom(files, this.#extent(), fromOffset));
    }
    if (this.#writing !== undefined) return this.#writing.indexer.largestTimestampMs;
    return (this.#largestTimestampMs ??= await this.#using(async (files) => files.timeIndex.lastTimestampMs ?? -1));
  }

  /** Visits the heads of all its batches; damage is reported and passed over. */
  async visitHeads(visit: (header: RecordBatchHeader) => void): Promise<void> {
    await this.#using((files) => scanSegment(files.log, { ...this.#scanOptions(), visit }));
  }

  /** Closes it for writing: from now on it is opened when somebody reads it. */
  async seal(): Promise<void> {
    await this.#make();
    await this.storeIndexes();
    this.#stopWriting();
    await this.#environment.openSegments.unpin(this);
  }

  /** Takes a closed segment back for writing, when what came after it has been taken back. */
  async reopen(): Promise<void> {
    this.#largestTimestampMs = undefined;
    const { activeFiles, openSegments } = this.#environment;
    await openSegments.forget(this);
    const log = await activeFiles.open(this.#logName);
    const { indexer } = await scanSegment(log, this.#scanOptions());
    this.#write(log, indexer);
  }

  /** So small that a start reads it as a whole, and needs no indexes. */
  get isUnindexed(): boolean {
    return this.sizeBytes <= this.#environment.unindexedBytesMax;
  }

  /** Writes the index files; they count only once `sync` has returned. */
  async storeIndexes(): Promise<void> {
    const { indexer } = this.#active();
    if (this.#areIndexesStored) return;
    indexer.finish();
    await this.#indexFiles.store(indexer.offsetIndex, indexer.timeIndex);
    this.#areIndexesStored = true;
  }

  /** Makes everything written so far survive a power cut. When that fails, nothing more may be written. */
  async sync(): Promise<void> {
    await this.#indexFiles.sync();
    await this.#unsynced.sync(() => this.#using((files) => files.log.syncData()));
  }

  /** Lets go of its files. */
  async close(): Promise<void> {
    this.#stopWriting();
    await this.#environment.openSegments.forget(this);
  }

  /** Removes its files, by way of a name that the next start clears away. */
  async remove(): Promise<void> {
    const { disk } = this.#environment;
    await this.#make();
    const log = this.#logName;
    await disk.rename(log, `${log}${deletedSuffix}`);
    await this.close();
    await this.#indexFiles.remove();
    await disk.remove(`${log}${deletedSuffix}`);
  }

  /** Sets its log aside, and removes its indexes. @returns the new name of the log, undefined when it was empty */
  async setAside(): Promise<string | undefined> {
    if (this.sizeBytes === 0) {
      await this.remove();
      return undefined;
    }
    await this.close();
    await this.#indexFiles.remove();
    return setFileAside(this.#environment.disk, this.#folder, `${segmentName(this.baseOffset)}.log`);
  }

  /** Opens a closed segment for reading; the pool calls it. Indexes that cannot be used are rebuilt and stored. */
  async openFiles(): Promise<SegmentFiles> {
    const log = await this.#environment.disk.open(this.#logName, 'read');
    return closingOnFailure(log, async () => {
      const loaded = await this.#indexFiles.load(this);
      if (loaded !== undefined) return segmentFiles(log, loaded.offsetIndex, loaded.timeIndex);
      noteCase(this.#environment.logger, 'index-lost', { file: this.#logName });
      const { indexer } = await scanSegment(log, this.#scanOptions());
      indexer.finish();
      await this.#indexFiles.store(indexer.offsetIndex, indexer.timeIndex);
      return segmentFiles(log, indexer.offsetIndex, indexer.timeIndex);
    });
  }

  #place(file: DiskFile): { readonly folder: string; readonly name: string; readonly file: DiskFile } {
    return { folder: this.#folder, name: `${segmentName(this.baseOffset)}.log`, file };
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    await this.#active().files.log.size();
    this.#isMade = true;
  }

  get #logName(): string {
    return `${this.#path}.log`;
  }

  #extent(): SegmentExtent {
    const { baseOffset, nextOffset, sizeBytes } = this;
    return { baseOffset, nextOffset, sizeBytes, isSparse: this.#environment.isSparse, name: this.#logName };
  }

  /** For going through what is there already: damage is reported and passed over. */
  #scanOptions(): ScanOptions {
    const { recoveryReadBytes: readBytes, logger } = this.#environment;
    const { baseOffset, nextOffset, sizeBytes, isSparse, name } = this.#extent();
    const known = { baseOffset, fileBytes: sizeBytes, syncedOffset: nextOffset, isFollowed: true, decide: keepDamage };
    return { ...known, readBytes, isSparse, logger, name };
  }

  /** Has the indexes of a closed segment built anew when it is opened next; those of the active one were never stored. */
  async #dropIndexes(): Promise<void> {
    if (this.#writing !== undefined) return;
    await this.#indexFiles.remove();
    await this.#environment.openSegments.forget(this);
  }

  #write(log: DiskFile, indexer: SegmentIndexer): void {
    const files = segmentFiles(log, indexer.offsetIndex, indexer.timeIndex);
    this.#writing = { files, indexer };
    this.#environment.openSegments.adopt(this, files);
  }

  #stopWriting(): void {
    this.#nextOffset = this.nextOffset;
    this.#sizeBytes = this.sizeBytes;
    this.#writing = undefined;
  }

  #active(): Writing {
    assert(this.#writing !== undefined, 'only the active segment is written to');
    return this.#writing;
  }

  #using<T>(action: (files: SegmentFiles) => Promise<T>): Promise<T> {
    return this.#environment.openSegments.use(this, action);
  }
}
