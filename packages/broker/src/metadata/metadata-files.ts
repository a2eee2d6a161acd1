// Going through a file of the metadata log: a segment or a snapshot, held in memory whole.
import {
  batchHeaderBytes,
  batchHeaderProblem,
  offsetBehind,
  readBatchHeader,
  readBatchMagic,
  verifyBatchCrc,
  type RecordBatchHeader,
} from '@throughline/wire';
import { isSnapshotFooter } from './metadata-batches.ts';

export interface WholeBatch {
  readonly batch: Uint8Array;
  readonly header: RecordBatchHeader;
}

export interface WholeBatches {
  /** Where offsets are missing between two of them, what stood there is damaged. */
  readonly batches: readonly WholeBatch[];
  /** Where the last whole batch ends. */
  readonly sizeBytes: number;
  /** Something stands behind the last whole batch. */
  readonly isTorn: boolean;
}

/** The whole batches of a file whose first one has the offset `baseOffset`. */
export function wholeBatches(bytes: Uint8Array, baseOffset: bigint): WholeBatches {
  const batches: WholeBatch[] = [];
  let sizeBytes = 0;
  let nextOffset = baseOffset;
  for (let at = 0; at + batchHeaderBytes <= bytes.length;) {
    const isInPlace = at === sizeBytes;
    // Behind damage each byte may be where the next batch begins.
    const found = isInPlace || readBatchMagic(bytes, at) === 2 ? batchAt(bytes, at) : undefined;
    const isNext = found && (isInPlace ? found.header.baseOffset === nextOffset : found.header.baseOffset > nextOffset);
    if (!isNext) {
      at++;
      continue;
    }
    batches.push(found);
    at += found.batch.length;
    sizeBytes = at;
    nextOffset = offsetBehind(found.header);
  }
  return { batches, sizeBytes, isTorn: sizeBytes < bytes.length };
}

export function isWholeSnapshot({ batches, isTorn }: WholeBatches): boolean {
  const last = batches.at(-1);
  if (isTorn || last === undefined || !isSnapshotFooter(last.batch)) return false;
  return batches.every(({ header }, i) => header.baseOffset === (i === 0 ? 0n : offsetBehind(batches[i - 1]!.header)));
}

function batchAt(bytes: Uint8Array, position: number): WholeBatch | undefined {
  if (position + batchHeaderBytes > bytes.length) return undefined;
  const header = readBatchHeader(bytes, position);
  if (batchHeaderProblem(header) !== undefined || position + header.sizeBytes > bytes.length) return undefined;
  if (!verifyBatchCrc(bytes, position, header.sizeBytes)) return undefined;
  return { header, batch: bytes.subarray(position, position + header.sizeBytes) };
}
