// What the embedded log adds to the port: batches that other writers put into the broker. The port's own promises are
// judged in test/conformance.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openBroker, type Broker } from '@throughline/broker';
import { fromUtf8, ThroughlineError, utf8, type LogRecord, type ProducerRecord } from '@throughline/event';
import { encodeRecordBatch, type Codec } from '@throughline/wire';
import { batchWith, FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import { embedded } from './embedded.ts';
import type { Damage, Log } from '../port/port.ts';

async function withLog(action: (log: Log, broker: Broker) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'embedded-log-'));
  try {
    const broker = await openBroker({ dataDir });
    const log = embedded({ broker });
    await log.admin.createTopic('notes', { partitions: 1, config: { durability: 'memory' } });
    await action(log, broker);
    await log.close();
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
const batchOf = (text: string, codec: Codec = 'none'): Uint8Array =>
  encodeRecordBatch([{ key: null, value: utf8(text) }], { nowMs: 1, codec });
const texts = (records: readonly LogRecord[]): string[] => records.map(({ value }) => fromUtf8(value!));
const read = (log: Log, offset: bigint) => log.read({ topic: 'notes', partition: 0, offset });
async function failure(action: Promise<unknown>): Promise<unknown> {
  try {
    await action;
  } catch (error) {
    return error;
  }
  return assert.fail('expected a failure');
}

test('batches that another writer has compressed with gzip or zstd are read', () =>
  withLog(async (log, broker) => {
    for (const codec of ['gzip', 'zstd'] as const) await broker.partition('notes', 0).append(batchOf(codec, codec));
    assert.deepEqual(texts((await read(log, 0n)).records), ['gzip', 'zstd']);
  }));

test('a batch that cannot be decoded costs itself only: reading stops before it, and can go on after it', () =>
  withLog(async (log, broker) => {
    const partition = broker.partition('notes', 0);
    // Its records are said to be snappy, and are not.
    const snappy = batchWith(batchOf('snappy'), { attributes: 2 });
    await partition.append(batchOf('before'));
    await partition.append(snappy);
    await partition.append(batchOf('after'));
    const first = await read(log, 0n);
    assert.deepEqual(texts(first.records), ['before']);
    assert.equal(first.nextOffset, 1n);
    const error = await failure(read(log, 1n));
    assert.ok(ThroughlineError.is(error, 'CORRUPT_RECORD'));
    assert.equal(error.details['nextOffset'], '2');
    assert.deepEqual(texts((await read(log, 2n)).records), ['after']);
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const { records } of log.tail({ topic: 'notes', from: 'earliest' })) seen.push(...texts(records));
      },
      (thrown) => ThroughlineError.is(thrown, 'CORRUPT_RECORD'),
    );
    assert.deepEqual(seen, ['before']);
  }));

test('a flipped bit costs its batch: a read of it is rejected, and a tail that may tell of it goes on behind it', async () => {
  const disk = new LossyDisk();
  const dataDir = '/data';
  const first = embedded({ broker: await openBroker({ dataDir, disk }) });
  await first.admin.createTopic('notes', { partitions: 1 });
  for (const text of ['before', 'damaged', 'after']) await first.append('notes', [{ key: null, value: utf8(text) }]);
  await first.close();
  const [segment] = (await disk.list('/data/notes-0')).filter((name) => name.endsWith('.log'));
  disk.flipBit(`/data/notes-0/${segment}`, batchOf('before').length + 65);
  const log = embedded({ broker: await openBroker({ dataDir, disk }) });
  const error = await failure(read(log, 1n));
  assert.ok(ThroughlineError.is(error, 'CORRUPT_RECORD'));
  assert.equal(error.details['nextOffset'], '2');
  const seen: string[] = [];
  const stop = new AbortController();
  const onDamage = ({ offset, nextOffset, error: { code } }: Damage): void =>
    void seen.push(`${code} ${offset}-${nextOffset}`);
  for await (const step of log.tail({ topic: 'notes', from: 'earliest', signal: stop.signal, onDamage })) {
    seen.push(`${texts(step.records).join()}@${step.nextOffset}`);
    if (step.nextOffset === 3n) stop.abort();
  }
  assert.deepEqual(seen, ['before@1', 'CORRUPT_RECORD 1-2', '@2', 'after@3']);
  await log.close();
});

