import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zeroUuid } from '@throughline/wire';
import { createTopicsApi, describeClusterApi, metadataApi, type MetadataRequest } from '@throughline/wire/apis';
import { connectKafka } from '../../../../test/support/kafka-client.ts';
import { servedBroker, type ServedBroker } from './test-support.ts';

function named(...names: readonly string[]): MetadataRequest {
  return { topics: names.map((name) => ({ name, topicId: zeroUuid })), allowAutoTopicCreation: false };
}

test('Metadata tells of nodes, topics and partitions in every version', async (t) => {
  const { broker, client, address } = await servedBroker(t);
  const { topicId } = await broker.createTopic('notes', { partitions: 2 });
  for (let version = metadataApi.versionMin; version <= metadataApi.versionMax; version++) {
    // Before version 4 whoever asks may also make.
    const { topics, ...rest } = named('notes');
    const answer = await client.call(metadataApi, version, { topics, ...(version < 4 ? {} : rest) });
    assert.equal(answer.brokers.map(({ host, port }) => `${host}:${port}`).join(), address);
    assert.equal(answer.clusterId, version >= 2 ? broker.clusterId : null);
    assert.equal(answer.controllerId, version >= 1 ? 1 : -1);
    const [topic] = answer.topics;
    assert.equal(topic?.errorCode, 'NONE');
    assert.equal(topic.topicId, version >= 10 ? topicId : zeroUuid);
    assert.deepEqual(
      topic.partitions.map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => [
        partitionIndex,
        leaderId,
        replicaNodes,
        isrNodes,
      ]),
      [0, 1].map((partition) => [partition, 1, [1], [1]]),
    );
  }
});

test('no topics are all of them in version 0 and none from version 1 on', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 1 });
  const count = async (version: number, topics: null | []): Promise<number> =>
    (await client.call(metadataApi, version, { topics })).topics.length;
  assert.deepEqual([await count(0, []), await count(1, []), await count(1, null), await count(12, null)], [1, 0, 1, 1]);
});

test('a topic is found by its id from version 12 on, and an unknown id has an error of its own', async (t) => {
  const { broker, client } = await servedBroker(t);
  const { topicId } = await broker.createTopic('notes', { partitions: 1 });
  const unknown = 'f'.repeat(32);
  for (const version of [12, 13]) {
    const ids = [topicId, unknown].map((id) => ({ name: null, topicId: id }));
    const { topics } = await client.call(metadataApi, version, { topics: ids });
    assert.deepEqual(
      topics.map(({ name, errorCode }) => [name, errorCode]),
      [
        ['notes', 'NONE'],
        [null, 'UNKNOWN_TOPIC_ID'],
      ],
    );
  }
  const { topics } = await client.call(metadataApi, 11, { topics: [{ name: 'notes', topicId }] });
  assert.equal(topics[0]?.errorCode, 'INVALID_REQUEST');
});

test('a topic that somebody asks for comes to be, unless he or the broker does not want that', async (t) => {
  const { broker, client } = await servedBroker(t, { config: { 'num.partitions': 3 } });
  const ask = { ...named('wanted'), allowAutoTopicCreation: true };
  const first = await client.call(metadataApi, 12, ask);
  assert.equal(first.topics[0]?.errorCode, 'UNKNOWN_TOPIC_OR_PARTITION');
  await client.call(metadataApi, 12, named('unwanted'));
  // Making a topic comes before what is asked for later.
  await broker.createTopic('later', { partitions: 1 });
  assert.equal(broker.findTopic('wanted')?.partitionCount, 3);
  assert.equal(broker.findTopic('unwanted'), undefined);
  // A topic of the Kafka protocol follows the broker's retention.
  assert.equal(broker.topic('wanted').config.retentionMs, 7 * 24 * 60 * 60 * 1000);
  const closed = await servedBroker(t, { config: { 'auto.create.topics.enable': false } });
  await closed.client.call(metadataApi, 12, ask);
  await closed.broker.createTopic('later', { partitions: 1 });
  assert.equal(closed.broker.findTopic('wanted'), undefined);
});

test('names that no topic can have are rejected, and internal ones are called so', async (t) => {
  const { client } = await servedBroker(t);
  const { topics } = await client.call(metadataApi, 12, named('a b', '', '..', 'x'.repeat(250), '__consumer_offsets'));
  assert.deepEqual(
    topics.map(({ errorCode, isInternal }) => [errorCode, isInternal]),
    [...Array.from({ length: 4 }, () => ['INVALID_TOPIC_EXCEPTION', false]), ['UNKNOWN_TOPIC_OR_PARTITION', true]],
  );
});

test('what a client may do is told when it asks', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 1 });
  const ask = { ...named('notes'), includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true };
  const told = await client.call(metadataApi, 8, ask);
  assert.deepEqual([told.topics[0]?.topicAuthorizedOperations, told.clusterAuthorizedOperations], [3576, 8096]);
  const untold = await client.call(metadataApi, 8, named('notes'));
  assert.equal(untold.topics[0]?.topicAuthorizedOperations, -2_147_483_648);
});

test('every node of a virtual cluster tells the same, and the leaders go round', async (t) => {
  const { broker, addresses } = await servedBroker(t, { nodes: 3 });
  await broker.createTopic('notes', { partitions: 6 });
  const answers = [];
  for (const address of addresses) {
    const client = await connectKafka(address);
    answers.push(await client.call(metadataApi, 12, named('notes')));
    await client.close();
  }
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
  const leaders = answers[0]!.topics[0]!.partitions.map(({ leaderId }) => leaderId);
  assert.deepEqual(
    leaders.slice(0, 3).sort((a, b) => a - b),
    [1, 2, 3],
  );
  assert.deepEqual(leaders.slice(3), leaders.slice(0, 3));
  assert.deepEqual(
    answers[0]!.brokers.map(({ host, port }) => `${host}:${port}`),
    addresses,
  );
});

test('DescribeCluster describes brokers in every version, and no controllers', async (t) => {
  const served: ServedBroker = await servedBroker(t);
  for (let version = describeClusterApi.versionMin; version <= describeClusterApi.versionMax; version++) {
    const answer = await served.client.call(describeClusterApi, version, { includeClusterAuthorizedOperations: true });
    assert.deepEqual(
      [
        answer.errorCode,
        answer.clusterId,
        answer.controllerId,
        answer.brokers.length,
        answer.clusterAuthorizedOperations,
      ],
      ['NONE', served.broker.clusterId, 1, 1, 8096],
    );
  }
  const ask = { includeClusterAuthorizedOperations: false, endpointType: 2 };
  const { errorCode } = await served.client.call(describeClusterApi, 1, ask);
  assert.equal(errorCode, 'MISMATCHED_ENDPOINT_TYPE');
});

test('a topic is there for Metadata as soon as CreateTopics has answered', async (t) => {
  const { client } = await servedBroker(t);
  const topic = { name: 'notes', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
  await client.call(createTopicsApi, 7, { topics: [topic] });
  const { topics } = await client.call(metadataApi, 12, named('notes'));
  assert.equal(topics[0]?.errorCode, 'NONE');
});
