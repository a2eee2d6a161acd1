// Closing while the disk is full: everybody who waits is answered, and the close ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, LogRecorder, settlesWithin } from '../test-support.ts';

const nowMs = Date.UTC(2030, 0, 1);

for (const durability of ['memory', 'os', 'fsync'] as const) {
  for (const end of ['the broker is closed', 'the topic is deleted'] as const) {
    test(`on a full disk ${end}: every promise of a ${durability} topic is answered`, async () => {
      const disk = new FaultyDisk(new LossyDisk());
      const logger = new LogRecorder();
      const limits = { journalFileBytes: 65_536, writeBehindBytesMax: 10_000 };
      const broker = await openBroker({ dataDir: '/data', disk, clock: new VirtualClock(nowMs), logger, ...limits });
      await broker.createTopic('t', { partitions: 1, config: { durability } });
      const log = broker.partition('t', 0);
      await log.append(batchOf(['x'.repeat(100)], nowMs));
      // The deletion itself finds room to be noted.
      const isDeleted = end === 'the topic is deleted';
      if (!isDeleted) disk.bytesFree = 3000;
      else
        for (const path of ['/t-0/', '.journal']) disk.fail({ operation: 'write', path, code: 'ENOSPC', times: 1e9 });
      const pending = new Map<string, Promise<unknown>>();
      const answers = new Map<string, string>();
      const ask = (name: string, promise: Promise<unknown>): void => {
        const answered = promise.then(
          () => 'done',
          (error: unknown) => ThroughlineError.from(error).code,
        );
        pending.set(
          name,
          answered.then((answer) => answers.set(name, answer)),
        );
      };
      for (let i = 0; i < 8; i++) ask(`append ${i}`, log.append(batchOf(['x'.repeat(2500)], nowMs)));
      ask('look-up by time', log.offsetForTime(5));
      ask('largest time', log.maxTimestampOffset());
      ask('change of a setting', broker.alterTopic('t', { retentionMs: 1e9 }));
      ask('change of the durability', broker.alterTopic('t', { durability: durability === 'fsync' ? 'os' : 'fsync' }));
      ask('retention', broker.runRetention());
      ask('the end', isDeleted ? broker.deleteTopic('t') : broker.close());
      await settlesWithin(5000, Promise.all(pending.values()), () =>
        [...pending.keys()].filter((name) => !answers.has(name)).join(', '),
      );
      assert.equal(answers.get('the end'), 'done');
      if (durability === 'memory' && !isDeleted) {
        // The last ones were beyond what is acknowledged before the disk has it, and are told so.
        assert.deepEqual(
          Array.from({ length: 8 }, (_, i) => answers.get(`append ${i}`)),
          ['done', 'done', 'done', 'OUT_OF_DISK', 'OUT_OF_DISK', 'OUT_OF_DISK', 'OUT_OF_DISK', 'OUT_OF_DISK'],
        );
        assert.ok(logger.lines.includes('error: the disk is full: what was only in memory is lost'));
      }
    });
  }
}

test('a partition that cannot be closed well keeps no other from it, and the folder is free afterwards', async () => {
  const memory = new LossyDisk();
  const disk = new FaultyDisk(memory);
  const broker = await openBroker({ dataDir: '/data', disk, clock: new VirtualClock(nowMs) });
  await broker.createTopic('t', { partitions: 3, config: { durability: 'memory' } });
  for (let i = 0; i < 3; i++) await broker.partition('t', i).append(batchOf([`in ${i}`], nowMs));
  disk.fail({ operation: 'close', path: '/t-0/00000000000000000000.log', code: 'EIO' });
  await settlesWithin(5000, broker.close());
  const again = await openBroker({ dataDir: '/data', disk: memory, clock: new VirtualClock(nowMs) });
  for (let i = 0; i < 3; i++) assert.equal(again.partition('t', i).highWatermark, 1n);
});
