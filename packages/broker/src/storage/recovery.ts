// What is found of a segment when the broker starts.
//
// After an unclean stop the last segments are read batch by batch. What is not known to have been synced ends before the
// first batch that is torn, damaged or out of order: nothing behind it was ever acknowledged as synced, and a whole batch
// after a torn one must not be shown without it. (What was acknowledged as `fsync` comes back from the commit journal.)
// Below the recovery point it is the other way round: those bytes were good and synced once, so damage there is rot. It
// is kept and reported, what stands behind it stays readable, and nothing is cut off.
import type { Logger } from '@throughline/event';
import { batchHeaderBytes, readBatchHeader, type RecordBatchHeader } from '@throughline/wire';
import { findBatch, lastOffsetOf, scanBatches } from './batch-scan.ts';
import type { DiskFile } from './disk.ts';
import { OffsetIndex } from './offset-index.ts';
import { SegmentIndexer } from './segment-indexer.ts';
import { TimeIndex } from './time-index.ts';

/** Above every offset. */
const offsetEnd = 2n ** 63n;

export interface ScannedSegment {
  readonly indexer: SegmentIndexer;
  /** Why the segment ends before its file does; undefined when it does not. */
  readonly problem: string | undefined;
  /** True when synced records are missing at the end: their offsets are spent, and the log goes on in another segment. */
  readonly endsInGap: boolean;
}

export interface ScanOptions {
  readonly baseOffset: bigint;
  readonly fileBytes: number;
  /** Everything below it was synced once: damage there does not end the segment. */
  readonly syncedOffset: bigint;
  readonly readBytes: number;
  /** Offsets may be missing between batches. */
  readonly isSparse: boolean;
  readonly logger: Logger;
  /** The file's name, for the log. */
  readonly name: string;
  /** Called with the head of each batch that counts. */
  readonly visit?: (header: RecordBatchHeader) => void;
}

/** Whoever wants to know of the batches that are read at a start. */
export interface SegmentVisitor {
  segmentBegins(baseOffset: bigint): Promise<void>;
  visit(header: RecordBatchHeader): void;
}

/** Goes through a whole segment file and indexes it. */
export async function scanSegment(log: DiskFile, options: ScanOptions): Promise<ScannedSegment> {
  const { baseOffset, fileBytes, syncedOffset, readBytes, isSparse, logger, name } = options;
  const indexer = new SegmentIndexer(baseOffset);
  const visit = (header: RecordBatchHeader): void => {
    indexer.add(header);
    options.visit?.(header);
  };
  while (indexer.sizeBytes < fileBytes) {
    const range = { from: indexer.sizeBytes, to: fileBytes, readBytes, isSparse };
    const end = await scanBatches(log, range, indexer.nextOffset, visit);
    if (end.problem === undefined) break;
    if (indexer.nextOffset >= syncedOffset) return { indexer, problem: end.problem, endsInGap: false };
    const offset = indexer.nextOffset.toString();
    logger.error({ file: name, position: end.position, offset, problem: end.problem }, 'a stored batch is damaged');
    const next = await findBatch(log, { ...range, from: end.position + 1 }, indexer.nextOffset, offsetEnd);
    indexer.skipTo(next?.position ?? fileBytes, next?.header.baseOffset ?? indexer.nextOffset);
  }
  const endsInGap = indexer.nextOffset < syncedOffset;
  if (endsInGap) {
    const to = syncedOffset.toString();
    if (!isSparse) logger.error({ file: name, from: indexer.nextOffset.toString(), to }, 'synced records are gone');
    indexer.skipTo(indexer.sizeBytes, syncedOffset);
  }
  return { indexer, problem: undefined, endsInGap };
}

/**
 * Finds the end of a segment from its stored indexes and the few batches behind the last entry, as can be done after a
 * clean stop.
 *
 * @returns undefined when indexes and log do not fit: then it has to be scanned
 */
export async function resumeSegment(
  log: DiskFile,
  stored: { readonly offsetIndex: Uint8Array | undefined; readonly timeIndex: Uint8Array | undefined },
  options: ScanOptions,
): Promise<ScannedSegment | undefined> {
  const { baseOffset, fileBytes, readBytes, isSparse } = options;
  if (stored.offsetIndex === undefined || stored.timeIndex === undefined) return undefined;
  const offsetIndex = OffsetIndex.fromFile(baseOffset, stored.offsetIndex, fileBytes);
  if (offsetIndex === undefined) return undefined;
  const { position, lastOffset } = offsetIndex.last();
  const tail: RecordBatchHeader[] = [];
  const range = { from: position, to: fileBytes, readBytes, isSparse };
  const end = await scanBatches(log, range, position === 0 ? baseOffset : undefined, (header) => tail.push(header));
  if (end.problem !== undefined) return undefined;
  const [first] = tail;
  if (lastOffset !== undefined && (first === undefined || lastOffsetOf(first) !== lastOffset)) return undefined;
  const last = tail.at(-1);
  const nextOffset = last === undefined ? baseOffset : lastOffsetOf(last) + 1n;
  const timeIndex = TimeIndex.fromFile(baseOffset, stored.timeIndex, nextOffset);
  if (timeIndex === undefined) return undefined;
  const head = new Uint8Array(batchHeaderBytes);
  const isEmpty = (await log.read(head, 0)) < head.length;
  const firstTimestampMs = isEmpty ? undefined : readBatchHeader(head, 0).maxTimestampMs;
  const indexer = SegmentIndexer.resume(baseOffset, offsetIndex, timeIndex, firstTimestampMs);
  for (const header of tail) indexer.add(header);
  if (indexer.nextOffset < options.syncedOffset) return undefined;
  return { indexer, problem: undefined, endsInGap: false };
}
