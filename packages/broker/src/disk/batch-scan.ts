// Walking through the record batches of a segment file: in order with everything checked (recovery, rebuilding an index),
// and the search for the next whole batch behind a damaged place.
import {
  batchHeaderBytes,
  batchHeaderProblem,
  lastOffsetOf,
  offsetBehind,
  readBatchHeader,
  readBatchMagic,
  verifyBatchCrc,
  type RecordBatchHeader,
} from '@throughline/wire';
import { recordBytesMaxLimit } from '../defaults.ts';
import { reusedMemory } from './bytes.ts';
import type { DiskFile } from './disk.ts';
import { FileWindow } from './file-window.ts';

export interface ScanRange {
  readonly from: number;
  readonly to: number;
  /** Bytes read at a time. */
  readonly readBytes: number;
  /** Offsets may be missing between batches. */
  readonly isSparse: boolean;
}

/** Where a scan ended: at the end of the range, or before a batch that is torn, damaged or out of order. */
export interface ScanEnd {
  readonly position: number;
  readonly problem: string | undefined;
}

/**
 * Visits batch after batch, checksums verified, until the end of the range or the first bad one.
 *
 * @param expectedOffset the base offset that the first batch must have; any where undefined
 */
export async function scanBatches(
  file: DiskFile,
  range: ScanRange,
  expectedOffset: bigint | undefined,
  visit: (header: RecordBatchHeader) => void,
): Promise<ScanEnd> {
  const window = new FileWindow(file, range.to, range.readBytes, reusedMemory());
  let position = range.from;
  let nextOffset = expectedOffset;
  while (position < range.to) {
    if (!(await window.holds(position, batchHeaderBytes))) return { position, problem: 'the head of a batch is torn' };
    const header = readBatchHeader(window.bytes, position - window.position);
    const problem = batchHeaderProblem(header) ?? placeProblem(header, nextOffset, range.isSparse);
    if (problem !== undefined) return { position, problem };
    if (!(await window.holds(position, header.sizeBytes))) return { position, problem: 'a batch is torn' };
    if (!verifyBatchCrc(window.bytes, position - window.position, header.sizeBytes)) {
      return { position, problem: 'a batch does not match its checksum' };
    }
    visit(header);
    position += header.sizeBytes;
    nextOffset = offsetBehind(header);
  }
  return { position, problem: undefined };
}

/**
 * Says what is wrong with where a batch stands. The base offset is not under the checksum, so it is held against the
 * batch before: inside a segment there are no gaps, but in a compacted topic, where it may only not go back.
 */
export function placeProblem(
  header: RecordBatchHeader,
  expectedOffset: bigint | undefined,
  isSparse: boolean,
): string | undefined {
  const isMisplaced =
    expectedOffset !== undefined &&
    (isSparse ? header.baseOffset < expectedOffset : header.baseOffset !== expectedOffset);
  if (isMisplaced) {
    return `base offset ${header.baseOffset} where ${expectedOffset} is due`;
  }
  // A damaged length must not make us read the rest of the file as one batch.
  return header.sizeBytes > recordBytesMaxLimit ? `a batch of ${header.sizeBytes} bytes` : undefined;
}

export interface FoundBatch {
  readonly header: RecordBatchHeader;
  readonly position: number;
}

/**
 * Searches byte by byte for the next whole batch with offsets in [offsetMin, offsetEnd). Slow, and only used where
 * stored bytes have gone bad.
 */
export async function findBatch(
  file: DiskFile,
  range: ScanRange,
  offsetMin: bigint,
  offsetEnd: bigint,
): Promise<FoundBatch | undefined> {
  const window = new FileWindow(file, range.to, range.readBytes, reusedMemory());
  for (let position = range.from; await window.holds(position, batchHeaderBytes); position++) {
    const at = position - window.position;
    if (readBatchMagic(window.bytes, at) !== 2) continue;
    const header = readBatchHeader(window.bytes, at);
    if (batchHeaderProblem(header) !== undefined || placeProblem(header, undefined, range.isSparse) !== undefined)
      continue;
    if (header.baseOffset < offsetMin || lastOffsetOf(header) >= offsetEnd) continue;
    if (!(await window.holds(position, header.sizeBytes))) continue;
    if (verifyBatchCrc(window.bytes, position - window.position, header.sizeBytes)) return { header, position };
  }
  return undefined;
}
