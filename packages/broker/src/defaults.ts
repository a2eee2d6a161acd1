// Every default value and limit of the broker, with its unit and its reason.
import type { TopicConfig } from './topic-config.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** What a topic is when its maker says nothing. */
export const topicConfigDefaults: TopicConfig = {
  // A single broker has no replica to lean on: an acknowledged record must survive a power cut unless asked otherwise.
  durability: 'fsync',
  // Nothing is thrown away that nobody asked to have thrown away.
  retentionMs: null,
  retentionBytes: null,
  // Kafka's is 1 GiB; a sixteenth keeps retention and the recovery of the last segment fine-grained at small scale.
  segmentBytes: 64 * MiB,
  // Kafka's message.max.bytes is 1 MiB and a little; the same whole MiB as the HTTP body limit.
  recordBytesMax: 1 * MiB,
  timestampType: 'CreateTime',
  // Kafka's own defaults since 4.0 (KIP-1030): any past, and an hour of clocks that run ahead. A record from the far future
  // would keep its segment from ever expiring.
  timestampBeforeMaxMs: null,
  timestampAfterMaxMs: 60 * 60 * 1000,
};

/** The smallest segment, in bytes: tests roll often; below this the index is larger than what it indexes. */
export const segmentBytesMin = 1 * KiB;
/** The largest segment, in bytes: positions in the index are signed 32-bit integers. */
export const segmentBytesMax = 1024 * MiB;
/** The largest that recordBytesMax may be set to, in bytes: several must fit into a journal file and into memory. */
export const recordBytesMaxLimit = 16 * MiB;
/** Kafka allows 249 characters so that "<topic>-<partition>" fits into a file name of 255 bytes. */
export const topicNameLengthMax = 249;
/** Partitions of one topic, as a count: each costs a folder, a few open files and a cache. */
export const topicPartitionCountMax = 1024;

/** Partitions of a topic whose maker names no number, as a count: Kafka's num.partitions. */
export const autoCreatedPartitionCount = 1;
/** Topics that are being made because clients asked for their metadata, as a count: beyond it clients have to ask again. */
export const autoCreationCountMax = 1000;

/** Log bytes between two index entries (Kafka's index.interval.bytes): a look-up reads at most about one of these. */
export const indexIntervalBytes = 4 * KiB;

/** Records of a refused batch that are named one by one, as a count: enough to see what is wrong with the producer. */
export const recordErrorCountMax = 100;

/** When whoever was refused for a full queue may come again, in milliseconds: the queue is some tenths of a second of a disk. */
export const throttleRetryMs = 100;

/** Read ahead for a reader in order, in bytes per open segment: a read's usual size, and a bound for larger ones. */
export const readAheadBytesMax = 1 * MiB;

export interface BrokerLimits {
  /** Batches of hot partitions kept in memory so that tails need no disk, in bytes over all partitions. */
  readonly tailCacheBytesMax: number;
  /** The same for one partition, in bytes: one busy partition must not push all others out. */
  readonly partitionTailCacheBytesMax: number;
  /** Appends that wait for the disk, in bytes per partition: beyond it appends are refused with THROTTLED. */
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
  /** Time between two looks at retention, in milliseconds. */
  readonly retentionIntervalMs: number;
  /** Time until a full disk is tried again for records that were acknowledged in memory, in milliseconds. */
  readonly outOfDiskRetryMs: number;
  /** Sealed segments held open with their indexes, as a count over all partitions. */
  readonly openSegmentCountMax: number;
  /** Bytes read at a time while a segment is checked. */
  readonly recoveryReadBytes: number;
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
  // Kafka's log.retention.check.interval.ms is five minutes; a segment here is smaller.
  retentionIntervalMs: 60_000,
  outOfDiskRetryMs: 1_000,
  // Each is one file descriptor and, at 64 MiB, at most 320 KiB of index.
  openSegmentCountMax: 64,
  recoveryReadBytes: 1 * MiB,
};
