// A change of settings is made everywhere or nowhere: in what is described, in each partition, and after the next start.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, ThroughlineError } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock, type DiskFault } from '@throughline/testkit';
import type { Broker } from './broker.ts';
import { openBroker } from './open-broker.ts';
import type { Partition } from '../storage/partition-log.ts';
import { batchOf, readAll, settlesWithin } from '../test-support.ts';
import type { Durability, TopicConfig } from '../ground/topic-config.ts';

const nowMs = Date.UTC(2030, 0, 1);
const partitions = [0, 1, 2];

class Bench {
  readonly memory = new LossyDisk();
  disk = new FaultyDisk(this.memory);
  broker!: Broker;

  async open(): Promise<void> {
    const { disk } = this;
    const options = { dataDir: '/data', disk, clock: new VirtualClock(nowMs), random: seededRandom(1) };
    this.broker = await openBroker({ ...options, journalFileBytes: 65_536 });
  }

  async make(durability?: Durability): Promise<void> {
    await this.open();
    const config = durability === undefined ? {} : { durability };
    await this.broker.createTopic('t', { partitions: partitions.length, config });
    for (const partition of partitions) {
      await this.append(partition, 'first');
      // What is looked up by time is on the disk before.
      await this.broker.partition('t', partition).maxTimestampOffset();
    }
  }

  async append(partition: number, text: string): Promise<void> {
    await this.broker.partition('t', partition).append(batchOf([text.padEnd(2000, '.')], nowMs));
  }

  /** kill -9, and the next start. */
  async restart(): Promise<void> {
    await this.disk.die();
    this.memory.crash();
    this.disk = new FaultyDisk(this.memory);
    await this.open();
  }

  /** What is described, and what each partition goes by. */
  valuesOf<Name extends keyof TopicConfig>(name: Name): TopicConfig[Name][] {
    const held = partitions.map((partition) => (this.broker.partition('t', partition) as Partition).config[name]);
    return [this.broker.topic('t').config[name], ...held];
  }
}

async function outcomeOf(change: Promise<unknown>): Promise<string> {
  try {
    await settlesWithin(20_000, change);
    return 'made';
  } catch (error) {
    return ThroughlineError.is(error) ? error.code : String(error);
  }
}

test('a setting of a memory topic is changed while its records wait for room on the disk', async () => {
  const bench = new Bench();
  await bench.make('memory');
  bench.disk.bytesFree = 0;
  await bench.append(1, 'waits');
  await settlesWithin(20_000, waitUntilFull(bench));
  bench.disk.heal();
  assert.equal(await outcomeOf(bench.broker.alterTopic('t', { retentionMs: 60_000 })), 'made');
  assert.deepEqual(bench.valuesOf('retentionMs'), [60_000, 60_000, 60_000, 60_000]);
  await bench.restart();
  assert.deepEqual(bench.valuesOf('retentionMs'), [60_000, 60_000, 60_000, 60_000]);
});

test('a change that a full disk does not let be stored is made nowhere', async () => {
  const bench = new Bench();
  await bench.make('os');
  bench.disk.bytesFree = 0;
  assert.equal(await outcomeOf(bench.broker.alterTopic('t', { retentionMs: 60_000 })), 'OUT_OF_DISK');
  assert.deepEqual(bench.valuesOf('retentionMs'), [null, null, null, null]);
  bench.disk.heal();
  await bench.restart();
  assert.deepEqual(bench.valuesOf('retentionMs'), [null, null, null, null]);
});

test('records that a full disk does not take cannot become fsync: the change is made nowhere, and can be made later', async () => {
  const bench = new Bench();
  await bench.make('memory');
  bench.disk.bytesFree = 0;
  await bench.append(1, 'waits');
  await settlesWithin(20_000, waitUntilFull(bench));
  assert.equal(await outcomeOf(bench.broker.alterTopic('t', { durability: 'fsync' })), 'OUT_OF_DISK');
  assert.deepEqual(bench.valuesOf('durability'), ['memory', 'memory', 'memory', 'memory']);
  // The others are not held up by the attempt.
  bench.disk.heal();
  await bench.append(0, 'goes on');
  assert.equal(bench.broker.partition('t', 0).highWatermark, 2n);
});

/** Where a change can fail, and what is then to hold. */
const faults: readonly { readonly what: string; readonly fault: DiskFault; readonly isOffline: boolean }[] = [
  ...partitions.map((partition) => ({
    what: `the sync of partition ${partition}`,
    fault: { operation: 'sync', path: `/t-${partition}/`, code: 'EIO' } as const,
    isOffline: true,
  })),
  {
    what: 'a full disk at the metadata log',
    fault: { operation: 'write', path: '__cluster_metadata-0', code: 'ENOSPC' },
    isOffline: false,
  },
];

