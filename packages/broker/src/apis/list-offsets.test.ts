import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listOffsetsApi, type ListOffsetsPartition } from '@throughline/wire/apis';
import { batchOf } from '../test-support.ts';
import { servedBroker } from './test-support.ts';

async function withRecords(t: Parameters<typeof servedBroker>[0]) {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('t', { partitions: 2 });
  const log = broker.partition('t', 0);
  // Times are out of order between the batches: 2000 comes before 1500.
  for (const timestampMs of [1000, 2000, 1500]) await log.append(batchOf(['a', 'b'], timestampMs));
  const list = async (version: number, ...partitions: Partial<ListOffsetsPartition>[]) => {
    const topics = [
      { name: 't', partitions: partitions.map((one) => ({ partitionIndex: 0, timestamp: -1n, ...one })) },
    ];
    const answer = await client.call(listOffsetsApi, version, { replicaId: -1, topics });
    return answer.topics.flatMap((topic) =>
      topic.partitions.map(({ errorCode, timestamp, offset, leaderEpoch }) => {
        return [errorCode, Number(offset), Number(timestamp), leaderEpoch];
      }),
    );
  };
  return { broker, log, list };
}

test('each version finds offsets by time, and the special ones that it knows', async (t) => {
  const { list } = await withRecords(t);
  for (let version = listOffsetsApi.versionMin; version <= listOffsetsApi.versionMax; version++) {
    const epoch = version >= 4 ? 0 : -1;
    const asked = async (timestamp: bigint): Promise<unknown> => (await list(version, { timestamp }))[0];
    const from = (versionMin: number, found: unknown[]): unknown[] =>
      version >= versionMin ? found : ['UNSUPPORTED_VERSION', -1, -1, -1];
    assert.deepEqual(await asked(-1n), ['NONE', 6, -1, epoch]);
    assert.deepEqual(await asked(-2n), ['NONE', 0, -1, epoch]);
    assert.deepEqual(await asked(-3n), from(7, ['NONE', 2, 2000, epoch]));
    assert.deepEqual(await asked(-4n), from(8, ['NONE', 0, -1, epoch]));
    assert.deepEqual(await asked(-5n), from(9, ['NONE', -1, -1, -1]));
    assert.deepEqual(await asked(-6n), from(11, ['NONE', -1, -1, -1]));
    assert.deepEqual(await asked(-7n), ['UNSUPPORTED_VERSION', -1, -1, -1]);
    assert.deepEqual(await asked(0n), ['NONE', 0, 1000, epoch]);
    assert.deepEqual(await asked(1001n), ['NONE', 2, 2000, epoch]);
    assert.deepEqual(await asked(2001n), ['NONE', -1, -1, -1]);
  }
});

test('an empty partition has a beginning and an end, and nothing at any time', async (t) => {
  const { list } = await withRecords(t);
  const timestamps = [-1n, -2n, -3n, 0n];
  const answers = [];
  for (const timestamp of timestamps) answers.push(...(await list(8, { partitionIndex: 1, timestamp })));
  assert.deepEqual(answers, [
    ['NONE', 0, -1, 0],
    ['NONE', 0, -1, 0],
    ['NONE', -1, -1, -1],
    ['NONE', -1, -1, -1],
  ]);
});

test('what was deleted is not found any more', async (t) => {
  const { log, list } = await withRecords(t);
  await log.deleteRecords(4n);
  assert.deepEqual(await list(8, { timestamp: -2n }), [['NONE', 4, -1, 0]]);
  assert.deepEqual(await list(8, { timestamp: 0n }), [['NONE', 4, 1500, 0]]);
  await log.deleteRecords(6n);
  assert.deepEqual(await list(8, { timestamp: -3n }), [['NONE', -1, -1, -1]]);
});

test('a wrong leader epoch, an unknown partition and one asked for twice have their codes', async (t) => {
  const { list } = await withRecords(t);
  const none = (error: string): unknown => [error, -1, -1, -1];
  assert.deepEqual(await list(4, { currentLeaderEpoch: 1 }), [none('UNKNOWN_LEADER_EPOCH')]);
  assert.deepEqual(await list(4, { currentLeaderEpoch: -2 }), [none('FENCED_LEADER_EPOCH')]);
  assert.deepEqual(await list(4, { currentLeaderEpoch: 0 }), [['NONE', 6, -1, 0]]);
  assert.deepEqual(await list(4, { partitionIndex: 2 }), [none('UNKNOWN_TOPIC_OR_PARTITION')]);
  const twice = await list(4, { timestamp: -1n }, { partitionIndex: 1 }, { timestamp: -2n });
  assert.deepEqual(twice, [none('INVALID_REQUEST'), ['NONE', 0, -1, 0]]);
});
