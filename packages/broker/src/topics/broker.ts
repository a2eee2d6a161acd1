// The embedded broker: topics in one data folder, held by one process. This file is its face; what it is made of stands
// in the other rooms, and docs/internals/broker.md shows how they hang together.
import type { Clock, Logger, Random } from '@throughline/event';
import type { BrokerLimits } from '../defaults.ts';
import type { BrokerConfigs, ConfigChanges, GivenConfigs } from '../metadata/broker-configs.ts';
import type { ProtectedTopics } from './protected-topics.ts';
import type { TopicOverrides } from '../metadata/topic-configs.ts';
import type { Disk } from '../disk/disk.ts';
import type { Durability, TopicConfig } from '../ground/topic-config.ts';

export interface BrokerOptions extends Partial<BrokerLimits> {
  /** The folder that holds everything; made when missing. */
  readonly dataDir?: string;
  /** Instead of a folder: everything is in the memory of this process, and gone when the broker is closed. */
  readonly memory?: boolean;
  /** Settings of the broker by Kafka's names: `{ 'num.partitions': 4 }`. */
  readonly config?: GivenConfigs;
  /** Topics that get no more partitions and are not removed, whoever asks, each with the reason that he is told. */
  readonly protectedTopics?: ProtectedTopics;
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
  /** What holds: what the topic says itself, and for the rest what the broker says. */
  readonly config: TopicConfig;
  /** What the topic says itself, by Kafka's names. */
  readonly overrides: TopicOverrides;
}

export interface NewTopic {
  readonly partitions: number;
  readonly config?: Partial<TopicConfig>;
  /**
   * Settings by Kafka's names instead of `config`, as a client of the Kafka protocol gives them. What they do not name
   * follows the broker's settings, retention too; without them a topic keeps its records for ever unless `config` says so.
   */
  readonly settings?: ReadonlyMap<string, string>;
}

/** Where an appended batch landed. */
export interface AppendedBatch {
  /** Offset of its first record. */
  readonly baseOffset: bigint;
  /** Offset of its last record. */
  readonly lastOffset: bigint;
  /**
   * The time that the broker gave its records, in milliseconds since 1970, where the topic has LogAppendTime; -1 where they
   * keep their own. For a duplicate the largest timestamp of the batch, as Apache Kafka answers it.
   */
  readonly logAppendTimeMs: number;
  readonly logStartOffset: bigint;
  /** It was there already: an idempotent producer has sent it again. */
  readonly isDuplicate: boolean;
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
  /** False after a failed write or fsync: reads go on, appends are refused until the broker is opened again. */
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

export interface Broker {
  /** As Kafka writes it: 16 bytes as base64url. The same for as long as the folder lives. */
  readonly clusterId: string;
  /** The folder that holds everything. */
  readonly dataDir: string;
  /** What an acknowledgement can mean at most: nothing in a broker in memory survives its process. */
  readonly durabilityMax: Durability;
  /** How far the metadata log goes, all of which is synced. */
  readonly metadataEnd: { readonly leaderEpoch: number; readonly endOffset: bigint };
  /** The broker's own settings. */
  readonly configs: BrokerConfigs;
  /** Topics that get no more partitions and are not removed, each with its reason; the broker's own among them. */
  readonly protectedTopics: ReadonlyMap<string, string>;
  /** @throws ThroughlineError TOPIC_EXISTS, INVALID_TOPIC, INVALID_ARGUMENT, INVALID_CONFIG, OUT_OF_DISK, CLOSED */
  createTopic(topic: string, options: NewTopic): Promise<TopicMetadata>;
  /** What `createTopic` would make; nothing is changed. @throws what `createTopic` throws for the same arguments */
  checkNewTopic(topic: string, options: NewTopic): Omit<TopicMetadata, 'topicId'>;
  /**
   * Gives a topic more partitions; what it has stays where it is.
   *
   * @param count of partitions that it is to have
   * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_PARTITIONS, TOPIC_PROTECTED, OUT_OF_DISK, CLOSED
   */
  createPartitions(topic: string, count: number): Promise<TopicMetadata>;
  /** Removes a topic with all its records. @throws ThroughlineError UNKNOWN_TOPIC, TOPIC_PROTECTED, CLOSED */
  deleteTopic(topic: string): Promise<void>;
  /** @throws ThroughlineError UNKNOWN_TOPIC, INVALID_ARGUMENT, OUT_OF_DISK, CLOSED */
  alterTopic(topic: string, config: Partial<TopicConfig>): Promise<TopicMetadata>;
  /**
   * Changes settings of a topic by Kafka's names; null goes back to the broker's.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_CONFIG, OUT_OF_DISK, CLOSED
   * @example await broker.alterTopicSettings('notes', new Map([['retention.ms', '60000']]))
   */
  alterTopicSettings(topic: string, changes: ConfigChanges): Promise<TopicMetadata>;
  /**
   * Changes dynamic settings of the broker, durably; topics follow at once.
   *
   * @param node its id as text, or the empty string for all nodes
   * @throws ThroughlineError INVALID_ARGUMENT for one that is unknown, fixed or has a wrong value; OUT_OF_DISK, CLOSED
   */
  alterBrokerSettings(node: string, changes: ConfigChanges): Promise<void>;
  topics(): readonly TopicMetadata[];
  /** @throws ThroughlineError UNKNOWN_TOPIC */
  topic(topic: string): TopicMetadata;
  /** The topic of this name, or undefined. */
  findTopic(topic: string): TopicMetadata | undefined;
  /** The topic of this id, or undefined. */
  findTopicById(topicId: string): TopicMetadata | undefined;
  /** @throws ThroughlineError UNKNOWN_TOPIC for an unknown topic or partition */
  partition(topic: string, partition: number): PartitionLog;
  /**
   * Begins a leader epoch at the end of a partition, and opens it if it was sealed.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_ARGUMENT; LEADER_EPOCH_FENCED for one that is not larger than the present one;
   *   OUT_OF_DISK, PARTITION_OFFLINE, CLOSED
   */
  beginEpoch(topic: string, partition: number, epoch: number): Promise<void>;
  /** Producer ids that nobody was ever given, taken durably (Kafka's ProducerIdsBlock). @throws ThroughlineError OUT_OF_DISK, CLOSED */
  takeProducerIds(): Promise<{ readonly first: bigint; readonly count: number }>;
  /** Removes what retention allows to be removed; a timer calls it too. */
  runRetention(): Promise<void>;
  /** Syncs the segments of all `fsync` topics and empties the commit journal; a timer calls it too. */
  checkpoint(): Promise<void>;
  /** Resolves when everything acknowledged is on the disk and the folder is free. */
  close(): Promise<void>;
}
