// The embedded broker: topics in one data folder, held by one process. This file is its face; what it is made of stands
// in the other rooms, and docs/internals/broker.md shows how they hang together.
import type { Clock, Logger, Random } from '@throughline/event';
import type { BrokerLimits } from './defaults.ts';
import type { Disk } from './storage/disk.ts';
import type { TopicConfig } from './topic-config.ts';

export interface BrokerOptions extends Partial<BrokerLimits> {
  /** The folder that holds everything; made when missing. */
  readonly dataDir: string;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** A topic as the broker keeps it. */
export interface TopicMetadata {
  readonly topic: string;
  /** 32 hexadecimal digits: another incarnation of the same name has another. */
  readonly topicId: string;
  readonly partitionCount: number;
  readonly config: TopicConfig;
}

/** Where an appended batch landed. */
export interface AppendedBatch {
  /** Offset of its first record. */
  readonly baseOffset: bigint;
  /** Offset of its last record. */
  readonly lastOffset: bigint;
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
  /** False after a failed write or fsync: reads go on, appends are refused until the broker is opened again. */
  readonly isOnline: boolean;
  /**
   * Appends one complete record batch of magic 2, whatever its base offset says; the broker checks it and writes base
   * offset and leader epoch into it in place, so the caller hands `batch` over and must not touch it again. Batches that
   * come while the disk is busy go out together. Calls are kept in order.
   *
   * @returns where it landed, once it is kept at the topic's durability
   * @throws ThroughlineError INVALID_RECORD, RECORD_TOO_LARGE, OUT_OF_DISK, THROTTLED, PARTITION_OFFLINE, CLOSED
   * @example const { baseOffset } = await log.append(encodeRecordBatch(records, { nowMs }))
   */
  append(batch: Uint8Array): Promise<AppendedBatch>;
  /**
   * Reads whole batches from the one that contains `offset` up to the high watermark.
   *
   * @param bytesMax bound in bytes; the first batch is returned even if larger (KIP-74)
   * @throws ThroughlineError OFFSET_OUT_OF_RANGE (details logStartOffset, highWatermark), CORRUPT_RECORD (details offset,
   *   nextOffset: where reading can go on), CLOSED
   */
  read(offset: bigint, bytesMax: number): Promise<ReadBatches>;
  /**
   * Calls `listener` whenever the high watermark has moved.
   *
   * @returns what ends it
   */
  onAdvance(listener: () => void): () => void;
  /** The offset of the first record at or after `timestampMs`, or the high watermark when there is none. */
  offsetForTime(timestampMs: number): Promise<bigint>;
}

export interface Broker {
  /** @throws ThroughlineError TOPIC_EXISTS, INVALID_TOPIC, INVALID_ARGUMENT, OUT_OF_DISK, CLOSED */
  createTopic(
    topic: string,
    options: { readonly partitions: number; readonly config?: Partial<TopicConfig> },
  ): Promise<TopicMetadata>;
  /** Removes a topic with all its records. @throws ThroughlineError UNKNOWN_TOPIC, CLOSED */
  deleteTopic(topic: string): Promise<void>;
  /** @throws ThroughlineError UNKNOWN_TOPIC, INVALID_ARGUMENT, OUT_OF_DISK, CLOSED */
  alterTopic(topic: string, config: Partial<TopicConfig>): Promise<TopicMetadata>;
  topics(): readonly TopicMetadata[];
  /** @throws ThroughlineError UNKNOWN_TOPIC */
  topic(topic: string): TopicMetadata;
  /** The topic of this name, or undefined. */
  findTopic(topic: string): TopicMetadata | undefined;
  /** The topic of this id, or undefined. */
  findTopicById(topicId: string): TopicMetadata | undefined;
  /** @throws ThroughlineError UNKNOWN_TOPIC for an unknown topic or partition */
  partition(topic: string, partition: number): PartitionLog;
  /** Removes what retention allows to be removed; a timer calls it too. */
  runRetention(): Promise<void>;
  /** Syncs the segments of all `fsync` topics and empties the commit journal; a timer calls it too. */
  checkpoint(): Promise<void>;
  /** Resolves when everything acknowledged is on the disk and the folder is free. */
  close(): Promise<void>;
}
