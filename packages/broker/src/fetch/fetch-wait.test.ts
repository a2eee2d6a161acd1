import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaErrorName } from '@throughline/wire';
import { fetchApi, type FetchRequest, type FetchResponse } from '@throughline/wire/apis';
import { fetch } from '../apis/fetch.ts';
import { ask, stillServices } from '../apis/test-support.ts';
import type { Services } from '../apis/services.ts';
import { batchOf } from '../test-support.ts';

interface Waiting {
  readonly answer: Promise<FetchResponse>;
  readonly isAnswered: () => boolean;
}

function wait(services: Services, more: Partial<FetchRequest>, partitions = [0], signal?: AbortSignal): Waiting {
  const body: FetchRequest = {
    maxWaitMs: 500,
    minBytes: 1,
    topics: [
      {
        topic: 't',
        partitions: partitions.map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 20 })),
      },
    ],
    ...more,
  };
  let isAnswered = false;
  const answer = ask(fetch, services, {
    api: fetchApi,
    version: 11,
    body,
    ...(signal === undefined ? {} : { signal }),
  });
  void answer.then(() => (isAnswered = true));
  return { answer, isAnswered: () => isAnswered };
}

/** Record bytes and codes of the partitions. */
function answeredOf({ responses }: FetchResponse): [number, KafkaErrorName][] {
  return responses.flatMap(({ partitions }) =>
    partitions.map(({ records, errorCode }): [number, KafkaErrorName] => [records?.length ?? 0, errorCode]),
  );
}

test('a fetch waits until as many bytes have come as it wants, over all its partitions', async (t) => {
  const services = await stillServices(t);
  const { broker, clock } = services;
  await broker.createTopic('t', { partitions: 2 });
  const { length } = batchOf(['a']);
  const before = clock.timerCount;
  const { answer, isAnswered } = wait(services, { minBytes: 2 * length + 1 }, [0, 1]);
  await clock.timersSet(before + 1);
  for (const partition of [0, 1]) {
    await broker.partition('t', partition).append(batchOf(['a']));
    await clock.settle();
    assert.equal(isAnswered(), false);
  }
  await broker.partition('t', 1).append(batchOf(['a']));
  assert.deepEqual(answeredOf(await answer), [
    [length, 'NONE'],
    [2 * length, 'NONE'],
  ]);
  assert.equal(clock.timerCount, before, 'the timer is gone');
});

test('a fetch that has waited long enough is answered with what there is', async (t) => {
  const services = await stillServices(t);
  const { broker, clock } = services;
  await broker.createTopic('t', { partitions: 1 });
  const before = clock.timerCount;
  const { answer, isAnswered } = wait(services, { minBytes: 1000 });
  await clock.timersSet(before + 1);
  await broker.partition('t', 0).append(batchOf(['a']));
  await clock.advance(499);
  assert.equal(isAnswered(), false);
  await clock.advance(1);
  assert.deepEqual(answeredOf(await answer), [[batchOf(['a']).length, 'NONE']]);
});

test('a fetch that wants nothing, or will not wait, is answered at once', async (t) => {
  const services = await stillServices(t);
  await services.broker.createTopic('t', { partitions: 1 });
  for (const more of [{ minBytes: 0 }, { minBytes: -1 }, { maxWaitMs: 0 }, { maxBytes: 0 }]) {
    assert.deepEqual(answeredOf(await wait(services, more).answer), [[0, 'NONE']]);
  }
});

test('an error of reading ends the waiting; a partition that is not there does not', async (t) => {
  const services = await stillServices(t);
  const { broker } = services;
  await broker.createTopic('t', { partitions: 1 });
  const topics = [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 9n, partitionMaxBytes: 1 }] }];
  assert.deepEqual(answeredOf(await wait(services, { topics }).answer), [[0, 'OFFSET_OUT_OF_RANGE']]);
  assert.deepEqual(answeredOf(await wait(services, {}, [7]).answer), [[0, 'UNKNOWN_TOPIC_OR_PARTITION']]);
  const { answer, isAnswered } = wait(services, {}, [0, 7]);
  await services.clock.settle();
  assert.equal(isAnswered(), false);
  await broker.partition('t', 0).append(batchOf(['a']));
  assert.deepEqual(answeredOf(await answer), [
    [batchOf(['a']).length, 'NONE'],
    [0, 'UNKNOWN_TOPIC_OR_PARTITION'],
  ]);
});

