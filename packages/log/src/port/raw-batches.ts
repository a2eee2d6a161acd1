// Record batches as they are stored, on their way from one log to another.
import { ThroughlineError } from '@throughline/event';
import { offsetBehind, readBatchHeader, verifyBatchCrc } from '@throughline/wire';
import type { ReadPosition } from './history.ts';

/** The end of whole batches: where the next read goes on, and the leader epoch of the record before. */
export interface BatchesEnd {
  readonly nextOffset: bigint;
  readonly lastEpoch: number;
}

/** Where batches end that were read from `position` on; there when there are none. */
export function endOfBatches(batches: Uint8Array, { offset, lastEpoch: before }: ReadPosition): BatchesEnd {
  let end = { nextOffset: offset, lastEpoch: before };
  for (let position = 0; position < batches.length;) {
    const header = readBatchHeader(batches, position);
    end = { nextOffset: offsetBehind(header), lastEpoch: header.partitionLeaderEpoch };
    position += header.sizeBytes;
  }
  return end;
}

/**
 * Batches up to the first that does not match its checksum, which a broker in the same process has compared already.
 *
 * @throws ThroughlineError CORRUPT_RECORD when that is the first (details nextOffset: where reading goes on)
 */
export function verifiedBatches(batches: Uint8Array, { topic, partition, offset }: ReadPosition): Uint8Array {
  for (let position = 0; position < batches.length;) {
    const { baseOffset, lastOffsetDelta, sizeBytes } = readBatchHeader(batches, position);
    if (!verifyBatchCrc(batches, position, sizeBytes)) {
      if (position > 0) return batches.subarray(0, position);
      const nextOffset = String(baseOffset + BigInt(Math.max(0, lastOffsetDelta)) + 1n);
      const message = `record batch ${topic}-${partition}@${baseOffset} does not match its checksum`;
      throw new ThroughlineError('CORRUPT_RECORD', message, {
        details: { topic, partition, offset: String(offset), nextOffset },
      });
    }
    position += sizeBytes;
  }
  return batches;
}

/** The rejection of what only the embedded log can do. */
export function cannot(what: string): ThroughlineError {
  return new ThroughlineError('LOG_CANNOT', `a cluster cannot ${what}`);
}
