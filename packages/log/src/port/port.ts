// The Log port: everything that a system above may ask of a log. Two adapters implement it (embedded; later kafka) and
// one conformance suite (test/conformance) judges both. Only what any Kafka cluster can do stands here.
//
// Guarantees that the suite holds every adapter to:
//   * append: resolved = kept at the topic's durability; records of one call that land on one partition are one record
//     batch: all of them are kept or none. Order of calls = order on the log, per partition.
//   * read: whole records in offset order, from the first record at or after the offset asked for, never beyond the
//     high watermark; what is read has reached the topic's durability.
//   * tail: every record from the start position on, once per call of tail, in offset order within a partition.
//   * history: whoever keeps the leader epoch of what was read last beside its position learns when the log has been changed
//     underneath (LOG_DIVERGED); a tail that runs notices it by itself.
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

/** What has to be so for an append to be made; its records go to one partition. Only the embedded log can look. */
export interface AppendCondition {
  /** The offset that the first record is to get: nobody has appended since. */
  readonly endOffset?: bigint;
  /** The leader epoch in which the append is to be made. */
  readonly leaderEpoch?: number;
}

/** Record batches as they are stored: Kafka's format, magic 2, with offsets, epochs, producers, timestamps and checksums. */
export interface RawBatches {
  /**
   * Whole batches one after the other; the first is the one that contains the offset asked for, or the next one behind it.
   * Read-only: they may be shared.
   */
  readonly batches: Uint8Array;
  /** The offset after the last of them; that of the request where there is none. */
  readonly nextOffset: bigint;
  /** The leader epoch of the last of them; that of the request where there is none, -1 where it is not known. */
  readonly lastEpoch: number;
  readonly logStartOffset: bigint;
  /** Nothing at or beyond it is read. */
  readonly highWatermark: bigint;
  /** Below it every transaction has ended: equal to the high watermark where there are none. */
  readonly lastStableOffset: bigint;
}

export interface AppendBatchesRequest {
  readonly topic: string;
  readonly partition: number;
  /** As `readBatches` of another log gives them; handed over, so that nobody may touch the bytes any more. */
  readonly batches: Uint8Array;
  /** The leader epoch of the record before the first of them in the other log; -1 or absent where it is not known. */
  readonly lastEpoch?: number;
  /**
   * Whether the first batch may begin behind the end of the log: the offsets between are in the other log no more, by
   * retention, compaction or rot. A log without records then begins there. Inside `batches` offsets may be missing where the
   * topic is compacted.
   */
  readonly mayLeaveGap?: boolean;
}

/** Where a partition was sealed: nothing is appended at or behind `endOffset` under this epoch. */
export interface SealedAt {
  readonly leaderEpoch: number;
  readonly endOffset: bigint;
}

export interface ReadRequest {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /**
   * The leader epoch of the last record that was read, the one before `offset`: with it the read finds out whether the log
   * still has that record (LOG_DIVERGED). -1 or absent where it is not known.
   */
  readonly lastEpoch?: number;
  /** Upper bound in bytes of the batches read; the first batch is returned even if larger (KIP-74). Default 1 MiB. */
  readonly bytesMax?: number;
}

export interface ReadResult {
  readonly records: readonly LogRecord[];
  /** Where the next read goes on; equal to the high watermark at the end. */
  readonly nextOffset: bigint;
  /**
   * The leader epoch of the record before `nextOffset`, to be kept with it; that of the request where nothing was read, -1
   * where it is not known.
   */
  readonly lastEpoch: number;
  readonly logStartOffset: bigint;
  /** The offset after the last readable record. */
  readonly highWatermark: bigint;
}

/** Where a tail starts in each partition. */
export type TailStart =
  | 'earliest'
  | 'latest'
  | { readonly timestampMs: number }
  /**
   * Index = partition; a partition beyond the end of the array starts at the earliest record. `lastEpochs` has for each offset
   * the leader epoch of the record before it, -1 or absent where it is not known: see ReadRequest.
   */
  | { readonly offsets: readonly bigint[]; readonly lastEpochs?: readonly number[] };

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
  /** The leader epoch of the record before `nextOffset`, to be kept with it; -1 where it is not known. */
  readonly lastEpoch: number;
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
  /** The epoch of the present leader (KIP-101); -1 where nobody tells. */
  readonly leaderEpoch: number;
  /** False after a failed write or fsync: reads go on, appends are rejected with PARTITION_OFFLINE. */
  readonly isOnline: boolean;
  /** It takes no appends until a larger leader epoch begins: see LogAdmin.seal. */
  readonly isSealed: boolean;
}

