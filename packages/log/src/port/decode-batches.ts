// From the batches that a broker returns to the records that a reader asked for.
import { ThroughlineError, type LogRecord } from '@throughline/event';
import {
  decodeRecordBatch,
  offsetBehind,
  readBatchHeader,
  verifyBatchCrc,
  type RecordBatchHeader,
} from '@throughline/wire';
import type { SharedBatches } from './shared-batches.ts';

export interface Decoded {
  readonly records: readonly LogRecord[];
  /** The offset after the last batch that was decoded; `fromOffset` when there is none. */
  readonly nextOffset: bigint;
  /** The leader epoch of that batch; that of the request when there is none. */
  readonly lastEpoch: number;
}

export interface DecodeRequest {
  readonly topic: string;
  readonly partition: number;
  /** Records below it are left out: a read begins with the batch that contains the offset asked for. */
  readonly fromOffset: bigint;
  /** The leader epoch of the record before it; -1 when that is not known. */
  readonly lastEpoch: number;
  /** Where batches that others have decoded are looked up and left behind. */
  readonly shared?: SharedBatches | undefined;
  /** Whether checksums are compared first, which a broker in the same process has done. Default false. */
  readonly mustVerify?: boolean;
  /** Batches that no reader may see (aborted transactions); asked once for each, in order. */
  readonly isHidden?: (header: RecordBatchHeader) => boolean;
}

/**
 * Decodes whole batches that stand one after the other. When one cannot be decoded, those before it are returned, and
 * whoever reads on from there meets the error.
 *
 * @throws ThroughlineError CORRUPT_RECORD when the first batch breaks the format, NOT_BUILT_YET when its codec is not
 *   there; details.nextOffset tells where reading can go on
 */
export function decodeBatches(batches: Uint8Array, request: DecodeRequest): Decoded {
  const { fromOffset, shared, mustVerify = false, isHidden } = request;
  const records: LogRecord[] = [];
  let nextOffset = fromOffset;
  let { lastEpoch } = request;
  for (let position = 0; position < batches.length;) {
    const header = readBatchHeader(batches, position);
    const recordCount = records.length;
    try {
      if (mustVerify && !verifyBatchCrc(batches, position, header.sizeBytes)) throw corrupt(request, header);
      if (isHidden?.(header) === true) {
        // Its offsets pass, its records do not.
      } else if (shared === undefined) decodeRecordBatch(batches, position, request, records);
      else shared.decode(batches, position, header.baseOffset, fromOffset, records);
    } catch (error) {
      records.length = recordCount;
      if (position > 0) break;
      throw unreadable(error, request, header);
    }
    nextOffset = offsetBehind(header);
    lastEpoch = header.partitionLeaderEpoch;
    position += header.sizeBytes;
  }
  return { records, nextOffset, lastEpoch };
}

function corrupt({ topic, partition }: DecodeRequest, { baseOffset }: RecordBatchHeader): ThroughlineError {
  const message = `record batch ${topic}-${partition}@${baseOffset} does not match its checksum`;
  return new ThroughlineError('CORRUPT_RECORD', message, { details: { topic, partition } });
}

/** Its checksum is right, so it was written like that: nobody will ever read it, but what follows can be read. */
function unreadable(error: unknown, request: DecodeRequest, header: RecordBatchHeader): ThroughlineError {
  const cause = ThroughlineError.from(error);
  const nextOffset = header.baseOffset + BigInt(Math.max(0, header.lastOffsetDelta)) + 1n;
  return new ThroughlineError(cause.code === 'INVALID_RECORD' ? 'CORRUPT_RECORD' : cause.code, cause.message, {
    cause,
    details: { ...cause.details, offset: String(request.fromOffset), nextOffset: String(nextOffset) },
  });
}
