// Every setting of a topic, named and bounded as in Apache Kafka 4.3.1 (storage/internals/log/LogConfig.java; defaults and
// messages were asked of a running one), and one of our own: `durability`. A topic that says nothing follows the broker's
// setting of the same meaning.
import { segmentBytesMax, segmentBytesMin } from '../defaults.ts';
import { longMax, type ConfigDefinition } from './config-definition.ts';
import { throttledReplicasProblem } from './throttled-replicas.ts';

/** A setting of a broker that topics follow, and what its unit is worth in the topic's. */
export interface FollowedConfig {
  readonly name: string;
  readonly times?: number;
}

export interface TopicConfigDefinition extends ConfigDefinition {
  readonly default: string;
  /** The broker's settings that it follows, the first that has a value; none where Kafka has none. */
  readonly follows: readonly FollowedConfig[];
}

const MiB = 1024 * 1024;
const dayMs = 24 * 60 * 60 * 1000;

const noCompaction = 'compaction is not built yet: a compacted topic keeps every record';
const oneReplica = 'there is one replica of each partition';
const passedThrough = 'batches are kept as their producer compressed them';
const noTiers = 'there is no tiered storage';
const ownFlush = '`durability` says when records reach the disk';
const unlinkedAtOnce = 'removed files are gone at once';

