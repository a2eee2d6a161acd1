import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { TopicGate, type KnownTopic } from './topic-gate.ts';

const state: KnownTopic = {
  metadata: { topic: 'notes', topicId: '0'.repeat(32), isInternal: false, partitions: [] },
  recordBytesMax: 1,
};

function gateOf(known: { state: KnownTopic | undefined }, load: () => Promise<KnownTopic>) {
  const order: number[] = [];
  const gate = new TopicGate({ known: () => known.state, load });
  const call = (n: number): Promise<void> => gate.pass(async () => void order.push(n));
  return { gate, order, call };
}

test('a call passes before it returns when everything is known', () => {
  const { order, call } = gateOf({ state }, async () => state);
  void call(1);
  assert.deepEqual(order, [1]);
});

test('calls wait for one answer and pass in their order, also those that come while it is on its way', async () => {
  const known: { state: KnownTopic | undefined } = { state: undefined };
  const answer = Promise.withResolvers<KnownTopic>();
  let loads = 0;
  const { order, call } = gateOf(known, () => {
    loads++;
    return answer.promise;
  });
  const calls = [call(1), call(2)];
  known.state = state;
  calls.push(call(3));
  assert.deepEqual(order, []);
  answer.resolve(state);
  await Promise.all(calls);
  assert.deepEqual([order, loads], [[1, 2, 3], 1]);
});

test('while it is held nobody passes, and nobody overtakes afterwards', async () => {
  const { gate, order, call } = gateOf({ state }, async () => state);
  const until = Promise.withResolvers<void>();
  gate.hold(until.promise);
  const calls = [call(1), call(2)];
  assert.deepEqual(order, []);
  until.resolve();
  await Promise.all(calls);
  await call(3);
  assert.deepEqual(order, [1, 2, 3]);
});

test('a question that fails is answered to everybody who waits, and asked again by the next', async () => {
  let fails = true;
  const { order, call } = gateOf({ state: undefined }, async () => {
    if (fails) throw new ThroughlineError('UNKNOWN_TOPIC', 'no topic notes');
    return state;
  });
  const outcomes = await Promise.allSettled([call(1), call(2)]);
  assert.ok(outcomes.every((outcome) => outcome.status === 'rejected'));
  fails = false;
  await call(3);
  assert.deepEqual(order, [3]);
});
