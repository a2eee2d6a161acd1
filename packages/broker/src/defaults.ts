// Every default value and limit of the broker, with its unit and its reason.
const KiB = 1024;
const MiB = 1024 * KiB;

/** The smallest segment, in bytes: tests roll often; below this the index is larger than what it indexes. */
export const segmentBytesMin = 1 * KiB;
/** The largest segment, in bytes: positions in the index are signed 32-bit integers. */
export const segmentBytesMax = 1024 * MiB;
/** The largest record batch, in bytes, whatever a topic says: Kafka's socket.request.max.bytes lets none in that is larger. */
export const recordBytesMaxLimit = 100 * MiB;
/** Kafka allows 249 characters so that "<topic>-<partition>" fits into a file name of 255 bytes. */
export const topicNameLengthMax = 249;
/** Partitions of one topic, as a count: each costs a folder, a few open files and a cache. */
export const topicPartitionCountMax = 1024;

/** Topics that are being made because clients asked for their metadata, as a count: beyond it clients have to ask again. */
export const autoCreationCountMax = 1000;

/** Bytes of metadata records between two snapshots at least: some thousand changes; a start reads about as much. */
export const metadataSnapshotBytesMin = 1 * MiB;
/** Metadata records of one batch where they need not be one, as a count: some tens of KiB. */
export const metadataBatchRecordCountMax = 1000;
/** Settings of a node that are kept without being known, as a count: clients can make up as many names as they like. */
export const unknownConfigCountMax = 1000;
/** Producer ids taken from the metadata log at a time, as a count; Kafka takes as many (ProducerIdsBlock). */
export const producerIdBlockCount = 1000;

/** What a disk in memory holds at most, in bytes: appends are rejected before the process runs out of memory. */
export const memoryDiskBytesMax = 1024 * MiB;
/** Bytes of a journal file in memory, where nothing is saved by filling it with zeros first. */
export const memoryJournalFileBytes = 64 * KiB;

/**
 * Partitions that are made, opened or closed at the same time, as a count: as many syncs share the file system's commits, and
 * each has a few files open meanwhile.
 */
export const partitionsAtOnceMax = 32;
/** Partitions that are made with one sync, as a count: their records are one batch of some tens of KiB, and a change that waits is not kept waiting for long. */
export const createdPartitionsAtOnceMax = 500;
/** Partitions that a checkpoint syncs at a time, as a count: half of the threads that Node has for the disk, so that appends have the others. */
export const checkpointSyncsAtOnceMax = 2;

/** Log bytes between two index entries (Kafka's index.interval.bytes): a look-up reads at most about one of these. */
export const indexIntervalBytes = 4 * KiB;

/** Records of a rejected batch that are named one by one, as a count: enough to see what is wrong with the producer. */
export const recordErrorCountMax = 100;

/** The length of a message to a client, in characters: nobody reads more, and three times as many bytes are still a string. */
export const errorMessageLengthMax = 2_000;

/** When whoever was rejected for a full queue may come again, in milliseconds: the queue is some tenths of a second of a disk. */
export const throttleRetryMs = 100;

/** The largest piece of memory that batches of the tail cache share, in bytes; larger batches keep their own. */
export const tailSlabBytesMax = 512 * KiB;
/** Such memory kept while nothing is in it, in bytes: what a partition that becomes busy fills in some milliseconds. */
export const tailSlabsFreeBytesMax = 4 * MiB;

/** Memory of one read that is used again, in bytes: what clients fetch from a partition at once, unless they say otherwise. */
export const readBufferBytes = 1 * MiB;
/** Such memory kept for the next read, as a count: a dozen consumers that catch up at once. */
export const readBufferCountMax = 16;

/** Read ahead for a reader in order, in bytes per open segment: a read's usual size, and a bound for larger ones. */
export const readAheadBytesMax = 1 * MiB;

/** When a fetch session may make room for another, in milliseconds unused or since it was made: Kafka's own, not a setting. */
export const fetchSessionEvictableMs = 120_000;
/** Partitions of all fetch sessions together, as a count: some 200 bytes each. */
export const fetchSessionPartitionCountMax = 500_000;
/** Record bytes of one Fetch response, whatever the client asks for: they are held in memory until it has taken them. */
export const fetchResponseBytesMax = 16 * MiB;
/**
 * Record bytes of the Fetch answers of all connections that are read and not sent, in bytes; beyond it each answer has one batch. Eight
 * of the largest answers, or a hundred consumers that catch up with the MiB for each partition that is Kafka's default.
 */
