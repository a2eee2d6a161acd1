// Reading whole batches from the files of a segment: the index gives a place at or before the wanted batch, the heads
// lead from there to it, and it is returned with what follows in the same bytes read. Every batch returned has been
// checked against its checksum here, so that nobody above need do it again.
//
// Damage costs no more than the batch it is in: what stands before it is returned, then the damaged batch is rejected
// with CORRUPT_RECORD and the offset where reading can go on. When damage hides where the next batch begins, that is
// searched for.
import { ThroughlineError } from '@throughline/event';
import {
  batchHeaderBytes,
  batchHeaderProblem,
  lastOffsetOf,
  offsetBehind,
  readBatchHeader,
  verifyBatchCrc,
} from '@throughline/wire';
import { findBatch, placeProblem, type FoundBatch } from '../disk/batch-scan.ts';
import type { DiskFile } from '../disk/disk.ts';
import { FileWindow } from '../disk/file-window.ts';
import type { OffsetIndex } from './offset-index.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface SegmentReadRequest {
  readonly offset: bigint;
  readonly bytesMax: number;
  /** Nothing at or after it is returned. */
  readonly endOffset: bigint;
}

/** The stretch of a segment that counts while the read lasts. */
export interface SegmentExtent {
  readonly baseOffset: bigint;
  readonly nextOffset: bigint;
  readonly sizeBytes: number;
  /** Offsets may be missing between batches. */
  readonly isSparse: boolean;
  /** Its name, for errors. */
  readonly name: string;
}

/** The index points at something else than it says: it, or the batch there, is damaged. */
export const indexMismatch: unique symbol = Symbol('index mismatch');

/** Bytes searched at a time for a batch behind damage. */
const searchBytes = 256 * 1024;

export interface SegmentReadAnswer {
  readonly batches: Uint8Array;
  /** Where the read ended: the next one in order begins here. */
  readonly nextOffset: bigint;
  readonly nextPosition: number;
}

/**
 * Reads the batch that contains `offset` and those after it, up to `bytesMax`.
 *
 * @param start a position known for `offset`, an index to ask, or undefined to go through the segment from its start
 * @param ahead what has been read already from a known position on
 * @param buffers where the memory comes from that is read into
 * @throws ThroughlineError CORRUPT_RECORD
 */
export async function readSegment(
  log: DiskFile,
  extent: SegmentExtent,
  request: SegmentReadRequest,
  start: number | OffsetIndex | undefined,
  ahead: Uint8Array | undefined,
  buffers: ReadBuffers,
): Promise<SegmentReadAnswer | typeof indexMismatch> {
  const { offset, bytesMax, endOffset } = request;
  const window = new FileWindow(log, extent.sizeBytes, bytesMax, (byteCount) => buffers.take(byteCount));
  if (ahead !== undefined && typeof start === 'number') window.begin(start, ahead);
  const first = await locate(log, window, extent, offset, start);
  if (first === indexMismatch) return first;
  if (first === undefined || lastOffsetOf(first.header) >= endOffset) {
    return { batches: new Uint8Array(0), nextOffset: offset, nextPosition: first?.position ?? extent.sizeBytes };
  }
  // One more read only when the way to the batch has used up most of the first.
  const { sizeBytes } = first.header;
  let problem = (await window.holds(first.position, sizeBytes)) ? undefined : 'the log ends in mid-batch';
  let position = first.position;
  let nextOffset = offset;
  let expectedOffset = first.header.baseOffset;
  while (problem === undefined && position < extent.sizeBytes) {
    const at = position - window.position;
    if (at + batchHeaderBytes > window.bytes.length) break;
    const header = readBatchHeader(window.bytes, at);
    problem = batchHeaderProblem(header) ?? placeProblem(header, expectedOffset, extent.isSparse);
    if (problem !== undefined || at + header.sizeBytes > window.bytes.length) break;
    const isFirst = position === first.position;
    if (!isFirst && position + header.sizeBytes - first.position > bytesMax) break;
    if (lastOffsetOf(header) >= endOffset) break;
    if (!verifyBatchCrc(window.bytes, at, header.sizeBytes)) {
      problem = 'a batch does not match its checksum';
      break;
    }
    position += header.sizeBytes;
    nextOffset = expectedOffset = offsetBehind(header);
  }
  if (position === first.position) {
    const next = await behindDamage(log, extent, first.position, first.header.baseOffset);
    throw corrupt(extent, offset, next, problem ?? 'it cannot be read');
  }
  const from = first.position - window.position;
  return {
    batches: window.bytes.subarray(from, from + position - first.position),
    nextOffset,
    nextPosition: position,
  };
}

/** Finds the batch that contains `offset`; undefined when the segment ends before it. */
async function locate(
  log: DiskFile,
  window: FileWindow,
  extent: SegmentExtent,
  offset: bigint,
  start: number | OffsetIndex | undefined,
): Promise<FoundBatch | typeof indexMismatch | undefined> {
  const entry =
    start === undefined
      ? { position: 0, lastOffset: undefined }
      : typeof start === 'number'
        ? { position: start, lastOffset: undefined }
        : start.lookUp(offset);
  let { position } = entry;
  let expectedOffset = typeof start === 'number' ? offset : position === 0 ? extent.baseOffset : undefined;
  while (position < extent.sizeBytes) {
    const isThere = await window.holds(position, batchHeaderBytes);
    const header = isThere ? readBatchHeader(window.bytes, position - window.position) : undefined;
    const problem =
      header === undefined
        ? 'its head is torn'
        : (batchHeaderProblem(header) ?? placeProblem(header, expectedOffset, extent.isSparse));
    if (position === entry.position && entry.lastOffset !== undefined) {
      if (problem !== undefined || header === undefined || lastOffsetOf(header) !== entry.lastOffset)
        return indexMismatch;
    }
    if (header === undefined || problem !== undefined) {
      const next = await behindDamage(log, extent, position, expectedOffset ?? extent.baseOffset);
      if (next === undefined || next.header.baseOffset > offset) {
        throw corrupt(extent, offset, next, problem ?? 'its head is torn');
      }
      position = next.position;
      expectedOffset = next.header.baseOffset;
      continue;
    }
    if (lastOffsetOf(header) >= offset) return { header, position };
    position += header.sizeBytes;
    expectedOffset = offsetBehind(header);
  }
  return undefined;
}

function behindDamage(
  log: DiskFile,
  extent: SegmentExtent,
  position: number,
  offsetMin: bigint,
): Promise<FoundBatch | undefined> {
  const range = { from: position + 1, to: extent.sizeBytes, readBytes: searchBytes, isSparse: extent.isSparse };
  return findBatch(log, range, offsetMin, extent.nextOffset);
}

function corrupt(
  extent: SegmentExtent,
  offset: bigint,
  next: FoundBatch | undefined,
  problem: string,
): ThroughlineError {
  const nextOffset = next?.header.baseOffset ?? extent.nextOffset;
  return new ThroughlineError('CORRUPT_RECORD', `offset ${offset} in ${extent.name}: ${problem}`, {
    details: { offset: offset.toString(), nextOffset: nextOffset.toString() },
  });
}
