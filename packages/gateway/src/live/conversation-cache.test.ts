import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conversationStream, systemClock, systemRandom, toRecord, ulids } from '@throughline/event';
import type { Log, ReadRequest } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import { StreamReader } from '../stream-index/stream-reader.ts';
import { ConversationCache } from './conversation-cache.ts';

const topic = 'conversations';
const ulid = ulids(systemClock, systemRandom);
const title = (id: string, text: string) =>
  toRecord({ type: 'conversation-renamed', id: ulid(), stream: conversationStream(id), payload: { title: text } });

/** A cache over a log of one partition and an index that knows nothing: all is read from the partition. */
async function setUp(limits: { bytesMax?: number; countMax?: number } = {}) {
  const log = new MemoryLog();
  await log.admin.createTopic(topic, { partitions: 1 });
  const reads: ReadRequest[] = [];
  let failure: Error | undefined;
  let gate: Promise<void> | undefined;
  const watched: Log = Object.assign(Object.create(log) as Log, {
    admin: log.admin,
    async read(request: ReadRequest) {
      reads.push(request);
      await gate;
      if (failure !== undefined) throw failure;
      return log.read(request);
    },
  });
  let position = 0n;
  const ranges = new Map<string, { first: bigint; last: bigint }[]>();
  let indexed = 0n;
  const reader = new StreamReader({
    log: watched,
    topic,
    incarnation: { partitionCount: 1 },
    index: {
      get offsets() {
        return [indexed];
      },
      ranges: (id) => [...(ranges.get(id) ?? [])],
    },
    readBytes: 1024,
    onDamage: () => {},
  });
  const cache = new ConversationCache({
    reader,
    tail: { position: () => position },
    incarnation: { generation: '00000001' },
    bytesMax: limits.bytesMax ?? 1e9,
    countMax: limits.countMax ?? 1e9,
    onEvent: () => {},
  });
  return {
    cache,
    reads,
    ranges,
    fail: (error: Error | undefined) => (failure = error),
    /** Reads that begin from now on wait for it. */
    hold: (until: Promise<void> | undefined) => (gate = until),
    /** Appends, and hands on what is new as the live tail does, unless it is to be found by reading. */
    append: async (records: Parameters<Log['append']>[1], isLive = true): Promise<void> => {
      await log.append(topic, records);
      const { records: all, highWatermark } = await log.read({ topic, partition: 0, offset: position });
      position = highWatermark;
      if (isLive) for (const record of all) cache.deliver(record);
    },
    index: (offset: bigint) => (indexed = offset),
    titleOf: (id: string) => cache.use(id, ({ conversation }) => conversation.title),
  };
}

test('a conversation is read from the log once and then kept up to date, with what arrives during the load', async () => {
  const { cache, reads, append, titleOf } = await setUp();
  await append([title('a', 'one')], false);
  const loading = Promise.all([titleOf('a'), titleOf('a')]);
  await append([title('a', 'two')]);
  assert.deepEqual(await loading, ['two', 'two']);
  const readCount = reads.length;
  await append([title('a', 'three'), title('b', 'other')]);
  assert.equal(await titleOf('a'), 'three');
  assert.equal(reads.length, readCount);
  assert.equal(cache.count, 1);
});

test('only the ranges that the index names are read, and the partition after its last commit', async () => {
  const { reads, append, titleOf, ranges, index } = await setUp();
  await append(
    [title('a', 'one'), ...Array.from({ length: 50 }, () => title('b', 'x'.repeat(100))), title('a', 'two')],
    false,
  );
  await append([title('b', 'x'), title('a', 'three')], false);
  ranges.set('a', [
    { first: 0n, last: 0n },
    { first: 51n, last: 51n },
  ]);
  index(52n);
  assert.equal(await titleOf('a'), 'three');
  assert.deepEqual(
    reads.map(({ offset }) => offset),
    [0n, 51n, 52n],
  );
});

test('the least recently used conversation leaves when there are too many, one in use stays', async () => {
  const { cache, append, titleOf } = await setUp({ countMax: 2 });
  await append([title('a', 'a'), title('b', 'b'), title('c', 'c')], false);
  await cache.use('a', async () => {
    await titleOf('b');
    await titleOf('c');
    await append([title('a', 'still kept up to date')]);
    assert.equal(await titleOf('a'), 'still kept up to date');
  });
  assert.equal(cache.count, 2);
  assert.equal(await titleOf('b'), 'b');
});

test('conversations leave when they weigh too much together', async () => {
  const { cache, append, titleOf } = await setUp({ bytesMax: 1_500 });
  for (const id of ['a', 'b', 'c', 'd'])
    await append(
      Array.from({ length: 5 }, () => title(id, 'x'.repeat(100))),
      false,
    );
  for (const id of ['a', 'b', 'c', 'd']) await titleOf(id);
  assert.ok(cache.bytes <= 1_500, `${cache.bytes}`);
  assert.equal(cache.count, 2);
});

test('one that the log does not know leaves nothing behind', async () => {
  const { cache } = await setUp();
  assert.equal(await cache.use('nobody', ({ exists }) => exists), false);
  assert.equal(cache.count, 0);
});

test('a load that fails is told to all who wait, and the next one tries again', async () => {
  const { append, titleOf, fail, cache } = await setUp();
  await append([title('a', 'one')], false);
  fail(new Error('the disk is away'));
  const results = await Promise.allSettled([titleOf('a'), titleOf('a')]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(cache.bytes, 0);
  fail(undefined);
  assert.equal(await titleOf('a'), 'one');
});

test('what was being loaded when all was forgotten does not come back in the place of what was loaded since', async () => {
  // A load of the old topic put itself back into memory when it was done, over the conversation of the new one.
  const { cache, append, titleOf, hold } = await setUp();
  await append([title('a', 'one')], false);
  const slow = Promise.withResolvers<void>();
  hold(slow.promise);
  const old = cache.use('a', (live) => live);
  cache.clear();
  hold(undefined);
  const now = await cache.use('a', (live) => live);
  slow.resolve();
  assert.notEqual(await old, now);
  assert.equal(await cache.use('a', (live) => live), now);
  await append([title('a', 'two')]);
  assert.equal(await titleOf('a'), 'two');
  assert.equal(cache.bytes, now.bytes);
});