export const responseBytesMax = 128 * MiB;

/** How long something of a partition stands still before the log says so, in milliseconds: a slow disk takes tenths of a second. */
export const stallMs = 10_000;
/** Partitions that are named when many stand still at once, as a count: they mostly wait for the same. */
export const stallLinesMax = 8;

export interface BrokerLimits {
  /** Batches of hot partitions kept in memory so that tails need no disk, in bytes over all partitions. */
  readonly tailCacheBytesMax: number;
  /** The same for one partition, in bytes: one busy partition must not push all others out. */
  readonly partitionTailCacheBytesMax: number;
  /** Appends that wait for the disk, in bytes per partition: beyond it appends are rejected with THROTTLED. */
  readonly appendQueueBytesMax: number;
  /** Acknowledged but not yet written, in bytes per partition of durability `memory`: beyond it acks wait for the disk. */
  readonly writeBehindBytesMax: number;
  /** Bytes of one write to a segment: what has queued up goes out together up to this size. */
  readonly writeBytesMax: number;
  /** Bytes of one journal file; when it is full the segments are synced and the file is used again. */
  readonly journalFileBytes: number;
  /** Journal files at most: when all are in use, appends wait for the checkpoint. */
  readonly journalFileCountMax: number;
  /** Longest time between two checkpoints while there is something to sync, in milliseconds: bounds recovery. */
  readonly checkpointIntervalMs: number;
  /**
   * Time that a close syncs for, in milliseconds: what is not synced by then was acknowledged all the same and is kept, and the
   * next start checks the log as after a kill.
   */
  readonly closeSyncMs: number;
  /** Time between two looks at retention, in milliseconds. */
  readonly retentionIntervalMs: number;
  /** Time until a full disk is tried again for records that were acknowledged in memory, in milliseconds. */
  readonly outOfDiskRetryMs: number;
  /** Segments that are written to and held open, as a count over all partitions; others are opened when they are used. */
  readonly activeFileCountMax: number;
  /** Sealed segments held open with their indexes, as a count over all partitions. */
  readonly openSegmentCountMax: number;
  /** Bytes read at a time while a segment is checked. */
  readonly recoveryReadBytes: number;
  /**
   * Bytes of the last segment of a partition up to which a clean stop stores no indexes of it, and no producers when there are
   * none: the next start reads the segment instead.
   */
  readonly unindexedBytesMax: number;
  /** Idempotent producers remembered, as a count per partition: beyond it the longest silent are forgotten. */
  readonly producerCountMax: number;
}

export const brokerLimitDefaults: BrokerLimits = {
  // Some minutes of a hundred conversations; small beside the 180 MB that the idle server may use.
  tailCacheBytesMax: 32 * MiB,
  partitionTailCacheBytesMax: 8 * MiB,
  // About a tenth of a second of a fast disk.
  appendQueueBytesMax: 64 * MiB,
  // What a disk takes in well under a second.
  writeBehindBytesMax: 16 * MiB,
  // Beyond a MiB a larger write is no faster, and the acknowledgements of the first wait for the last.
  writeBytesMax: 1 * MiB,
  // A checkpoint syncs at most about this much; zero-filling one takes some ten milliseconds, once.
  journalFileBytes: 32 * MiB,
  journalFileCountMax: 4,
  checkpointIntervalMs: 10_000,
  // A server is ended 4.5 s after it was asked to stop, and has other things to close.
  closeSyncMs: 2_000,
  // Kafka's log.retention.check.interval.ms is five minutes; a segment here is smaller.
  retentionIntervalMs: 60_000,
  outOfDiskRetryMs: 1_000,
  // Each is one file descriptor; more partitions than that are seldom written to within a second.
  activeFileCountMax: 512,
  // Each is one file descriptor and, at 64 MiB, at most 320 KiB of index.
  openSegmentCountMax: 64,
  recoveryReadBytes: 1 * MiB,
  // One read of the disk, which is less than to write, sync and read three files.
  unindexedBytesMax: 64 * KiB,
  // Some 20 MB of a partition at the worst, from a client that takes a new id for every few records.
  producerCountMax: 50_000,
};

