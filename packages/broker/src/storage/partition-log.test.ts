// What ListOffsets, DeleteRecords and OffsetForLeaderEpoch ask of a partition, and whose time its records carry.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, ThroughlineError, utf8, type ErrorCode } from '@throughline/event';
import { batchWith, FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import {
  attributeBits,
  batchHeaderBytes,
  encodeRecordBatch,
  readBatchHeader,
  verifyBatchCrc,
  type Codec,
} from '@throughline/wire';
import type { Broker } from '../topics/broker.ts';
import type { PartitionLog } from './partition-face.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, readAll, recordsOf } from '../test-support.ts';
import type { TopicConfig } from '../ground/topic-config.ts';

const nowMs = Date.UTC(2030, 0, 1);
const hourMs = 60 * 60 * 1000;

interface Opened {
  readonly broker: Broker;
  readonly log: PartitionLog;
  readonly disk: FaultyDisk;
  readonly memory: LossyDisk;
}

async function open(config: Partial<TopicConfig> = {}, memory: LossyDisk = new LossyDisk()): Promise<Opened> {
  const disk = new FaultyDisk(memory);
  const options = { dataDir: '/data', disk, clock: new VirtualClock(nowMs), random: seededRandom(1) };
  const broker = await openBroker({ ...options, journalFileBytes: 65_536 });
  if (!broker.topics().some(({ topic }) => topic === 't')) {
    await broker.createTopic('t', { partitions: 1, config: { durability: 'os', ...config } });
  }
  return { broker, log: broker.partition('t', 0), disk, memory };
}

/** kill -9, and the next start. */
async function killed({ disk, memory }: Opened): Promise<Opened> {
  await disk.die();
  memory.crash();
  return open({}, memory);
}

function timed(timesMs: readonly number[], codec: Codec = 'none'): Uint8Array {
  const records = timesMs.map((timestampMs) => ({ key: null, value: utf8('x'.repeat(40)), timestampMs }));
  return encodeRecordBatch(records, { nowMs, codec });
}

function rejectedWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => ThroughlineError.is(error, code);
}

for (const codec of ['none', 'zstd'] as const) {
  test(`times lead to records inside batches of codec ${codec}, and the largest time to the first record that has it`, async () => {
    const { log } = await open({ segmentBytes: 1024 });
    assert.equal(await log.maxTimestampOffset(), undefined);
    assert.equal(await log.recordAtTime(0), undefined);
    // Out of order within and between batches, over several segments, the largest twice.
    for (let i = 0; i < 20; i++) {
      await log.append(timed([nowMs + i * 10, nowMs + i * 10 - 5, nowMs + (i === 7 || i === 9 ? 900 : i)], codec));
    }
    assert.deepEqual(await log.maxTimestampOffset(), { offset: 23n, timestampMs: nowMs + 900, leaderEpoch: 0 });
    assert.deepEqual(await log.recordAtTime(nowMs + 41), { offset: 15n, timestampMs: nowMs + 50, leaderEpoch: 0 });
    assert.deepEqual(await log.recordAtTime(nowMs + 71), { offset: 23n, timestampMs: nowMs + 900, leaderEpoch: 0 });
    assert.equal(await log.recordAtTime(nowMs + 901), undefined);
    await log.deleteRecords(24n);
    assert.deepEqual(await log.maxTimestampOffset(), { offset: 29n, timestampMs: nowMs + 900, leaderEpoch: 0 });
    await log.deleteRecords(30n);
    assert.deepEqual(await log.maxTimestampOffset(), { offset: 57n, timestampMs: nowMs + 190, leaderEpoch: 0 });
    assert.deepEqual(await log.recordAtTime(0), { offset: 30n, timestampMs: nowMs + 100, leaderEpoch: 0 });
  });
}

test('records are deleted up to an offset in the middle of a batch, at once, and for good', async () => {
  const opened = await open({ segmentBytes: 1024 });
  const { log, memory } = opened;
  for (let i = 0; i < 30; i++) await log.append(batchOf(['a'.repeat(50), 'b'.repeat(50)], nowMs));
  const before = log.bytes;
  const expected = (await readAll(log)).slice(41);
  assert.equal(await log.deleteRecords(41n), 41n);
  assert.ok(log.bytes < before);
  assert.deepEqual(await readAll(log), expected);
  await assert.rejects(log.read(40n, 100), rejectedWith('OFFSET_OUT_OF_RANGE'));
  // An offset that is gone already moves nothing.
  assert.equal(await log.deleteRecords(5n), 41n);
  for (const offset of [-1n, 61n]) await assert.rejects(log.deleteRecords(offset), rejectedWith('OFFSET_OUT_OF_RANGE'));
  const { log: again } = await killed(opened);
  assert.equal(again.logStartOffset, 41n);
  assert.deepEqual(await readAll(again), expected);
  assert.equal(await again.deleteRecords(again.highWatermark), 60n);
  assert.deepEqual(await readAll(again), []);
  assert.equal((await again.append(batchOf(['c'], nowMs))).baseOffset, 60n);
  assert.ok(!(await memory.list('/data/t-0')).includes('00000000000000000000.log'));
});

