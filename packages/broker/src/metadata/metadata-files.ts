// Going through a file of the metadata log: a segment or a snapshot, held in memory whole.
import { ThroughlineError } from '@throughline/event';
import {
  batchHeaderBytes,
  batchHeaderProblem,
  readBatchHeader,
  verifyBatchCrc,
  type RecordBatchHeader,
} from '@throughline/wire';
import { isSnapshotFooter } from './metadata-batches.ts';

export interface FoundBatch {
  readonly batch: Uint8Array;
  readonly header: RecordBatchHeader;
}

export interface FoundBatches {
  readonly batches: readonly FoundBatch[];
  /** Where the last whole batch ends. */
  readonly sizeBytes: number;
  /** The offset after the last record. */
  readonly endOffset: bigint;
  /** Something stands behind the last whole batch. */
  readonly isTorn: boolean;
}

/**
 * The batches from the start of a file on, up to a torn one at its end.
 *
 * @throws ThroughlineError CORRUPT_RECORD when a whole batch stands behind a damaged one
 */
export function wholeBatches(bytes: Uint8Array, baseOffset: bigint, file: string): FoundBatches {
  const batches: FoundBatch[] = [];
  let position = 0;
  let endOffset = baseOffset;
  for (;;) {
    const found = batchAt(bytes, position);
    if (found === undefined || found.header.baseOffset !== endOffset) break;
    batches.push(found);
    position += found.batch.length;
    endOffset += BigInt(found.header.lastOffsetDelta) + 1n;
  }
  for (let at = position; at + batchHeaderBytes <= bytes.length; at++) {
    const behind = bytes[at + 16] === 2 ? batchAt(bytes, at) : undefined;
    if (behind === undefined) continue;
    throw new ThroughlineError(
      'CORRUPT_RECORD',
      `${file} is damaged at position ${position}, in the middle of the log`,
      {
        details: { file, position },
      },
    );
  }
  return { batches, sizeBytes: position, endOffset, isTorn: position < bytes.length };
}

export function isWholeSnapshot(batches: readonly FoundBatch[]): boolean {
  const last = batches.at(-1);
  return last !== undefined && isSnapshotFooter(last.batch, last.header);
}

function batchAt(bytes: Uint8Array, position: number): FoundBatch | undefined {
  if (position + batchHeaderBytes > bytes.length) return undefined;
  const header = readBatchHeader(bytes, position);
  if (batchHeaderProblem(header) !== undefined || position + header.sizeBytes > bytes.length) return undefined;
  if (!verifyBatchCrc(bytes, position, header.sizeBytes)) return undefined;
  return { header, batch: bytes.subarray(position, position + header.sizeBytes) };
}