test('a fetch whose client has gone waits no longer and leaves nothing behind', async (t) => {
  const services = await stillServices(t);
  const { broker, clock } = services;
  await broker.createTopic('t', { partitions: 1 });
  const before = clock.timerCount;
  const client = new AbortController();
  const { answer } = wait(services, {}, [0], client.signal);
  await clock.timersSet(before + 1);
  client.abort();
  assert.equal(await answer, undefined);
  assert.equal(clock.timerCount, before);
});

test('a topic that is deleted meanwhile is told at once', async (t) => {
  const services = await stillServices(t);
  const { broker, clock } = services;
  await broker.createTopic('t', { partitions: 1 });
  const { answer } = wait(services, {});
  await clock.settle();
  await broker.deleteTopic('t');
  assert.deepEqual(answeredOf(await answer), [[0, 'UNKNOWN_TOPIC_OR_PARTITION']]);
});

/** Counts the reads of a partition, and the bytes that they gave. */
function countReads(services: Services, partition: number): { count: number; bytes: number } {
  const log = services.broker.partition('t', partition);
  const reads = { count: 0, bytes: 0 };
  const read = log.read.bind(log);
  log.read = async (offset, bytesMax) => {
    const found = await read(offset, bytesMax);
    reads.count++;
    reads.bytes += found.batches.length;
    return found;
  };
  return reads;
}

// Each append made every fetch that waited read everything again: 2,000 appends of 2 KB, 50 fetches, 42 s of processor time.
test('what comes while a fetch waits is looked at once, and read once more for the answer', async (t) => {
  const services = await stillServices(t);
  const { broker, clock } = services;
  await broker.createTopic('t', { partitions: 2 });
  const log = broker.partition('t', 0);
  const { length } = batchOf(['a']);
  for (let count = 0; count < 100; count++) await log.append(batchOf(['a']));
  const reads = countReads(services, 0);
  const idleReads = countReads(services, 1);
  const { answer, isAnswered } = wait(services, { minBytes: 500 * length }, [0, 1]);
  await clock.settle();
  assert.deepEqual(reads, { count: 1, bytes: 100 * length }, 'the first look');
  for (let count = 100; count < 500; count++) {
    assert.equal(isAnswered(), false);
    await log.append(batchOf(['a']));
    await clock.settle();
  }
  assert.deepEqual(answeredOf(await answer), [
    [500 * length, 'NONE'],
    [0, 'NONE'],
  ]);
  assert.equal(reads.bytes, (100 + 400 + 500) * length);
  assert.equal(idleReads.count, 0, 'nobody reads a partition in which nothing is new');
});

test('a partition counts no further than it may give, and what is enough then is answered', async (t) => {
  const services = await stillServices(t);
  const { broker, clock } = services;
  await broker.createTopic('t', { partitions: 1 });
  const log = broker.partition('t', 0);
  const { length } = batchOf(['a']);
  const reads = countReads(services, 0);
  const bounded = (partitionMaxBytes: number): Partial<FetchRequest> => ({
    topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes }] }],
  });
  const never = wait(services, { minBytes: 100 * length, ...bounded(2 * length) });
  // Whole batches make less than the bound: as much as there can be is enough, as in Apache Kafka.
  const soon = wait(services, { minBytes: 2 * length + 1, ...bounded(3 * length - 1) });
  const first = wait(services, { minBytes: 1, ...bounded(0) });
  await clock.settle();
  for (let count = 0; count < 50; count++) {
    await log.append(batchOf(['a']));
    await clock.settle();
  }
  assert.deepEqual(answeredOf(await first.answer), [[length, 'NONE']]);
  assert.deepEqual(answeredOf(await soon.answer), [[2 * length, 'NONE']]);
  assert.equal(never.isAnswered(), false);
  assert.ok(reads.count < 12, `${reads.count} reads`);
  await clock.advance(500);
  assert.deepEqual(answeredOf(await never.answer), [[2 * length, 'NONE']]);
});

test('records that are removed while a fetch waits are told as soon as it looks', async (t) => {
  const services = await stillServices(t);
  const { broker, clock } = services;
  await broker.createTopic('t', { partitions: 1 });
  const log = broker.partition('t', 0);
  for (let count = 0; count < 10; count++) await log.append(batchOf(['a']));
  const { answer } = wait(services, { minBytes: 1e6 });
  await clock.settle();
  await log.deleteRecords(5n);
  await log.append(batchOf(['a']));
  assert.deepEqual(answeredOf(await answer), [[0, 'OFFSET_OUT_OF_RANGE']]);
});
