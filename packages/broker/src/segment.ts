// A segment: one stretch of a partition in three files, named as in Apache Kafka after the first offset in 20 digits
// (storage/internals/log/LogSegment.java):
//
//   00000000000000001284.log        record batches, one after the other, nothing between (wire: record-batch-header.ts)
//   00000000000000001284.index      offset → position (offset-index.ts)
//   00000000000000001284.timeindex  timestamp → offset (time-index.ts)
//
// The .log is the truth. The index files are written when the segment is closed, and both are rebuilt from the .log when
// missing or implausible. The last segment of a partition is the active one and the only one written to; its indexes live
// in memory. The others are opened when somebody reads them, and closed again by the pool (open-segments.ts).
import { assert, ThroughlineError, type Logger } from '@throughline/event';
import { batchHeaderBytes, batchHeaderProblem, readBatchHeader, type RecordBatchHeader } from '@throughline/wire';
import { lastOffsetOf } from './batch-scan.ts';
import { readAheadBytesMax } from './defaults.ts';
import type { Disk, DiskFile } from './disk.ts';
import { OffsetIndex } from './offset-index.ts';
import type { OpenSegments, SegmentFiles } from './open-segments.ts';
import { ReadAhead } from './read-ahead.ts';
import { resumeSegment, scanSegment, type ScanOptions } from './recovery.ts';
import { SegmentIndexer } from './segment-indexer.ts';
import { indexMismatch, readSegment, type SegmentExtent, type SegmentReadRequest } from './segment-reader.ts';
import { TimeIndex } from './time-index.ts';

/** What all segments of a broker share. */
export interface SegmentEnvironment {
  readonly disk: Disk;
  readonly logger: Logger;
  readonly openSegments: OpenSegments;
  /** Bytes read at a time while a segment is checked. */
  readonly recoveryReadBytes: number;
}

interface Writing {
  readonly files: SegmentFiles;
  readonly indexer: SegmentIndexer;
}

/** Sequential readers remembered per segment. */
const positionHintCountMax = 64;
/** A relative offset is a signed 32-bit integer. */
const relativeOffsetMax = 0x7fffffffn;
const suffixes = ['log', 'index', 'timeindex'] as const;

export class Segment {
  readonly baseOffset: bigint;
  readonly #environment: SegmentEnvironment;
  readonly #path: string;
  #nextOffset: bigint;
  #sizeBytes: number;
  /** While it is the active segment. */
  #writing: Writing | undefined;
  #isLogDirty = false;
  #areIndexesDirty = false;

  private constructor(environment: SegmentEnvironment, folder: string, baseOffset: bigint) {
    this.#environment = environment;
    this.#path = `${folder}/${segmentName(baseOffset)}`;
    this.baseOffset = baseOffset;
    this.#nextOffset = baseOffset;
    this.#sizeBytes = 0;
  }