const definitions: readonly TopicConfigDefinition[] = [
  {
    name: 'cleanup.policy',
    type: 'LIST',
    default: 'delete',
    oneOf: ['compact', 'delete'],
    follows: [{ name: 'log.cleanup.policy' }],
    doc: 'What happens to old records: `delete` removes them by retention; `compact` keeps the last of each key, and rejects records without one. Compaction itself is not built yet: a topic that is only `compact` keeps everything.',
  },
  {
    name: 'compression.gzip.level',
    type: 'INT',
    default: '-1',
    problem: (value) =>
      value === '-1' || (Number(value) >= 1 && Number(value) <= 9)
        ? undefined
        : 'Value must be between 1 and 9 or equal to -1',
    follows: [{ name: 'compression.gzip.level' }],
    doc: 'The level of gzip.',
    withoutEffect: passedThrough,
  },
  {
    name: 'compression.lz4.level',
    type: 'INT',
    default: '9',
    min: 1,
    max: 17,
    follows: [{ name: 'compression.lz4.level' }],
    doc: 'The level of LZ4.',
    withoutEffect: passedThrough,
  },
  {
    name: 'compression.type',
    type: 'STRING',
    default: 'producer',
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    follows: [{ name: 'compression.type' }],
    doc: 'The codec that records are kept in; `producer` keeps what came.',
    withoutEffect: passedThrough,
  },
  {
    name: 'compression.zstd.level',
    type: 'INT',
    default: '3',
    min: -131072,
    max: 22,
    follows: [{ name: 'compression.zstd.level' }],
    doc: 'The level of zstd.',
    withoutEffect: passedThrough,
  },
  {
    name: 'delete.retention.ms',
    type: 'LONG',
    default: String(dayMs),
    min: 0,
    follows: [{ name: 'log.cleaner.delete.retention.ms' }],
    doc: 'How long a compacted topic keeps the tombstone of a deleted key, in milliseconds.',
    withoutEffect: noCompaction,
  },
  {
    name: 'durability',
    type: 'STRING',
    default: 'fsync',
    oneOf: ['memory', 'os', 'fsync'],
    follows: [{ name: 'log.durability' }],
    doc: 'Throughline only. What an acknowledgement means: `memory`, kept by this process; `os`, survives kill -9; `fsync`, survives a power cut.',
  },
  {
    name: 'file.delete.delay.ms',
    type: 'LONG',
    default: '60000',
    min: 0,
    follows: [{ name: 'log.segment.delete.delay.ms' }],
    doc: 'How long the file of a removed segment stays, in milliseconds.',
    withoutEffect: unlinkedAtOnce,
  },
  {
    name: 'flush.messages',
    type: 'LONG',
    default: longMax,
    min: 1,
    follows: [{ name: 'log.flush.interval.messages' }],
    doc: 'After how many records the log is synced. 1 is durability `fsync`, unless the topic has a `durability` of its own; any other number changes nothing.',
  },
  {
    name: 'flush.ms',
    type: 'LONG',
    default: longMax,
    min: 0,
    follows: [{ name: 'log.flush.interval.ms' }],
    doc: 'After how many milliseconds the log is synced.',
    withoutEffect: ownFlush,
  },
  {
    name: 'follower.replication.throttled.replicas',
    type: 'LIST',
    default: '',
    problem: throttledReplicasProblem('follower.replication.throttled.replicas'),
    follows: [],
    doc: 'Replicas whose fetching is throttled.',
    withoutEffect: oneReplica,
  },
  {
    name: 'index.interval.bytes',
    type: 'INT',
    default: '4096',
    min: 0,
    follows: [{ name: 'log.index.interval.bytes' }],
    doc: 'Bytes of the log between two entries of its index.',
    withoutEffect: 'every index has an entry per 4096 bytes',
  },
  {
    name: 'leader.replication.throttled.replicas',
    type: 'LIST',
    default: '',
    problem: throttledReplicasProblem('leader.replication.throttled.replicas'),
    follows: [],
    doc: 'Replicas whose serving is throttled.',
    withoutEffect: oneReplica,
  },
  {
    name: 'local.retention.bytes',
    type: 'LONG',
    default: '-2',
    min: -2,
    follows: [{ name: 'log.local.retention.bytes' }],
    doc: 'Bytes kept here once they are in remote storage.',
    withoutEffect: noTiers,
  },
  {
    name: 'local.retention.ms',
    type: 'LONG',
    default: '-2',
    min: -2,
    follows: [{ name: 'log.local.retention.ms' }],
    doc: 'How long records are kept here once they are in remote storage, in milliseconds.',
    withoutEffect: noTiers,
  },
  {
    name: 'max.compaction.lag.ms',
    type: 'LONG',
    default: longMax,
    min: 1,
    follows: [{ name: 'log.cleaner.max.compaction.lag.ms' }],
    doc: 'How long a record may stay uncompacted, in milliseconds.',
    withoutEffect: noCompaction,
  },
  {
    name: 'max.message.bytes',
    type: 'INT',
    default: String(MiB + 12),
    min: 0,
    follows: [{ name: 'message.max.bytes' }],
    doc: 'The largest record batch accepted, in bytes, after compression.',
  },
  {
    name: 'message.timestamp.after.max.ms',
    type: 'LONG',
    default: '3600000',
    min: 0,
    follows: [{ name: 'log.message.timestamp.after.max.ms' }],
    doc: "How far a record's timestamp may be ahead of this broker's clock, in milliseconds.",
  },
  {
    name: 'message.timestamp.before.max.ms',
    type: 'LONG',
    default: longMax,
    min: 0,
    follows: [{ name: 'log.message.timestamp.before.max.ms' }],
    doc: "How far a record's timestamp may be behind this broker's clock, in milliseconds.",
  },
  {
    name: 'message.timestamp.type',
    type: 'STRING',
    default: 'CreateTime',
    oneOf: ['CreateTime', 'LogAppendTime'],
    follows: [{ name: 'log.message.timestamp.type' }],
    doc: 'Whether records carry the time at which they were made or at which they were appended.',
  },
  {
    name: 'min.cleanable.dirty.ratio',
    type: 'DOUBLE',
    default: '0.5',
    min: 0,
    max: 1,
    follows: [{ name: 'log.cleaner.min.cleanable.ratio' }],
    doc: 'How much of a log must be uncompacted before it is compacted.',
    withoutEffect: noCompaction,
  },
  {
    name: 'min.compaction.lag.ms',
    type: 'LONG',
    default: '0',
    min: 0,
    follows: [{ name: 'log.cleaner.min.compaction.lag.ms' }],
    doc: 'How long a record stays uncompacted at least, in milliseconds.',
    withoutEffect: noCompaction,
  },
  {
    name: 'min.insync.replicas',
    type: 'INT',
    default: '1',
    min: 1,
    follows: [{ name: 'min.insync.replicas' }],
    doc: 'How many replicas must have a record before acks=all is answered.',
    withoutEffect: oneReplica,
  },
  {
    name: 'preallocate',
    type: 'BOOLEAN',
    default: 'false',
    follows: [{ name: 'log.preallocate' }],
    doc: 'Whether the file of a new segment is made at its full size.',
    withoutEffect: 'files grow as they are written',
  },
  {
    name: 'remote.log.copy.disable',
    type: 'BOOLEAN',
    default: 'false',
    follows: [],
    doc: 'Whether tiered data is read only.',
    withoutEffect: noTiers,
  },
  {
    name: 'remote.log.delete.on.disable',
    type: 'BOOLEAN',
    default: 'false',
    follows: [],
    doc: 'Whether tiered data goes when tiering ends.',
    withoutEffect: noTiers,
  },
  {
    name: 'remote.storage.enable',
    type: 'BOOLEAN',
    default: 'false',
    follows: [],
    doc: 'Whether closed segments go to remote storage. `true` is rejected.',
    withoutEffect: noTiers,
  },
  {
    name: 'retention.bytes',
    type: 'LONG',
    default: '-1',
    follows: [{ name: 'log.retention.bytes' }],
    doc: 'A partition above this many bytes loses its oldest segments; -1 keeps all.',
  },
  {
    name: 'retention.ms',
    type: 'LONG',
    default: String(7 * dayMs),
    min: -1,
    follows: [
      { name: 'log.retention.ms' },
      { name: 'log.retention.minutes', times: 60_000 },
      { name: 'log.retention.hours', times: 3_600_000 },
    ],
    doc: 'Records older than this many milliseconds may be removed; -1 keeps them for ever. Topics made through the embedded API say -1 unless told otherwise.',
  },
  {
    name: 'segment.bytes',
    type: 'INT',
    default: String(64 * MiB),
    min: MiB,
    follows: [{ name: 'log.segment.bytes' }],
    doc: 'A segment is closed at this size. 64 MiB where Kafka has 1 GiB, so that retention and a start after a crash deal in smaller pieces.',
  },
  {
    name: 'segment.index.bytes',
    type: 'INT',
    default: String(10 * MiB),
    min: 4,
    follows: [{ name: 'log.index.size.max.bytes' }],
    doc: 'The size at which the index of a segment is full.',
    withoutEffect: 'an index grows with its segment',
  },
  {
    name: 'segment.jitter.ms',
    type: 'LONG',
    default: '0',
    min: 0,
    follows: [{ name: 'log.roll.jitter.ms' }, { name: 'log.roll.jitter.hours', times: 3_600_000 }],
    doc: 'By how much segment.ms is shortened at random, in milliseconds.',
    withoutEffect: 'one process has no herd to scatter',
  },
  {
    name: 'segment.ms',
    type: 'LONG',
    default: String(7 * dayMs),
    min: 1,
    follows: [{ name: 'log.roll.ms' }, { name: 'log.roll.hours', times: 3_600_000 }],
    doc: 'A segment is closed when the next record is this many milliseconds younger than its first.',
  },
  {
    name: 'unclean.leader.election.enable',
    type: 'BOOLEAN',
    default: 'false',
    follows: [{ name: 'unclean.leader.election.enable' }],
    doc: 'Whether a replica that is behind may become leader.',
    withoutEffect: oneReplica,
  },
];

/**
 * Kafka's own setting for segments that are smaller than it lets a topic have: tests use it, and so do ours. It is a topic's
 * setting like the others, and not described.
 */
export const internalSegmentBytes: ConfigDefinition = {
  name: 'internal.segment.bytes',
  type: 'INT',
  default: null,
  min: segmentBytesMin,
  max: segmentBytesMax,
  doc: 'A segment is closed at this size, whatever segment.bytes says.',
};

export const topicConfigTable: ReadonlyMap<string, TopicConfigDefinition> = new Map(
  definitions.map((definition) => [definition.name, definition]),
);
