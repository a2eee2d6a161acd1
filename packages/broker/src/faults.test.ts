// What the disk can do to a partition, one fault at a time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, seededRandom, ThroughlineError, utf8, type ErrorCode } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import { batchFieldsAt } from '@throughline/wire';
import type { Broker, BrokerOptions } from './topics/broker.ts';
import type { PartitionLog } from './storage/partition-face.ts';
import { openBroker } from './topics/open-broker.ts';
import { batchOf, LogRecorder, readAll, type ReadableLog } from './test-support.ts';
import type { Durability, TopicConfig } from './ground/topic-config.ts';

const folder = '/data/t-0';
const firstLog = `${folder}/00000000000000000000.log`;

/** A broker on a disk in memory, and what a test wants of it. */
class Bench {
  readonly memory = new LossyDisk();
  disk = new FaultyDisk(this.memory);
  clock = new VirtualClock(1_700_000_000_000);
  logger = new LogRecorder();
  readonly limits: Partial<BrokerOptions>;

  constructor(limits: Partial<BrokerOptions> = {}) {
    this.limits = { journalFileBytes: 64 * 1024, tailCacheBytesMax: 0, ...limits };
  }

  open(): Promise<Broker> {
    const { disk, clock, logger } = this;
    return openBroker({ dataDir: '/data', disk, clock, logger, random: seededRandom(1), ...this.limits });
  }

  async openTopic(
    durability: Durability,
    config: Partial<TopicConfig> = {},
  ): Promise<{ broker: Broker; log: PartitionLog }> {
    const broker = await this.open();
    await broker.createTopic('t', { partitions: 1, config: { durability, ...config } });
    return { broker, log: broker.partition('t', 0) };
  }

  /** kill -9, and the next start. */
  async restart(): Promise<{ broker: Broker; log: PartitionLog }> {
    await this.disk.die();
    this.memory.crash();
    return this.reopen();
  }

  /** The next start after a clean stop. */
  async reopen(): Promise<{ broker: Broker; log: PartitionLog }> {
    this.disk = new FaultyDisk(this.memory);
    const broker = await this.open();
    return { broker, log: broker.partition('t', 0) };
  }

  /** Writes to a file behind the broker's back. */
  async write(path: string, bytes: Uint8Array, position?: number): Promise<void> {
    const file = await this.memory.open(path, 'write');
    await file.write([bytes], position ?? (await file.size()));
    await file.syncData();
  }

  async truncate(path: string, sizeBytes: number): Promise<void> {
    const file = await this.memory.open(path, 'write');
    await file.truncate(sizeBytes);
    await file.syncData();
  }

  async size(path: string): Promise<number> {
    return (await this.memory.open(path, 'read')).size();
  }
}

function rejectedWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => ThroughlineError.is(error, code);
}

async function appendEach(log: PartitionLog, from: number, count: number): Promise<string[]> {
  const expected: string[] = [];
  for (let i = from; i < from + count; i++) {
    const { baseOffset } = await log.append(batchOf([`record ${i}`.padEnd(100, '.')]));
    expected.push(`${baseOffset}:${`record ${i}`.padEnd(100, '.')}`);
  }
  return expected;
}

test('a torn tail is cut off at the last whole batch, and a new leader epoch begins there', async () => {
  const bench = new Bench();
  const { log } = await bench.openTopic('os');
  const expected = await appendEach(log, 0, 3);
  const whole = await bench.size(firstLog);
  await bench.write(firstLog, batchOf(['torn'.repeat(50)]).subarray(0, 90));
  const { broker, log: again } = await bench.restart();
  assert.deepEqual(await readAll(again), expected);
  assert.equal(await bench.size(firstLog), whole);
  assert.ok(bench.logger.lines.some((line) => line.startsWith('warn: recovery case torn-tail: ')));
  const { baseOffset } = await again.append(batchOf(['after']));
  assert.equal(baseOffset, 3n);
  await broker.close();
  const epochs = await bench.memory.readFile(`${folder}/leader-epoch-checkpoint`);
  assert.equal(Buffer.from(epochs!).toString(), '0\n2\n0 0\n1 3\n');
});

test('garbage of the right length behind the last batch is cut off', async () => {
  const bench = new Bench();
  const { log } = await bench.openTopic('os');
  const expected = await appendEach(log, 0, 3);
  await bench.write(firstLog, new Uint8Array(5000));
  const { log: again } = await bench.restart();
  assert.deepEqual(await readAll(again), expected);
});