/** A request to share the partitions of some topics with the other members of a group. */
export interface JoinRequest {
  /** The name of the group; members with the same name share the work. Tools show it (`throughline groups`). */
  readonly group: string;
  /** What it reads. One that there is not yet joins in when it is made, and further partitions when they are. */
  readonly topics: readonly string[];
  /**
   * A name that this member keeps when it is started again (Kafka's group.instance.id): within the session time-out it then
   * takes back its partitions without disturbing the others. Of two members with one name the older is ended with
   * GROUP_MEMBER_FENCED.
   */
  readonly instanceId?: string;
  /** After this silence a member is out, and others have its partitions. Default 10 seconds; a cluster has bounds for it. */
  readonly sessionTimeoutMs?: number;
  /** How often it says that it is there, which is also how soon it hears of a rebalance. Default 1 second. */
  readonly heartbeatMs?: number;
  /** Ends the membership as `close` does. */
  readonly signal?: AbortSignal;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/**
 * What a member has to do now. `generation` is that of the group; it rises with every change of who has what, so that of two
 * members that were assigned a partition the one with the larger generation was it later.
 *
 * - `assigned`: work on these partitions, from the offsets in your own store. The first change is of this kind, also when
 *   there is nothing for this member.
 * - `revoked`: come to an end with these partitions, then call `release`. Until then nobody else has them, and all others of
 *   this member go on.
 * - `lost`: stop with these partitions at once. The group counts this member as gone, so others may have them by now; what it
 *   still writes must be fenced off by the store that it writes to. There is nothing to release, and it joins anew by itself.
 */
export interface AssignmentChange {
  readonly kind: 'assigned' | 'revoked' | 'lost';
  readonly generation: number;
  readonly partitions: readonly TopicPartition[];
}

/** How far a group has come in a partition, as tools see it. */
export interface GroupOffset extends TopicPartition {
  /** Where reading goes on: the offset after the last record that was worked on. */
  readonly offset: bigint;
  /** The leader epoch of that last record; -1 or absent where it is not known. */
  readonly leaderEpoch?: number;
  /** A word of the committer's own. */
  readonly metadata?: string | null;
}

/**
 * A member of a group. Its changes are an iteration that one loop goes through; it ends when the membership does, and throws
 * GROUP_MEMBER_FENCED, LOG_REFUSED (the group or its cluster does not take this member) or CLOSED. A coordinator that cannot be
 * reached does not end it: it is looked for until it is there, and after the session time-out what was held is `lost`.
 *
 * No two members work on one partition while both are healthy. A member that is not (it hangs, or is cut off) is taken for
 * gone after the session time-out; it is told so by its own clock before the others are, if it can still run. What remains
 * is what fencing in the store is for.
 */
export interface GroupMembership extends AsyncIterable<AssignmentChange> {
  /**
   * Gives partitions up that were `revoked`; the work on them has ended and is stored. What was not revoked, or is lost
   * already, is passed over.
   */
  release(partitions: readonly TopicPartition[]): void;
  /**
   * Notes how far this member has come, for tools that show lag. The figures are advisory: nothing starts from them, and
   * what this member does not hold is passed over.
   *
   * @returns once the group's coordinator has them
   * @throws ThroughlineError LOG_UNREACHABLE when the coordinator cannot be reached or the group is between two generations
   *   for too long: the next commit carries the same; LOG_REFUSED, CLOSED
   * @example await membership.commit([{ topic: 'notes', partition: 0, offset: 42n }])
   */
  commit(offsets: readonly GroupOffset[]): Promise<void>;
  /** Leaves the group: others have its partitions at once, so end the work on them before. Neither throws nor rejects. */
  close(): Promise<void>;
}

/** Where a leader epoch ends. */
export interface EpochEnd {
  /** The largest epoch at or below the one asked for in which something was appended. */
  readonly epoch: number;
  /** The offset after its last record. */
  readonly endOffset: bigint;
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
  /**
   * Where a leader epoch of a partition ends (KIP-320): an end below the position of a reader of that epoch says that the log
   * has lost, or replaced, what was read.
   *
   * @returns null for an epoch that has not begun
   * @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE
   * @example const end = await log.admin.endOfEpoch('notes', 0, record.leaderEpoch)
   */
  endOfEpoch(topic: string, partition: number, epoch: number): Promise<EpochEnd | null>;
  /**
   * Seals a partition of the embedded log: appends are rejected with PARTITION_SEALED, over the Kafka protocol with
   * NOT_LEADER_OR_FOLLOWER, also after a restart. What was handed in before is kept, and is in `endOffset`. `appendBatches`
   * goes on: who mirrors a partition keeps it sealed. A sealed partition begins no leader epoch by itself, not even after a
   * crash.
   *
   * @returns where it ends, once the seal is durable
   * @throws ThroughlineError UNKNOWN_TOPIC, OUT_OF_DISK, PARTITION_OFFLINE, CLOSED; LOG_CANNOT on a cluster
   */
  seal(topic: string, partition: number): Promise<SealedAt>;
  /**
   * Begins a leader epoch at the end of a partition of the embedded log, durably; only that opens a sealed one again.
   *
   * @param epoch larger than the present one
   * @throws ThroughlineError LEADER_EPOCH_FENCED (details leaderEpoch) when it is not larger; UNKNOWN_TOPIC, INVALID_ARGUMENT,
   *   OUT_OF_DISK, PARTITION_OFFLINE, CLOSED; LOG_CANNOT on a cluster, whose controller gives the epochs
   * @example await log.admin.beginEpoch('orders', 0, sealed.leaderEpoch + 1)
   */
  beginEpoch(topic: string, partition: number, epoch: number): Promise<void>;
  /**
   * What a group has committed; empty for a group that there is not.
   *
   * @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED, CLOSED
   */
  committedOffsets(group: string): Promise<readonly GroupOffset[]>;
  /**
   * Commits on behalf of a group that has no members.
   *
   * @throws ThroughlineError LOG_REFUSED while members are there, or for a topic that there is not; LOG_UNREACHABLE, CLOSED
   */
  commitOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void>;
}

export interface Log {
  /**
   * Appends records; those without a partition go by the hash of their key. A call that is rejected leaves nothing behind;
   * when it goes to several partitions and one of them fails, the others may have kept their part.
   *
   * @param condition looked at when the turn of this call comes, behind all calls before it; embedded log only
   * @returns one acknowledgement per record, in their order, once all are kept at the topic's durability
   * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_RECORD, INVALID_TIMESTAMP, RECORD_TOO_LARGE, OUT_OF_DISK, PARTITION_OFFLINE,
   *   PARTITION_SEALED, CLOSED; THROTTLED when more waits for the disk than the limit allows (retryAfterMs); with a condition also
   *   APPEND_CONDITION_FAILED (details endOffset, leaderEpoch), and LOG_CANNOT on a cluster
   * @example await log.append('conversations', [toRecord(event)])
   * @example await log.append('leases', [lease], { endOffset: seen.nextOffset })
   */
  append(topic: string, records: readonly ProducerRecord[], condition?: AppendCondition): Promise<readonly AppendAck[]>;
  /**
   * Reads records of one partition.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC, OFFSET_OUT_OF_RANGE, CORRUPT_RECORD, CLOSED; LOG_DIVERGED (details divergesAt:
   *   the first offset that differs) when `lastEpoch` is given and the log does not have the record before `offset` any more
   */
  read(request: ReadRequest): Promise<ReadResult>;
  /**
   * Reads record batches as they are stored, those of transactions that have not ended or were aborted among them: what a
   * replicator copies. Their checksums have been compared.
   *
   * @throws ThroughlineError what `read` throws
   * @example const { batches, nextOffset } = await log.readBatches({ topic: 'orders', partition: 0, offset, lastEpoch })
   */
  readBatches(request: ReadRequest): Promise<RawBatches>;
  /**
   * Appends record batches of another log to the embedded log, byte by byte: offsets, leader epochs, producers, sequences and
   * timestamps stay, and what is known of epochs and producers follows. They have to follow on what is there.
   *
   * @returns the end of the log, once they are kept at the topic's durability; after a failure it says what was kept
   * @throws ThroughlineError APPEND_CONDITION_FAILED (details endOffset, leaderEpoch) when the first batch is not the next;
   *   LOG_DIVERGED when the record before it is of another epoch than `lastEpoch`; LEADER_EPOCH_FENCED for batches of an
   *   older epoch than the partition's; CORRUPT_RECORD, INVALID_RECORD; NOT_BUILT_YET for batches of transactions;
   *   UNKNOWN_TOPIC, OUT_OF_DISK, PARTITION_OFFLINE, CLOSED; LOG_CANNOT on a cluster, which gives its own offsets
   * @example await target.appendBatches({ topic: 'orders', partition: 0, batches, lastEpoch })
   */
  appendBatches(request: AppendBatchesRequest): Promise<bigint>;
  /**
   * Follows a topic; ends when `signal` aborts or the log is closed, and throws what `read` throws. `latest` is the end of
   * the log at the time of the call.
   *
   * @example for await (const { records } of log.tail({ topic: 'conversations', from: 'earliest', signal })) fold(records)
   */
  tail(request: TailRequest): AsyncIterable<TailStep>;
  /**
   * Becomes a member of a group that shares the partitions of some topics, over Kafka's own consumer groups. Partitions move
   * one by one (cooperatively): whoever keeps what it has does not stop when others come and go.
   *
   * @example
   * const membership = log.join({ group: 'index', topics: ['notes'] });
   * for await (const { kind, partitions } of membership) {
   *   if (kind === 'assigned') start(partitions);
   *   else await stop(partitions);
   *   if (kind === 'revoked') membership.release(partitions);
   * }
   */
  join(request: JoinRequest): GroupMembership;
  readonly admin: LogAdmin;
  /** Resolves when everything acknowledged is as durable as it can be made, and tails have ended. */
  close(): Promise<void>;
}
