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
