// Topics and settings in the metadata log: over restarts, crashes, snapshots and damage.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, seededRandom, ThroughlineError, utf8, type ErrorCode } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import type { Broker, BrokerOptions } from '../topics/broker.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, readAll } from '../test-support.ts';

const folder = '/data/__cluster_metadata-0';
const firstLog = `${folder}/00000000000000000000.log`;

function open(disk: LossyDisk | FaultyDisk, options: Partial<BrokerOptions> = {}): Promise<Broker> {
  const clock = new VirtualClock(1_700_000_000_000);
  return openBroker({ dataDir: '/data', disk, clock, random: seededRandom(1), journalFileBytes: 65_536, ...options });
}

function rejectedWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => ThroughlineError.is(error, code);
}

async function write(disk: LossyDisk, path: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'write');
  await file.write([bytes], await file.size());
  await file.syncData();
  await file.close();
}

test('topics, settings, the cluster id and producer ids are there after a power cut', async () => {
  const disk = new LossyDisk();
  const broker = await open(disk);
  await broker.createTopic('a', { partitions: 2, config: { segmentBytes: 4096 } });
  await broker.createTopic('b', { partitions: 1, settings: new Map([['retention.ms', '5']]) });
  await broker.createTopic('c', { partitions: 1 });
  await broker.alterTopicSettings(
    'b',
    new Map([
      ['max.message.bytes', ' 700 '],
      ['retention.ms', null],
    ]),
  );
  await broker.createPartitions('a', 4);
  await broker.deleteTopic('c');
  await broker.alterBrokerSettings('', new Map([['log.retention.ms', '1234']]));
  const { first, count } = await broker.takeProducerIds();
  assert.equal(first, 0n);
  disk.cutPower(seededRandom(3));
  const again = await open(disk);
  assert.deepEqual(again.topics(), broker.topics());
  assert.deepEqual([...again.topic('b').overrides], [['max.message.bytes', '700']]);
  assert.equal(again.topic('b').config.retentionMs, 1234);
  assert.equal(again.topic('a').config.retentionMs, null);
  assert.equal(again.clusterId, broker.clusterId);
  assert.match(again.clusterId, /^[\w-]{22}$/);
  assert.equal((await again.takeProducerIds()).first, BigInt(count));
});

test('a changed setting of the broker reaches the topics that follow it, and only them', async () => {
  const broker = await open(new LossyDisk(), { config: { 'log.retention.hours': 1 } });
  await broker.createTopic('own', { partitions: 1, config: { retentionMs: 77 } });
  await broker.createTopic('follows', { partitions: 1, settings: new Map() });
  assert.equal(broker.topic('follows').config.retentionMs, 3_600_000);
  await broker.alterBrokerSettings('', new Map([['log.retention.ms', '99']]));
  assert.deepEqual([broker.topic('own').config.retentionMs, broker.topic('follows').config.retentionMs], [77, 99]);
  await broker.alterBrokerSettings('', new Map([['log.retention.ms', null]]));
  assert.equal(broker.topic('follows').config.retentionMs, 3_600_000);
  await assert.rejects(
    broker.alterBrokerSettings('', new Map([['num.partitions', '2']])),
    rejectedWith('INVALID_ARGUMENT'),
  );
});

test('partitions are added and never taken away', async () => {
  const broker = await open(new LossyDisk());
  await broker.createTopic('t', { partitions: 2, config: { durability: 'os' } });
  await broker.partition('t', 1).append(batchOf(['kept']));
  assert.equal((await broker.createPartitions('t', 5)).partitionCount, 5);
  await broker.partition('t', 4).append(batchOf(['new']));
  assert.deepEqual(await readAll(broker.partition('t', 1)), ['0:kept']);
  for (const [count, message] of [
    [5, 'Topic already has 5 partition(s).'],
    [4, 'The topic t currently has 5 partition(s); 4 would not be an increase.'],
  ] as const) {
    await assert.rejects(
      broker.createPartitions('t', count),
      (error) => ThroughlineError.is(error, 'INVALID_PARTITIONS') && error.message === message,
    );
  }
  await assert.rejects(broker.createPartitions('t', 1_000_000), rejectedWith('INVALID_PARTITIONS'));
  await assert.rejects(broker.createPartitions('none', 2), rejectedWith('UNKNOWN_TOPIC'));
});

test('wherever a process dies while partitions are added, the topic has the old number or the new, and its records', async () => {
  for (let count = 0, isDone = false; !isDone; count++) {
    const memory = new LossyDisk();
    const disk = new FaultyDisk(memory);
    const broker = await open(disk);
    await broker.createTopic('t', { partitions: 1, config: { durability: 'os' } });
    await broker.partition('t', 0).append(batchOf(['kept']));
    disk.dieAfter(count);
    isDone = await broker.createPartitions('t', 3).then(
      () => true,
      () => false,
    );
    await disk.die();
    memory.cutPower(seededRandom(count));
    const again = await open(memory);
    const { partitionCount } = again.topic('t');
    assert.ok(partitionCount === 3 || (!isDone && partitionCount === 1), String(partitionCount));
    for (let partition = 1; partition < 3; partition++) {
      assert.equal((await memory.list('/data')).includes(`t-${partition}`), partition < partitionCount);
    }
    assert.equal((await again.createPartitions('t', 4)).partitionCount, 4);
    assert.ok(count < 200);
  }
});