  /** Makes the files of a new active segment. */
  static async create(environment: SegmentEnvironment, folder: string, baseOffset: bigint): Promise<Segment> {
    const segment = new Segment(environment, folder, baseOffset);
    const log = await environment.disk.open(segment.#fileName('log'), 'write');
    try {
      await log.truncate(0);
      // Index files of an earlier segment of this name would be taken for ours after a crash.
      await environment.disk.remove(segment.#fileName('index'));
      await environment.disk.remove(segment.#fileName('timeindex'));
    } catch (error) {
      await log.close();
      throw error;
    }
    segment.#write(log, new SegmentIndexer(baseOffset));
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
    const log = await environment.disk.open(segment.#fileName('log'), 'read');
    try {
      segment.#sizeBytes = await log.size();
    } finally {
      await log.close();
    }
    return segment;
  }

  /**
   * Takes the segment over as the active one when the broker starts.
   *
   * @param syncedOffset everything below it was synced once: damage there is kept and reported, never cut off
   * @param isClean true after a clean stop: then only what the stored indexes do not cover is read
   * @returns the segment; what was wrong with the end that has been cut off; and whether synced records are missing at
   *   its end, so that the log has to go on in another segment
   */
  static async recover(
    environment: SegmentEnvironment,
    folder: string,
    baseOffset: bigint,
    { syncedOffset, isClean }: { readonly syncedOffset: bigint; readonly isClean: boolean },
  ): Promise<{ readonly segment: Segment; readonly problem: string | undefined; readonly endsInGap: boolean }> {
    const { disk, logger, recoveryReadBytes: readBytes } = environment;
    const segment = new Segment(environment, folder, baseOffset);
    const name = segment.#fileName('log');
    const log = await disk.open(name, 'write');
    try {
      const fileBytes = await log.size();
      const options: ScanOptions = { baseOffset, fileBytes, syncedOffset, readBytes, logger, name };
      const resumed = isClean ? await resumeSegment(log, await segment.#storedIndexes(), options) : undefined;
      const { indexer, problem, endsInGap } = resumed ?? (await scanSegment(log, options));
      if (indexer.sizeBytes < fileBytes) await log.truncate(indexer.sizeBytes);
      segment.#write(log, indexer);
      segment.#isLogDirty = resumed === undefined;
      return { segment, problem, endsInGap };
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** The offset after the last record. */
  get nextOffset(): bigint {
    return this.#writing?.indexer.nextOffset ?? this.#nextOffset;
  }

  get sizeBytes(): number {
    return this.#writing?.indexer.sizeBytes ?? this.#sizeBytes;
  }

  /** True while something written is not known to be synced. */
  get isDirty(): boolean {
    return this.#isLogDirty || this.#areIndexesDirty;
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
    this.#isLogDirty = true;
    await files.log.write(batches, indexer.sizeBytes);
    for (const header of headers) indexer.add(header);
  }

  /** Removes what a failed write may have left behind the last whole batch. */
  cutTornTail(): Promise<void> {
    const { files, indexer } = this.#active();
    return files.log.truncate(indexer.sizeBytes);
  }

  /** Forgets everything from `offset` on, the first of a batch. */
  async truncateTo(offset: bigint): Promise<void> {
    const { files, indexer } = this.#active();
    if (offset >= indexer.nextOffset) return;
    const position = await this.#positionOf(files, offset);
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
    this.#isLogDirty = true;
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
      const hinted = positionHints.get(request.offset);
      const ahead = hinted === undefined ? undefined : await readAhead.take(hinted);
      let answer = await readSegment(log, extent, request, hinted ?? offsetIndex, ahead);
      if (answer === indexMismatch) {
        this.#environment.logger.error({ file: extent.name }, 'the offset index does not fit its log');
        answer = await readSegment(log, extent, request, undefined, undefined);
        await this.#dropIndexes();
      }
      assert(answer !== indexMismatch, 'without an index there is no mismatch');
      const { batches, nextOffset, nextPosition } = answer;
      hint(positionHints, nextOffset, nextPosition);
      // Somebody reads in order. Only what is closed can no more be taken back.
      const leftBytes = this.#writing === undefined && hinted !== undefined ? extent.sizeBytes - nextPosition : 0;
      if (leftBytes > 0) readAhead.begin(log, nextPosition, Math.min(leftBytes, request.bytesMax, readAheadBytesMax));
      return batches;
    });
  }

  /** The offset of the first batch that ends at or after `fromOffset` and holds a timestamp at or after `timestampMs`. */
  batchForTime(timestampMs: number, fromOffset: bigint): Promise<bigint | undefined> {
    return this.#using(async (files) => {
      const { sizeBytes } = this;
      const indexed = files.timeIndex.offsetBefore(timestampMs);
      const head = new Uint8Array(batchHeaderBytes);
      let { position } = files.offsetIndex.lookUp(indexed > fromOffset ? indexed : fromOffset);
      while (position + batchHeaderBytes <= sizeBytes) {
        await files.log.read(head, position);
        const header = readBatchHeader(head, 0);
        const problem = batchHeaderProblem(header);
        if (problem !== undefined) {
          throw new ThroughlineError('CORRUPT_RECORD', `${this.#fileName('log')} at ${position}: ${problem}`);
        }
        if (lastOffsetOf(header) >= fromOffset && header.maxTimestampMs >= timestampMs) return header.baseOffset;
        position += header.sizeBytes;
      }
      return undefined;
    });
  }

  /** The largest timestamp in the segment, in milliseconds since 1970; -1 when its records have none. */
  async largestTimestampMs(): Promise<number> {
    if (this.#writing !== undefined) return this.#writing.indexer.largestTimestampMs;
    return this.#using(async (files) => files.timeIndex.lastTimestampMs ?? -1);
  }

  /** Closes it for writing: from now on it is opened when somebody reads it. */
  async seal(): Promise<void> {
    await this.storeIndexes();
    this.#stopWriting();
    await this.#environment.openSegments.unpin(this);
  }

  /** Takes a closed segment back for writing, when what came after it has been taken back. */
  async reopen(): Promise<void> {
    const { disk, openSegments } = this.#environment;
    await openSegments.forget(this);
    const log = await disk.open(this.#fileName('log'), 'write');
    const { indexer } = await scanSegment(log, this.#scanOptions());
    this.#write(log, indexer);
  }

  /** Writes the index files; they count only once `sync` has returned. */
  async storeIndexes(): Promise<void> {
    const { indexer } = this.#active();
    indexer.finish();
    await this.#store(indexer.offsetIndex, indexer.timeIndex);
  }

  /** Makes everything written so far survive a power cut. When that fails, nothing more may be written. */
  async sync(): Promise<void> {
    if (this.#areIndexesDirty) {
      this.#areIndexesDirty = false;
      for (const suffix of ['index', 'timeindex'] as const) {
        await this.#withFile(suffix, (file) => file.syncData());
      }
    }
    if (!this.#isLogDirty) return;
    // What is written while the sync is under way makes it dirty again.
    this.#isLogDirty = false;
    await this.#using((files) => files.log.syncData());
  }

  /** Lets go of its files. */
  async close(): Promise<void> {
    this.#stopWriting();
    await this.#environment.openSegments.forget(this);
  }

  /** Removes its files, by way of a name that the next start clears away. */
  async remove(): Promise<void> {
    const { disk } = this.#environment;
    const [log, ...indexes] = suffixes.map((suffix) => this.#fileName(suffix));
    await disk.rename(log!, `${log!}${deletedSuffix}`);
    await this.close();
    for (const path of [...indexes, `${log!}${deletedSuffix}`]) await disk.remove(path);
  }

  /** Opens a closed segment for reading; the pool calls it. Indexes that cannot be used are rebuilt and stored. */
  async openFiles(): Promise<SegmentFiles> {
    const log = await this.#environment.disk.open(this.#fileName('log'), 'read');
    try {
      const stored = await this.#storedIndexes();
      const offsetIndex =
        stored.offsetIndex && OffsetIndex.fromFile(this.baseOffset, stored.offsetIndex, this.sizeBytes);
      const timeIndex = stored.timeIndex && TimeIndex.fromFile(this.baseOffset, stored.timeIndex, this.nextOffset);
      // Without an entry for its largest timestamp a segment would look as if it had none.
      const isFinished = timeIndex !== undefined && (timeIndex.entryCount > 0 || this.sizeBytes === 0);
      if (offsetIndex !== undefined && isFinished) return newFiles(log, offsetIndex, timeIndex);
      this.#environment.logger.warn({ file: this.#fileName('log') }, 'an index is missing or damaged and is rebuilt');
      const { indexer } = await scanSegment(log, this.#scanOptions());
      indexer.finish();
      await this.#store(indexer.offsetIndex, indexer.timeIndex);
      return newFiles(log, indexer.offsetIndex, indexer.timeIndex);
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  #fileName(suffix: (typeof suffixes)[number]): string {
    return `${this.#path}.${suffix}`;
  }

  #extent(): SegmentExtent {
    const { baseOffset, nextOffset, sizeBytes } = this;
    return { baseOffset, nextOffset, sizeBytes, name: this.#fileName('log') };
  }

  /** For going through what is there already: damage is reported and passed over. */
  #scanOptions(): ScanOptions {
    const { recoveryReadBytes: readBytes, logger } = this.#environment;
    const { baseOffset, nextOffset, sizeBytes, name } = this.#extent();
    return { baseOffset, fileBytes: sizeBytes, syncedOffset: nextOffset, readBytes, logger, name };
  }

  async #storedIndexes(): Promise<{ offsetIndex: Uint8Array | undefined; timeIndex: Uint8Array | undefined }> {
    const { disk } = this.#environment;
    return {
      offsetIndex: await disk.readFile(this.#fileName('index')),
      timeIndex: await disk.readFile(this.#fileName('timeindex')),
    };
  }

  async #store(offsetIndex: OffsetIndex, timeIndex: TimeIndex): Promise<void> {
    for (const [suffix, bytes] of [
      ['index', offsetIndex.bytes],
      ['timeindex', timeIndex.bytes],
    ] as const) {
      await this.#withFile(suffix, async (file) => {
        await file.truncate(0);
        await file.write([bytes], 0);
      });
    }
    this.#areIndexesDirty = true;
  }

  /** Has the indexes of a closed segment built anew when it is opened next; those of the active one were never stored. */
  async #dropIndexes(): Promise<void> {
    if (this.#writing !== undefined) return;
    await this.#environment.disk.remove(this.#fileName('index'));
    await this.#environment.openSegments.forget(this);
  }

  async #withFile(suffix: (typeof suffixes)[number], action: (file: DiskFile) => Promise<void>): Promise<void> {
    const file = await this.#environment.disk.open(this.#fileName(suffix), 'write');
    try {
      await action(file);
    } finally {
      await file.close();
    }
  }

  /** The position of the batch that begins at `offset`. */
  async #positionOf(files: SegmentFiles, offset: bigint): Promise<number> {
    const head = new Uint8Array(batchHeaderBytes);
    let { position } = files.offsetIndex.lookUp(offset);
    while (position < this.sizeBytes) {
      await files.log.read(head, position);
      const header = readBatchHeader(head, 0);
      if (header.baseOffset >= offset) break;
      position += header.sizeBytes;
    }
    return position;
  }

  #write(log: DiskFile, indexer: SegmentIndexer): void {
    const files = newFiles(log, indexer.offsetIndex, indexer.timeIndex);
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

export const deletedSuffix = '.deleted';

/** The name that a segment's files share: its first offset in 20 digits. */
export function segmentName(baseOffset: bigint): string {
  return baseOffset.toString().padStart(20, '0');
}

/** The first offset of the segment whose .log file has this name; undefined for other files. */
export function segmentOfFile(fileName: string): bigint | undefined {
  return /^\d{20}\.log$/.test(fileName) ? BigInt(fileName.slice(0, 20)) : undefined;
}

function newFiles(log: DiskFile, offsetIndex: OffsetIndex, timeIndex: TimeIndex): SegmentFiles {
  return { log, offsetIndex, timeIndex, positionHints: new Map(), readAhead: new ReadAhead() };
}

function hint(hints: Map<bigint, number>, offset: bigint, position: number): void {
  hints.delete(offset);
  hints.set(offset, position);
  if (hints.size <= positionHintCountMax) return;
  const [oldest] = hints.keys();
  if (oldest !== undefined) hints.delete(oldest);
}
