// Batches of another log, conditions and seals in the storage: what outlives a crash, and what a full disk leaves behind.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { seededRandom, ThroughlineError, utf8 } from '@throughline/event';
import { FaultyDisk, LossyDisk } from '@throughline/testkit';
import {
  encodeRecordBatch,
  offsetBehind,
  readBatchHeader,
  setBaseOffset,
  setPartitionLeaderEpoch,
} from '@throughline/wire';
import type { Broker } from '../topics/broker.ts';
import { openBroker } from '../topics/open-broker.ts';
import type { Disk } from '../disk/disk.ts';

const journalFileBytes = 64 * 1024;
const open = (disk: Disk): Promise<Broker> => openBroker({ dataDir: '/data', disk, journalFileBytes });
const withCode = (code: string) => (error: unknown) => ThroughlineError.is(error) && error.code === code;

const producer = { id: 9n, epoch: 1, baseSequence: 0 };

function batchAt(offset: bigint, epoch: number, count = 1, options = {}): Uint8Array {
  const records = Array.from({ length: count }, (_, n) => ({ key: null, value: utf8(`${offset + BigInt(n)}`) }));
  const batch = encodeRecordBatch(records, { nowMs: 1_000, ...options });
  setBaseOffset(batch, 0, offset);
  setPartitionLeaderEpoch(batch, 0, epoch);
  return batch;
}

/** The base offset and the epoch of each batch. */
async function batchesIn(broker: Broker): Promise<readonly string[]> {
  const log = broker.partition('t', 0);
  const found: string[] = [];
  for (let offset = log.logStartOffset; offset < log.highWatermark;) {
    const header = readBatchHeader((await log.read(offset, 1)).batches, 0);
    found.push(`${header.baseOffset}@${header.partitionLeaderEpoch}`);
    offset = offsetBehind(header);
  }
  return found;
}

const place = (batches: Uint8Array, more = {}) => ({ batches, lastEpoch: -1, mayLeaveGap: false, ...more });

describe('batches of another log', () => {
  for (const durability of ['os', 'fsync'] as const) {
    test(`with gaps and epochs are there after a crash of the process, durability ${durability}`, async () => {
      const disk = new LossyDisk();
      const killed = await open(disk);
      await killed.createTopic('t', { partitions: 1, config: { durability, segmentBytes: 4096 } });
      const log = killed.partition('t', 0);
      await log.seal();
      await log.appendPlaced(place(batchAt(50n, 3, 2), { mayLeaveGap: true }));
      await log.appendPlaced(place(batchAt(52n, 3)));
      await log.appendPlaced(place(batchAt(80n, 4), { mayLeaveGap: true }));
      await log.appendPlaced(place(batchAt(81n, 6), { lastEpoch: 4 }));
      const before = await batchesIn(killed);
      assert.deepEqual(before, ['50@3', '52@3', '80@4', '81@6']);
      disk.crash();
      const broker = await open(disk);
      const again = broker.partition('t', 0);
      assert.deepEqual(await batchesIn(broker), before);
      assert.deepEqual([again.logStartOffset, again.logEndOffset], [50n, 82n]);
      assert.equal(again.isSealed, true);
      assert.equal(again.leaderEpoch, 6, 'a sealed partition begins no epoch of its own');
      assert.deepEqual(again.endOfEpoch(4), { epoch: 4, endOffset: 81n });
      assert.equal(await again.appendPlaced(place(batchAt(82n, 6), { lastEpoch: 6 })), 83n);
      await broker.close();
    });
  }

  test('of durability fsync survive a power cut, and so do a seal and the epoch that lifts one', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const disk = new LossyDisk();
      const first = await open(disk);
      await first.createTopic('t', { partitions: 2, config: { durability: 'fsync' } });
      const log = first.partition('t', 0);
      await log.append(batchAt(0n, 0));
      await log.seal();
      await log.appendPlaced(place(batchAt(1n, 5, 3)));
      await first.partition('t', 1).seal();
      await first.beginEpoch('t', 1, 12);
      disk.cutPower(seededRandom(seed));
      const broker = await open(disk);
      assert.deepEqual(await batchesIn(broker), ['0@0', '1@5']);
      await assert.rejects(broker.partition('t', 0).append(batchAt(0n, 0)), withCode('PARTITION_SEALED'));
      const opened = broker.partition('t', 1);
      assert.ok(!opened.isSealed && opened.leaderEpoch > 12);
      await opened.append(batchAt(0n, 0));
      await broker.close();
    }
  });

  test('tell the partition of their producers: what one of them sends again is a duplicate, before a restart and after', async () => {
    const disk = new LossyDisk();
    const first = await open(disk);
    await first.createTopic('t', { partitions: 1, config: { durability: 'fsync' } });
    await first.partition('t', 0).appendPlaced(place(batchAt(0n, 2, 2, { producer })));
    const again = await first.partition('t', 0).append(batchAt(0n, 0, 2, { producer }));
    assert.deepEqual([again.isDuplicate, again.baseOffset], [true, 0n]);
    disk.crash();
    const broker = await open(disk);
    assert.equal((await broker.partition('t', 0).append(batchAt(0n, 0, 2, { producer }))).isDuplicate, true);
    const next = { ...producer, baseSequence: 2 };
    assert.equal((await broker.partition('t', 0).append(batchAt(0n, 0, 1, { producer: next }))).baseOffset, 2n);
    await broker.close();
  });

  test('stand in the order of the calls among appends that are under way', async () => {
    const broker = await openBroker({ memory: true });
    await broker.createTopic('t', { partitions: 1 });
    const log = broker.partition('t', 0);
    const calls = [
      log.append(batchAt(0n, 0)),
      log.append(batchAt(0n, 0)),
      log.appendPlaced(place(batchAt(2n, 0))),
      log.append(batchAt(0n, 0)),
      log.appendIf(batchAt(0n, 0), { endOffset: 4n }),
      log.append(batchAt(0n, 0)),
    ];
    await Promise.all(calls);
    assert.deepEqual(await batchesIn(broker), ['0@0', '1@0', '2@0', '3@0', '4@0', '5@0']);
    await broker.close();
  });

  test('on a full disk are rejected and leave nothing, and go on when there is room', async () => {
    const disk = new FaultyDisk(new LossyDisk());
    const broker = await open(disk);
    await broker.createTopic('t', { partitions: 1, config: { durability: 'fsync' } });
    const log = broker.partition('t', 0);
    await log.append(batchAt(0n, 0));
    disk.bytesFree = 20;
    await assert.rejects(log.appendPlaced(place(batchAt(1n, 0, 3))), withCode('OUT_OF_DISK'));
    assert.deepEqual([log.isOnline, log.logEndOffset, log.highWatermark], [true, 1n, 1n]);
    disk.heal();
    assert.equal(await log.appendPlaced(place(batchAt(1n, 0, 3))), 4n);
    assert.equal((await log.append(batchAt(0n, 0))).baseOffset, 4n);
    await broker.close();
  });
});

describe('seals', () => {
  test('that cannot be read are no start: to take them for none would open what is sealed', async () => {
    const disk = new LossyDisk();
    const first = await open(disk);
    await first.createTopic('t', { partitions: 1 });
    await first.partition('t', 0).seal();
    await first.close();
    const file = await disk.open('/data/throughline-seals', 'write');
    await file.truncate(5);
    await file.close();
    await assert.rejects(open(disk), withCode('CORRUPT_RECORD'));
    await disk.remove('/data/throughline-seals');
    const broker = await open(disk);
    assert.equal(broker.partition('t', 0).isSealed, false);
    await broker.close();
  });
});
