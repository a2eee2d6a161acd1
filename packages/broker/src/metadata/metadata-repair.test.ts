// Records of the metadata log that are gone, one at a time: what they said is found in the folders, and no record of a topic
// is deleted or hidden.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, seededRandom, ThroughlineError, utf8 } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import { setBaseOffset } from '@throughline/wire';
import type { Broker } from '../topics/broker.ts';
import { openBroker } from '../topics/open-broker.ts';
import { replaceFile } from '../disk/disk.ts';
import { batchOf, LogRecorder, readAll } from '../test-support.ts';

const folder = '/data/__cluster_metadata-0';
const firstLog = `${folder}/00000000000000000000.log`;
const nowMs = 1_700_000_000_000;
const lossMessage =
  'error: records of the metadata log are lost: the topics are those that have folders, and retention removes nothing of them';

/** A folder, and the broker on it. */
class Bench {
  readonly disk = new LossyDisk();
  logger = new LogRecorder();

  open(disk: LossyDisk | FaultyDisk = this.disk, random = seededRandom(1)): Promise<Broker> {
    this.logger = new LogRecorder();
    const { logger } = this;
    const clock = new VirtualClock(nowMs);
    return openBroker({ dataDir: '/data', disk, clock, logger, random, journalFileBytes: 65_536 });
  }

  /** A broker with topics `a`, `b` and `c` of two partitions, each with a record of its name. */
  async openWithTopics(): Promise<Broker> {
    const broker = await this.open();
    for (const topic of ['a', 'b', 'c']) await makeTopic(broker, topic);
    return broker;
  }

  async logBytes(): Promise<number> {
    return (await this.disk.readFile(firstLog))!.length;
  }

  /** Damages the batch at a position of the metadata log. */
  damage(position: number): void {
    this.disk.flipBit(firstLog, position + 70);
  }

  /** What every repair amounts to, on top of what it brings back. */
  async checkOnce(broker: Broker): Promise<void> {
    const errorsOf = (): number => this.logger.lines.filter((line) => line === lossMessage).length;
    assert.equal(errorsOf(), 1, this.logger.lines.join('\n'));
    const before = broker.topics();
    await broker.close();
    const again = await this.open();
    assert.equal(errorsOf(), 0);
    assert.deepEqual(again.topics(), before);
    await again.close();
  }
}

async function makeTopic(broker: Broker, topic: string, record = topic): Promise<void> {
  await broker.createTopic(topic, { partitions: 2, settings: new Map([['segment.bytes', '1048576']]) });
  for (const partition of [0, 1]) await broker.partition(topic, partition).append(batchOf([record]));
}

async function recordsOf(broker: Broker, topic: string): Promise<readonly string[]> {
  const { partitionCount } = broker.topic(topic);
  const logs = Array.from({ length: partitionCount }, (_, partition) => broker.partition(topic, partition));
  return (await Promise.all(logs.map((log) => readAll(log)))).flat();
}

const names = (broker: Broker): readonly string[] =>
  broker
    .topics()
    .map(({ topic }) => topic)
    .sort();

test('a topic whose records are damaged comes back with its id, its partitions and all that is in them', async () => {
  const bench = new Bench();
  const broker = await bench.open();
  await makeTopic(broker, 'a');
  const position = await bench.logBytes();
  await makeTopic(broker, 'b');
  await makeTopic(broker, 'c');
  await broker.close();
  bench.damage(position);
  const again = await bench.open();
  assert.deepEqual(names(again), ['a', 'b', 'c']);
  for (const topic of ['a', 'b', 'c']) {
    assert.equal(again.topic(topic).topicId, broker.topic(topic).topicId);
    assert.deepEqual(await recordsOf(again, topic), [`0:${topic}`, `0:${topic}`]);
  }
  assert.deepEqual([...again.topic('b').overrides], [['retention.ms', '-1']]);
  assert.equal(again.topic('c').overrides.get('segment.bytes'), '1048576');
  // Others may have been told of epochs that nobody knows.
  assert.equal(again.partition('b', 0).leaderEpoch, 1);
  await bench.checkOnce(again);
  assert.ok((await bench.disk.list(folder)).includes('00000000000000000000.log.damaged'));
});

