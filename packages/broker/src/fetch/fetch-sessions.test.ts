import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { KafkaErrorName } from '@throughline/wire';
import { fetchApi, type FetchRequest, type FetchResponse } from '@throughline/wire/apis';
import { fetch } from '../apis/fetch.ts';
import { ask, stillServices } from '../apis/test-support.ts';
import { batchOf } from '../test-support.ts';

type Request = Partial<FetchRequest> & { readonly version?: number; readonly nodeId?: number };

async function sessionBroker(t: TestContext, options: Parameters<typeof stillServices>[1] = {}) {
  const services = await stillServices(t, options);
  const { topicId } = await services.broker.createTopic('t', { partitions: 4, config: { durability: 'memory' } });
  const send = ({ version = 11, nodeId = 1, ...more }: Request): Promise<FetchResponse> => {
    const body = { maxWaitMs: 0, minBytes: 1, topics: [], ...more };
    return ask(fetch, services, { api: fetchApi, version, body, nodeId });
  };
  return { ...services, topicId, send };
}

/** Reads partitions by their offsets: `{ 0: 5n }` partition 0 from offset 5 on. */
function from(offsets: Readonly<Record<number, bigint>>, partitionMaxBytes = 1 << 20): FetchRequest['topics'] {
  const partitions = Object.entries(offsets).map(([partition, fetchOffset]) => {
    return { partition: Number(partition), fetchOffset, partitionMaxBytes };
  });
  return [{ topic: 't', partitions }];
}

function partitionsOf({ responses }: FetchResponse): number[] {
  return responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex));
}

/** Partitions that have records, in the order of the answer. */
function withRecords({ responses }: FetchResponse): number[] {
  return responses.flatMap(({ partitions }) =>
    partitions.filter(({ records }) => records!.length > 0).map(({ partitionIndex }) => partitionIndex),
  );
}

test('a session answers all partitions first, and then those that have something new', async (t) => {
  const { broker, send } = await sessionBroker(t);
  const made = await send({ sessionEpoch: 0, topics: from({ 0: 0n, 1: 0n, 2: 0n }) });
  assert.deepEqual(partitionsOf(made), [0, 1, 2]);
  const sessionId = made.sessionId!;
  assert.ok(sessionId > 0);
  assert.deepEqual(await send({ sessionId, sessionEpoch: 1 }).then(partitionsOf), []);
  await broker.partition('t', 1).append(batchOf(['a']));
  assert.deepEqual(await send({ sessionId, sessionEpoch: 2 }).then(partitionsOf), [1]);
  // The same again: the client has not said that it has them.
  assert.deepEqual(await send({ sessionId, sessionEpoch: 3 }).then(partitionsOf), [1]);
  assert.deepEqual(await send({ sessionId, sessionEpoch: 4, topics: from({ 1: 1n }) }).then(partitionsOf), []);
  await broker.partition('t', 1).deleteRecords(1n);
  assert.deepEqual(await send({ sessionId, sessionEpoch: 5 }).then(partitionsOf), [1], 'the log start is news, too');
});

test('an error is told each time, and once more when it has gone', async (t) => {
  const { broker, send } = await sessionBroker(t);
  const { sessionId } = await send({ sessionEpoch: 0, topics: from({ 0: 0n }) });
  const out = from({ 0: 2n });
  assert.deepEqual(await send({ sessionId: sessionId!, sessionEpoch: 1, topics: out }).then(partitionsOf), [0]);
  assert.deepEqual(await send({ sessionId: sessionId!, sessionEpoch: 2 }).then(partitionsOf), [0]);
  await broker.partition('t', 0).append(batchOf(['a', 'b']));
  const gone = await send({ sessionId: sessionId!, sessionEpoch: 3 });
  assert.deepEqual([partitionsOf(gone), withRecords(gone)], [[0], []]);
  assert.deepEqual(await send({ sessionId: sessionId!, sessionEpoch: 4 }).then(partitionsOf), []);
});

test('partitions join and leave a session; one without partitions ends', async (t) => {
  const { fetchSessions, send } = await sessionBroker(t);
  const { sessionId } = await send({ sessionEpoch: 0, topics: from({ 0: 0n }) });
  assert.deepEqual(
    await send({ sessionId: sessionId!, sessionEpoch: 1, topics: from({ 3: 0n }) }).then(partitionsOf),
    [3],
  );
  const forget = (partitions: number[]): Request => ({ forgottenTopicsData: [{ topic: 't', partitions }] });
  await send({ sessionId: sessionId!, sessionEpoch: 2, ...forget([0]) });
  const last = await send({ sessionId: sessionId!, sessionEpoch: 3, ...forget([3]) });
  assert.deepEqual([last.errorCode, last.sessionId, fetchSessions.size], ['NONE', 0, 0]);
  const gone = await send({ sessionId: sessionId!, sessionEpoch: 4 });
  assert.equal(gone.errorCode, 'FETCH_SESSION_ID_NOT_FOUND');
});

