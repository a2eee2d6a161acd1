// InitProducerId, OffsetForLeaderEpoch and DeleteRecords.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@throughline/event';
import { LossyDisk } from '@throughline/testkit';
import {
  apiVersionsApi,
  deleteRecordsApi,
  initProducerIdApi,
  offsetForLeaderEpochApi,
  type InitProducerIdRequest,
  type OffsetForLeaderPartition,
} from '@throughline/wire/apis';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, LogRecorder, readAll } from '../test-support.ts';
import { servedBroker } from './test-support.ts';

test('each version gives a producer id that nobody has, also to one that names its own', async (t) => {
  const { client } = await servedBroker(t);
  const { apiKeys } = await client.call(apiVersionsApi, 0, {});
  const { minVersion, maxVersion } = apiKeys.find(({ apiKey }) => apiKey === initProducerIdApi.key)!;
  assert.deepEqual([minVersion, maxVersion], [0, 5]);
  const given = new Set<bigint>();
  for (let version = minVersion; version <= maxVersion; version++) {
    const own = version >= 3 ? { producerId: 0n, producerEpoch: 3 } : {};
    const request = { transactionalId: null, transactionTimeoutMs: 1000, ...own };
    const answer = await client.call(initProducerIdApi, version, request);
    assert.deepEqual([answer.errorCode, answer.producerEpoch], ['NONE', 0]);
    given.add(answer.producerId);
  }
  assert.equal(given.size, 6);
});

test('half an identity and a transactional id are rejected by codes that clients take for final', async (t) => {
  const logger = new LogRecorder();
  const { client } = await servedBroker(t, { logger });
  const errorOf = async (more: Partial<InitProducerIdRequest>): Promise<string | undefined> => {
    const request = { transactionalId: null, transactionTimeoutMs: 1000, ...more };
    const { errorCode, producerId, producerEpoch } = await client.call(initProducerIdApi, 4, request);
    assert.deepEqual([producerId, producerEpoch], [-1n, -1]);
    return errorCode;
  };
  assert.equal(await errorOf({ producerId: 5n }), 'INVALID_REQUEST');
  assert.equal(await errorOf({ producerEpoch: 5 }), 'INVALID_REQUEST');
  assert.equal(await errorOf({ transactionalId: '' }), 'INVALID_REQUEST');
  assert.equal(await errorOf({ transactionalId: 'x' }), 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  assert.ok(logger.lines.some((line) => line.includes('there are no transactions yet')));
});

test('each version says where an epoch ended, so that a reader finds what the power took', async (t) => {
  const disk = new LossyDisk();
  const first = await openBroker({ dataDir: '/data', disk });
  await first.createTopic('t', { partitions: 1 });
  await first.partition('t', 0).append(batchOf(['a', 'b']));
  disk.cutPower(seededRandom(1));
  const { broker, client } = await servedBroker(t, { disk });
  await broker.partition('t', 0).append(batchOf(['c']));
  const ask = async (version: number, more: Partial<OffsetForLeaderPartition>): Promise<unknown[]> => {
    const partitions = [{ partition: 0, leaderEpoch: 0, ...more }];
    const request = { replicaId: -1, topics: [{ topic: 't', partitions }] };
    const { topics } = await client.call(offsetForLeaderEpochApi, version, request);
    const { errorCode, leaderEpoch, endOffset } = topics[0]!.partitions[0]!;
    return [errorCode, leaderEpoch, Number(endOffset)];
  };
  for (let version = offsetForLeaderEpochApi.versionMin; version <= offsetForLeaderEpochApi.versionMax; version++) {
    assert.deepEqual(await ask(version, { leaderEpoch: 0 }), ['NONE', 0, 2]);
    assert.deepEqual(await ask(version, { leaderEpoch: 1 }), ['NONE', 1, 3]);
    assert.deepEqual(await ask(version, { leaderEpoch: 2 }), ['NONE', -1, -1]);
    assert.deepEqual(await ask(version, { currentLeaderEpoch: 0 }), ['FENCED_LEADER_EPOCH', -1, -1]);
    assert.deepEqual(await ask(version, { currentLeaderEpoch: 2 }), ['UNKNOWN_LEADER_EPOCH', -1, -1]);
    assert.deepEqual(await ask(version, { partition: 1 }), ['UNKNOWN_TOPIC_OR_PARTITION', -1, -1]);
  }
});

test('each version deletes records up to an offset, for good', async (t) => {
  const disk = new LossyDisk();
  const served = await servedBroker(t, { disk });
  const { broker, client } = served;
  await broker.createTopic('t', { partitions: 1 });
  await broker.createTopic('__consumer_offsets', { partitions: 1 });
  const log = broker.partition('t', 0);
  for (const text of ['a', 'b', 'c', 'd', 'e']) await log.append(batchOf([text]));
  const remove = async (version: number, offset: bigint, name = 't', partitionIndex = 0): Promise<unknown[]> => {
    const request = { topics: [{ name, partitions: [{ partitionIndex, offset }] }], timeoutMs: 1000 };
    const { topics } = await client.call(deleteRecordsApi, version, request);
    const { errorCode, lowWatermark } = topics[0]!.partitions[0]!;
    return [errorCode, Number(lowWatermark)];
  };
  for (let version = deleteRecordsApi.versionMin; version <= deleteRecordsApi.versionMax; version++) {
    assert.deepEqual(await remove(version, BigInt(version + 1)), ['NONE', version + 1]);
  }
  assert.deepEqual(await remove(2, 1n), ['NONE', 3], 'the start goes on and not back');
  assert.deepEqual(await remove(2, 6n), ['OFFSET_OUT_OF_RANGE', -1]);
  assert.deepEqual(await remove(2, -2n), ['OFFSET_OUT_OF_RANGE', -1]);
  assert.deepEqual(await remove(2, 1n, 't', 1), ['UNKNOWN_TOPIC_OR_PARTITION', -1]);
  assert.deepEqual(await remove(2, 0n, '__consumer_offsets'), ['INVALID_TOPIC_EXCEPTION', -1]);
  assert.deepEqual(await readAll(log), ['3:d', '4:e']);
  assert.deepEqual(await remove(2, -1n), ['NONE', 5], '-1 is the high watermark');
  await served.close();
  const again = await openBroker({ dataDir: '/data', disk });
  assert.equal(again.partition('t', 0).logStartOffset, 5n);
  await again.close();
});
