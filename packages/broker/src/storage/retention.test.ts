// Retention and deletions on a disk that fails in one place: the others lose what they may lose, and what is gone is gone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, LogRecorder, readAll } from '../test-support.ts';

const nowMs = Date.UTC(2030, 0, 1);

test('a partition whose segment cannot be closed keeps no other from losing what has expired', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const logger = new LogRecorder();
  const options = { dataDir: '/data', disk, clock: new VirtualClock(nowMs), random: seededRandom(1), logger };
  const broker = await openBroker(options);
  await broker.createTopic('t', { partitions: 3, config: { durability: 'os', retentionMs: 1000 } });
  const logs = [0, 1, 2].map((partition) => broker.partition('t', partition));
  for (const log of logs) await log.append(batchOf(['old'], nowMs - 5000));
  disk.fail({ operation: 'open', path: '/t-1/', code: 'ENOSPC', times: 2 });
  await broker.runRetention();
  assert.deepEqual(
    logs.map((log) => log.logStartOffset),
    [1n, 0n, 1n],
  );
  assert.ok(logger.lines.includes('warn: retention of a partition has to wait'));
  disk.heal();
  await broker.runRetention();
  assert.equal(logs[1]!.logStartOffset, 1n);
});

test('a deletion that is noted is made, also when a file below the start cannot be removed at once', async () => {
  const memory = new LossyDisk();
  const disk = new FaultyDisk(memory);
  const options = { dataDir: '/data', clock: new VirtualClock(nowMs), random: seededRandom(1) };
  const broker = await openBroker({ ...options, disk });
  await broker.createTopic('t', { partitions: 1, config: { durability: 'os', segmentBytes: 1024 } });
  const log = broker.partition('t', 0);
  for (let i = 0; i < 20; i++) await log.append(batchOf(['x'.repeat(200)], nowMs));
  disk.fail({ operation: 'rename', path: '/t-0/00000000000000000000.log', code: 'EIO' });
  assert.equal(await log.deleteRecords(15n), 15n);
  assert.equal((await readAll(log)).length, 5);
  await disk.die();
  memory.crash();
  const again = (await openBroker({ ...options, disk: memory })).partition('t', 0);
  assert.equal(again.logStartOffset, 15n);
  assert.equal((await readAll(again)).length, 5);
});

test('a disk that is full to the last byte loses what has expired, and a power cut then finds the rest in one piece', async () => {
  // The new start of the log could not be noted, so that what would have made room was kept.
  for (let seed = 1; seed <= 12; seed++) {
    const memory = new LossyDisk();
    const disk = new FaultyDisk(memory);
    const logger = new LogRecorder();
    const limits = { journalFileBytes: 4096 };
    const options = { dataDir: '/data', clock: new VirtualClock(nowMs), random: seededRandom(1), logger, ...limits };
    const broker = await openBroker({ ...options, disk });
    const config = { durability: 'fsync', segmentBytes: 1024, retentionMs: 1000 } as const;
    await broker.createTopic('t', { partitions: 1, config });
    const log = broker.partition('t', 0);
    for (let i = 0; i < 20; i++) await log.append(batchOf(['x'.repeat(200)], i < 15 ? nowMs - 5000 : nowMs));
    const { bytes } = log;
    disk.fail({
      operation: 'write',
      path: 'log-start-offset-checkpoint',
      code: 'ENOSPC',
      times: seed % 2 === 0 ? 1 : 2,
    });
    const run = broker.runRetention();
    if (seed % 2 === 0) await run;
    else await assert.rejects(run, { code: 'ENOSPC' });
    assert.ok(log.logStartOffset >= 12n && log.bytes < bytes / 2, `${log.logStartOffset}, ${log.bytes} bytes`);
    assert.ok(logger.lines.includes('warn: the disk is full: what has expired is removed before that is noted'));
    const start = log.logStartOffset;
    await disk.die();
    memory.cutPower(seededRandom(seed));
    const again = (await openBroker({ ...options, disk: memory })).partition('t', 0);
    assert.equal(again.logStartOffset, start);
    assert.equal((await readAll(again)).length, 20 - Number(start));
  }
});

test('a power cut in the middle of that leaves a log without a gap', async () => {
  for (let changeCount = 0; changeCount < 24; changeCount++) {
    const memory = new LossyDisk();
    const disk = new FaultyDisk(memory);
    const limits = { journalFileBytes: 4096 };
    const options = { dataDir: '/data', clock: new VirtualClock(nowMs), random: seededRandom(1), ...limits };
    const broker = await openBroker({ ...options, disk });
    const config = { durability: 'fsync', segmentBytes: 1024, retentionMs: 1000 } as const;
    await broker.createTopic('t', { partitions: 1, config });
    const log = broker.partition('t', 0);
    for (let i = 0; i < 20; i++) await log.append(batchOf([`${i}`.padEnd(200, 'x')], i < 15 ? nowMs - 5000 : nowMs));
    disk.fail({ operation: 'write', path: 'log-start-offset-checkpoint', code: 'ENOSPC', times: 2 });
    disk.dieAfter(changeCount);
    await Promise.allSettled([broker.runRetention()]);
    await disk.die();
    memory.cutPower(seededRandom(changeCount));
    const again = (await openBroker({ ...options, disk: memory })).partition('t', 0);
    assert.equal((await readAll(again)).length, 20 - Number(again.logStartOffset), `${changeCount} changes`);
    assert.ok(again.logStartOffset <= 15n);
  }
});
