import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@throughline/event';
import { LossyDisk } from '@throughline/testkit';
import { zeroUuid, type KafkaErrorName } from '@throughline/wire';
import { fetchApi, type FetchPartition, type FetchRequest } from '@throughline/wire/apis';
import { connectKafka, type KafkaClient } from '../../../../test/support/kafka-client.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, recordsOf } from '../test-support.ts';
import { servedBroker, type ServedBroker } from './test-support.ts';

type Response = Awaited<ReturnType<typeof fetchOnce>>;

function requestOf(
  topic: { readonly topic: string; readonly topicId?: string },
  partitions: readonly Partial<FetchPartition>[],
  more: Partial<FetchRequest> = {},
): FetchRequest {
  return {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [
      {
        ...topic,
        partitions: partitions.map((partition) => ({
          partition: 0,
          fetchOffset: 0n,
          partitionMaxBytes: 1 << 20,
          ...partition,
        })),
      },
    ],
    ...more,
  };
}

function fetchOnce(client: KafkaClient, version: number, request: FetchRequest) {
  return client.call(fetchApi, version, request);
}

/** `partition:value` of all records answered. */
function valuesOf({ responses }: Response): string[] {
  return responses.flatMap(({ partitions }) =>
    partitions.flatMap(({ partitionIndex, records }) =>
      recordsOf(records ?? new Uint8Array()).map(
        ({ value }) => `${partitionIndex}:${Buffer.from(value ?? []).toString()}`,
      ),
    ),
  );
}

function codesOf({ responses }: Response): KafkaErrorName[] {
  return responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
}

async function withTopic(
  t: Parameters<typeof servedBroker>[0],
  partitions = 1,
): Promise<ServedBroker & { topicId: string }> {
  const served = await servedBroker(t);
  const { topicId } = await served.broker.createTopic('t', { partitions, config: { durability: 'os' } });
  return Object.assign(served, { topicId });
}

test('each version reads whole batches, from the one that holds the offset on', async (t) => {
  const { broker, client, topicId } = await withTopic(t);
  const log = broker.partition('t', 0);
  await log.append(batchOf(['a', 'b', 'c']));
  await log.append(batchOf(['d']));
  for (let version = fetchApi.versionMin; version <= fetchApi.versionMax; version++) {
    const answer = await fetchOnce(client, version, requestOf({ topic: 't', topicId }, [{ fetchOffset: 1n }]));
    assert.deepEqual(valuesOf(answer), ['0:a', '0:b', '0:c', '0:d'], `version ${version}`);
    const [partition] = answer.responses[0]!.partitions;
    const { highWatermark, lastStableOffset, logStartOffset, abortedTransactions } = partition!;
    assert.deepEqual([highWatermark, lastStableOffset, logStartOffset], [4n, 4n, version >= 5 ? 0n : -1n]);
    assert.equal(abortedTransactions, null);
    assert.equal(answer.responses[0]!.topicId, version >= 13 ? topicId : zeroUuid);
  }
});

test('read_committed is told that no transaction was aborted', async (t) => {
  const { broker, client } = await withTopic(t);
  await broker.partition('t', 0).append(batchOf(['a']));
  const answer = await fetchOnce(client, 11, requestOf({ topic: 't' }, [{}], { isolationLevel: 1 }));
  assert.deepEqual(answer.responses[0]!.partitions[0]!.abortedTransactions, []);
});

test('read_committed looks for no aborted transactions where the first batch does not fit', async (t) => {
  const { broker, client } = await withTopic(t, 3);
  for (const partition of [0, 1, 2]) await broker.partition('t', partition).append(batchOf(['a'.repeat(1000)]));
  const { length } = batchOf(['a'.repeat(1000)]);
  const partitions = [0, 1, 2].map((partition) => ({ partition }));
  const abortedOf = async (maxBytes: number): Promise<readonly unknown[]> => {
    const answer = await fetchOnce(client, 11, requestOf({ topic: 't' }, partitions, { isolationLevel: 1, maxBytes }));
    return answer.responses[0]!.partitions.map(({ abortedTransactions }) => abortedTransactions);
  };
  // As in Kafka: no room at all is an empty list, too little room is none.
  assert.deepEqual(await abortedOf(2 * length + 1), [[], [], null]);
  assert.deepEqual(await abortedOf(2 * length), [[], [], []]);
});