test('tails of one partition get the same records, decoded once', () =>
  withLog(async (log) => {
    const tails = [0, 1, 2].map(() => log.tail({ topic: 'notes', from: 'latest' })[Symbol.asyncIterator]());
    const steps = tails.map((tail) => tail.next());
    await log.append('notes', [{ key: null, value: utf8('shared') }]);
    const records = (await Promise.all(steps)).map(({ value }) => (value as { records: LogRecord[] }).records[0]!);
    assert.deepEqual(texts(records), ['shared', 'shared', 'shared']);
    assert.ok(records[0] === records[1] && records[1] === records[2]);
    for (const tail of tails) await tail.return?.();
  }));

test('one caller with a time or a missing key that the topic does not take costs its neighbours nothing', async () => {
  const broker = await openBroker({ memory: true });
  const log = embedded({ broker });
  await log.admin.createTopic('notes', { partitions: 2 });
  await broker.createTopic('latest', { partitions: 1, config: { isCompacted: true } });
  const good = { key: utf8('k'), value: utf8('good'), partition: 0 };
  const late = { ...good, timestampMs: Date.now() + 7_200_000 };
  const settled = async (topic: string, calls: readonly (readonly ProducerRecord[])[]): Promise<string[]> => {
    const answers = await Promise.allSettled(calls.map((records) => log.append(topic, records)));
    return answers.map((one) => (one.status === 'fulfilled' ? 'kept' : ThroughlineError.from(one.reason).code));
  };
  assert.deepEqual(await settled('notes', [[good], [late], [good]]), ['kept', 'INVALID_TIMESTAMP', 'kept']);
  // A batch behind it is under way by then: the order of the calls could not be kept by sending them one by one.
  const many = Array.from({ length: 4 }, () => [{ ...good, value: new Uint8Array(500_000) }]);
  assert.deepEqual(await settled('notes', [[good], [late], ...many]), [
    'kept',
    'INVALID_TIMESTAMP',
    ...many.map(() => 'kept'),
  ]);
  // A call is kept whole or not at all, over several partitions too.
  assert.deepEqual(await settled('notes', [[{ ...good, partition: 1 }, late]]), ['INVALID_TIMESTAMP']);
  assert.equal(broker.partition('notes', 1).highWatermark, 0n);
  assert.deepEqual(await settled('latest', [[good], [{ ...good, key: null }], [good]]), [
    'kept',
    'INVALID_RECORD',
    'kept',
  ]);
  const error = await failure(log.append('notes', [good, late]));
  assert.ok(ThroughlineError.is(error, 'INVALID_TIMESTAMP'));
  assert.deepEqual(
    (error.details['recordErrors'] as { index: number }[]).map(({ index }) => index),
    [1],
  );
  await log.close();
});

test('a log closes on a full disk: appends that wait for room are answered, those that gathered behind them, too', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const clock = new VirtualClock();
  const broker = await openBroker({
    dataDir: '/data',
    disk,
    clock,
    writeBehindBytesMax: 10_000,
    journalFileBytes: 65_536,
  });
  const log = embedded({ broker, clock, inFlightBytesMax: 15_000 });
  await log.admin.createTopic('notes', { partitions: 1, config: { durability: 'memory' } });
  disk.fail({ operation: 'write', path: '/notes-0/', code: 'ENOSPC', times: 1e9 });
  const calls: Promise<string>[] = [];
  for (let call = 0; call < 12; call++) {
    calls.push(
      log.append('notes', [{ key: null, value: new Uint8Array(2500) }]).then(
        () => 'kept',
        (error: unknown) => ThroughlineError.from(error).code,
      ),
    );
    // Each is a batch of its own, and all are in before the disk has answered the first.
    for (let tick = 0; tick < 3; tick++) await new Promise<void>((resolve) => process.nextTick(resolve));
  }
  const closed = log.close();
  const state = { isDone: false };
  const done = Promise.all([...calls, closed]).finally(() => (state.isDone = true));
  for (let turn = 0; !state.isDone && turn < 5000; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  assert.ok(state.isDone, 'somebody waits for a disk that stays full');
  const answers = (await done).slice(0, calls.length);
  const keptCount = answers.indexOf('OUT_OF_DISK');
  assert.ok(keptCount > 0);
  assert.deepEqual(
    answers,
    answers.map((_, call) => (call < keptCount ? 'kept' : 'OUT_OF_DISK')),
  );
});