for (const [from, to] of [
  ['os', 'fsync'],
  ['fsync', 'os'],
  ['memory', 'fsync'],
  ['fsync', 'memory'],
] as const) {
  for (const { what, fault, isOffline } of faults) {
    test(`from ${from} to ${to}, and ${what} fails: the change is made in no partition, now and after the next start`, async () => {
      const bench = new Bench();
      await bench.make(from);
      bench.disk.fail(fault);
      const outcome = await outcomeOf(bench.broker.alterTopic('t', { durability: to }));
      assert.equal(outcome, isOffline ? 'PARTITION_OFFLINE' : 'OUT_OF_DISK');
      assert.deepEqual(bench.valuesOf('durability'), [from, from, from, from]);
      // Whoever was stopped for the change goes on.
      const online = partitions.filter((partition) => bench.broker.partition('t', partition).isOnline);
      assert.equal(online.length, isOffline ? 2 : 3);
      for (const partition of online) await settlesWithin(20_000, bench.append(partition, 'goes on'));
      await bench.restart();
      assert.deepEqual(bench.valuesOf('durability'), [from, from, from, from]);
      // A partition that is whole again takes the change.
      assert.equal(await outcomeOf(bench.broker.alterTopic('t', { durability: to })), 'made');
      assert.deepEqual(bench.valuesOf('durability'), [to, to, to, to]);
      for (const partition of partitions) await bench.append(partition, 'after');
    });
  }
}

test('a setting of the broker that topics follow is made in all of them or in none', async () => {
  const bench = new Bench();
  await bench.make();
  const change = (value: string): Promise<string> =>
    outcomeOf(bench.broker.alterBrokerSettings('', new Map([['log.flush.interval.messages', value]])));
  await bench.broker.createTopic('followed', { partitions: 1, config: { durability: 'os' } });
  await bench.broker.alterTopicSettings('followed', new Map([['flush.messages', '1']]));
  const before = bench.valuesOf('durability');
  bench.disk.fail({ operation: 'write', path: '__cluster_metadata-0', code: 'ENOSPC' });
  assert.equal(await change('1'), 'OUT_OF_DISK');
  assert.deepEqual(bench.valuesOf('durability'), before);
  assert.equal(bench.broker.configs.dynamicOf('').get('log.flush.interval.messages'), undefined);
  assert.equal(await change('1'), 'made');
  assert.equal(bench.broker.configs.dynamicOf('').get('log.flush.interval.messages'), '1');
});

test('nothing that was acknowledged is lost, and nothing is out of order, while the durability goes back and forth', async () => {
  const bench = new Bench();
  await bench.make('fsync');
  const log = bench.broker.partition('t', 0);
  const work = { isDone: false };
  const writing = (async () => {
    const sent: Promise<unknown>[] = [];
    for (let i = 1; i <= 60; i++) {
      sent.push(log.append(batchOf([`${i}`], nowMs)));
      if (i % 3 === 0) await sent.at(-1);
    }
    await Promise.all(sent);
    work.isDone = true;
  })();
  const all = ['os', 'memory', 'fsync', 'memory', 'os', 'fsync'] as const;
  for (let i = 0; !work.isDone || i < 12; i++) {
    assert.equal(await outcomeOf(bench.broker.alterTopic('t', { durability: all[i % all.length]! })), 'made');
  }
  await writing;
  const texts = (await readAll(log)).slice(1);
  assert.deepEqual(
    texts,
    Array.from({ length: 60 }, (_, i) => `${i + 1}:${i + 1}`),
  );
});

test('a deleted topic is deleted, also when its folders cannot be removed before the next start', async () => {
  const bench = new Bench();
  await bench.make('fsync');
  bench.disk.fail({ operation: 'remove', path: '/t-1', code: 'EIO', times: 100 });
  bench.disk.fail({ operation: 'rename', path: '/t-1', code: 'EIO', times: 100 });
  assert.equal(await outcomeOf(bench.broker.deleteTopic('t')), 'made');
  assert.equal(bench.broker.findTopic('t'), undefined);
  await bench.restart();
  assert.equal(bench.broker.findTopic('t'), undefined);
  assert.deepEqual(
    (await bench.memory.list('/data')).filter((name) => name.startsWith('t-')),
    [],
  );
});

/** Until the disk has rejected what waits in memory. */
async function waitUntilFull({ broker }: Bench): Promise<void> {
  for (;;) {
    try {
      await broker.partition('t', 1).append(batchOf([''], nowMs));
    } catch (error) {
      if (ThroughlineError.is(error, 'OUT_OF_DISK')) return;
      throw error;
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
