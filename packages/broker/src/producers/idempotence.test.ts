// What an idempotent producer is answered (Kafka's ProducerStateManagerTest and UnifiedLogTest have the same claims).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, ThroughlineError, type ErrorCode } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import type { Broker, BrokerOptions } from '../topics/broker.ts';
import type { PartitionLog } from '../storage/partition-face.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOfProducer, readAll } from '../test-support.ts';
import type { Durability, TopicConfig } from '../ground/topic-config.ts';

const dayMs = 24 * 60 * 60 * 1000;

class Bench {
  readonly memory = new LossyDisk();
  readonly clock = new VirtualClock();
  readonly #limits: Partial<BrokerOptions>;
  disk = new FaultyDisk(this.memory);
  broker!: Broker;
  log!: PartitionLog;

  constructor(limits: Partial<BrokerOptions> = {}) {
    this.#limits = limits;
  }

  static async with(
    durability: Durability,
    config: Partial<TopicConfig> = {},
    limits: Partial<BrokerOptions> = {},
  ): Promise<Bench> {
    const bench = new Bench(limits);
    await bench.open();
    await bench.broker.createTopic('t', { partitions: 1, config: { durability, ...config } });
    bench.log = bench.broker.partition('t', 0);
    return bench;
  }

  async open(): Promise<void> {
    this.disk = new FaultyDisk(this.memory);
    const { disk, clock } = this;
    const base = { dataDir: '/data', disk, clock, random: seededRandom(1), journalFileBytes: 65_536 };
    this.broker = await openBroker({ ...base, ...this.#limits });
    if (this.broker.topics().some(({ topic }) => topic === 't')) this.log = this.broker.partition('t', 0);
  }

  async reopen(): Promise<void> {
    await this.broker.close();
    await this.open();
  }

  async kill(): Promise<void> {
    await this.disk.die();
    this.memory.crash();
    await this.open();
  }

  /** Appends records named after their sequences; answers the offset, `again` behind it for a duplicate, or the code. */
  async send(baseSequence: number, { count = 1, epoch = 0, id = 1n } = {}): Promise<string> {
    const texts = Array.from({ length: count }, (_, i) => `${id}.${epoch}.${baseSequence + i}`);
    try {
      const answer = await this.log.append(batchOfProducer(texts, { id, epoch, baseSequence }));
      return `${answer.baseOffset}${answer.isDuplicate ? ' again' : ''}`;
    } catch (error) {
      assert.ok(ThroughlineError.is(error), String(error));
      return error.code;
    }
  }
}

const outOfOrder: ErrorCode = 'OUT_OF_ORDER_SEQUENCE_NUMBER';

test('each of the last five batches is answered as it was, and the one before them is out of order', async () => {
  const bench = await Bench.with('os');
  for (let i = 0; i < 6; i++) assert.equal(await bench.send(2 * i, { count: 2 }), String(2 * i));
  for (let i = 1; i < 6; i++) assert.equal(await bench.send(2 * i, { count: 2 }), `${2 * i} again`);
  assert.equal(await bench.send(0, { count: 2 }), outOfOrder);
  assert.equal((await readAll(bench.log)).length, 12);
});

test('sequences that only overlap a batch, leave a gap or go back are out of order', async () => {
  const bench = await Bench.with('os');
  assert.equal(await bench.send(0, { count: 3 }), '0');
  for (const [sequence, count] of [
    [0, 2],
    [1, 2],
    [2, 1],
    [4, 1],
    [100, 1],
  ] as const) {
    assert.equal(await bench.send(sequence, { count }), outOfOrder, `${sequence}`);
  }
  assert.equal(await bench.send(3), '3');
});

test('an older epoch is fenced, a new one begins with sequence 0 and forgets the batches of the one before', async () => {
  const bench = await Bench.with('os');
  assert.equal(await bench.send(0, { epoch: 5 }), '0');
  assert.equal(await bench.send(1, { epoch: 4 }), 'INVALID_PRODUCER_EPOCH');
  assert.equal(await bench.send(1, { epoch: 6 }), outOfOrder);
  assert.equal(await bench.send(0, { epoch: 6 }), '1');
  assert.equal(await bench.send(0, { epoch: 6 }), '1 again');
  assert.equal(await bench.send(0, { epoch: 5 }), 'INVALID_PRODUCER_EPOCH');
});

test('a producer that is not known may begin with any sequence', async () => {
  const bench = await Bench.with('os');
  assert.equal(await bench.send(1000), '0');
  assert.equal(await bench.send(1001), '1');
  assert.equal(await bench.send(1003), outOfOrder);
});

test('after 2^31-1 comes 0, within a batch and between two', async () => {
  const bench = await Bench.with('os');
  assert.equal(await bench.send(0x7ffffffd, { count: 2 }), '0');
  assert.equal(await bench.send(0x7fffffff, { count: 3 }), '2');
  assert.equal(await bench.send(0x7fffffff, { count: 3 }), '2 again');
  assert.equal(await bench.send(3), outOfOrder);
  assert.equal(await bench.send(2), '5');
});

for (const durability of ['memory', 'os', 'fsync'] as const) {
  test(`batches of a ${durability} topic are checked in the order of the calls, and a duplicate waits for the first`, async () => {
    const bench = await Bench.with(durability);
    const answers = [0, 1, 1, 0, 3, 2, 3].map((sequence) => bench.send(sequence));
    assert.deepEqual(await Promise.all(answers), ['0', '1', '1 again', '0 again', outOfOrder, '2', '3']);
    assert.deepEqual(await readAll(bench.log), ['0:1.0.0', '1:1.0.1', '2:1.0.2', '3:1.0.3']);
  });
}

test('when a full disk rejects a batch, its duplicates and those behind it are rejected, and all can be sent again', async () => {
  const bench = await Bench.with('os');
  assert.equal(await bench.send(0), '0');
  bench.disk.bytesFree = 30;
  const rejected = await Promise.all([bench.send(1), bench.send(1), bench.send(2)]);
  assert.deepEqual(rejected, ['OUT_OF_DISK', 'OUT_OF_DISK', 'OUT_OF_DISK']);
  bench.disk.heal();
  assert.equal(await bench.send(2), outOfOrder);
  assert.deepEqual(await Promise.all([bench.send(1), bench.send(2)]), ['1', '2']);
});

test('while a batch that the journal has rejected is being taken back, nothing gets in behind it', async () => {
  const bench = await Bench.with('fsync');
  assert.equal(await bench.send(0), '0');
  bench.disk.fail({ operation: 'write', path: '.journal', code: 'ENOSPC' });
  const first = bench.send(1);
  const behind: Promise<string>[] = [];
  // One in every turn in which the disk does something, until the first has its answer and beyond.
  for (let sequence = 2; sequence < 40; sequence++) {
    behind.push(bench.send(sequence));
    await new Promise(setImmediate);
  }
  assert.equal(await first, 'OUT_OF_DISK');
  const answers = new Set(await Promise.all(behind));
  for (const answer of answers) assert.ok(answer === 'OUT_OF_DISK' || answer === outOfOrder, answer);
  assert.deepEqual(await Promise.all([bench.send(1), bench.send(2)]), ['1', '2']);
  assert.deepEqual(await readAll(bench.log), ['0:1.0.0', '1:1.0.1', '2:1.0.2']);
});

test('a new epoch that is rejected leaves the old one as it was', async () => {
  const bench = await Bench.with('os');
  assert.equal(await bench.send(0, { epoch: 1 }), '0');
  bench.disk.bytesFree = 30;
  assert.equal(await bench.send(0, { epoch: 2 }), 'OUT_OF_DISK');
  bench.disk.heal();
  assert.equal(await bench.send(0, { epoch: 1 }), '0 again');
  assert.equal(await bench.send(1, { epoch: 1 }), '1');
});

for (const end of ['reopen', 'kill'] as const) {
  test(`the last five batches are known after a ${end}, over many segments`, async () => {
    const bench = await Bench.with('fsync', { segmentBytes: 1024 });
    for (let i = 0; i < 40; i++) {
      assert.equal(await bench.send(i), String(2 * i));
      assert.equal(await bench.send(i, { id: 2n }), String(2 * i + 1));
      if (i === 20) await bench.broker.checkpoint();
    }
    for (let life = 0; life < 2; life++) {
      await bench[end]();
      for (let i = 35; i < 40; i++) assert.equal(await bench.send(i), `${2 * i} again`);
      assert.equal(await bench.send(34), outOfOrder);
      assert.equal(await bench.send(41), outOfOrder);
    }
    assert.equal(await bench.send(40), '80');
  });
}

test('without snapshots, or with damaged ones, the log itself says what is known', async () => {
  const bench = await Bench.with('os', { segmentBytes: 1024 });
  for (let i = 0; i < 40; i++) await bench.send(i);
  await bench.broker.close();
  const names = (await bench.memory.list('/data/t-0')).filter((name) => name.endsWith('.snapshot'));
  assert.ok(names.length > 3);
  for (const [i, name] of names.entries()) {
    if (i % 2 === 0) await bench.memory.remove(`/data/t-0/${name}`);
    else bench.memory.flipBit(`/data/t-0/${name}`, 12 + i);
  }
  await bench.open();
  for (let i = 35; i < 40; i++) assert.equal(await bench.send(i), `${i} again`);
  assert.equal(await bench.send(40), '40');
});

test('deleting its records does not make a producer unknown, not even over a crash', async () => {
  const bench = await Bench.with('fsync', { segmentBytes: 1024 });
  for (let i = 0; i < 40; i++) await bench.send(i);
  assert.equal(await bench.log.deleteRecords(40n), 40n);
  assert.equal(await bench.send(39), '39 again');
  await bench.kill();
  assert.equal(bench.log.logStartOffset, 40n);
  assert.equal(await bench.send(39), '39 again');
  assert.equal(await bench.send(40), '40');
});

test('a producer is forgotten a day after its last batch, whatever the timestamps of its records', async () => {
  const bench = await Bench.with('os');
  assert.equal(await bench.send(0), '0');
  await bench.clock.advance(dayMs - 1000);
  await bench.broker.runRetention();
  assert.equal(await bench.send(0), '0 again');
  await bench.reopen();
  assert.equal(await bench.send(0), '0 again');
  await bench.clock.advance(dayMs);
  await bench.broker.runRetention();
  assert.equal(await bench.send(5), '1');
});

test('producer.id.expiration.ms says when a producer is forgotten, also once it is changed', async () => {
  const bench = await Bench.with('os', {}, { config: { 'producer.id.expiration.ms': 1000 } });
  assert.equal(await bench.send(0), '0');
  await bench.clock.advance(999);
  assert.equal(await bench.send(0), '0 again');
  assert.equal(await bench.send(5), outOfOrder);
  await bench.clock.advance(1000);
  assert.equal(await bench.send(5), '1');
  await bench.broker.alterBrokerSettings('', new Map([['producer.id.expiration.ms', '5000']]));
  await bench.clock.advance(4999);
  assert.equal(await bench.send(5), '1 again');
  await bench.reopen();
  await bench.clock.advance(5000);
  assert.equal(await bench.send(9), '2');
});

test('of too many producers the longest silent are forgotten', async () => {
  const bench = await Bench.with('os', {}, { producerCountMax: 16 });
  for (let id = 1n; id <= 17n; id++) {
    await bench.clock.advance(1);
    await bench.send(0, { id });
  }
  assert.equal(await bench.send(0, { id: 17n }), '16 again');
  assert.equal(await bench.send(0, { id: 10n }), '9 again');
  assert.equal(await bench.send(7, { id: 1n }), '17');
});

test('a batch with a producer id and no sequence is INVALID_RECORD', async () => {
  const bench = await Bench.with('os');
  assert.equal(await bench.send(-1), 'INVALID_RECORD');
});