test('a session that is not there, a wrong epoch and the other way of naming topics are rejected by their codes', async (t) => {
  const { send, topicId } = await sessionBroker(t, { nodeCount: 2 });
  const { sessionId } = await send({ sessionEpoch: 0, topics: from({ 0: 0n }) });
  const codeOf = async (request: Request): Promise<KafkaErrorName> => {
    const { errorCode, responses, sessionId: answered } = await send(request);
    assert.deepEqual([responses, answered], [[], 0]);
    return errorCode!;
  };
  assert.equal(await codeOf({ sessionId: 1, sessionEpoch: 1 }), 'FETCH_SESSION_ID_NOT_FOUND');
  assert.equal(await codeOf({ sessionId: 0, sessionEpoch: 1 }), 'FETCH_SESSION_ID_NOT_FOUND');
  assert.equal(await codeOf({ sessionId: sessionId!, sessionEpoch: 1, nodeId: 2 }), 'FETCH_SESSION_ID_NOT_FOUND');
  assert.equal(await codeOf({ sessionId: sessionId!, sessionEpoch: 2 }), 'INVALID_FETCH_SESSION_EPOCH');
  assert.equal(await codeOf({ sessionId: sessionId!, sessionEpoch: 1, version: 13 }), 'FETCH_SESSION_TOPIC_ID_ERROR');
  const byId = [{ topicId, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 }] }];
  const { sessionId: other } = await send({ sessionEpoch: 0, topics: byId, version: 13 });
  assert.equal(await codeOf({ sessionId: other!, sessionEpoch: 1, version: 12 }), 'FETCH_SESSION_TOPIC_ID_ERROR');
  assert.equal((await send({ sessionId: other!, sessionEpoch: 1, version: 18 })).errorCode, 'NONE');
});

test('a full request ends the session that it names', async (t) => {
  const { fetchSessions, send } = await sessionBroker(t);
  const { sessionId } = await send({ sessionEpoch: 0, topics: from({ 0: 0n }) });
  const second = await send({ sessionId: sessionId!, sessionEpoch: 0, topics: from({ 0: 0n }) });
  assert.notEqual(second.sessionId, sessionId);
  assert.equal(fetchSessions.size, 1);
  const last = await send({ sessionId: second.sessionId!, sessionEpoch: -1, topics: from({ 0: 0n }) });
  assert.deepEqual([last.sessionId, fetchSessions.size], [0, 0]);
});

test('partitions that had records go behind the others, so that all have their turn', async (t) => {
  const { broker, send } = await sessionBroker(t);
  for (const partition of [0, 1, 2, 3]) await broker.partition('t', partition).append(batchOf(['x'.repeat(100)]));
  const { sessionId } = await send({ sessionEpoch: 0, topics: from({ 0: 0n, 1: 0n, 2: 0n, 3: 0n }), maxBytes: 1 });
  const turns: number[] = [];
  for (let sessionEpoch = 1; sessionEpoch <= 8; sessionEpoch++) {
    turns.push(...withRecords(await send({ sessionId: sessionId!, sessionEpoch, maxBytes: 1 })));
  }
  assert.deepEqual(turns, [0, 1, 2, 3, 0, 1, 2, 3]);
});

test('there is room for so many sessions; a larger one takes the place of an old small one, any the place of an unused one', async (t) => {
  const { clock, send } = await sessionBroker(t, { config: { 'max.incremental.fetch.session.cache.slots': 2 } });
  const make = async (offsets: Readonly<Record<number, bigint>>): Promise<number> =>
    (await send({ sessionEpoch: 0, topics: from(offsets) })).sessionId!;
  const small = await make({ 0: 0n });
  const large = await make({ 0: 0n, 1: 0n });
  assert.equal(await make({ 0: 0n, 1: 0n, 2: 0n }), 0, 'both are young');
  await clock.advance(120_000);
  await send({ sessionId: small, sessionEpoch: 1 });
  await send({ sessionId: large, sessionEpoch: 1 });
  await clock.advance(1);
  assert.equal(await make({ 0: 0n }), 0, 'it is not larger');
  assert.ok((await make({ 0: 0n, 1: 0n })) > 0);
  assert.equal((await send({ sessionId: small, sessionEpoch: 2 })).errorCode, 'FETCH_SESSION_ID_NOT_FOUND');
  assert.equal((await send({ sessionId: large, sessionEpoch: 2 })).errorCode, 'NONE');
  await clock.advance(120_001);
  assert.ok((await make({ 0: 0n })) > 0);
});

test('a broker that keeps no sessions answers each fetch in full', async (t) => {
  const { send } = await sessionBroker(t, { config: { 'max.incremental.fetch.session.cache.slots': 0 } });
  const answer = await send({ sessionEpoch: 0, topics: from({ 0: 0n }) });
  assert.deepEqual([answer.sessionId, partitionsOf(answer)], [0, [0]]);
});

test('a request that was given up for another of the same session changes nothing', async (t) => {
  const { broker, clock, send } = await sessionBroker(t);
  const { sessionId } = await send({ sessionEpoch: 0, topics: from({ 0: 0n }) });
  const before = clock.timerCount;
  const givenUp = send({ sessionId: sessionId!, sessionEpoch: 1, maxWaitMs: 500 });
  await clock.timersSet(before + 1);
  assert.equal((await send({ sessionId: sessionId!, sessionEpoch: 2 })).errorCode, 'NONE');
  await broker.partition('t', 0).append(batchOf(['a']));
  assert.equal((await givenUp).errorCode, 'INVALID_FETCH_SESSION_EPOCH');
  assert.deepEqual(await send({ sessionId: sessionId!, sessionEpoch: 3 }).then(withRecords), [0]);
});
