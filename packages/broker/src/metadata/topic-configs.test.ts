// Settings by Kafka's names: what is accepted, what is said of what is not, and what a topic ends up with. The cases were
// put to Apache Kafka 4.3.1, whose answers stand here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { BrokerConfigs, checkedBrokerChanges } from './broker-configs.ts';
import { describeBrokerConfigs, describeTopicConfigs } from './describe-configs.ts';
import { changedOverrides, topicConfigOf } from './topic-configs.ts';
import { topicConfigTable } from './topic-config-table.ts';

const rejected: readonly (readonly [string, string, string])[] = [
  ['retention.ms', '-2', 'Invalid value -2 for configuration retention.ms: Value must be at least -1'],
  ['retention.ms', 'abc', 'Invalid value abc for configuration retention.ms: Not a number of type LONG'],
  ['retention.ms', '', 'Invalid value  for configuration retention.ms: Not a number of type LONG'],
  ['segment.bytes', '1024', 'Invalid value 1024 for configuration segment.bytes: Value must be at least 1048576'],
  [
    'segment.bytes',
    '99999999999',
    'Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT',
  ],
  [
    'cleanup.policy',
    'foo',
    'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
  ],
  [
    'preallocate',
    'maybe',
    'Invalid value maybe for configuration preallocate: Expected value to be either true or false',
  ],
  [
    'compression.type',
    'ZSTD',
    'Invalid value ZSTD for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer',
  ],
  [
    'min.cleanable.dirty.ratio',
    '1.5',
    'Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1',
  ],
  [
    'min.cleanable.dirty.ratio',
    'x',
    'Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE',
  ],
  ['max.message.bytes', '-1', 'Invalid value -1 for configuration max.message.bytes: Value must be at least 0'],
  [
    'message.timestamp.type',
    'x',
    'Invalid value x for configuration message.timestamp.type: String must be one of: CreateTime, LogAppendTime',
  ],
  ['no.such', '1', 'Unknown topic config name: no.such'],
  [
    'compression.gzip.level',
    '0',
    'Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1',
  ],
  [
    'remote.storage.enable',
    'true',
    'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
  ],
];

for (const [name, value, message] of rejected) {
  test(`${name}=${JSON.stringify(value)} is rejected in Kafka's words`, () => {
    assert.throws(
      () => changedOverrides(new Map(), new Map([[name, value]])),
      (error) => ThroughlineError.is(error, 'INVALID_CONFIG') && error.message === message,
    );
  });
}

test('values are kept as Kafka gives them back', () => {
  for (const [name, value, kept] of [
    ['retention.ms', ' 5 ', '5'],
    ['retention.bytes', '-7', '-7'],
    ['cleanup.policy', '', ''],
    ['cleanup.policy', 'compact,compact', 'compact'],
    ['cleanup.policy', ' compact , delete ', 'compact,delete'],
    ['preallocate', 'TRUE', 'true'],
    ['leader.replication.throttled.replicas', '*', '*'],
    ['leader.replication.throttled.replicas', '0:1,1:1', '0:1,1:1'],
  ] as const) {
    assert.equal(changedOverrides(new Map(), new Map([[name, value]])).get(name), kept);
  }
});

test('every default is a value that the setting can have', () => {
  for (const { name, default: value } of topicConfigTable.values()) {
    assert.equal(changedOverrides(new Map(), new Map([[name, value]])).get(name), value, name);
  }
});

test('a topic follows the broker where it says nothing, and the shortest unit of a time counts', () => {
  const broker = new BrokerConfigs({ 'log.retention.minutes': 2, 'message.max.bytes': 500, 'log.durability': 'os' });
  const config = topicConfigOf(new Map([['max.message.bytes', '700']]), broker);
  assert.deepEqual(config, {
    durability: 'os',
    retentionMs: 120_000,
    retentionBytes: null,
    segmentBytes: 64 * 1024 * 1024,
    segmentMs: 604_800_000,
    recordBytesMax: 700,
    timestampType: 'CreateTime',
    timestampBeforeMaxMs: null,
    timestampAfterMaxMs: 3_600_000,
    isCompacted: false,
  });
  broker.setDynamic(new Map([['', new Map([['log.retention.ms', '-1']])]]));
  assert.equal(topicConfigOf(new Map(), broker).retentionMs, null);
});

