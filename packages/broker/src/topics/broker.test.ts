// The broker as whoever uses it sees it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, ThroughlineError, type ErrorCode } from '@throughline/event';
import { batchWith, LossyDisk, VirtualClock } from '@throughline/testkit';
import { attributeBits, batchFieldsAt, batchHeaderBytes } from '@throughline/wire';
import * as fc from 'fast-check';
import type { Broker, BrokerOptions } from './broker.ts';
import { openBroker } from './open-broker.ts';
import { batchOf, readAll, recordsOf } from '../test-support.ts';

const nowMs = 1_700_000_000_000;

function open(options: Partial<BrokerOptions> = {}): Promise<Broker> {
  const base = { dataDir: '/data', disk: new LossyDisk(), clock: new VirtualClock(nowMs), random: seededRandom(1) };
  return openBroker({ ...base, journalFileBytes: 65_536, ...options });
}

function rejectedWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => ThroughlineError.is(error, code);
}

for (const durability of ['memory', 'os', 'fsync'] as const) {
  test(`what is appended to a ${durability} topic is read back in order, from every offset, in every size`, async () => {
    const broker = await open({ tailCacheBytesMax: 1000 });
    await broker.createTopic('t', { partitions: 1, config: { durability, segmentBytes: 2048 } });
    const log = broker.partition('t', 0);
    const texts = Array.from({ length: 40 }, (_, i) => Array.from({ length: (i % 4) + 1 }, (_, j) => `${i}.${j}`));
    const appended = await Promise.all(texts.map((batch) => log.append(batchOf(batch))));
    const expected = texts.flat().map((text, offset) => `${offset}:${text}`);
    assert.equal(appended.at(-1)!.lastOffset, BigInt(expected.length - 1));
    assert.equal(log.highWatermark, BigInt(expected.length));
    await fc.assert(
      fc.asyncProperty(fc.nat(expected.length - 1), fc.integer({ min: 1, max: 5000 }), async (from, bytesMax) => {
        assert.deepEqual(await readAll(log, BigInt(from), bytesMax), expected.slice(from));
      }),
      { numRuns: 40 },
    );
    await broker.close();
  });
}

test('a read begins with the whole batch that contains the offset, and ends at the high watermark', async () => {
  const broker = await open();
  await broker.createTopic('t', { partitions: 1, config: { durability: 'os' } });
  const log = broker.partition('t', 0);
  await log.append(batchOf(['a', 'b', 'c']));
  const { batches, highWatermark } = await log.read(2n, 1);
  assert.equal(recordsOf(batches).length, 3);
  assert.equal(highWatermark, 3n);
  assert.equal((await log.read(3n, 1000)).batches.length, 0);
  for (const offset of [-1n, 4n]) await assert.rejects(log.read(offset, 1000), rejectedWith('OFFSET_OUT_OF_RANGE'));
});

test('a batch of memory durability can be read in the turn of its append', async () => {
  const broker = await open();
  await broker.createTopic('t', { partitions: 1, config: { durability: 'memory' } });
  const log = broker.partition('t', 0);
  void log.append(batchOf(['now']));
  assert.equal(log.highWatermark, 1n);
  assert.deepEqual(await readAll(log), ['0:now']);
  assert.equal(await log.offsetForTime(nowMs - 1), 0n);
  await broker.close();
});

test('listeners hear of every advance until they end it', async () => {
  const broker = await open();
  await broker.createTopic('t', { partitions: 1, config: { durability: 'os' } });
  const log = broker.partition('t', 0);
  const heard: bigint[] = [];
  const end = log.onAdvance(() => heard.push(log.highWatermark));
  await log.append(batchOf(['a']));
  await log.append(batchOf(['b', 'c']));
  end();
  await log.append(batchOf(['d']));
  assert.deepEqual(heard, [1n, 3n]);
});

test('a time leads to the first record at or after it, within its batch, on disk and in memory', async () => {
  const broker = await open();
  for (const durability of ['os', 'memory'] as const) {
    await broker.createTopic(durability, { partitions: 1, config: { durability, segmentBytes: 1024 } });
    const log = broker.partition(durability, 0);
    for (let i = 0; i < 30; i++) await log.append(batchOf(['x'.repeat(60), 'y'.repeat(60)], nowMs + i * 10));
    assert.equal(await log.offsetForTime(0), 0n);
    for (const i of [0, 1, 7, 15, 29]) {
      assert.equal(await log.offsetForTime(nowMs + i * 10), BigInt(2 * i));
      assert.equal(await log.offsetForTime(nowMs + i * 10 - 9), BigInt(2 * i));
    }
    assert.equal(await log.offsetForTime(nowMs + 291), 60n);
  }
});

