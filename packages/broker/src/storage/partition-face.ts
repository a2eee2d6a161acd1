// One partition as everybody sees it who works with one: an append-only sequence of record batches. `partition-log.ts` is
// what stands behind it.
import type { AppendedBatch } from '../ground/appended-batch.ts';

/** A record as ListOffsets names it. */
export interface TimedOffset {
  readonly offset: bigint;
  readonly timestampMs: number;
  /** The epoch that it was appended in; -1 when that is not known. */
  readonly leaderEpoch: number;
}

export interface ReadBatches {
  /**
   * Whole record batches one after the other, beginning with the one that contains the offset asked for; empty at the
   * high watermark. They may be shared with other readers: never write into them. Their checksums have been verified.
   */
  readonly batches: Uint8Array;
  readonly logStartOffset: bigint;
  readonly highWatermark: bigint;
}

/** What has to be so for an append to be made. */
export interface AppendCondition {
  /** The offset that its first record is to get: nobody has appended since. */
  readonly endOffset?: bigint;
  /** The leader epoch in which it is to be made. */
  readonly leaderEpoch?: number;
}

/** Record batches as another log has them. */
export interface PlacedBatches {
  /** Whole batches one after the other, in the order of their offsets. */
  readonly batches: Uint8Array;
  /** The leader epoch of the record before them in the other log; -1 when that is not known. */
  readonly lastEpoch: number;
  /** Whether the first may begin behind the end: what is between them is in no log any more (retention, compaction, rot). */
  readonly mayLeaveGap: boolean;
}

/** Where a partition was sealed. */
export interface SealedAt {
  readonly leaderEpoch: number;
  /** Nothing is appended at or behind it. */
  readonly endOffset: bigint;
}

/** One partition: an append-only sequence of record batches. */
export interface PartitionLog {
  readonly topic: string;
  readonly partition: number;
  /** The first offset that can be read. */
  readonly logStartOffset: bigint;
  /** The offset after the last record that has reached the topic's durability; nothing beyond it is ever read. */
  readonly highWatermark: bigint;
  /** The offset that the next appended record gets. */
  readonly logEndOffset: bigint;
  /** Bytes of all segments. */
  readonly bytes: number;
  /** The epoch that appends are made in (KIP-101). A new one begins after every unclean stop. */
  readonly leaderEpoch: number;
  /** False after a failed write or fsync: reads go on, appends are rejected until the broker is opened again. */
  readonly isOnline: boolean;
  /** It takes no appends: see `seal`. */
  readonly isSealed: boolean;
  /**
   * Appends one complete record batch of magic 2, whatever its base offset says; the broker checks it and writes base
   * offset and leader epoch into it in place, so the caller hands `batch` over and must not touch it again. Batches that
   * come while the disk is busy go out together. Calls are kept in order.
   *
   * A batch of an idempotent producer (KIP-98) that is one of its last five is not appended again: it is answered as the
   * first one was, and not before that one is kept.
   *
   * @returns where it landed, once it is kept at the topic's durability
   * @throws ThroughlineError INVALID_RECORD, INVALID_TIMESTAMP (details recordErrors: index and message of the first bad
   *   records), CORRUPT_RECORD when it does not match its checksum, RECORD_TOO_LARGE, OUT_OF_ORDER_SEQUENCE_NUMBER,
   *   INVALID_PRODUCER_EPOCH, OUT_OF_DISK, THROTTLED, PARTITION_OFFLINE, CLOSED
   * @example const { baseOffset } = await log.append(encodeRecordBatch(records, { nowMs }))
   */
  append(batch: Uint8Array): Promise<AppendedBatch>;
  /**
   * Appends a batch if `condition` is so when its turn comes, behind everything that was handed in before.
   *
   * @throws ThroughlineError APPEND_CONDITION_FAILED (details endOffset, leaderEpoch), and what `append` throws
   */
  appendIf(batch: Uint8Array, condition: AppendCondition): Promise<AppendedBatch>;
  /**
   * Appends batches of another log byte by byte: base offsets, leader epochs, producers and timestamps stay, and what is known of
   * epochs and producers follows. They have to follow on what is there; a seal does not keep them out. When
   * it fails in the middle, the end of the log says what was kept. The caller hands `batches` over.
   *
   * @returns the end of the log, once they are kept at the topic's durability
   * @throws ThroughlineError APPEND_CONDITION_FAILED when the first batch is not the next, LOG_DIVERGED when the record before it
   *   is not the one of the other log, LEADER_EPOCH_FENCED for batches of an older epoch than the log's; CORRUPT_RECORD,
   *   INVALID_RECORD; NOT_BUILT_YET for batches of transactions; OUT_OF_DISK, PARTITION_OFFLINE, CLOSED
   */
  appendPlaced(placed: PlacedBatches): Promise<bigint>;
  /**
   * Takes no appends any more, also after a restart, until a larger leader epoch begins. What was handed in before is kept.
   *
   * @throws ThroughlineError OUT_OF_DISK, PARTITION_OFFLINE, CLOSED
   */
  seal(): Promise<SealedAt>;
  /**
   * Reads whole batches from the one that contains `offset` up to the high watermark.
   *
   * @param bytesMax bound in bytes; the first batch is returned even if larger (KIP-74)
   * @throws ThroughlineError OFFSET_OUT_OF_RANGE (details logStartOffset, highWatermark), CORRUPT_RECORD (details offset,
   *   nextOffset: where reading can go on), CLOSED
   */
  read(offset: bigint, bytesMax: number): Promise<ReadBatches>;
  /**
   * Gives back the memory of what `read` returned: nobody looks at it any more. Optional: without it the collector of garbage
   * does the same later, and costs more.
   */
  release(batches: Uint8Array): void;
  /**
   * Calls `listener` whenever the high watermark has moved.
   *
   * @returns what ends it
   */
  onAdvance(listener: () => void): () => void;
  /** The offset of the first record at or after `timestampMs`, or the high watermark when there is none. */
  offsetForTime(timestampMs: number): Promise<bigint>;
  /**
   * The first record at or after `timestampMs`, or undefined when none has been acknowledged (ListOffsets).
   *
   * @throws ThroughlineError CORRUPT_RECORD, INVALID_RECORD when its batch cannot be read, CLOSED
   */
  recordAtTime(timestampMs: number): Promise<TimedOffset | undefined>;
  /** The first record with the largest timestamp (ListOffsets -3, KIP-734), or undefined when no record has one. */
  maxTimestampOffset(): Promise<TimedOffset | undefined>;
  /** The epoch that the record at `offset` was appended in, or would be; -1 when that is not known. */
  epochAt(offset: bigint): number;
  /**
   * Where a leader epoch ended (OffsetForLeaderEpoch, KIP-320): the largest epoch kept that is not above `epoch`, and the
   * offset behind its last record; undefined for an epoch that has not begun. For an epoch from before everything kept, the
   * start of the first that is kept.
   */
  endOfEpoch(epoch: number): { readonly epoch: number; readonly endOffset: bigint } | undefined;
  /**
   * Moves the start of the log up to `beforeOffset`, durably, and removes the segments below (DeleteRecords, KIP-107).
   *
   * @returns the log start offset after it
   * @throws ThroughlineError OFFSET_OUT_OF_RANGE for an offset below 0 or beyond the high watermark, OUT_OF_DISK, CLOSED
   */
  deleteRecords(beforeOffset: bigint): Promise<bigint>;
}
