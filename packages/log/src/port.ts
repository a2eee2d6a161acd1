// The Log port: everything that a system above may ask of a log. Two adapters implement it (embedded; later kafka) and
// one conformance suite (test/conformance) judges both. Only what any Kafka cluster can do stands here.
//
// Guarantees that the suite holds every adapter to:
//   * append: resolved = kept at the topic's durability; records of one call that land on one partition are one record
//     batch: all of them are kept or none. Order of calls = order on the log, per partition.
//   * read: whole records in offset order, from the first record at or after the offset asked for, never beyond the
//     high watermark; what is read has reached the topic's durability.
//   * tail: every record from the start position on, once per call of tail, in offset order within a partition.
//   * damage: a batch that cannot be read costs itself. Its error names the offset where reading goes on; a tail goes on
//     there by itself when it may tell somebody (`onDamage`), and ends with the error when it may not.
import type { LogRecord, ProducerRecord, ThroughlineError } from '@throughline/event';

/** What an acknowledgement means: kept in memory, in the operating system's page cache, or on the disk. */
export type Durability = 'memory' | 'os' | 'fsync';

export interface AppendAck {
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: number;
}

export interface ReadRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Upper bound in bytes of the batches read; the first batch is returned even if larger (KIP-74). Default 1 MiB. */
  readonly bytesMax?: number;
}

export interface ReadResult {
  readonly records: readonly LogRecord[];
  /** Where the next read goes on; equal to the high watermark at the end. */
  readonly nextOffset: bigint;
  readonly logStartOffset: bigint;
  /** The offset after the last readable record. */
  readonly highWatermark: bigint;
}

/** Where a tail starts in each partition. */
export type TailStart =
  | 'earliest'
  | 'latest'
  | { readonly timestampMs: number }
  /** Index = partition; a partition beyond the end of the array starts at the earliest record. */
  | { readonly offsets: readonly bigint[] };

export interface TailRequest {
  readonly topic: string;
  readonly from: TailStart;
  /** All where absent. */
  readonly partitions?: readonly number[];
  /** Ends the tail. */
  readonly signal?: AbortSignal;
  /** Upper bound in bytes of one step, per partition. Default 1 MiB. */
  readonly bytesMax?: number;
  /**
   * Called for each range that cannot be read (CORRUPT_RECORD, or NOT_BUILT_YET for a codec), before the tail goes on
   * behind it; a step without records follows, so that whoever keeps positions moves its own. It must not throw. Without
   * it the tail throws there.
   */
  readonly onDamage?: (damage: Damage) => void;
}

/** Offsets from `offset` up to, but not including, `nextOffset` that cannot be read. */
export interface Damage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly nextOffset: bigint;
  /** Why: the error that reading `offset` answers. */
  readonly error: ThroughlineError;
}

/** One step of a tail: records of one partition; none only behind a damage that `onDamage` was told of. */
export interface TailStep {
  readonly partition: number;
  readonly records: readonly LogRecord[];
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
}

export interface TopicConfig {
  readonly durability: Durability;
  /** Records older than this may be removed; null keeps them for ever. */
  readonly retentionMs: number | null;
  /** A partition above this many bytes loses its oldest segments; null keeps all. */
  readonly retentionBytes: number | null;
  /** A segment is closed at this size. */
  readonly segmentBytes: number;
  /** The largest record batch accepted. */
  readonly recordBytesMax: number;
}

export interface TopicDescription {
  readonly topic: string;
  /** 32 hexadecimal digits (a Kafka topic id): another incarnation of the same name has another. */
  readonly topicId: string;
  readonly partitions: readonly PartitionDescription[];
  readonly config: TopicConfig;
}

export interface PartitionDescription {
  readonly partition: number;
  readonly logStartOffset: bigint;
  readonly highWatermark: bigint;
  readonly bytes: number;
  /** False after a failed write or fsync: reads go on, appends are refused with PARTITION_OFFLINE. */
  readonly isOnline: boolean;
}

export interface LogAdmin {
  /**
   * Makes a topic.
   *
   * @throws ThroughlineError TOPIC_EXISTS, INVALID_TOPIC, INVALID_ARGUMENT
   */
  createTopic(
    topic: string,
    options: { readonly partitions: number; readonly config?: Partial<TopicConfig> },
  ): Promise<TopicDescription>;
  /** @throws ThroughlineError UNKNOWN_TOPIC */
  deleteTopic(topic: string): Promise<void>;
  topics(): Promise<readonly TopicDescription[]>;
  /** @throws ThroughlineError UNKNOWN_TOPIC */
  describeTopic(topic: string): Promise<TopicDescription>;
  /** @throws ThroughlineError UNKNOWN_TOPIC, INVALID_ARGUMENT */
  alterTopic(topic: string, config: Partial<TopicConfig>): Promise<TopicDescription>;
  /**
   * The offset of the first record whose timestamp is at or after `timestampMs`, or the high watermark when there is none.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC
   */
  offsetForTime(topic: string, partition: number, timestampMs: number): Promise<bigint>;
}

export interface Log {
  /**
   * Appends records; those without a partition go by the hash of their key. A call that is refused leaves nothing behind;
   * when it goes to several partitions and one of them fails, the others may have kept their part.
   *
   * @returns one acknowledgement per record, in their order, once all are kept at the topic's durability
   * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_RECORD, RECORD_TOO_LARGE, OUT_OF_DISK, PARTITION_OFFLINE, CLOSED;
   *   THROTTLED when more waits for the disk than the limit allows (retryAfterMs)
   * @example await log.append('conversations', [toRecord(event)])
   */
  append(topic: string, records: readonly ProducerRecord[]): Promise<readonly AppendAck[]>;
  /** @throws ThroughlineError UNKNOWN_TOPIC, OFFSET_OUT_OF_RANGE, CORRUPT_RECORD, CLOSED */
  read(request: ReadRequest): Promise<ReadResult>;
  /**
   * Follows a topic; ends when `signal` aborts or the log is closed, and throws what `read` throws. `latest` is the end of
   * the log at the time of the call.
   *
   * @example for await (const { records } of log.tail({ topic: 'conversations', from: 'earliest', signal })) fold(records)
   */
  tail(request: TailRequest): AsyncIterable<TailStep>;
  readonly admin: LogAdmin;
  /** Resolves when everything acknowledged is as durable as it can be made, and tails have ended. */
  close(): Promise<void>;
}
