// CreateTopics, DeleteTopics and CreatePartitions over a socket, in every version.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zeroUuid } from '@throughline/wire';
import {
  createPartitionsApi,
  createTopicsApi,
  deleteTopicsApi,
  type CreatableTopic,
  type CreatePartitionsTopic,
} from '@throughline/wire/apis';
import { servedBroker, type ServedBroker } from './test-support.ts';

function topic(name: string, rest: Partial<CreatableTopic> = {}): CreatableTopic {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...rest };
}

function assigned(...partitions: readonly (readonly number[])[]): Partial<CreatableTopic> {
  const assignments = partitions.map(([partitionIndex = 0, ...brokerIds]) => ({ partitionIndex, brokerIds }));
  return { numPartitions: -1, replicationFactor: -1, assignments };
}

function configured(...configs: readonly (readonly [string, string | null])[]): Partial<CreatableTopic> {
  return { configs: configs.map(([name, value]) => ({ name, value })) };
}

/** The codes of a request by the names of its topics. */
async function create(
  { client }: ServedBroker,
  topics: readonly CreatableTopic[],
  version = 7,
): Promise<Readonly<Record<string, string | undefined>>> {
  const answer = await client.call(createTopicsApi, version, { topics, timeoutMs: 30_000 });
  return Object.fromEntries(answer.topics.map(({ name, errorCode }) => [name, errorCode]));
}

test('a topic is made in every version, with its settings', async (t) => {
  const served = await servedBroker(t);
  for (let version = createTopicsApi.versionMin; version <= createTopicsApi.versionMax; version++) {
    const name = `notes-${version}`;
    const settings = configured(['retention.ms', '60000'], ['durability', 'os']);
    const topics = [topic(name, { numPartitions: 3, ...settings })];
    const answer = await served.client.call(createTopicsApi, version, { topics, timeoutMs: 30_000 });
    const made = served.broker.topic(name);
    assert.deepEqual([made.partitionCount, made.config.retentionMs, made.config.durability], [3, 60_000, 'os']);
    const [told] = answer.topics;
    assert.equal(told?.errorCode, 'NONE');
    assert.equal(told.topicId, version >= 7 ? made.topicId : zeroUuid);
    assert.equal(told.numPartitions, version >= 5 ? 3 : -1);
    const retention = told.configs?.find((config) => config.name === 'retention.ms');
    assert.deepEqual([retention?.value, retention?.configSource], version >= 5 ? ['60000', 1] : [undefined, undefined]);
  }
});

test('each topic of a request is judged on its own', async (t) => {
  const served = await servedBroker(t, { config: { 'num.partitions': 2 } });
  await served.broker.createTopic('there', { partitions: 1 });
  await served.broker.createTopic('a_b', { partitions: 1 });
  const codes = await create(served, [
    topic('good', { numPartitions: -1, replicationFactor: -1 }),
    topic('there'),
    topic('a b'),
    topic('a.b'),
    topic('__cluster_metadata'),
    topic('twice'),
    topic('twice'),
    topic('none', { numPartitions: 0 }),
    topic('many', { numPartitions: 1_000_000 }),
    topic('unkept', { replicationFactor: 0 }),
    topic('replicated', { replicationFactor: 2 }),
    topic('null', configured(['retention.ms', null])),
    topic('odd', configured(['retention.ms', 'soon'])),
    topic('strange', configured(['no.such.setting', '1'])),
    topic('assigned', assigned([0, 1], [1, 1])),
    topic('gap', assigned([0, 1], [2, 1])),
    topic('nowhere', assigned([0, 9])),
    topic('both', { ...assigned([0, 1]), numPartitions: 1 }),
  ]);
  assert.deepEqual(codes, {
    good: 'NONE',
    there: 'TOPIC_ALREADY_EXISTS',
    'a b': 'INVALID_TOPIC_EXCEPTION',
    'a.b': 'INVALID_TOPIC_EXCEPTION',
    __cluster_metadata: 'INVALID_REQUEST',
    twice: 'INVALID_REQUEST',
    none: 'INVALID_PARTITIONS',
    many: 'INVALID_PARTITIONS',
    unkept: 'INVALID_REPLICATION_FACTOR',
    replicated: 'INVALID_REPLICATION_FACTOR',
    null: 'INVALID_CONFIG',
    odd: 'INVALID_CONFIG',
    strange: 'INVALID_CONFIG',
    assigned: 'NONE',
    gap: 'INVALID_REPLICA_ASSIGNMENT',
    nowhere: 'INVALID_REPLICA_ASSIGNMENT',
    both: 'INVALID_REQUEST',
  });
  assert.deepEqual(
    served.broker
      .topics()
      .map((one) => `${one.topic} ${one.partitionCount}`)
      .sort(),
    ['a_b 1', 'assigned 2', 'good 2', 'there 1'],
  );
});

