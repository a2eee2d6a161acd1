// Giving batches their place: the next offset, and the leader epoch they are appended in, written into them in place.
import {
  lastOffsetOf,
  offsetBehind,
  setBaseOffset,
  setPartitionLeaderEpoch,
  type RecordBatchHeader,
} from '@throughline/wire';
import type { AppendQueue, WaitingBatch } from './append-queue.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import type { PlacedBatch } from './placed-batches.ts';
import type { Segments } from './segments.ts';
import type { TopicConfig } from '../ground/topic-config.ts';

/** Batches of one write: the operating system takes 1024 buffers at once. */
const writeBatchCountMax = 1024;

export class BatchPlacer {
  readonly #segments: Segments;
  readonly #epochs: LeaderEpochs;
  #nextOffset: bigint;

  constructor(segments: Segments, epochs: LeaderEpochs) {
    this.#segments = segments;
    this.#epochs = epochs;
    this.#nextOffset = segments.endOffset;
  }

  /** The offset that the next batch gets. */
  get nextOffset(): bigint {
    return this.#nextOffset;
  }

  /** Gives a batch the next offset; returns its head as it is now. */
  place(batch: Uint8Array, header: RecordBatchHeader): RecordBatchHeader {
    const baseOffset = this.#nextOffset;
    setBaseOffset(batch, 0, baseOffset);
    setPartitionLeaderEpoch(batch, 0, this.#epochs.current);
    this.#nextOffset = baseOffset + BigInt(header.lastOffsetDelta) + 1n;
    return { ...header, baseOffset };
  }

  /**
   * Takes what goes into the next write off the queue and places it; nothing when it belongs into another segment: the
   * active one has no room for it, or began with a record that is older by more than segmentMs (Kafka's segment.ms).
   */
  takeGroup(queue: AppendQueue, writeBytesMax: number, { segmentBytes, segmentMs }: TopicConfig): WaitingBatch[] {
    const { active } = this.#segments;
    let { firstTimestampMs } = active;
    return queue.take(writeBatchCountMax, (waiting, bytesBefore) => {
      const { batch, header, isPlaced } = waiting;
      if (bytesBefore > 0 && bytesBefore + batch.length > writeBytesMax) return false;
      const lastOffset = (isPlaced ? header.baseOffset : this.#nextOffset) + BigInt(header.lastOffsetDelta);
      if (!active.hasRoomFor(bytesBefore, batch.length, lastOffset, segmentBytes)) return false;
      firstTimestampMs ??= header.maxTimestampMs;
      if (segmentMs !== null && header.maxTimestampMs - firstTimestampMs > segmentMs) return false;
      if (!isPlaced) waiting.header = this.place(batch, header);
      return true;
    });
  }

  /** How many of these batches, which have their places, go into the active segment. */
  fitting(batches: readonly PlacedBatch[], { segmentBytes }: TopicConfig): readonly PlacedBatch[] {
    const { active } = this.#segments;
    let bytesBefore = 0;
    const end = batches.findIndex(({ bytes, header }) => {
      const isFitting = active.hasRoomFor(bytesBefore, bytes.length, lastOffsetOf(header), segmentBytes);
      bytesBefore += bytes.length;
      return !isFitting;
    });
    return end === -1 ? batches : batches.slice(0, end);
  }

  /** After a rejection: the next batch stands behind what is written, and behind what has its place and waits in memory. */
  reset(queue: AppendQueue): void {
    const last = queue.lastPlaced;
    this.#nextOffset = last === undefined ? this.#segments.endOffset : offsetBehind(last.header);
  }
}