test('a deletion that cannot be noted is rejected, and deletes nothing', async () => {
  const { log, disk } = await open();
  await log.append(batchOf(['a', 'b'], nowMs));
  disk.bytesFree = 0;
  await assert.rejects(log.deleteRecords(1n), rejectedWith('OUT_OF_DISK'));
  assert.equal(log.logStartOffset, 0n);
  disk.heal();
  assert.equal(await log.deleteRecords(1n), 1n);
});

test('deletions of many partitions at the same time are all noted', async () => {
  const memory = new LossyDisk();
  const { broker, disk } = await open({}, memory);
  await broker.createTopic('many', { partitions: 8, config: { durability: 'os' } });
  const logs = Array.from({ length: 8 }, (_, partition) => broker.partition('many', partition));
  await Promise.all(logs.map((log) => log.append(batchOf(['a', 'b', 'c'], nowMs))));
  await Promise.all(logs.map((log) => log.deleteRecords(2n)));
  const { broker: again } = await killed({ broker, log: logs[0]!, disk, memory });
  for (let partition = 0; partition < 8; partition++) {
    assert.equal(again.partition('many', partition).logStartOffset, 2n);
  }
});

test('a leader epoch ends where the next one begins, and one that is not kept where the first kept one does', async () => {
  let opened = await open();
  for (let life = 0; life < 3; life++) {
    await opened.log.append(batchOf(['a', 'b'], nowMs));
    opened = await killed(opened);
  }
  const { log } = opened;
  assert.equal(log.leaderEpoch, 3);
  assert.deepEqual([log.epochAt(0n), log.epochAt(3n), log.epochAt(6n)], [0, 1, 3]);
  assert.deepEqual(log.endOfEpoch(0), { epoch: 0, endOffset: 2n });
  assert.deepEqual(log.endOfEpoch(2), { epoch: 2, endOffset: 6n });
  assert.deepEqual(log.endOfEpoch(3), { epoch: 3, endOffset: 6n });
  for (const epoch of [-1, 4]) assert.equal(log.endOfEpoch(epoch), undefined);
  await log.deleteRecords(4n);
  assert.deepEqual(log.endOfEpoch(0), { epoch: 0, endOffset: 4n });
  assert.equal(log.epochAt(4n), 2);
});

test('a segment ends when a record comes that is younger than its first by more than segmentMs, over a restart too', async () => {
  const { log, broker, memory } = await open({ segmentMs: 1000 });
  const segmentCount = async (): Promise<number> =>
    (await memory.list('/data/t-0')).filter((name) => name.endsWith('.log')).length;
  await Promise.all([0, 1000, 500].map((ms) => log.append(timed([nowMs + ms]))));
  assert.equal(await segmentCount(), 1);
  await Promise.all([1001, 2001].map((ms) => log.append(timed([nowMs + ms]))));
  assert.equal(await segmentCount(), 2);
  await broker.close();
  const { log: again } = await open({}, memory);
  await again.append(timed([nowMs + 2001]));
  assert.equal(await segmentCount(), 2);
  await again.append(timed([nowMs + 2002]));
  assert.equal(await segmentCount(), 3);
  assert.equal((await readAll(again)).length, 7);
});

test('a topic of LogAppendTime gives records its own time, under a checksum that is right', async () => {
  const { log } = await open({ timestampType: 'LogAppendTime' });
  const answer = await log.append(timed([5, 7, 6]));
  assert.equal(answer.logAppendTimeMs, nowMs);
  const { batches } = await log.read(0n, 1000);
  assert.ok(verifyBatchCrc(batches, 0, batches.length));
  assert.deepEqual(
    recordsOf(batches).map(({ timestampMs }) => timestampMs),
    [nowMs, nowMs, nowMs],
  );
  assert.deepEqual(await log.maxTimestampOffset(), { offset: 0n, timestampMs: nowMs, leaderEpoch: 0 });
});

test('a topic of CreateTime keeps the times of records and answers -1', async () => {
  const { log } = await open();
  const answer = await log.append(timed([5, 7]));
  assert.deepEqual(answer, {
    baseOffset: 0n,
    lastOffset: 1n,
    logAppendTimeMs: -1,
    logStartOffset: 0n,
    isDuplicate: false,
  });
});