test('the first batch comes whatever its size, and then the bounds of request and partition hold', async (t) => {
  const { broker, client } = await withTopic(t, 3);
  const batch = (text: string): Uint8Array => batchOf([text.repeat(1000)]);
  for (const partition of [0, 1, 2]) {
    for (const text of ['a', 'b', 'c']) await broker.partition('t', partition).append(batch(text));
  }
  const { length } = batch('a');
  const countsOf = async (bounds: { maxBytes: number; partitionMaxBytes: number }): Promise<number[]> => {
    const partitions = [0, 1, 2].map((partition) => ({ partition, partitionMaxBytes: bounds.partitionMaxBytes }));
    const answer = await fetchOnce(client, 11, requestOf({ topic: 't' }, partitions, { maxBytes: bounds.maxBytes }));
    return answer.responses[0]!.partitions.map(({ records }) => records!.length / length);
  };
  assert.deepEqual(await countsOf({ maxBytes: 1, partitionMaxBytes: 1 }), [1, 0, 0]);
  assert.deepEqual(await countsOf({ maxBytes: 10 * length, partitionMaxBytes: length }), [1, 1, 1]);
  assert.deepEqual(await countsOf({ maxBytes: 10 * length, partitionMaxBytes: length - 1 }), [1, 0, 0]);
  assert.deepEqual(await countsOf({ maxBytes: 4 * length + 1, partitionMaxBytes: 10 * length }), [3, 1, 0]);
  assert.deepEqual(await countsOf({ maxBytes: 100 * length, partitionMaxBytes: 2 * length + 1 }), [2, 2, 2]);
  assert.deepEqual(await countsOf({ maxBytes: 0, partitionMaxBytes: -1 }), [1, 0, 0]);
});