test('what is only to be validated, or has no time, is not made', async (t) => {
  const { broker, client } = await servedBroker(t);
  const only = { topics: [topic('notes', { numPartitions: 5 })], timeoutMs: 30_000, validateOnly: true };
  const validated = await client.call(createTopicsApi, 7, only);
  assert.deepEqual([validated.topics[0]?.errorCode, validated.topics[0]?.numPartitions], ['NONE', 5]);
  const late = await client.call(createTopicsApi, 7, { topics: [topic('notes')], timeoutMs: 0 });
  assert.equal(late.topics[0]!.errorCode, 'REQUEST_TIMED_OUT');
  assert.deepEqual(broker.topics(), []);
});

test('as many replicas as there are nodes may be asked for', async (t) => {
  const served = await servedBroker(t, { nodes: 3 });
  const codes = await create(served, [
    topic('three', { replicationFactor: 3 }),
    topic('four', { replicationFactor: 4 }),
  ]);
  assert.deepEqual(codes, { three: 'NONE', four: 'INVALID_REPLICATION_FACTOR' });
});

test('topics are deleted by name, and by id from version 6 on', async (t) => {
  const { broker, client } = await servedBroker(t);
  for (let version = deleteTopicsApi.versionMin; version <= deleteTopicsApi.versionMax; version++) {
    await broker.createTopic('notes', { partitions: 1 });
    const { topicId } = await broker.createTopic('other', { partitions: 1 });
    const byName = { topicNames: ['notes', 'unknown', 'other', 'other'], timeoutMs: 30_000 };
    const named = ['notes', 'unknown'].map((name) => ({ name, topicId: zeroUuid }));
    const ids = [topicId, 'f'.repeat(32)].map((id) => ({ name: null, topicId: id }));
    const byBoth = { topics: [...named, ...ids, { name: null, topicId: zeroUuid }], timeoutMs: 30_000 };
    const { responses } = await client.call(deleteTopicsApi, version, version < 6 ? byName : byBoth);
    const codes = responses.map(({ name, errorCode }) => `${name} ${errorCode}`).sort();
    const both = ['notes NONE', 'unknown UNKNOWN_TOPIC_OR_PARTITION'];
    const expected =
      version < 6
        ? [...both, 'other INVALID_REQUEST']
        : [...both, 'null INVALID_REQUEST', 'null UNKNOWN_TOPIC_ID', 'other NONE'];
    assert.deepEqual(codes, expected.sort());
    assert.equal(broker.findTopic('notes'), undefined);
    if (version < 6) await broker.deleteTopic('other');
  }
});

test('a broker that lets nobody delete topics says so', async (t) => {
  const { broker, client } = await servedBroker(t, { config: { 'delete.topic.enable': false } });
  await broker.createTopic('notes', { partitions: 1 });
  for (const [version, code] of [
    [2, 'INVALID_REQUEST'],
    [3, 'TOPIC_DELETION_DISABLED'],
  ] as const) {
    const { responses } = await client.call(deleteTopicsApi, version, { topicNames: ['notes'], timeoutMs: 30_000 });
    assert.equal(responses[0]!.errorCode, code);
  }
  assert.ok(broker.findTopic('notes'));
});

test('a topic gets more partitions in every version, and never fewer', async (t) => {
  const { broker, client } = await servedBroker(t);
  for (let version = createPartitionsApi.versionMin; version <= createPartitionsApi.versionMax; version++) {
    const name = `notes-${version}`;
    await broker.createTopic(name, { partitions: 2 });
    const grow = async (rest: Partial<CreatePartitionsTopic>, validateOnly = false): Promise<string | undefined> => {
      const topics = [{ name, count: 3, assignments: null, ...rest }];
      const { results } = await client.call(createPartitionsApi, version, { topics, timeoutMs: 30_000, validateOnly });
      return results[0]!.errorCode;
    };
    assert.equal(await grow({ count: 2 }), 'INVALID_PARTITIONS');
    assert.equal(await grow({ count: 1 }), 'INVALID_PARTITIONS');
    assert.equal(await grow({ count: 1_000_000 }), 'INVALID_PARTITIONS');
    assert.equal(await grow({ name: 'unknown' }), 'UNKNOWN_TOPIC_OR_PARTITION');
    assert.equal(await grow({ assignments: [] }), 'INVALID_REPLICA_ASSIGNMENT');
    assert.equal(await grow({ assignments: [{ brokerIds: [7] }] }), 'INVALID_REPLICA_ASSIGNMENT');
    assert.equal(await grow({}, true), 'NONE');
    assert.equal(broker.topic(name).partitionCount, 2);
    assert.equal(await grow({ assignments: [{ brokerIds: [1] }] }), 'NONE');
    assert.equal(broker.topic(name).partitionCount, 3);
    assert.equal(broker.partition(name, 2).logEndOffset, 0n);
  }
});