test('a batch that breaks the format is rejected and leaves the log unchanged', async () => {
  const broker = await open();
  await broker.createTopic('t', { partitions: 1, config: { durability: 'os', recordBytesMax: 200 } });
  const log = broker.partition('t', 0);
  await log.append(batchOf(['good']));
  const batch = batchOf(['bad', 'worse']);
  const flipped = (at: number): Uint8Array => batch.with(at, batch[at]! ^ 0x10);
  for (const [what, bad] of [
    ['short', batch.subarray(0, batchHeaderBytes - 1)],
    ['cut', batch.subarray(0, batch.length - 1)],
    ['followed by more', Uint8Array.from([...batch, 0])],
    ['of magic 1', batchWith(batch, { magic: 1 })],
    ['a wrong record count', batchWith(batch, { recordCount: 3 })],
    ['a control batch', batchWith(batch, { attributes: attributeBits.control })],
    ['transactional', batchWith(batch, { attributes: attributeBits.transactional })],
  ] as const) {
    await assert.rejects(log.append(bad), rejectedWith('INVALID_RECORD'), what);
  }
  for (const at of [batchFieldsAt.attributes + 1, batchFieldsAt.recordCount + 3, batch.length - 1]) {
    await assert.rejects(log.append(flipped(at)), rejectedWith('CORRUPT_RECORD'), `byte ${at}`);
  }
  await assert.rejects(log.append(batchOf(['x'.repeat(300)])), rejectedWith('RECORD_TOO_LARGE'));
  assert.deepEqual(await readAll(log), ['0:good']);
});

test('appends beyond the queue are rejected, and those in it are kept', async () => {
  const broker = await open({ appendQueueBytesMax: 300 });
  await broker.createTopic('t', { partitions: 1, config: { durability: 'os' } });
  const log = broker.partition('t', 0);
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => log.append(batchOf([`${i}`]))));
  const kept = results.filter(({ status }) => status === 'fulfilled');
  assert.ok(kept.length >= 3 && kept.length < 10);
  for (const result of results)
    assert.ok(result.status === 'fulfilled' || ThroughlineError.is(result.reason, 'THROTTLED'));
  assert.equal((await readAll(log)).length, kept.length);
});

test('topics are made, listed, altered and deleted, and a name used again is another incarnation', async () => {
  const disk = new LossyDisk();
  const broker = await open({ disk });
  const first = await broker.createTopic('a.b_c-1', { partitions: 3 });
  assert.match(first.topicId, /^[0-9a-f]{32}$/);
  assert.equal(first.config.durability, 'fsync');
  await assert.rejects(broker.createTopic('a.b_c-1', { partitions: 1 }), rejectedWith('TOPIC_EXISTS'));
  for (const name of ['', '.', '..', 'a/b', 'ä', 'x'.repeat(250), '../x', 'a\u0000b']) {
    await assert.rejects(broker.createTopic(name, { partitions: 1 }), rejectedWith('INVALID_TOPIC'));
  }
  for (const partitions of [0, -1, 1.5, 1e9, Number.NaN]) {
    await assert.rejects(broker.createTopic('t', { partitions }), rejectedWith('INVALID_ARGUMENT'));
  }
  await assert.rejects(
    broker.createTopic('t', { partitions: 1, config: { segmentBytes: 1 } }),
    rejectedWith('INVALID_ARGUMENT'),
  );
  await broker.partition('a.b_c-1', 2).append(batchOf(['old']));
  const altered = await broker.alterTopic('a.b_c-1', { retentionMs: 5 });
  assert.deepEqual(altered.config, { ...first.config, retentionMs: 5 });
  await broker.deleteTopic('a.b_c-1');
  assert.throws(() => broker.topic('a.b_c-1'), rejectedWith('UNKNOWN_TOPIC'));
  await assert.rejects(broker.deleteTopic('a.b_c-1'), rejectedWith('UNKNOWN_TOPIC'));
  const second = await broker.createTopic('a.b_c-1', { partitions: 3 });
  assert.notEqual(second.topicId, first.topicId);
  assert.equal(broker.partition('a.b_c-1', 2).highWatermark, 0n);
  assert.throws(() => broker.partition('a.b_c-1', 3), rejectedWith('UNKNOWN_TOPIC'));
  await broker.close();
  assert.deepEqual((await open({ disk })).topics(), [second]);
});