test('a bit flip in a sealed and synced segment cuts nothing off: only its batch is rejected', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('fsync', { segmentBytes: 2048 });
  const expected = await appendEach(log, 0, 40);
  await broker.checkpoint();
  const batchBytes = batchOf(['record 0'.padEnd(100, '.')]).length;
  // In the records of the batch at offset 4.
  bench.memory.flipBit(firstLog, 4 * batchBytes + 100);
  const { log: again } = await bench.restart();
  assert.equal(again.highWatermark, 40n);
  assert.deepEqual(await readAll(upTo(again, 4n)), expected.slice(0, 4));
  await assert.rejects(again.read(4n, 4096), (error) => {
    assert.ok(ThroughlineError.is(error, 'CORRUPT_RECORD'));
    assert.deepEqual(error.details, { offset: '4', nextOffset: '5' });
    return true;
  });
  assert.deepEqual(await readAll(again, 5n), expected.slice(5));
});

for (const [what, at] of [
  ['length', batchFieldsAt.batchLength + 3],
  ['base offset', batchFieldsAt.baseOffset + 7],
  ['magic', batchFieldsAt.magic],
  ['record count', batchFieldsAt.recordCount + 3],
] as const) {
  test(`a damaged ${what} hides no batch but its own`, async () => {
    const bench = new Bench();
    const { broker, log } = await bench.openTopic('os', { segmentBytes: 8192 });
    const expected = await appendEach(log, 0, 60);
    await broker.close();
    const batchBytes = batchOf(['record 0'.padEnd(100, '.')]).length;
    bench.memory.flipBit(firstLog, 7 * batchBytes + at, 2);
    const { log: again } = await bench.reopen();
    await assert.rejects(again.read(7n, 4096), (error) => {
      assert.ok(ThroughlineError.is(error, 'CORRUPT_RECORD'));
      assert.equal(error.details['nextOffset'], '8');
      return true;
    });
    assert.deepEqual(await readAll(again, 8n), expected.slice(8));
    assert.deepEqual((await readAll(upTo(again, 7n))).length, 7);
  });
}

test('a bit flip in the synced part of the active segment survives an unclean stop without cutting anything off', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('fsync');
  const expected = await appendEach(log, 0, 10);
  await broker.checkpoint();
  bench.memory.flipBit(firstLog, 300);
  const { log: again } = await bench.restart();
  assert.equal(again.logEndOffset, 10n);
  assert.deepEqual(await readAll(again, 2n), expected.slice(2));
  assert.ok(bench.logger.lines.some((line) => line.startsWith('error: recovery case rot-below-recovery-point: ')));
});

test('a missing index is rebuilt, byte for byte', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('os', { segmentBytes: 32_768 });
  const expected = await appendEach(log, 0, 300);
  await broker.close();
  const names = ['index', 'timeindex'].map((suffix) => firstLog.replace('log', suffix));
  const before = await Promise.all(names.map((name) => bench.memory.readFile(name)));
  assert.ok(before[0]!.length >= 8 * 5);
  for (const name of names) await bench.memory.remove(name);
  const { log: again } = await bench.reopen();
  assert.deepEqual(await readAll(again), expected);
  assert.deepEqual(await Promise.all(names.map((name) => bench.memory.readFile(name))), before);
});

test('an index that points between batches is not believed, and is rebuilt at the next opening', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('os', { segmentBytes: 32_768 });
  const expected = await appendEach(log, 0, 300);
  await broker.close();
  const name = firstLog.replace('log', 'index');
  const before = await bench.memory.readFile(name);
  bench.memory.flipBit(name, 8 + 7, 0);
  const { broker: second, log: again } = await bench.reopen();
  assert.deepEqual(await readAll(again, 60n, 200), expected.slice(60));
  assert.ok(bench.logger.lines.some((line) => line.startsWith('warn: recovery case index-lost: ')));
  await second.close();
  const { log: third } = await bench.reopen();
  assert.deepEqual(await readAll(third), expected);
  assert.deepEqual(await bench.memory.readFile(name), before);
});

test('an index that is longer than its log, as a preallocated one, is rebuilt', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('os', { segmentBytes: 32_768 });
  const expected = await appendEach(log, 0, 300);
  await broker.close();
  await bench.write(firstLog.replace('log', 'index'), new Uint8Array(1024));
  await bench.write(firstLog.replace('log', 'timeindex'), new Uint8Array(1200));
  const active = Array.from(await bench.memory.list(folder)).findLast((name) => name.endsWith('.index'))!;
  await bench.write(`${folder}/${active}`, new Uint8Array(4096));
  const { log: again } = await bench.reopen();
  assert.deepEqual(await readAll(again), expected);
});

