// From times to offsets, as ListOffsets asks: the first record at or after a time, and the first with the largest time.
// The indexes lead to the batch; the record inside it is found by unpacking that one batch.
import { offsetBehind, readBatchHeader, walkRecords } from '@throughline/wire';
import type { TimedOffset } from './partition-face.ts';
import type { Segments } from './segments.ts';

/** What of the log counts: the offsets from `startOffset` up to, not including, `endOffset`. */
export interface OffsetRange {
  readonly startOffset: bigint;
  readonly endOffset: bigint;
}

/**
 * The first record in the range at or after `timestampMs`, or undefined.
 *
 * @throws ThroughlineError CORRUPT_RECORD, INVALID_RECORD
 */
export async function recordAtTime(
  segments: Segments,
  { startOffset, endOffset }: OffsetRange,
  timestampMs: number,
): Promise<TimedOffset | undefined> {
  let fromOffset = startOffset;
  for (;;) {
    const baseOffset = await segments.batchForTime(timestampMs, fromOffset);
    if (baseOffset === undefined || baseOffset >= endOffset) return undefined;
    const batch = await segments.read({ offset: baseOffset, bytesMax: 1, endOffset });
    if (batch.length === 0) return undefined;
    const header = readBatchHeader(batch, 0);
    let found: TimedOffset | undefined;
    walkRecords(batch, 0, header, ({ offsetDelta, timestampMs: recordTimestampMs }) => {
      const offset = header.baseOffset + BigInt(offsetDelta);
      if (found !== undefined || offset < startOffset || recordTimestampMs < timestampMs) return;
      found = { offset, timestampMs: recordTimestampMs, leaderEpoch: header.partitionLeaderEpoch };
    });
    if (found !== undefined) return found;
    // What made the batch match lies below the start, or its head names a time that no record has.
    fromOffset = offsetBehind(header);
  }
}

/** The first record in the range with the largest timestamp, or undefined when no record has one. */
export async function maxTimestampOffset(segments: Segments, range: OffsetRange): Promise<TimedOffset | undefined> {
  const largestMs = await segments.largestTimestampMs(range.startOffset);
  return largestMs < 0 ? undefined : recordAtTime(segments, range, largestMs);
}
