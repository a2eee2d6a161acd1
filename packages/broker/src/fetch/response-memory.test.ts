// The memory of answers that are read and not sent, over all connections.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchApi, type FetchRequest } from '@throughline/wire/apis';
import { fetch } from '../apis/fetch.ts';
import { ask, servedBroker, stillServices } from '../apis/test-support.ts';
import { KafkaFaults } from '../network/kafka-faults.ts';
import { batchOf } from '../test-support.ts';

const texts = Array.from({ length: 100 }, () => 'a'.repeat(100));

test('answers get smaller as the memory for them gets less, down to a first batch, which each has', async (t) => {
  const { length } = batchOf(texts);
  const services = await stillServices(t, { responseBytesMax: 5 * length });
  const { broker, responseMemory } = services;
  await broker.createTopic('t', { partitions: 2 });
  for (const partition of [0, 1]) {
    for (let count = 0; count < 4; count++) await broker.partition('t', partition).append(batchOf(texts));
  }
  const unsent: (() => void)[] = [];
  const batchesOf = async (): Promise<number[]> => {
    const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }));
    const body: FetchRequest = { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 't', partitions }] };
    const onSent = (listener: () => void): void => void unsent.push(listener);
    const { responses } = await ask(fetch, services, { api: fetchApi, version: 11, body, onSent });
    return responses.flatMap((one) => one.partitions.map(({ records }) => records!.length / length));
  };
  assert.deepEqual(await batchesOf(), [4, 1]);
  assert.equal(responseMemory.usedBytes, 5 * length);
  assert.deepEqual(await batchesOf(), [1, 0]);
  assert.deepEqual(await batchesOf(), [1, 0], 'nobody stands still');
  for (const sent of unsent.splice(0)) sent();
  assert.equal(responseMemory.usedBytes, 0);
  assert.deepEqual(await batchesOf(), [4, 1]);
});

test('what a fetch only looks at while it waits is no answer', async (t) => {
  const services = await stillServices(t);
  const { broker, clock, responseMemory } = services;
  await broker.createTopic('t', { partitions: 1 });
  await broker.partition('t', 0).append(batchOf(texts));
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }];
  const client = new AbortController();
  const body: FetchRequest = { maxWaitMs: 1000, minBytes: 1e6, topics: [{ topic: 't', partitions }] };
  const answer = ask(fetch, services, { api: fetchApi, version: 11, body, signal: client.signal });
  await clock.settle();
  assert.equal(responseMemory.usedBytes, 0);
  client.abort();
  assert.equal(await answer, undefined);
  assert.equal(responseMemory.usedBytes, 0);
});

test('an answer that was read and is sent to nobody is given back as well', async (t) => {
  const faults = new KafkaFaults();
  const running = await servedBroker(t, { faults });
  const { broker, client } = running;
  await broker.createTopic('t', { partitions: 1 });
  await broker.partition('t', 0).append(batchOf(texts));
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }];
  const body: FetchRequest = { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 't', partitions }] };
  const { responses } = await client.call(fetchApi, 11, body);
  assert.equal(responses[0]!.partitions[0]!.records!.length, batchOf(texts).length);
  assert.equal(running.metrics.responseBytes, 0);
  faults.add({ api: 'Fetch', drop: 'after-handling' });
  client.send(fetchApi, 11, body);
  await client.closed;
  assert.equal(running.metrics.responseBytes, 0);
});
