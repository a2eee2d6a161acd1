// Looking through the heads of a segment's batches, without their records: where the indexes end, which are sparse.
import { ThroughlineError } from '@throughline/event';
import { batchHeaderBytes, batchHeaderProblem, lastOffsetOf, readBatchHeader } from '@throughline/wire';
import type { FoundBatch } from '../disk/batch-scan.ts';
import { indexIntervalBytes } from '../defaults.ts';
import { FileWindow } from '../disk/file-window.ts';
import type { SegmentFiles } from './open-segments.ts';
import type { SegmentExtent } from './segment-reader.ts';

/**
 * The batches from the one before `offset` on, as far as the index can tell.
 *
 * @throws ThroughlineError CORRUPT_RECORD at a head that cannot be
 */
export async function* headsFrom(
  { log, offsetIndex }: SegmentFiles,
  { sizeBytes, name }: SegmentExtent,
  offset: bigint,
): AsyncGenerator<FoundBatch> {
  const window = new FileWindow(log, sizeBytes, indexIntervalBytes);
  let { position } = offsetIndex.lookUp(offset);
  while (await window.holds(position, batchHeaderBytes)) {
    const header = readBatchHeader(window.bytes, position - window.position);
    const problem = batchHeaderProblem(header);
    if (problem !== undefined) throw new ThroughlineError('CORRUPT_RECORD', `${name} at ${position}: ${problem}`);
    yield { header, position };
    position += header.sizeBytes;
  }
}

/** The offset of the first batch that ends at or after `fromOffset` and holds a timestamp at or after `timestampMs`. */
export async function batchForTime(
  files: SegmentFiles,
  extent: SegmentExtent,
  timestampMs: number,
  fromOffset: bigint,
): Promise<bigint | undefined> {
  const indexed = files.timeIndex.offsetBefore(timestampMs);
  for await (const { header } of headsFrom(files, extent, indexed > fromOffset ? indexed : fromOffset)) {
    if (lastOffsetOf(header) >= fromOffset && header.maxTimestampMs >= timestampMs) return header.baseOffset;
  }
  return undefined;
}

/** The largest timestamp of the batches that end at or after `fromOffset`; -1 when they have none. */
export async function largestTimestampFrom(
  files: SegmentFiles,
  extent: SegmentExtent,
  fromOffset: bigint,
): Promise<number> {
  let largestMs = -1;
  for await (const { header } of headsFrom(files, extent, fromOffset)) {
    if (lastOffsetOf(header) >= fromOffset) largestMs = Math.max(largestMs, header.maxTimestampMs);
  }
  return largestMs;
}
