// What is found of a segment when the broker starts.
//
// After an unclean stop the last segments are read batch by batch. Where a batch is torn, damaged or out of order, the table
// of recovery cases says whether the segment ends there or goes on behind it (recovery-cases.ts).
import type { Logger } from '@throughline/event';
import {
  batchHeaderBytes,
  lastOffsetOf,
  offsetBehind,
  readBatchHeader,
  type RecordBatchHeader,
} from '@throughline/wire';
import { findBatch, scanBatches } from '../disk/batch-scan.ts';
import type { DiskFile } from '../disk/disk.ts';
import { OffsetIndex } from './offset-index.ts';
import { noteCase, type DamageDecision } from './recovery-cases.ts';
import { SegmentIndexer } from './segment-indexer.ts';
import { TimeIndex } from './time-index.ts';

/** Above every offset. */
const offsetEnd = 2n ** 63n;

export interface ScannedSegment {
  readonly indexer: SegmentIndexer;
  /** Why the segment ends before its file does; undefined when it does not. */
  readonly cut: Cut | undefined;
  /** True when synced records are missing at the end: their offsets are spent, and the log goes on in another segment. */
  readonly endsInGap: boolean;
}

/** A place where a log ends now and did not end before. */
export interface Cut {
  readonly decision: DamageDecision;
  readonly problem: string;
}

/**
 * Says what is to be done about a damaged place.
 *
 * @param offset the first one that is missing
 * @param isFollowed whether something whole stands behind it
 */
export type DecideDamage = (offset: bigint, isFollowed: boolean) => Promise<DamageDecision>;

export interface ScanOptions {
  readonly baseOffset: bigint;
  readonly fileBytes: number;
  /** The segment reached up to there once: what is missing at its end is given out to nobody else. */
  readonly syncedOffset: bigint;
  /** Another segment stands behind it. */
  readonly isFollowed: boolean;
  readonly decide: DecideDamage;
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
    const { problem } = end;
    const next = await findBatch(log, { ...range, from: end.position + 1 }, indexer.nextOffset, offsetEnd);
    const decision = await options.decide(indexer.nextOffset, options.isFollowed || next !== undefined);
    if (decision.does === 'cut') return { indexer, cut: { decision, problem }, endsInGap: false };
    const offset = indexer.nextOffset.toString();
    noteCase(logger, decision.name, { file: name, position: end.position, offset, problem });
    indexer.skipTo(next?.position ?? fileBytes, next?.header.baseOffset ?? indexer.nextOffset);
  }
  const endsInGap = indexer.nextOffset < syncedOffset;
  if (endsInGap) {
    const fields = { file: name, from: indexer.nextOffset.toString(), to: syncedOffset.toString() };
    if (!isSparse && !options.isFollowed) noteCase(logger, 'synced-end-missing', fields);
    indexer.skipTo(indexer.sizeBytes, syncedOffset);
  }
  return { indexer, cut: undefined, endsInGap };
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
  const nextOffset = last === undefined ? baseOffset : offsetBehind(last);
  const timeIndex = TimeIndex.fromFile(baseOffset, stored.timeIndex, nextOffset);
  if (timeIndex === undefined) return undefined;
  const head = new Uint8Array(batchHeaderBytes);
  const isEmpty = (await log.read(head, 0)) < head.length;
  const firstTimestampMs = isEmpty ? undefined : readBatchHeader(head, 0).maxTimestampMs;
  const indexer = SegmentIndexer.resume(baseOffset, offsetIndex, timeIndex, firstTimestampMs);
  for (const header of tail) indexer.add(header);
  if (indexer.nextOffset < options.syncedOffset) return undefined;
  return { indexer, cut: undefined, endsInGap: false };
}
