// What is known of a segment from the heads of its batches, kept up batch by batch: by an append, by recovery, by the
// rebuilding of an index. One place, so that a rebuilt index is byte for byte the one that was lost.
import { lastOffsetOf, type RecordBatchHeader } from '@throughline/wire';
import { indexIntervalBytes } from '../defaults.ts';
import { OffsetIndex } from './offset-index.ts';
import { TimeIndex } from './time-index.ts';

export class SegmentIndexer {
  readonly offsetIndex: OffsetIndex;
  readonly timeIndex: TimeIndex;
  /** Bytes of the batches so far: where the next one begins. */
  sizeBytes = 0;
  /** The offset after the last record. */
  nextOffset: bigint;
  /** -1 while no batch has had a timestamp. */
  largestTimestampMs = -1;
  /** The largest timestamp of the first batch; undefined while there is none. */
  firstTimestampMs: number | undefined;
  #largestTimestampOffset: bigint;
  #bytesSinceEntry = 0;

  constructor(
    baseOffset: bigint,
    offsetIndex: OffsetIndex = new OffsetIndex(baseOffset),
    timeIndex: TimeIndex = new TimeIndex(baseOffset),
  ) {
    this.offsetIndex = offsetIndex;
    this.timeIndex = timeIndex;
    this.nextOffset = baseOffset;
    this.#largestTimestampOffset = baseOffset;
  }

  /** Goes on behind the last entry of stored indexes: the batch of that entry is the next to be added. */
  static resume(
    baseOffset: bigint,
    offsetIndex: OffsetIndex,
    timeIndex: TimeIndex,
    firstTimestampMs: number | undefined,
  ): SegmentIndexer {
    const indexer = new SegmentIndexer(baseOffset, offsetIndex, timeIndex);
    indexer.firstTimestampMs = firstTimestampMs;
    indexer.sizeBytes = offsetIndex.last().position;
    indexer.largestTimestampMs = timeIndex.lastTimestampMs ?? -1;
    return indexer;
  }

  /** Accounts for the next batch, as Kafka's LogSegment.append does. */
  add(header: RecordBatchHeader): void {
    this.firstTimestampMs ??= header.maxTimestampMs;
    const lastOffset = lastOffsetOf(header);
    if (header.maxTimestampMs > this.largestTimestampMs) {
      this.largestTimestampMs = header.maxTimestampMs;
      this.#largestTimestampOffset = lastOffset;
    }
    if (this.#bytesSinceEntry > indexIntervalBytes) {
      this.offsetIndex.add(lastOffset, this.sizeBytes);
      this.#noteTimestamp();
      this.#bytesSinceEntry = 0;
    }
    this.#bytesSinceEntry += header.sizeBytes;
    this.sizeBytes += header.sizeBytes;
    this.nextOffset = lastOffset + 1n;
  }

  /** Passes over damaged bytes up to a batch at `position` that begins at `offset`. */
  skipTo(position: number, offset: bigint): void {
    this.sizeBytes = position;
    this.nextOffset = offset;
  }

  /** Notes the largest timestamp when the segment is closed. */
  finish(): void {
    this.#noteTimestamp();
  }

  #noteTimestamp(): void {
    if (this.largestTimestampMs >= 0) this.timeIndex.add(this.largestTimestampMs, this.#largestTimestampOffset);
  }
}