test('an empty active segment is taken up where it begins', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('os', { segmentBytes: 1024 });
  const expected = await appendEach(log, 0, 20);
  await broker.close();
  await bench.memory.open(`${folder}/00000000000000000020.log`, 'write');
  const { log: again } = await bench.restart();
  assert.deepEqual(await readAll(again), expected);
  assert.equal((await again.append(batchOf(['next']))).baseOffset, 20n);
});

for (const durability of ['os', 'fsync'] as const) {
  test(`a full disk rejects a ${durability} append, shows nothing of it, and takes appends again when there is room`, async () => {
    const bench = new Bench();
    const { log } = await bench.openTopic(durability);
    const expected = await appendEach(log, 0, 2);
    bench.disk.bytesFree = 50;
    const queued = [1, 2, 3].map((i) => log.append(batchOf([`rejected ${i}`])));
    for (const one of queued) await assert.rejects(one, rejectedWith('OUT_OF_DISK'));
    assert.equal(log.highWatermark, 2n);
    assert.ok(log.isOnline);
    bench.disk.heal();
    expected.push(...(await appendEach(log, 2, 2)));
    assert.deepEqual(await readAll(log), expected);
    const { log: again } = await bench.restart();
    assert.deepEqual(await readAll(again), expected);
  });
}

test('a full disk while the segment is closed rejects the append and leaves no empty segment behind', async () => {
  const bench = new Bench();
  const { log } = await bench.openTopic('os', { segmentBytes: 1024 });
  const expected = await appendEach(log, 0, 5);
  bench.disk.fail({ operation: 'open', path: '00000000000000000005.log', code: 'ENOSPC' });
  await assert.rejects(log.append(batchOf(['x'.repeat(500)])), rejectedWith('OUT_OF_DISK'));
  expected.push(...(await appendEach(log, 5, 3)));
  assert.deepEqual(await readAll(log), expected);
});

test('a full disk keeps what was acknowledged in memory and rejects more, until it is written', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('memory');
  bench.disk.bytesFree = 10;
  await log.append(batchOf(['kept']));
  await bench.clock.timersSet(3);
  await assert.rejects(log.append(batchOf(['rejected'])), rejectedWith('OUT_OF_DISK'));
  assert.deepEqual(await readAll(log), ['0:kept']);
  bench.disk.heal();
  await bench.clock.advance(1_000);
  assert.equal((await log.append(batchOf(['next']))).baseOffset, 1n);
  await broker.close();
  const { log: again } = await bench.reopen();
  assert.deepEqual(await readAll(again), ['0:kept', '1:next']);
});

test('a failing sync of the journal takes the partitions that wait for it offline; reads go on, others too', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('fsync');
  await broker.createTopic('other', { partitions: 1, config: { durability: 'fsync' } });
  const other = broker.partition('other', 0);
  const expected = await appendEach(log, 0, 3);
  await other.append(batchOf(['before']));
  bench.disk.fail({ operation: 'sync', path: '.journal', code: 'EIO' });
  await assert.rejects(log.append(batchOf(['lost'])), rejectedWith('PARTITION_OFFLINE'));
  assert.equal(log.isOnline, false);
  await assert.rejects(log.append(batchOf(['rejected'])), rejectedWith('PARTITION_OFFLINE'));
  assert.deepEqual(await readAll(log), expected);
  assert.equal(other.isOnline, true);
  assert.equal((await other.append(batchOf(['after']))).baseOffset, 1n);
  // A checkpoint must not free what the next start needs.
  await broker.checkpoint();
  await other.append(batchOf(['and more']));
  await bench.disk.die();
  bench.memory.cutPower(seededRandom(3));
  const { broker: next, log: again } = await bench.reopen();
  assert.deepEqual((await readAll(again)).slice(0, 3), expected);
  assert.deepEqual(await readAll(next.partition('other', 0)), ['0:before', '1:after', '2:and more']);
  assert.ok(again.isOnline);
});

test('a failing sync of a segment takes its partition offline and is not asked again', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('fsync');
  const expected = await appendEach(log, 0, 3);
  bench.disk.fail({ operation: 'sync', path: firstLog, code: 'EIO' });
  await broker.checkpoint();
  assert.equal(log.isOnline, false);
  await broker.checkpoint();
  assert.deepEqual(await readAll(log), expected);
  await broker.close();
  // The stop was not clean: the journal has it all.
  assert.equal(await bench.memory.readFile('/data/.kafka_cleanshutdown'), undefined);
  bench.memory.cutPower(seededRandom(5));
  const { log: again } = await bench.reopen();
  assert.deepEqual(await readAll(again), expected);
});