test('a longest name can be made, deleted and made again', async () => {
  const broker = await open();
  const name = 'x'.repeat(249);
  await broker.createTopic(name, { partitions: 1 });
  await broker.deleteTopic(name);
  await broker.createTopic(name, { partitions: 1 });
});

test('durability can be changed while appends are under way, and what is promised holds from then on', async () => {
  const disk = new LossyDisk();
  const broker = await open({ disk });
  await broker.createTopic('t', { partitions: 1, config: { durability: 'memory', segmentBytes: 1024 } });
  const log = broker.partition('t', 0);
  const acks: Promise<unknown>[] = [];
  const append = (text: string): unknown => acks.push(log.append(batchOf([text.padEnd(200, '.')])));
  for (const durability of ['fsync', 'os', 'memory', 'fsync'] as const) {
    for (let i = 0; i < 5; i++) append(`${durability} before ${i}`);
    const altering = broker.alterTopic('t', { durability });
    for (let i = 0; i < 5; i++) append(`${durability} while ${i}`);
    await altering;
  }
  append('the last');
  await Promise.all(acks);
  const expected = await readAll(log);
  assert.equal(expected.length, 41);
  disk.cutPower(seededRandom(9));
  const again = await open({ disk });
  assert.deepEqual(await readAll(again.partition('t', 0)), expected);
});

test('a closed broker rejects everything, and closing it again is no error', async () => {
  const broker = await open();
  await broker.createTopic('t', { partitions: 1 });
  const log = broker.partition('t', 0);
  const late = log.append(batchOf(['in time']));
  await broker.close();
  await late;
  await broker.close();
  await assert.rejects(log.append(batchOf(['x'])), rejectedWith('CLOSED'));
  await assert.rejects(log.read(0n, 100), rejectedWith('CLOSED'));
  await assert.rejects(broker.createTopic('u', { partitions: 1 }), rejectedWith('CLOSED'));
});

test('retention by time removes segments whose newest record is too old, and the active one when all of it is', async () => {
  const disk = new LossyDisk();
  const clock = new VirtualClock(nowMs);
  const broker = await open({ disk, clock });
  await broker.createTopic('t', { partitions: 1, config: { durability: 'os', segmentBytes: 1024, retentionMs: 1000 } });
  const log = broker.partition('t', 0);
  for (let i = 0; i < 30; i++) await log.append(batchOf(['x'.repeat(200)], nowMs + i * 100));
  await clock.advance(2_000);
  await broker.runRetention();
  assert.ok(log.logStartOffset > 0n && log.logStartOffset <= 10n);
  await assert.rejects(log.read(0n, 1000), rejectedWith('OFFSET_OUT_OF_RANGE'));
  assert.equal((await readAll(log)).length, 30 - Number(log.logStartOffset));
  assert.equal(
    (await disk.list('/data/t-0')).some((name) => name.startsWith('00000000000000000000')),
    false,
  );
  await clock.advance(60_000);
  await broker.runRetention();
  assert.equal(log.logStartOffset, 30n);
  assert.equal(log.bytes, 0);
  assert.equal((await log.append(batchOf(['next'], nowMs))).baseOffset, 30n);
  await broker.close();
  const again = await open({ disk });
  assert.equal(again.partition('t', 0).logStartOffset, 30n);
});

test('retention by size keeps at least that many bytes, and runs by itself', async () => {
  const clock = new VirtualClock(nowMs);
  const broker = await open({ clock, retentionIntervalMs: 1000 });
  await broker.createTopic('t', {
    partitions: 1,
    config: { durability: 'os', segmentBytes: 1024, retentionBytes: 3000 },
  });
  const log = broker.partition('t', 0);
  for (let i = 0; i < 40; i++) await log.append(batchOf(['x'.repeat(200)], nowMs));
  await clock.advance(1000);
  while (log.logStartOffset === 0n) await new Promise((resolve) => setImmediate(resolve));
  await broker.runRetention();
  assert.ok(log.bytes >= 3000 && log.bytes < 3000 + 1024 + 300, String(log.bytes));
});

test('a read that is under way when its segment is removed ends well', async () => {
  const broker = await open({ tailCacheBytesMax: 0 });
  await broker.createTopic('t', { partitions: 1, config: { durability: 'os', segmentBytes: 1024, retentionBytes: 0 } });
  const log = broker.partition('t', 0);
  for (let i = 0; i < 10; i++) await log.append(batchOf([`${i}`.padEnd(200)]));
  await log.read(0n, 10);
  const [{ batches }] = await Promise.all([log.read(0n, 10), broker.runRetention()]);
  assert.equal(recordsOf(batches)[0]!.offset, 0n);
});