test('a topic whose removal is damaged stays removed, and one of its name that came later keeps what it has', async () => {
  const bench = new Bench();
  const broker = await bench.openWithTopics();
  const position = await bench.logBytes();
  await broker.deleteTopic('a');
  const second = await bench.logBytes();
  await broker.deleteTopic('b');
  await makeTopic(broker, 'b', 'later');
  await broker.alterTopicSettings('b', new Map([['max.message.bytes', '5000']]));
  await broker.close();
  bench.damage(position);
  bench.damage(second);
  const again = await bench.open();
  assert.deepEqual(names(again), ['b', 'c']);
  assert.equal(again.topic('b').topicId, broker.topic('b').topicId);
  assert.deepEqual(await recordsOf(again, 'b'), ['0:later', '0:later']);
  assert.equal(again.topic('b').overrides.get('max.message.bytes'), '5000');
  assert.equal((await bench.disk.list('/data')).filter((name) => name.startsWith('a-')).length, 0);
  await bench.checkOnce(again);
});

test('a removal that was under way when its record was damaged deletes no more', async () => {
  const bench = new Bench();
  const broker = await bench.openWithTopics();
  const { topicId } = broker.topic('a');
  const position = await bench.logBytes();
  const kept = await filesOf(bench.disk, '/data/a-1');
  await broker.deleteTopic('a');
  await makeTopic(broker, 'd');
  await broker.close();
  await restore(bench.disk, '/data/a-1', kept);
  await restore(bench.disk, `/data/a-0.${topicId}-delete`, kept);
  bench.damage(position);
  const again = await bench.open();
  assert.equal(again.topic('a').topicId, topicId);
  assert.deepEqual(await recordsOf(again, 'a'), ['0:a']);
  assert.equal((await bench.disk.list('/data')).filter((name) => name.endsWith('-delete')).length, 0);
  await bench.checkOnce(again);
});

test('settings that are damaged are not guessed, and retention removes nothing by what was before', async () => {
  const bench = new Bench();
  const broker = await bench.openWithTopics();
  await broker.alterTopicSettings('a', new Map([['retention.ms', '1000']]));
  await broker.alterTopicSettings('b', new Map([['retention.bytes', '1']]));
  const position = await bench.logBytes();
  const forever = new Map([['retention.ms', '-1'] as const]);
  await broker.alterTopicSettings('a', forever);
  await broker.createTopic('d', { partitions: 1 });
  await broker.close();
  bench.damage(position);
  const again = await bench.open();
  for (const topic of ['a', 'b', 'c', 'd']) {
    const { retentionMs, retentionBytes } = again.topic(topic).config;
    assert.deepEqual([retentionMs, retentionBytes], [null, null], topic);
  }
  await bench.checkOnce(again);
});

test('partitions whose records are damaged come back, and those of no folder in between are empty', async () => {
  const bench = new Bench();
  const broker = await bench.openWithTopics();
  const position = await bench.logBytes();
  await broker.createPartitions('a', 5);
  await broker.partition('a', 4).append(batchOf(['grown']));
  await makeTopic(broker, 'd');
  await broker.close();
  bench.damage(position);
  await bench.disk.removeFolder('/data/a-3');
  const again = await bench.open();
  assert.equal(again.topic('a').partitionCount, 5);
  assert.deepEqual(await recordsOf(again, 'a'), ['0:a', '0:a', '0:grown']);
  await bench.checkOnce(again);
});

test('where folders of one name disagree, the id with more of them has the name and the others are put aside', async () => {
  const bench = new Bench();
  const broker = await bench.open();
  const position = await bench.logBytes();
  await broker.createTopic('b', { partitions: 4 });
  for (let partition = 0; partition < 4; partition++) {
    await broker.partition('b', partition).append(batchOf([`record ${partition}`]));
  }
  await makeTopic(broker, 'c');
  await broker.close();
  bench.damage(position);
  const other = Buffer.alloc(16, 7).toString('base64url');
  await replaceFile(bench.disk, '/data/b-0', 'partition.metadata', utf8(`version: 0\ntopic_id: ${other}\n`));
  const again = await bench.open();
  assert.equal(again.topic('b').topicId, broker.topic('b').topicId);
  assert.deepEqual(await recordsOf(again, 'b'), ['0:record 1', '0:record 2', '0:record 3']);
  assert.ok((await bench.disk.list('/data')).includes('b-0.stray'));
  await bench.checkOnce(again);
});