/** Connections that wait to be accepted, as a count: what a crowd of clients opens in one moment. */
export const listenBacklog = 1024;
/** Time between two log lines of one kind, in milliseconds, where clients can make as many as they like. */
export const calmLogIntervalMs = 10_000;
/** Kinds of log lines kept apart, as a count: a bound, not a size that is met. */
export const calmLogKindCountMax = 1000;
/** Virtual nodes at most, as a count: each is a listener. */
export const nodeCountMax = 100;

export interface KafkaLimits {
  /** Bytes of all requests under way, over all connections: Kafka's queued.max.request.bytes. */
  readonly queuedBytesMax: number;
  /** Bytes of a request that waits for no room in `queuedBytesMax`. */
  readonly smallRequestBytes: number;
  /** Requests of one connection that are under way at a time, as a count; only pipelined ones (Produce) can be. */
  readonly pipelinedRequestCountMax: number;
  /** The same in bytes. */
  readonly pipelinedBytesMax: number;
  /** Bytes read from a connection and not yet looked at, from which on it is not read. */
  readonly pendingBytesMax: number;
  /** Bytes written to a connection and not yet taken by the network, beyond which no request of it begins. */
  readonly unsentBytesMax: number;
  /** The same over all connections, beyond which the one is closed that has stood still for longest. */
  readonly unsentOfAllBytesMax: number;
  /** Time in which a request that has begun to come must make progress, in milliseconds. */
  readonly requestStallMs: number;
  /** What counts as progress within `requestStallMs`, in bytes. */
  readonly requestProgressBytes: number;
  /** Time between two looks at what stands still, in milliseconds. */
  readonly sweepIntervalMs: number;
  /** Time that a server which closes gives what is under way, in milliseconds. */
  readonly closeWaitMs: number;
}

export const kafkaLimitDefaults: KafkaLimits = {
  // Room for the largest request and half again; Kafka has no bound of its own accord, and a heap of 1 GiB.
  queuedBytesMax: 160 * MiB,
  // One read of a socket.
  smallRequestBytes: 64 * KiB,
  // Clients have five under way, librdkafka as many as fit; beyond this a faster disk, not a longer queue, is what helps.
  pipelinedRequestCountMax: 64,
  // Half of what a partition queues for the disk, so that one producer alone is slowed down and never rejected.
  pipelinedBytesMax: 32 * MiB,
  // Two reads of a socket.
  pendingBytesMax: 128 * KiB,
  // An answer is written whole; the next waits until the reader has taken most of it.
  unsentBytesMax: 64 * KiB,
  // Twice what the records of Fetch answers may have, so that slow consumers alone come to it only with their first batches.
  unsentOfAllBytesMax: 2 * responseBytesMax,
  // A request takes milliseconds; even a bad line gets a KiB through in half a minute.
  requestStallMs: 30_000,
  requestProgressBytes: 1 * KiB,
  // A sixth of the shortest of these times; ten thousand connections are looked at in a millisecond.
  sweepIntervalMs: 5_000,
  // What the disk has under way takes milliseconds; long polls end at once.
  closeWaitMs: 5_000,
};

/** Bytes of one batch of a log of groups at most, unless one write alone is larger: what came while the disk was busy. */
export const groupLogBatchBytes = 512 * KiB;
/** Bytes read at a time from a log of groups. */
export const groupLogReadBytes = 1 * MiB;
/** A log of groups is written anew when it is this many times larger than what holds of it: a fifth of the writing at most. */
export const groupLogGrowthFactor = 5;
/** Below this many bytes a log of groups is left alone: reading it at a start takes milliseconds. */
export const groupLogRewriteBytesMin = 1 * MiB;
/** Until when an operating system has written out what it was given, in milliseconds: Linux begins after 30 s. */
export const groupLogSettleMs = 60_000;
/** How long the JoinGroup of a new member may wait, in milliseconds (Kafka's classic group coordinator): its client may be gone. */
export const newMemberJoinTimeoutMs = 5 * 60_000;

/** The largest leader epoch: an int32 of the protocol. */
export const leaderEpochMax: number = 0x7fffffff;