test('a failing write takes the partition offline, and reads go on', async () => {
  const bench = new Bench();
  const { log } = await bench.openTopic('os');
  const expected = await appendEach(log, 0, 3);
  bench.disk.fail({ operation: 'write', path: '.log', code: 'EIO' });
  await assert.rejects(log.append(batchOf(['lost'])), rejectedWith('PARTITION_OFFLINE'));
  assert.deepEqual(await readAll(log), expected);
  const { log: again } = await bench.restart();
  assert.deepEqual(await readAll(again), expected);
});

test('wherever a create is cut off, the next start finds the topic whole or not at all', async () => {
  let wasThere = false;
  for (let count = 0; !wasThere; count++) {
    const bench = new Bench();
    const second = await bench.open();
    bench.disk.dieAfter(count);
    await second.createTopic('t', { partitions: 2 }).catch(() => undefined);
    await bench.disk.die();
    if (count % 2 === 0) bench.memory.crash();
    else bench.memory.cutPower(seededRandom(count));
    bench.disk = new FaultyDisk(bench.memory);
    const third = await bench.open();
    wasThere = third.topics().length === 1 && count > 10;
    if (third.topics().length === 0) await third.createTopic('t', { partitions: 2 });
    for (const partition of [0, 1]) {
      const log = third.partition('t', partition);
      assert.equal((await log.append(batchOf(['first']))).baseOffset, 0n);
    }
    assert.ok(count < 200);
    await third.close();
  }
});

test('wherever a delete is cut off, the next start finds the topic whole or gone, and the name free', async () => {
  let isGone = false;
  for (let count = 0; !isGone; count++) {
    const bench = new Bench();
    const { broker, log } = await bench.openTopic('fsync');
    const expected = await appendEach(log, 0, 2);
    bench.disk.dieAfter(count);
    const deleted = await broker.deleteTopic('t').then(
      () => true,
      () => false,
    );
    await bench.disk.die();
    if (count % 2 === 0) bench.memory.crash();
    else bench.memory.cutPower(seededRandom(count));
    bench.disk = new FaultyDisk(bench.memory);
    const next = await bench.open();
    if (next.topics().length > 0) {
      assert.equal(deleted, false);
      assert.deepEqual(await readAll(next.partition('t', 0)), expected);
    } else {
      await next.createTopic('t', { partitions: 1 });
      assert.deepEqual(await readAll(next.partition('t', 0)), []);
      assert.equal((await bench.memory.list('/data')).filter((name) => name.includes('delete')).length, 0);
    }
    isGone = deleted;
    assert.ok(count < 200);
    await next.close();
  }
});

test('records of no topic are put aside, not thrown away', async () => {
  const bench = new Bench();
  const { broker, log } = await bench.openTopic('os');
  await appendEach(log, 0, 1);
  await broker.close();
  await bench.memory.remove('/data/meta.properties');
  await assert.rejects(bench.open(), rejectedWith('DATA_FORMAT_UNSUPPORTED'));
  await bench.write('/data/topics.json', utf8('{"format":1,"topics":[],"deleting":[]}'));
  const again = await bench.open();
  assert.deepEqual(again.topics(), []);
  assert.ok((await bench.memory.list('/data')).includes('t-0.stray'));
});

test('a data folder of a newer format is rejected and left alone', async () => {
  const bench = new Bench();
  await bench.memory.makeFolder('/data');
  await bench.write('/data/topics.json', utf8('{"format":2}'));
  await assert.rejects(bench.open(), rejectedWith('DATA_FORMAT_UNSUPPORTED'));
  assert.deepEqual(await bench.memory.list('/data'), ['topics.json']);
  await bench.truncate('/data/topics.json', 3);
  await assert.rejects(bench.open(), rejectedWith('DATA_FORMAT_UNSUPPORTED'));
  await bench.memory.remove('/data/topics.json');
  await (await bench.open()).close();
  const properties = fromUtf8((await bench.memory.readFile('/data/meta.properties'))!);
  await bench.truncate('/data/meta.properties', 0);
  await bench.write('/data/meta.properties', utf8(properties.replace(/format=\d+/, 'format=999')));
  const before = await bench.memory.list('/data');
  await assert.rejects(bench.open(), rejectedWith('DATA_FORMAT_UNSUPPORTED'));
  assert.deepEqual(await bench.memory.list('/data'), before);
});

test('a data folder in use is rejected, and free again after a close', async () => {
  const bench = new Bench();
  const broker = await bench.open();
  await assert.rejects(bench.open(), rejectedWith('DATA_DIR_IN_USE'));
  await broker.close();
  await (await bench.open()).close();
});

/** A view of a log with another end, for reading a part of it. */
function upTo(log: PartitionLog, highWatermark: bigint): ReadableLog {
  return { logStartOffset: log.logStartOffset, highWatermark, read: (offset, bytesMax) => log.read(offset, bytesMax) };
}