test('a metadata log that is missing or empty is begun anew with the topics that have folders', async () => {
  for (const what of ['folder', 'segment', 'content']) {
    const bench = new Bench();
    const broker = await bench.openWithTopics();
    const { first } = await broker.takeProducerIds();
    const settings = new Map([['cleanup.policy', 'compact']]);
    await broker.createTopic('__consumer_offsets', { partitions: 1, settings });
    await broker.close();
    if (what === 'folder') await bench.disk.removeFolder(folder);
    else if (what === 'segment') await bench.disk.remove(firstLog);
    else await (await bench.disk.open(firstLog, 'write')).truncate(0);
    const again = await bench.open();
    assert.equal(again.clusterId, broker.clusterId);
    assert.deepEqual(names(again), ['__consumer_offsets', 'a', 'b', 'c'], what);
    for (const topic of ['a', 'b', 'c']) assert.deepEqual(await recordsOf(again, topic), [`0:${topic}`, `0:${topic}`]);
    assert.equal(again.topic('__consumer_offsets').config.isCompacted, true);
    assert.ok((await again.takeProducerIds()).first > first + 1_000_000_000n);
    await bench.checkOnce(again);
  }
});

test('a topic that Apache Kafka has compacted still is, and its missing offsets are no damage', async () => {
  const bench = new Bench();
  const broker = await bench.openWithTopics();
  await broker.close();
  const second = batchOf(['behind a gap']);
  setBaseOffset(second, 0, 7n);
  const file = await bench.disk.open('/data/b-1/00000000000000000000.log', 'write');
  await file.write([second], await file.size());
  for (const name of ['index', 'timeindex']) await bench.disk.remove(`/data/b-1/00000000000000000000.${name}`);
  await replaceFile(bench.disk, '/data', 'cleaner-offset-checkpoint', utf8('0\n1\nb 1 8\n'));
  await bench.disk.removeFolder(folder);
  const again = await bench.open();
  assert.deepEqual(await readAll(again.partition('b', 1)), ['0:b', '7:behind a gap']);
  assert.deepEqual(
    ['a', 'b', 'c'].map((topic) => again.topic(topic).config.isCompacted),
    [false, true, false],
  );
  await bench.checkOnce(again);
});

test('a snapshot that is damaged costs what is in its damaged batches', async () => {
  for (const position of [0, 150, 4000, 30_000]) {
    const bench = new Bench();
    const broker = await bench.openWithTopics();
    for (let i = 0; i < 60; i++) {
      const value = Array.from({ length: 4000 }, (_, partition) => `${partition}:${i}`).join(',');
      await broker.alterTopicSettings('a', new Map([['follower.replication.throttled.replicas', value]]));
    }
    await makeTopic(broker, 'd');
    await broker.close();
    const snapshot = (await bench.disk.list(folder)).find((name) => name.endsWith('.checkpoint'))!;
    bench.disk.flipBit(`${folder}/${snapshot}`, position + 30);
    const again = await bench.open();
    assert.deepEqual(names(again), ['a', 'b', 'c', 'd']);
    for (const topic of ['a', 'b', 'c', 'd']) {
      assert.equal(again.topic(topic).topicId, broker.topic(topic).topicId);
      assert.deepEqual(await recordsOf(again, topic), [`0:${topic}`, `0:${topic}`]);
    }
    await bench.checkOnce(again);
    assert.ok((await bench.disk.list(folder)).includes(`${snapshot}.damaged`));
  }
});

test('a torn tail is no loss, unless a topic that it would have made has records', async () => {
  for (const hasRecords of [true, false]) {
    const bench = new Bench();
    const broker = await bench.openWithTopics();
    const position = await bench.logBytes();
    await broker.createTopic('d', { partitions: 1 });
    if (hasRecords) await broker.partition('d', 0).append(batchOf(['kept']));
    await broker.close();
    bench.damage(position);
    const again = await bench.open();
    if (hasRecords) {
      assert.deepEqual(await recordsOf(again, 'd'), ['0:kept']);
      await bench.checkOnce(again);
    } else {
      assert.deepEqual(names(again), ['a', 'b', 'c']);
      assert.ok(!bench.logger.lines.includes(lossMessage));
    }
  }
});

