// The settings of a broker, named as Apache Kafka's server.properties has them. Those that topics follow are derived from
// the table of topic settings; the others stand here. What is not here, is not a setting: naming it is an error, so that
// nobody believes in one that does nothing.
import type { ConfigDefinition } from './config-definition.ts';
import { topicConfigTable } from './topic-config-table.ts';

export interface BrokerConfigDefinition extends ConfigDefinition {
  /** It can be changed while the broker runs, and the change is kept. */
  readonly isDynamic: boolean;
}

const intMax = 2 ** 31 - 1;
const minuteMs = 60_000;

const own: readonly BrokerConfigDefinition[] = [
  fixed('auto.create.topics.enable', 'BOOLEAN', 'true', 'Whether a topic is made when a client asks for its metadata.'),
  fixed(
    'connections.max.idle.ms',
    'LONG',
    String(10 * minuteMs),
    'After how many idle milliseconds a connection is closed.',
  ),
  {
    ...fixed('default.replication.factor', 'INT', '1', 'Replicas of a topic whose maker names no number.'),
    min: 1,
    withoutEffect: 'there is one replica of each partition',
  },
  fixed('delete.topic.enable', 'BOOLEAN', 'true', 'Whether topics can be deleted.'),
  {
    ...fixed(
      'fetch.max.bytes',
      'INT',
      '57671680',
      'The most bytes that one fetch is answered with; never more than 16 MiB, which are held in memory until they are sent.',
    ),
    min: 1024,
  },
  {
    ...fixed(
      'group.initial.rebalance.delay.ms',
      'INT',
      '3000',
      'How long a new group waits for more members, in milliseconds.',
    ),
    min: 0,
  },
  {
    ...fixed('group.max.session.timeout.ms', 'INT', '1800000', 'The longest session time-out of a group member.'),
    min: 1,
  },
  { ...fixed('group.max.size', 'INT', String(intMax), 'The most members of a group.'), min: 1 },
  {
    ...fixed('group.min.session.timeout.ms', 'INT', '6000', 'The shortest session time-out of a group member.'),
    min: 1,
  },
  {
    ...fixed(
      'log.retention.hours',
      'INT',
      '168',
      'As log.retention.ms, in hours; counts when neither that nor the minutes are set.',
    ),
  },
  fixed('log.retention.minutes', 'INT', null, 'As log.retention.ms, in minutes; counts when that is not set.'),
  { ...dynamic('log.retention.ms', 'LONG', null, 'What topics without a retention.ms of their own have.'), min: -1 },
  { ...fixed('log.roll.hours', 'INT', '168', 'As log.roll.ms, in hours; counts when that is not set.'), min: 1 },
  { ...dynamic('log.roll.ms', 'LONG', null, 'What topics without a segment.ms of their own have.'), min: 1 },
  {
    ...fixed('log.roll.jitter.hours', 'INT', '0', 'As log.roll.jitter.ms, in hours.'),
    min: 0,
    withoutEffect: 'one process has no herd to scatter',
  },
  {
    ...dynamic('log.roll.jitter.ms', 'LONG', null, 'What topics without a segment.jitter.ms of their own have.'),
    min: 0,
    withoutEffect: 'one process has no herd to scatter',
  },
  {
    ...dynamic('log.flush.interval.ms', 'LONG', null, 'What topics without a flush.ms of their own have.'),
    withoutEffect: '`durability` says when records reach the disk',
  },
  {
    ...dynamic(
      'max.connections',
      'INT',
      '20000',
      'The most connections at a time, over all listeners. 20000 where Kafka has no bound: each is a few KiB of one process.',
    ),
    min: 0,
  },
  {
    ...dynamic('max.connections.per.ip', 'INT', String(intMax), 'The most connections at a time from one address.'),
    min: 0,
  },
  {
    ...fixed(
      'max.incremental.fetch.session.cache.slots',
      'INT',
      '1000',
      'The most fetch sessions kept; 0 keeps none (KIP-227).',
    ),
    min: 0,
  },
  {
    ...fixed(
      'max.request.partition.size.limit',
      'INT',
      '2000',
      'The most partitions in one answer to DescribeTopicPartitions.',
    ),
    min: 1,
  },
  { ...fixed('num.partitions', 'INT', '1', 'Partitions of a topic whose maker names no number.'), min: 1 },
  { ...fixed('offset.metadata.max.bytes', 'INT', '4096', 'The longest metadata beside a committed offset, in bytes.') },
  {
    ...fixed('offsets.retention.check.interval.ms', 'LONG', '600000', 'Time between two looks for expired offsets.'),
    min: 1,
  },
  {
    ...fixed('offsets.retention.minutes', 'INT', '10080', 'How long the offsets of a group without members are kept.'),
    min: 1,
  },
  {
    ...fixed(
      'offsets.topic.num.partitions',
      'INT',
      '8',
      'Partitions of __consumer_offsets. 8 where Kafka has 50: on one machine more of them only cost folders.',
    ),
    min: 1,
  },
  {
    ...fixed('offsets.topic.replication.factor', 'SHORT', '1', 'Replicas of __consumer_offsets.'),
    min: 1,
    withoutEffect: 'there is one replica of each partition',
  },
  { ...fixed('offsets.topic.segment.bytes', 'INT', '104857600', 'segment.bytes of __consumer_offsets.'), min: 1 },
  {
    ...dynamic('producer.id.expiration.ms', 'INT', '86400000', 'How long the state of an idle producer is kept.'),
    min: 1,
  },
  {
    ...fixed('socket.request.max.bytes', 'INT', '104857600', 'The largest request accepted, in bytes.'),
    min: 1,
  },
];

/** Settings that a topic follows and that are no more than its own under another name. */
function followed(): BrokerConfigDefinition[] {
  const known = new Set(own.map(({ name }) => name));
  return Array.from(topicConfigTable.values()).flatMap((definition) =>
    definition.follows
      .filter(({ name }) => !known.has(name))
      .map(({ name }) => ({ ...definition, name, isDynamic: true })),
  );
}

export const brokerConfigTable: ReadonlyMap<string, BrokerConfigDefinition> = new Map(
  [...own, ...followed()].sort((a, b) => (a.name < b.name ? -1 : 1)).map((definition) => [definition.name, definition]),
);

function fixed(
  name: string,
  type: ConfigDefinition['type'],
  value: string | null,
  doc: string,
): BrokerConfigDefinition {
  return { name, type, default: value, doc, isDynamic: false };
}

function dynamic(
  name: string,
  type: ConfigDefinition['type'],
  value: string | null,
  doc: string,
): BrokerConfigDefinition {
  return { ...fixed(name, type, value, doc), isDynamic: true };
}