test('a folder with a topics.json is carried over, wherever the process dies meanwhile', async () => {
  const topicId = '0123456789abcdef0123456789abcdef';
  const deletedId = 'f'.repeat(32);
  const config = { durability: 'os', retentionMs: null, retentionBytes: 999, segmentBytes: 2048, recordBytesMax: 5000 };
  const legacy = {
    format: 1,
    topics: [{ topic: 'old', topicId, partitionCount: 2, config }],
    deleting: [{ topic: 'gone', topicId: deletedId, partitionCount: 1 }],
  };
  for (let count = 0, isDone = false; !isDone; count++) {
    const memory = new LossyDisk();
    await memory.makeFolder('/data/gone-0');
    const id = Buffer.from(deletedId, 'hex').toString('base64url');
    await write(memory, '/data/gone-0/partition.metadata', utf8(`version: 0\ntopic_id: ${id}\n`));
    await write(memory, '/data/gone-0/00000000000000000000.log', batchOf(['of a deleted topic']));
    await write(memory, '/data/topics.json', utf8(JSON.stringify(legacy)));
    for (const name of ['/data', '/data/gone-0']) await memory.syncDirectory(name);
    const disk = new FaultyDisk(memory);
    disk.dieAfter(count);
    isDone = await open(disk).then(
      () => true,
      () => false,
    );
    await disk.die();
    memory.cutPower(seededRandom(count));
    const broker = await open(memory);
    const [topic, ...others] = broker.topics();
    assert.deepEqual(others, []);
    assert.deepEqual([topic?.topic, topic?.topicId, topic?.partitionCount], ['old', topicId, 2]);
    const { durability, retentionMs, retentionBytes, segmentBytes, recordBytesMax } = topic!.config;
    assert.deepEqual({ durability, retentionMs, retentionBytes, segmentBytes, recordBytesMax }, config);
    const names = await memory.list('/data');
    assert.ok(!names.includes('topics.json') && names.every((name) => !name.startsWith('gone')), names.join(' '));
    assert.ok(count < 300);
  }
});

test('the log is bounded: a snapshot takes the place of what came before it', async () => {
  const disk = new LossyDisk();
  const broker = await open(disk);
  await broker.createTopic('t', { partitions: 1 });
  for (let i = 0; i < 60; i++) {
    const value = Array.from({ length: 4000 }, (_, partition) => `${partition}:${i}`).join(',');
    await broker.alterTopicSettings('t', new Map([['follower.replication.throttled.replicas', value]]));
  }
  const names = await disk.list(folder);
  const snapshots = names.filter((name) => name.endsWith('.checkpoint'));
  assert.equal(snapshots.length, 1, names.join(' '));
  assert.equal(names.filter((name) => name.endsWith('.log')).length, 1);
  disk.cutPower(seededRandom(1));
  const again = await open(disk);
  assert.deepEqual(again.topics(), broker.topics());
});

test('a torn record at the end is cut off, and so is a damaged one', async () => {
  const disk = new LossyDisk();
  const broker = await open(disk);
  await broker.createTopic('a', { partitions: 1 });
  const sound = (await disk.readFile(firstLog))!;
  await broker.createTopic('b', { partitions: 1 });
  await broker.close();
  const whole = (await disk.readFile(firstLog))!;
  await write(disk, firstLog, whole.subarray(sound.length, whole.length - 3));
  const again = await open(disk);
  assert.deepEqual(
    again.topics().map(({ topic }) => topic),
    ['a', 'b'],
  );
  await again.createTopic('c', { partitions: 1 });
  await again.close();
  disk.flipBit(firstLog, whole.length + 70);
  const last = await open(disk);
  assert.deepEqual(
    last.topics().map(({ topic }) => topic),
    ['a', 'b'],
  );
  assert.ok(!(await disk.list('/data')).includes('c-0'));
});

test('a full disk rejects a change and leaves nothing of it; a failed sync takes no more until the next start', async () => {
  const memory = new LossyDisk();
  const disk = new FaultyDisk(memory);
  const broker = await open(disk);
  await broker.createTopic('t', { partitions: 1 });
  disk.fail({ operation: 'write', path: '__cluster_metadata', code: 'ENOSPC' });
  await assert.rejects(broker.alterTopic('t', { retentionMs: 5 }), rejectedWith('OUT_OF_DISK'));
  assert.equal(broker.topic('t').config.retentionMs, null);
  await broker.alterTopic('t', { retentionMs: 6 });
  disk.fail({ operation: 'sync', path: '__cluster_metadata', code: 'EIO' });
  await assert.rejects(broker.createTopic('u', { partitions: 1 }), rejectedWith('PARTITION_OFFLINE'));
  await assert.rejects(broker.alterTopic('t', { retentionMs: 7 }), rejectedWith('PARTITION_OFFLINE'));
  await broker.close();
  const again = await open(new FaultyDisk(memory));
  assert.equal(again.topic('t').config.retentionMs, 6);
  // What a failed sync leaves is not known; both are in order, and either way it can be made now.
  if (again.findTopic('u') === undefined) await again.createTopic('u', { partitions: 1 });
  assert.deepEqual(await readAll(again.partition('u', 0)), []);
});

test('meta.properties is what Apache Kafka reads', async () => {
  const disk = new LossyDisk();
  const broker = await open(disk);
  const lines = fromUtf8((await disk.readFile('/data/meta.properties'))!).split('\n');
  assert.deepEqual(lines.slice(0, 3), ['version=1', `cluster.id=${broker.clusterId}`, 'node.id=1']);
  assert.match(lines[3]!, /^directory\.id=[\w-]{22}$/);
});
