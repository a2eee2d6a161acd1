// The upkeep of partitions while their appends wait for a journal that is full: nothing may stand still.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@throughline/event';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import type { Broker } from '../topics/broker.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, readAll, settlesWithin } from '../test-support.ts';

const nowMs = Date.UTC(2030, 0, 1);
const partitionCount = 3;
const appendCount = 60;

/** Small enough that each handful of appends fills a file. */
const limits = { journalFileBytes: 4096, journalFileCountMax: 2, openSegmentCountMax: 2, activeFileCountMax: 2 };

/** Every kind of upkeep that may wait for appends, by what it does. */
const upkeep: Readonly<Record<string, (broker: Broker, round: number) => Promise<unknown>>> = {
  'a setting is changed': (broker, round) => broker.alterTopic('t', { segmentBytes: 2048 + round }),
  'the durability is changed': (broker, round) =>
    broker.alterTopic('t', { durability: round % 2 === 0 ? 'os' : 'fsync' }),
  'a setting of the broker is changed': (broker, round) =>
    broker.alterBrokerSettings('', new Map([['log.roll.ms', String(1_000_000 + round)]])),
  'retention closes segments': (broker) => broker.runRetention(),
  'records are deleted': async (broker, round) => {
    const log = broker.partition('t', round % partitionCount);
    await log.deleteRecords(log.highWatermark);
  },
  'another topic is made and deleted': async (broker) => {
    await broker.createTopic('other', { partitions: 1, config: { durability: 'fsync' } });
    void broker
      .partition('other', 0)
      .append(batchOf(['x'.repeat(500)], nowMs))
      .catch(() => {});
    await broker.deleteTopic('other');
  },
};

for (const [what, action] of Object.entries(upkeep)) {
  test(`appends go on over a full journal while ${what}`, async () => {
    const disk = new LossyDisk();
    const options = { dataDir: '/data', disk, clock: new VirtualClock(nowMs), random: seededRandom(1), ...limits };
    const broker = await openBroker(options);
    const retentionMs = what.startsWith('retention') ? 1 : null;
    await broker.createTopic('t', {
      partitions: partitionCount,
      config: { durability: 'fsync', segmentBytes: 2048, retentionMs },
    });
    const work = { isDone: false };
    const acked: number[] = [];
    const writers = Array.from({ length: 4 * partitionCount }, async (_, writer) => {
      const log = broker.partition('t', writer % partitionCount);
      for (let i = 0; i < appendCount; i++) {
        await log.append(batchOf([`${writer}/${i}`.padEnd(700, '.')], nowMs - 1000));
        acked[writer] = i + 1;
      }
    });
    const changer = (async () => {
      let round = 0;
      for (; !work.isDone; round++) {
        await action(broker, round);
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      return round;
    })();
    await settlesWithin(200_000, Promise.all(writers), () => `acknowledged: ${acked.join(' ')}`);
    work.isDone = true;
    assert.ok((await settlesWithin(20_000, changer)) > 3);
    for (let partition = 0; partition < partitionCount; partition++) {
      const log = broker.partition('t', partition);
      assert.equal(log.highWatermark, BigInt(4 * appendCount));
      await readAll(log);
    }
    await settlesWithin(20_000, broker.close());
  });
}
