// What `fsync` has acknowledged survives a power cut, also when a partition goes offline at the worst moment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, ThroughlineError } from '@throughline/event';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import type { Broker } from '../topics/broker.ts';
import type { PartitionLog } from './partition-face.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, HeldDisk, readAll } from '../test-support.ts';
import type { Disk } from '../disk/disk.ts';

const nowMs = Date.UTC(2030, 0, 1);
const topics = ['t', 'u'] as const;

async function open(disk: Disk): Promise<Broker> {
  const options = { dataDir: '/data', disk, clock: new VirtualClock(nowMs), random: seededRandom(1) };
  const broker = await openBroker({ ...options, journalFileBytes: 16_384 });
  for (const topic of topics) {
    if (broker.findTopic(topic) !== undefined) continue;
    await broker.createTopic(topic, { partitions: 1, config: { durability: 'fsync' } });
  }
  return broker;
}

/** A broker whose topic `t` has a first record. */
async function begun(disk: Disk) {
  const broker = await open(disk);
  const t = broker.partition('t', 0);
  await append(t, 'first');
  return { broker, t, u: broker.partition('u', 0) };
}

/** `acknowledged`, or the code of the rejection. */
async function outcomeOf(append: Promise<unknown>): Promise<string> {
  try {
    await append;
    return 'acknowledged';
  } catch (error) {
    return ThroughlineError.from(error).code;
  }
}

const append = (log: PartitionLog, text: string): Promise<unknown> => log.append(batchOf([text], nowMs));

/** Others append to `u` until every file of the journal that is free has been used again, and the power is cut. */
async function goOnToPowerCut(broker: Broker, memory: LossyDisk, seed: number): Promise<Broker> {
  const u = broker.partition('u', 0);
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 20; i++) await append(u, 'u'.repeat(700));
    await broker.checkpoint();
  }
  memory.cutPower(seededRandom(seed));
  return open(memory);
}

test('what a partition commits while the journal makes its next file is acknowledged only if it is kept', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const memory = new LossyDisk();
    const held = new HeldDisk(memory);
    const { broker, t } = await begun(held);
    const sync = held.hold('sync', '/t-0/00000000000000000000.log');
    const making = held.hold('open', '0001.journal');
    const checkpoint = broker.checkpoint();
    await sync.reached;
    // The checkpoint has begun: the next frames go into another file, which has to be made.
    const second = outcomeOf(append(t, 'second'));
    await making.reached;
    sync.fail('EIO');
    await checkpoint;
    assert.equal(t.isOnline, false);
    making.release();
    const isAcknowledged = (await second) === 'acknowledged';
    const again = await goOnToPowerCut(broker, memory, seed);
    const found = await readAll(again.partition('t', 0));
    assert.deepEqual(found.slice(0, 1), ['0:first']);
    assert.ok(!isAcknowledged || found[1] === '1:second', 'an acknowledged record is lost');
  }
});

test('a checkpoint does not pass over a segment that another sync is still busy with', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const memory = new LossyDisk();
    const held = new HeldDisk(memory);
    const { broker, t, u } = await begun(held);
    // A change of durability syncs the segments, too.
    const sync = held.hold('sync', '/t-0/00000000000000000000.log');
    const change = outcomeOf(broker.alterTopic('t', { durability: 'os' }));
    await sync.reached;
    const checkpoint = broker.checkpoint();
    for (let i = 0; i < 50; i++) await append(u, 'u'.repeat(700));
    sync.fail('EIO');
    await checkpoint;
    assert.equal(await change, 'PARTITION_OFFLINE');
    assert.equal(t.isOnline, false);
    const again = await goOnToPowerCut(broker, memory, seed);
    assert.deepEqual(await readAll(again.partition('t', 0)), ['0:first']);
    assert.equal(again.topic('t').config.durability, 'fsync');
  }
});

test('what was acknowledged by fsync stays so when the topic is given another durability', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const memory = new LossyDisk();
    const { broker } = await begun(memory);
    await broker.alterTopic('t', { durability: 'os' });
    const again = await goOnToPowerCut(broker, memory, seed);
    assert.deepEqual(await readAll(again.partition('t', 0)), ['0:first']);
  }
});

test('the journal of the last life is kept until a start has its records in the segments for good', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const memory = new LossyDisk();
    const first = await open(memory);
    for (const topic of topics) await append(first.partition(topic, 0), 'first');
    memory.cutPower(seededRandom(seed));
    const held = new HeldDisk(memory);
    held.hold('sync', '/t-0/00000000000000000000.log').fail('EIO');
    const second = await open(held);
    // The checkpoint that begins with the start, and meets the failing sync.
    await second.checkpoint();
    assert.equal(second.partition('t', 0).isOnline, false);
    const third = await goOnToPowerCut(second, memory, seed + 100);
    assert.deepEqual(await readAll(third.partition('t', 0)), ['0:first']);
  }
});

test('a failing sync of the journal costs the partitions that were in it, and not those that waited behind', async () => {
  const held = new HeldDisk(new LossyDisk());
  const { t, u } = await begun(held);
  await append(u, 'first');
  const sync = held.hold('sync', '0000.journal');
  const inGroup = outcomeOf(append(t, 'lost'));
  await sync.reached;
  const behind = outcomeOf(append(u, 'second'));
  const behindOfTheSame = outcomeOf(append(t, 'lost too'));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  sync.fail('EIO');
  assert.deepEqual(await Promise.all([inGroup, behindOfTheSame, behind]), [
    'PARTITION_OFFLINE',
    'PARTITION_OFFLINE',
    'acknowledged',
  ]);
  assert.deepEqual([t.isOnline, u.isOnline], [false, true]);
});