test('an error of one partition is no error of the others', async (t) => {
  const { broker, client } = await withTopic(t, 2);
  await broker.partition('t', 0).append(batchOf(['a']));
  const epoch = broker.partition('t', 0).leaderEpoch;
  const codes: [Partial<FetchPartition>, string][] = [
    [{ fetchOffset: 2n }, 'OFFSET_OUT_OF_RANGE'],
    [{ fetchOffset: -1n }, 'OFFSET_OUT_OF_RANGE'],
    [{ partition: 2 }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    [{ partition: -1 }, 'UNKNOWN_TOPIC_OR_PARTITION'],
    [{ currentLeaderEpoch: epoch + 1 }, 'UNKNOWN_LEADER_EPOCH'],
    [{ lastFetchedEpoch: epoch + 1 }, 'OFFSET_OUT_OF_RANGE'],
  ];
  for (const [partition, name] of codes) {
    const request = requestOf({ topic: 't' }, [partition, { partition: 1 }]);
    const answer = await fetchOnce(client, 12, request);
    assert.deepEqual(new Set(codesOf(answer).map((code) => code)), new Set([name, 'NONE']), name);
    const [rejected] = answer.responses[0]!.partitions.filter(({ errorCode }) => errorCode !== 'NONE');
    const { highWatermark, lastStableOffset, logStartOffset, records } = rejected!;
    assert.deepEqual([highWatermark, lastStableOffset, logStartOffset, records!.length], [-1n, -1n, -1n, 0]);
  }
});

test('a topic id that is of no topic is told apart from one that was', async (t) => {
  const { broker, client, topicId } = await withTopic(t);
  const byId = requestOf({ topic: '', topicId: '0123456789abcdef0123456789abcdef' }, [{}]);
  assert.deepEqual(codesOf(await fetchOnce(client, 13, byId)), ['UNKNOWN_TOPIC_ID']);
  const inSession = requestOf({ topic: '', topicId }, [{}], { sessionEpoch: 0 });
  const { sessionId } = await fetchOnce(client, 13, inSession);
  await broker.deleteTopic('t');
  const next = (sessionEpoch: number): FetchRequest => ({
    maxWaitMs: 0,
    minBytes: 1,
    topics: [],
    sessionId,
    sessionEpoch,
  });
  assert.deepEqual(codesOf(await fetchOnce(client, 13, next(1))), ['UNKNOWN_TOPIC_OR_PARTITION']);
  await broker.createTopic('t', { partitions: 1 });
  assert.deepEqual(codesOf(await fetchOnce(client, 13, next(2))), ['INCONSISTENT_TOPIC_ID']);
});

test('a node that does not lead a partition says who does', async (t) => {
  const { broker, addresses } = await servedBroker(t, { nodes: 3 });
  await broker.createTopic('t', { partitions: 3 });
  const leaders = new Set<number>();
  for (const [index, address] of addresses.entries()) {
    const node = await connectKafka(address);
    const request = requestOf({ topic: '', topicId: broker.topic('t').topicId }, [
      {},
      { partition: 1 },
      { partition: 2 },
    ]);
    const { responses, nodeEndpoints } = await fetchOnce(node, 16, request);
    const own = responses[0]!.partitions.filter(({ errorCode }) => errorCode === 'NONE');
    const others = responses[0]!.partitions.filter(({ errorCode }) => errorCode === 'NOT_LEADER_OR_FOLLOWER');
    assert.deepEqual([own.length, others.length], [1, 2]);
    const named = others.map(({ currentLeader }) => currentLeader.leaderId);
    assert.equal(named.includes(index + 1), false);
    assert.deepEqual(
      nodeEndpoints.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
      [1, 2, 3].filter((nodeId) => named.includes(nodeId)).map((nodeId) => [nodeId, addresses[nodeId - 1]]),
    );
    for (const leader of named) leaders.add(leader);
    await node.close();
  }
  assert.deepEqual(leaders, new Set([1, 2, 3]));
});

test('a follower is rejected: there is nobody to replicate to', async (t) => {
  const { client, topicId } = await withTopic(t);
  const byReplica = await fetchOnce(client, 11, requestOf({ topic: 't' }, [{}], { replicaId: 2 }));
  assert.deepEqual(codesOf(byReplica), ['NOT_LEADER_OR_FOLLOWER']);
  const state = { replicaState: { replicaId: 2, replicaEpoch: 1n } };
  const byState = await fetchOnce(client, 17, requestOf({ topic: '', topicId }, [{ currentLeaderEpoch: 0 }], state));
  assert.deepEqual(codesOf(byState), ['UNKNOWN_LEADER_EPOCH']);
});

test('records that were lost with the power are told as a diverging epoch', async (t) => {
  const disk = new LossyDisk();
  const first = await openBroker({ dataDir: '/data', disk });
  await first.createTopic('t', { partitions: 1, config: { durability: 'os' } });
  const { leaderEpoch } = first.partition('t', 0);
  for (const text of ['a', 'b', 'c']) await first.partition('t', 0).append(batchOf([text]));
  await first.checkpoint();
  disk.cutPower(seededRandom(3));
  const { broker, client } = await servedBroker(t, { disk });
  const log = broker.partition('t', 0);
  const { topicId } = broker.topic('t');
  assert.equal(log.leaderEpoch, leaderEpoch + 1);
  const stale = await fetchOnce(client, 16, requestOf({ topic: '', topicId }, [{ currentLeaderEpoch: leaderEpoch }]));
  const [fenced] = stale.responses[0]!.partitions;
  assert.equal(fenced!.errorCode, 'FENCED_LEADER_EPOCH');
  assert.deepEqual(fenced!.currentLeader, { leaderId: 1, leaderEpoch: leaderEpoch + 1 });
  assert.equal(stale.nodeEndpoints.length, 1);
  const kept = log.highWatermark;
  await log.append(batchOf(['new']));
  const request = requestOf({ topic: 't' }, [{ fetchOffset: kept + 1n, lastFetchedEpoch: leaderEpoch }]);
  const { responses } = await fetchOnce(client, 12, request);
  const { errorCode, divergingEpoch, records } = responses[0]!.partitions[0]!;
  assert.deepEqual([errorCode, records!.length], ['NONE', 0]);
  assert.deepEqual(divergingEpoch, { epoch: leaderEpoch, endOffset: kept });
});

test('a damaged batch is told as such, and what lies around it can be read', async (t) => {
  const disk = new LossyDisk();
  const first = await openBroker({ dataDir: '/data', disk });
  await first.createTopic('t', { partitions: 1 });
  for (const text of ['a', 'b', 'c']) await first.partition('t', 0).append(batchOf([text]));
  await first.close();
  disk.flipBit('/data/t-0/00000000000000000000.log', batchOf(['a']).length + 65);
  const { client } = await servedBroker(t, { disk });
  const read = (fetchOffset: bigint): Promise<Response> =>
    fetchOnce(client, 11, requestOf({ topic: 't' }, [{ fetchOffset }]));
  assert.deepEqual(valuesOf(await read(0n)), ['0:a']);
  assert.deepEqual(codesOf(await read(1n)), ['CORRUPT_MESSAGE']);
  assert.deepEqual(valuesOf(await read(2n)), ['0:c']);
});
