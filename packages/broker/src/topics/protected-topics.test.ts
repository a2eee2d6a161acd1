// Topics that are protected from growth and removal: the broker's own, and those that whoever opens it names. And what
// would become of groups without that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError, utf8 } from '@throughline/event';
import { encodeRecordBatch, zeroUuid } from '@throughline/wire';
import {
  createPartitionsApi,
  deleteRecordsApi,
  deleteTopicsApi,
  findCoordinatorApi,
  offsetCommitApi,
  offsetFetchApi,
  produceApi,
} from '@throughline/wire/apis';
import { servedBroker, type ServedBroker } from '../apis/test-support.ts';
import { batchOf } from '../test-support.ts';

const groups = Array.from({ length: 12 }, (_, index) => `group-${index}`);

/** The codes that committing an offset for each group is answered with. */
async function commit({ client }: ServedBroker, committedOffset: bigint): Promise<readonly (string | undefined)[]> {
  const codes: (string | undefined)[] = [];
  for (const groupId of groups) {
    const found = await client.call(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: [groupId], key: '' });
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: null }];
    const request = { groupId, memberId: '', generationIdOrMemberEpoch: -1, topics: [{ name: 't', partitions }] };
    const { topics } = await client.call(offsetCommitApi, 9, request);
    const { errorCode } = found.coordinators[0]!;
    codes.push(errorCode === 'NONE' ? topics[0]!.partitions[0]!.errorCode : errorCode);
  }
  return codes;
}

async function committed({ client }: ServedBroker): Promise<readonly (bigint | undefined)[]> {
  const asked = groups.map((groupId) => ({ groupId, topics: [{ name: 't', partitionIndexes: [0] }] }));
  const answer = await client.call(offsetFetchApi, 8, { groupId: '', topics: null, groups: asked });
  return answer.groups.map(({ topics }) => topics[0]?.partitions[0]?.committedOffset);
}

async function grow({ client }: ServedBroker, name: string, count: number, validateOnly = false) {
  const topics = [{ name, count, assignments: null }];
  const { results } = await client.call(createPartitionsApi, 3, { topics, timeoutMs: 30_000, validateOnly });
  return { code: results[0]!.errorCode, message: results[0]!.errorMessage ?? '' };
}

async function remove({ client }: ServedBroker, name: string) {
  const { responses } = await client.call(deleteTopicsApi, 5, { topicNames: [name], timeoutMs: 30_000 });
  return { code: responses[0]!.errorCode, message: responses[0]!.errorMessage ?? '' };
}

test('the topic of groups is neither grown nor removed, and no group loses its coordinator or its offsets', async (t) => {
  const served = await servedBroker(t);
  await served.broker.createTopic('t', { partitions: 1 });
  const all = (code: string): string[] => groups.map(() => code);
  assert.deepEqual(await commit(served, 5n), all('NONE'));
  for (const isTry of [true, false]) {
    const { code, message } = await grow(served, '__consumer_offsets', 60, isTry);
    assert.equal(code, 'POLICY_VIOLATION');
    assert.match(message, /__consumer_offsets.*groups/);
  }
  assert.deepEqual(await commit(served, 50n), all('NONE'));
  const removal = await remove(served, '__consumer_offsets');
  assert.equal(removal.code, 'POLICY_VIOLATION');
  assert.match(removal.message, /__consumer_offsets.*groups/);
  assert.deepEqual(await commit(served, 90n), all('NONE'));
  assert.deepEqual(
    await committed(served),
    groups.map(() => 90n),
  );
  assert.equal(served.broker.topic('__consumer_offsets').partitionCount, 8);
});

test('a topic that whoever opens the broker relies on is protected, with its reason; others are not', async (t) => {
  const served = await servedBroker(t, { protectedTopics: { house: 'the house keeps its keys in it' } });
  for (const topic of ['house', 'other']) await served.broker.createTopic(topic, { partitions: 2 });
  const growth = await grow(served, 'house', 4);
  assert.deepEqual(
    [growth.code, growth.message.includes('the house keeps its keys in it')],
    ['POLICY_VIOLATION', true],
  );
  // What is wrong with a request anyhow is said first, as without protection.
  assert.equal((await grow(served, 'house', 1)).code, 'INVALID_PARTITIONS');
  assert.equal((await remove(served, 'house')).code, 'POLICY_VIOLATION');
  for (const action of [
    (): Promise<unknown> => served.broker.createPartitions('house', 4),
    (): Promise<unknown> => served.broker.deleteTopic('house'),
  ]) {
    await assert.rejects(action, (error) => ThroughlineError.is(error, 'TOPIC_PROTECTED'));
  }
  assert.equal(served.broker.topic('house').partitionCount, 2);
  assert.deepEqual([(await grow(served, 'other', 4)).code, (await remove(served, 'other')).code], ['NONE', 'NONE']);
});

test('no client deletes records of a protected topic: a conversation would lose its beginning', async (t) => {
  const served = await servedBroker(t, { protectedTopics: { house: 'the house keeps its keys in it' } });
  for (const topic of ['house', 'other']) await served.broker.createTopic(topic, { partitions: 1 });
  const codeOf = async (name: string, offset: bigint): Promise<string | undefined> => {
    await served.broker.partition(name, 0).append(batchOf(['key']));
    const topics = [{ name, partitions: [{ partitionIndex: 0, offset }] }];
    const answer = await served.client.call(deleteRecordsApi, 2, { topics, timeoutMs: 1000 });
    return answer.topics[0]!.partitions[0]!.errorCode;
  };
  for (const offset of [-1n, 1n]) assert.equal(await codeOf('house', offset), 'POLICY_VIOLATION');
  assert.equal(served.broker.partition('house', 0).logStartOffset, 0n);
  assert.equal(await codeOf('other', -1n), 'NONE');
});

test('a topic of a name that no object may hide is not protected', async (t) => {
  const served = await servedBroker(t, { protectedTopics: {} });
  await served.broker.createTopic('constructor', { partitions: 1 });
  assert.equal((await grow(served, 'constructor', 2)).code, 'NONE');
});

test('clients write neither to the topic of groups nor to the metadata log, as in Apache Kafka', async (t) => {
  const served = await servedBroker(t);
  await served.broker.createTopic('t', { partitions: 1 });
  await commit(served, 5n);
  const codeOf = async (name: string): Promise<string | undefined> => {
    const records = encodeRecordBatch([{ key: utf8('k'), value: utf8('v'), timestampMs: 1 }], { nowMs: 1 });
    const topicData = [{ name, topicId: zeroUuid, partitionData: [{ index: 0, records }] }];
    const { responses } = await served.client.call(produceApi, 9, { acks: -1, timeoutMs: 30_000, topicData });
    return responses[0]!.partitionResponses[0]!.errorCode;
  };
  assert.equal(await codeOf('__consumer_offsets'), 'INVALID_TOPIC_EXCEPTION');
  assert.equal(await codeOf('__cluster_metadata'), 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal(await codeOf('__transaction_state'), 'UNKNOWN_TOPIC_OR_PARTITION');
});
