import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '@throughline/event';
import { LossyDisk } from '@throughline/testkit';
import { openBroker } from './open-broker.ts';
import { ProducerIds } from './producer-ids.ts';

test('no producer id is given twice, over restarts clean and unclean', async () => {
  const disk = new LossyDisk();
  const random = seededRandom(1);
  const given = new Set<bigint>();
  for (let life = 0; life < 4; life++) {
    const broker = await openBroker({ dataDir: '/data', disk, journalFileBytes: 64 * 1024 });
    const ids = new ProducerIds(broker);
    const askedCount = [1, 1500, 3, 10][life]!;
    const taken = await Promise.all(Array.from({ length: askedCount }, () => ids.next()));
    for (const id of taken) given.add(id);
    assert.equal(given.size, [1, 1501, 1504, 1514][life], 'each is new');
    if (life % 2 === 0) await broker.close();
    else disk.cutPower(random);
  }
});

test('whoever asks while a block is taken waits for it, and a failure is told to those who asked', async () => {
  let takenCount = 0;
  let isBroken = true;
  const ids = new ProducerIds({
    takeProducerIds: () => {
      if (isBroken) return Promise.reject(new Error('the disk is full'));
      return Promise.resolve({ first: BigInt(1000 * takenCount++), count: 1000 });
    },
  });
  await assert.rejects(ids.next(), /the disk is full/);
  isBroken = false;
  assert.deepEqual(await Promise.all([ids.next(), ids.next(), ids.next()]), [0n, 1n, 2n]);
  assert.equal(takenCount, 1);
});
