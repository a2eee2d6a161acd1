import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaErrorName } from '@throughline/wire';
import { heartbeatApi, produceApi } from '@throughline/wire/apis';
import { VirtualClock } from '@throughline/testkit';
import { KafkaFaults } from './kafka-faults.ts';
import { namesPartition } from './request-topics.ts';
import { bodies, scriptedServer } from './test-support.ts';

const produceTo = (name: string, index: number) => ({
  ...bodies.produce,
  topicData: [{ name, topicId: '0'.repeat(32), partitionData: [{ index, records: null }] }],
});

test('a fault answers the requests that it is for, as many as it says, and no others', async (t) => {
  const { connect, faults, begun, hasBegun } = await scriptedServer(t);
  const client = await connect();
  const fault = faults.add({ api: 'Heartbeat', skip: 1, times: 2, error: 'REBALANCE_IN_PROGRESS' });
  const codes: KafkaErrorName[] = [];
  for (let at = 0; at < 4; at++) {
    const answer = client.call(heartbeatApi, 4, bodies.heartbeat);
    if (at === 0 || at === 3) {
      await hasBegun(at === 0 ? 1 : 2);
      begun.at(-1)!.answer();
    }
    codes.push((await answer).errorCode);
  }
  const code = 'REBALANCE_IN_PROGRESS';
  assert.deepEqual(codes, ['NONE', code, code, 'NONE']);
  assert.equal(fault.takenCount, 2);
  assert.equal(begun.length, 2);
});

test('a fault of a partition leaves other partitions alone', async (t) => {
  const { connect, faults, begun, hasBegun } = await scriptedServer(t);
  const client = await connect();
  faults.add({ api: 'Produce', topic: 'orders', partition: 1, error: 'NOT_LEADER_OR_FOLLOWER' });
  client.send(produceApi, 9, produceTo('orders', 0));
  client.send(produceApi, 9, produceTo('other', 1));
  await hasBegun(2);
  for (const one of begun) one.answer();
  await client.nextFrame();
  await client.nextFrame();
  const { responses } = await client.call(produceApi, 9, produceTo('orders', 1));
  assert.equal(responses[0]?.partitionResponses[0]?.errorCode, 'NOT_LEADER_OR_FOLLOWER');
  assert.equal(begun.length, 2);
});

test('a connection is dropped before the work is done, or after it', async (t) => {
  const { connect, faults, begun, hasBegun, server } = await scriptedServer(t);
  faults.add({ api: 'Produce', drop: 'before-handling' });
  const before = await connect();
  await assert.rejects(before.call(produceApi, 9, bodies.produce), /closed the connection/);
  assert.equal(begun.length, 0);

  faults.add({ api: 'Produce', drop: 'after-handling' });
  const after = await connect();
  const lost = assert.rejects(after.call(produceApi, 9, bodies.produce), /closed the connection/);
  await hasBegun(1);
  begun[0]!.answer();
  await lost;
  assert.equal(server.metrics.rejectionTotals.get('fault'), 2);
});

test('a delayed request holds up those behind it', async (t) => {
  const clock = new VirtualClock();
  const { connect, faults, begun, hasBegun } = await scriptedServer(t, { clock });
  faults.add({ api: 'Produce', delayMs: 500 });
  const client = await connect();
  client.send(produceApi, 9, bodies.produce);
  client.send(produceApi, 9, bodies.produce);
  // The look at what stands still, and the delay.
  await clock.timersSet(2);
  await clock.advance(499);
  assert.equal(begun.length, 0);
  await clock.advance(1);
  await hasBegun(1);
  begun[0]!.answer();
  await hasBegun(2);
});

test('a rule that would do nothing, and one of a partition without its topic, are rejected', () => {
  const faults = new KafkaFaults();
  assert.throws(() => faults.add({ api: 'Produce' }), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => faults.add({ api: 'Produce', partition: 0, delayMs: 1 }), { code: 'INVALID_ARGUMENT' });
});

test('a rule that is removed takes no more', async (t) => {
  const { connect, faults, begun, hasBegun } = await scriptedServer(t);
  faults.add({ api: 'Heartbeat', times: Infinity, error: 'UNKNOWN_MEMBER_ID' }).remove();
  const client = await connect();
  const answer = client.call(heartbeatApi, 4, bodies.heartbeat);
  await hasBegun(1);
  begun[0]!.answer();
  assert.equal((await answer).errorCode, 'NONE');
});

test('a topic and its partitions are found however a request names them', () => {
  const topicId = 'a'.repeat(32);
  const sought = { topic: 'orders', topicId, partition: 2 };
  const naming = [
    { topicData: [{ name: 'orders', partitionData: [{ index: 2 }] }] },
    { topics: [{ topicId, partitions: [{ partition: 2 }] }] },
    { topics: [{ topic: 'orders', partitions: [{ partitionIndex: 2 }] }] },
    { topics: [{ name: 'orders', partitionIndexes: [1, 2] }] },
    { groups: [{ groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [2] }] }] },
  ];
  for (const body of naming) assert.equal(namesPartition(body, sought), true, JSON.stringify(body));
  const others = [
    { topicData: [{ name: 'orders', partitionData: [{ index: 1 }] }] },
    { topicData: [{ name: 'other', partitionData: [{ index: 2 }] }] },
    { groupId: 'orders' },
  ];
  for (const body of others) assert.equal(namesPartition(body, sought), false, JSON.stringify(body));
  assert.equal(namesPartition({ topics: [{ name: 'orders' }] }, { ...sought, partition: undefined }), true);
});