test('wherever a process dies during a repair, the next start ends it', async () => {
  for (const isMissing of [false, true]) {
    for (let count = 0, isDone = false; !isDone; count++) {
      const bench = new Bench();
      const broker = await bench.open();
      await makeTopic(broker, 'a');
      const position = await bench.logBytes();
      await makeTopic(broker, 'b');
      await makeTopic(broker, 'c');
      const { topicId } = broker.topic('b');
      await broker.close();
      if (isMissing) await bench.disk.removeFolder(folder);
      else bench.damage(position);
      await bench.disk.syncDirectory('/data');
      const disk = new FaultyDisk(bench.disk);
      disk.dieAfter(count);
      isDone = await bench.open(disk).then(
        () => true,
        () => false,
      );
      await disk.die();
      bench.disk.cutPower(seededRandom(count));
      const again = await bench.open();
      assert.deepEqual(names(again), ['a', 'b', 'c'], `${count}`);
      assert.equal(again.topic('b').topicId, topicId);
      for (const topic of ['a', 'b', 'c']) {
        assert.deepEqual(await recordsOf(again, topic), [`0:${topic}`, `0:${topic}`]);
        assert.equal(again.topic(topic).config.retentionMs, null);
      }
      assert.ok(count < 400);
    }
  }
});

test('whichever byte of a log is damaged, no topic with records is lost or renamed, and none that was removed comes back', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random.float() * limit);
    const bench = new Bench();
    const broker = await bench.open(bench.disk, random);
    const there = new Map<string, string>();
    for (let step = 0; step < 12; step++) {
      const topic = ['a', 'b', 'c', 'd'][below(4)]!;
      if (!there.has(topic)) {
        await makeTopic(broker, topic, `${topic}${step}`);
        there.set(topic, `${topic}${step}`);
      } else if (below(3) === 0) {
        await broker.deleteTopic(topic);
        there.delete(topic);
      } else if (below(2) === 0) {
        await broker.createPartitions(topic, broker.topic(topic).partitionCount + 1);
      } else {
        await broker.alterTopicSettings(topic, new Map([['retention.ms', String(1 + below(9))]]));
      }
    }
    const before = new Map(broker.topics().map((metadata) => [metadata.topic, metadata]));
    await broker.close();
    bench.disk.flipBit(firstLog, below(await bench.logBytes()), below(8));
    const again = await bench.open();
    // What is damaged at the very end has never been answered, as far as the log can tell.
    const isTail = !bench.logger.lines.includes(lossMessage);
    for (const [topic, record] of there) {
      const { topicId, partitionCount } = again.topic(topic);
      assert.equal(topicId, before.get(topic)?.topicId, `seed ${seed}`);
      if (!isTail) assert.equal(partitionCount, before.get(topic)?.partitionCount, `seed ${seed}`);
      assert.deepEqual(await recordsOf(again, topic), [`0:${record}`, `0:${record}`], `seed ${seed}`);
    }
    if (!isTail) assert.deepEqual(names(again), [...there.keys()].sort(), `seed ${seed}`);
    await again.close();
  }
});

test('a damaged folder of Apache Kafka is rejected and left as it is', async () => {
  const bench = new Bench();
  const broker = await bench.openWithTopics();
  await broker.close();
  const properties = fromUtf8((await bench.disk.readFile('/data/meta.properties'))!);
  await replaceFile(bench.disk, '/data', 'meta.properties', utf8(properties.replace(/throughline.format=.*\n/, '')));
  bench.damage(150);
  const before = [...(await filesOf(bench.disk, '/data')), ...(await filesOf(bench.disk, folder))];
  await assert.rejects(bench.open(), (error) => ThroughlineError.is(error, 'CORRUPT_RECORD'));
  assert.deepEqual([...(await filesOf(bench.disk, '/data')), ...(await filesOf(bench.disk, folder))], before);
});

async function filesOf(disk: LossyDisk, path: string): Promise<readonly (readonly [string, Uint8Array | undefined])[]> {
  const found: [string, Uint8Array | undefined][] = [];
  for (const name of await disk.list(path)) {
    if (name === '.lock') continue;
    found.push([name, (await disk.readFile(`${path}/${name}`).catch(() => undefined))?.slice()]);
  }
  return found;
}

async function restore(disk: LossyDisk, path: string, files: Awaited<ReturnType<typeof filesOf>>): Promise<void> {
  await disk.makeFolder(path);
  for (const [name, bytes] of files) if (bytes !== undefined) await replaceFile(disk, path, name, bytes);
}