test('flush.messages=1 is durability fsync, but for a topic that has its own', () => {
  const durability = (overrides: Record<string, string>, settings: Record<string, string>): string =>
    topicConfigOf(new Map(Object.entries(overrides)), new BrokerConfigs(settings)).durability;
  const os = { 'log.durability': 'os' };
  assert.equal(durability({ 'flush.messages': '1' }, os), 'fsync');
  assert.equal(durability({}, { ...os, 'log.flush.interval.messages': '1' }), 'fsync');
  assert.equal(durability({ 'flush.messages': '2' }, os), 'os');
  assert.equal(durability({ 'flush.messages': '1', durability: 'os' }, os), 'os');
});

test('a topic that is only compacted loses nothing to retention', () => {
  const overrides = new Map([
    ['cleanup.policy', 'compact'],
    ['retention.ms', '5'],
    ['retention.bytes', '5'],
  ]);
  const { retentionMs, retentionBytes, isCompacted } = topicConfigOf(overrides, new BrokerConfigs());
  assert.deepEqual([retentionMs, retentionBytes, isCompacted], [null, null, true]);
  assert.equal(topicConfigOf(overrides.set('cleanup.policy', 'compact,delete'), new BrokerConfigs()).retentionMs, 5);
});

test('settings are described with all that has a say, the strongest first', () => {
  const broker = new BrokerConfigs({ 'message.max.bytes': 500 });
  broker.setDynamic(
    new Map([
      ['', new Map([['message.max.bytes', '600']])],
      ['1', new Map([['log.retention.ms', '9']])],
    ]),
  );
  const topic = new Map(
    describeTopicConfigs(new Map([['max.message.bytes', '700']]), broker).map((one) => [one.name, one]),
  );
  const size = topic.get('max.message.bytes')!;
  assert.deepEqual(
    [size.value, size.source, size.type, size.isReadOnly],
    ['700', 'DYNAMIC_TOPIC_CONFIG', 'INT', false],
  );
  assert.deepEqual(
    size.synonyms.map(({ name, value, source }) => `${name}=${value} ${source}`),
    [
      'max.message.bytes=700 DYNAMIC_TOPIC_CONFIG',
      'message.max.bytes=600 DYNAMIC_DEFAULT_BROKER_CONFIG',
      'message.max.bytes=500 STATIC_BROKER_CONFIG',
      'message.max.bytes=1048588 DEFAULT_CONFIG',
    ],
  );
  assert.equal(topic.get('retention.ms')!.value, '9');
  assert.equal(topic.get('segment.ms')!.value, '604800000');
  assert.match(topic.get('preallocate')!.documentation ?? '', /Without effect here/);
  const all = describeBrokerConfigs('', broker);
  assert.deepEqual(
    all.map(({ name, value }) => `${name}=${value}`),
    ['message.max.bytes=600'],
  );
  const one = new Map(describeBrokerConfigs('1', broker).map((config) => [config.name, config]));
  assert.equal(one.get('log.retention.ms')!.source, 'DYNAMIC_BROKER_CONFIG');
  assert.equal(one.get('num.partitions')!.isReadOnly, true);
  assert.equal(one.get('log.retention.minutes')!.value, null);
});

test('a broker is told at its start, and what is dynamic while it runs', () => {
  assert.equal(new BrokerConfigs({ 'num.partitions': 4 }).integer('num.partitions'), 4);
  assert.equal(new BrokerConfigs().boolean('auto.create.topics.enable'), true);
  assert.throws(
    () => new BrokerConfigs({ 'no.such': 1 }),
    (error) => ThroughlineError.is(error, 'INVALID_CONFIG'),
  );
  assert.throws(
    () => new BrokerConfigs({ 'num.partitions': 0 }),
    (error) => ThroughlineError.is(error, 'INVALID_CONFIG'),
  );
  const changes = checkedBrokerChanges(
    new Map([
      ['log.retention.ms', ' 5'],
      ['message.max.bytes', null],
    ]),
  );
  assert.deepEqual(
    [...changes],
    [
      ['log.retention.ms', '5'],
      ['message.max.bytes', null],
    ],
  );
  for (const [name, message] of [
    ['num.partitions', 'Cannot update these configs dynamically: [num.partitions]'],
    ['log.segment.bytes', 'Invalid value 5 for configuration log.segment.bytes: Value must be at least 1048576'],
  ] as const) {
    assert.throws(
      () => checkedBrokerChanges(new Map([[name, '5']])),
      (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT') && error.message === message,
    );
  }
});