for (const codec of ['none', 'zstd'] as const) {
  test(`timestamps of codec ${codec} too far from now are INVALID_TIMESTAMP, and the bad records are named`, async () => {
    const { log } = await open({ timestampBeforeMaxMs: hourMs, timestampAfterMaxMs: hourMs });
    await log.append(timed([nowMs - hourMs, nowMs + hourMs], codec));
    for (const bad of [nowMs - hourMs - 1, nowMs + hourMs + 1]) {
      await assert.rejects(log.append(timed([nowMs, bad, nowMs, bad], codec)), (error) => {
        assert.ok(ThroughlineError.is(error, 'INVALID_TIMESTAMP'));
        const { recordErrors } = error.details as { recordErrors: readonly { index: number }[] };
        assert.deepEqual(
          recordErrors.map(({ index }) => index),
          [1, 3],
        );
        return true;
      });
    }
    assert.equal(log.highWatermark, 2n);
  });
}

test('by default any past is taken, and an hour of future', async () => {
  const { log } = await open();
  await log.append(timed([0, nowMs + hourMs]));
  await assert.rejects(log.append(timed([nowMs + hourMs + 1])), rejectedWith('INVALID_TIMESTAMP'));
});

test('a batch that says it has the append time is rejected, and one whose head has the wrong largest time is put right', async () => {
  const { log } = await open();
  const batch = timed([5, 9, 7]);
  const claims = batchWith(batch, { attributes: attributeBits.appendTime });
  await assert.rejects(log.append(claims), rejectedWith('INVALID_TIMESTAMP'));
  await log.append(batchWith(batch, { maxTimestamp: 100 }));
  const { batches } = await log.read(0n, 1000);
  assert.equal(readBatchHeader(batches, 0).maxTimestampMs, 9);
  assert.ok(verifyBatchCrc(batches, 0, batches.length));
});

test('records that break the format inside a good checksum are INVALID_RECORD', async () => {
  const { log } = await open();
  const batch = timed([5, 9]);
  // The first record's length, its offset, the length of its key.
  for (const [at, value] of [
    [0, 2],
    [3, 2],
    [4, 90],
    [0, 0],
  ] as const) {
    await assert.rejects(
      log.append(batchWith(batch.with(batchHeaderBytes + at, value), {})),
      rejectedWith('INVALID_RECORD'),
      `${at}`,
    );
  }
  assert.equal(log.logEndOffset, 0n);
});

test('a compacted topic takes no record without a key', async () => {
  const { log } = await open({ isCompacted: true });
  await assert.rejects(log.append(timed([5])), (error) => {
    assert.ok(ThroughlineError.is(error, 'INVALID_RECORD'));
    assert.equal((error.details as { recordErrors: readonly unknown[] }).recordErrors.length, 1);
    return true;
  });
  await log.append(encodeRecordBatch([{ key: utf8('k'), value: null }], { nowMs, codec: 'gzip' }));
});

for (const end of ['clean', 'unclean'] as const) {
  test(`a compacted partition, as Kafka leaves one behind, opens with its gaps after a ${end} stop`, async () => {
    const opened = await open({ isCompacted: true, segmentBytes: 1024 });
    const { log, broker, memory } = opened;
    const keyed = (i: number): Uint8Array =>
      encodeRecordBatch([{ key: utf8(`k${i}`), value: utf8(`${i}`.padEnd(100, '.')) }], { nowMs });
    for (let i = 0; i < 20; i++) await log.append(keyed(i));
    const expected = await readAll(log);
    await broker.close();
    // The first segment loses its second and its last batch.
    const path = '/data/t-0/00000000000000000000.log';
    const bytes = (await memory.readFile(path))!;
    const batchBytes = keyed(10).length - 1;
    const count = bytes.length / batchBytes;
    const kept = Buffer.concat([
      bytes.subarray(0, batchBytes),
      bytes.subarray(2 * batchBytes, (count - 1) * batchBytes),
    ]);
    const file = await memory.open(path, 'write');
    await file.truncate(0);
    await file.write([kept], 0);
    for (const index of ['index', 'timeindex']) await memory.remove(path.replace('log', index));
    if (end === 'unclean') await memory.remove('/data/.kafka_cleanshutdown');
    const { log: again } = await open({}, memory);
    assert.equal(again.highWatermark, 20n);
    assert.deepEqual(
      await readAll(again),
      expected.filter((_, i) => i !== 1 && i !== count - 1),
    );
    assert.equal((await again.recordAtTime(0))?.offset, 0n);
    assert.equal((await again.append(keyed(20))).baseOffset, 20n);
  });
}
