// A folder that Apache Kafka wrote, cleanly stopped or killed, opens here with the same topics, ids, settings, records and
// offsets, compacted ones among them; and Apache Kafka goes on in it with what was written here.
//
// Needs Java, Maven and the folder of tools beside the repository; skips with the reason otherwise.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openBroker, type Broker } from '@throughline/broker';
import { fromUtf8, ThroughlineError, utf8, type LogRecord } from '@throughline/event';
import { decodeRecordBatch, encodeRecordBatch, offsetBehind, readBatchHeader } from '@throughline/wire';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import { kafkaTool, withoutKafka } from './toolchain.ts';

const { CompressionTypes, ConfigResourceTypes, logLevel } = kafkajs;

/** A group of one member has its assignment after some seconds; a busy machine takes its time. */
const readMs = 60_000;

/** What both sides say of a topic. */
interface Described {
  readonly topicId: string;
  readonly overrides: Readonly<Record<string, string>>;
  /** Per partition `low high`. */
  readonly offsets: readonly string[];
}

test(
  "Apache Kafka's folder opens here, ours opens there, and back: the same topics, ids, settings, records and offsets",
  { skip: withoutKafka() },
  async () => {
    const kafkaDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-judge-kafka-'));
    const dataDir = path.join(kafkaDir, 'data');
    try {
      const settings = ['metadata.log.max.record.bytes.between.snapshots=2000', 'log.cleaner.backoff.ms=100'];
      let kafka = connect(start(kafkaDir, settings));
      let admin = await connectedAdmin(kafka);
      await assert.rejects(openBroker({ dataDir }), (error) => ThroughlineError.is(error, 'DATA_DIR_IN_USE'));
      await makeTopics(admin);
      await writeRecords(kafka);
      await compactionOf(dataDir, 'compacted-0');
      const clusterId = (await admin.describeCluster()).clusterId;
      const before = await describedThere(admin, dataDir);
      const records = await readThere(kafka, before);
      await admin.disconnect();

      // After a kill, in a copy: the metadata log has a tail, indexes are at their full size, nothing says where it ends.
      tool('stop', '--dir', kafkaDir, '--kill');
      const copy = path.join(kafkaDir, 'copy');
      cpSync(dataDir, copy, { recursive: true });
      await openedHere(copy, async (broker) => {
        assert.deepEqual(describedHere(broker), before);
        assert.deepEqual(await readHere(broker), records);
      });

      start(kafkaDir);
      tool('stop', '--dir', kafkaDir);
      await openedHere(dataDir, async (broker) => {
        assert.equal(broker.clusterId, clusterId);
        assert.deepEqual(describedHere(broker), before);
        assert.deepEqual(await readHere(broker), records);
        // Readers have seen epochs of Kafka's; what is written from now on must not look older.
        assert.ok(broker.partition('plain', 0).leaderEpoch > 1);
        await broker.partition('plain', 0).append(batchOf('from here'));
        await broker.createTopic('made-here', { partitions: 2, config: { durability: 'os', segmentBytes: 4096 } });
        for (let i = 0; i < 100; i++) await broker.partition('made-here', i % 2).append(batchOf(`small ${i}`));
        await broker.createPartitions('grown', 4);
        await broker.deleteTopic('dropped-here');
      });
      // A second time: it is ours now.
      const ours = await openedHere(dataDir, async (broker) => {
        // The lock of either keeps the other out.
        assert.throws(() => start(kafkaDir));
        return { topics: describedHere(broker), records: await readHere(broker) };
      });

      kafka = connect(start(kafkaDir));
      admin = await connectedAdmin(kafka);
      const there = await describedThere(admin, dataDir);
      assert.deepEqual(Object.keys(there).sort(), Object.keys(ours.topics).sort());
      for (const [topic, { topicId, offsets }] of Object.entries(there)) {
        assert.deepEqual(
          { topicId, offsets },
          { topicId: ours.topics[topic]?.topicId, offsets: ours.topics[topic]?.offsets },
        );
      }
      assert.deepEqual(await readThere(kafka, there), ours.records);
      await admin.createTopics({ topics: [{ topic: 'made-there', numPartitions: 1 }] });
      await admin.disconnect();
      tool('stop', '--dir', kafkaDir);
      await openedHere(dataDir, async (broker) => {
        assert.deepEqual(Object.keys(describedHere(broker)).sort(), [...Object.keys(there), 'made-there'].sort());
        assert.deepEqual(await readHere(broker), ours.records);
      });
    } finally {
      spawnSync('bash', [kafkaTool, 'stop', '--dir', kafkaDir]);
      rmSync(kafkaDir, { recursive: true, force: true });
    }
  },
);

async function makeTopics(admin: Admin): Promise<void> {
  const entries = (values: Record<string, string>) => Object.entries(values).map(([name, value]) => ({ name, value }));
  const compacted = { 'cleanup.policy': 'compact', 'segment.bytes': '1048576', 'min.cleanable.dirty.ratio': '0.01' };
  await admin.createTopics({
    topics: [
      { topic: 'plain', numPartitions: 3, configEntries: entries({ 'retention.ms': '1000000000' }) },
      { topic: 'grown', numPartitions: 1, configEntries: entries({ 'max.message.bytes': '500000' }) },
      { topic: 'compacted', numPartitions: 1, configEntries: entries(compacted) },
      { topic: 'gone', numPartitions: 1 },
      { topic: 'dropped-here', numPartitions: 1 },
    ],
  });
  await admin.createPartitions({ topicPartitions: [{ topic: 'grown', count: 3 }] });
  await admin.deleteTopics({ topics: ['gone'] });
  const altered = entries({ 'retention.ms': '2000000000', 'message.timestamp.type': 'LogAppendTime' });
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: 'plain', configEntries: altered }],
  });
}

async function writeRecords(kafka: Kafka): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  for (let i = 0; i < 40; i++) {
    const compression = i % 2 === 0 ? CompressionTypes.None : CompressionTypes.GZIP;
    for (const [topic, partition] of [
      ['plain', i % 3],
      ['grown', i % 3],
      ['dropped-here', 0],
    ] as const) {
      const messages = Array.from({ length: 25 }, (_, j) => ({ key: null, value: `${topic} ${i}.${j}`, partition }));
      await producer.send({ topic, compression, messages });
    }
  }
  // Three segments in which each of a few keys comes again and again: all but the last are compacted.
  for (let i = 0; i < 45; i++) {
    const messages = Array.from({ length: 8 }, (_, j) => ({
      key: `k${(i * j) % 11}`,
      value: `${i}.${j} `.padEnd(9000, '.'),
    }));
    await producer.send({ topic: 'compacted', messages });
  }
  await producer.disconnect();
}

/** Waits until the cleaner has been there. */
async function compactionOf(dataDir: string, partition: string): Promise<void> {
  const folder = path.join(dataDir, partition);
  for (let tries = 0; tries < 600; tries++) {
    const first = path.join(folder, '00000000000000000000.log');
    if (readdirSync(folder).length > 5 && statSync(first).size < 500_000) return;
    await delay(100);
  }
  assert.fail('nothing has been compacted');
}

async function describedThere(admin: Admin, dataDir: string): Promise<Record<string, Described>> {
  const topics = (await admin.listTopics()).filter((topic) => !topic.startsWith('__'));
  const described: Record<string, Described> = {};
  for (const topic of topics) {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
    });
    const offsets = await offsetsThere(admin, topic);
    const metadata = readFileSync(path.join(dataDir, `${topic}-0`, 'partition.metadata'), 'utf8');
    described[topic] = {
      topicId: Buffer.from(/topic_id: (\S+)/.exec(metadata)![1]!, 'base64url').toString('hex'),
      // What the topic says itself.
      overrides: Object.fromEntries(
        resources[0]!.configEntries
          .filter(({ configSource }) => configSource === kafkajs.ConfigSource.TOPIC_CONFIG)
          .map(({ configName, configValue }) => [configName, configValue] as const),
      ),
      offsets: offsets.sort((a, b) => a.partition - b.partition).map(({ low, high }) => `${low} ${high}`),
    };
  }
  return described;
}

/** Right after a start Kafka answers before it leads all of its partitions. */
async function offsetsThere(admin: Admin, topic: string): ReturnType<Admin['fetchTopicOffsets']> {
  for (let tries = 0; ; tries++) {
    try {
      return await admin.fetchTopicOffsets(topic);
    } catch (error) {
      if (tries > 300) throw error;
      await delay(50);
    }
  }
}

function describedHere(broker: Broker): Record<string, Described> {
  const topics = broker.topics().filter(({ topic }) => !topic.startsWith('__'));
  return Object.fromEntries(
    topics.map(({ topic, topicId, partitionCount, overrides }) => {
      const offsets = Array.from({ length: partitionCount }, (_, partition) => {
        const { logStartOffset, highWatermark } = broker.partition(topic, partition);
        return `${logStartOffset} ${highWatermark}`;
      });
      return [topic, { topicId, overrides: Object.fromEntries(overrides), offsets }];
    }),
  );
}

/** `topic partition offset key value` of everything, in order. */
async function readHere(broker: Broker): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { topic, partitionCount } of broker.topics().filter((one) => !one.topic.startsWith('__'))) {
    for (let partition = 0; partition < partitionCount; partition++) {
      const log = broker.partition(topic, partition);
      for (let offset = log.logStartOffset; offset < log.highWatermark;) {
        const { batches } = await log.read(offset, 1024 * 1024);
        if (batches.length === 0) break;
        const records: LogRecord[] = [];
        for (let position = 0; position < batches.length;) {
          const header = readBatchHeader(batches, position);
          decodeRecordBatch(batches, position, { topic, partition }, records);
          position += header.sizeBytes;
          offset = offsetBehind(header);
        }
        for (const { key, value, offset: at } of records) lines.push(line(topic, partition, at, key, value));
      }
    }
  }
  return lines.sort();
}

async function readThere(kafka: Kafka, topics: Record<string, Described>): Promise<readonly string[]> {
  const lines: string[] = [];
  const consumer = kafka.consumer({ groupId: `reader-${Math.random()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: Object.keys(topics), fromBeginning: true });
  const ends = new Map(
    Object.entries(topics).flatMap(([topic, { offsets }]) =>
      offsets.map((range, partition) => [`${topic}-${partition}`, range.split(' ').map(Number)] as const),
    ),
  );
  const missing = new Set([...ends].filter(([, [low, high]]) => low !== high).map(([name]) => name));
  await new Promise<void>((resolve, reject) => {
    setTimeout(() => reject(new Error(`not read to the end: ${[...missing].join(' ')}`)), readMs).unref();
    consumer
      .run({
        eachBatch: async ({ batch: { topic, partition, messages } }) => {
          for (const { offset, key, value } of messages) lines.push(line(topic, partition, BigInt(offset), key, value));
          const [, high = 0] = ends.get(`${topic}-${partition}`) ?? [];
          if (Number(messages.at(-1)?.offset ?? -1) >= high - 1) missing.delete(`${topic}-${partition}`);
          if (missing.size === 0) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return lines.sort();
}

function line(
  topic: string,
  partition: number,
  offset: bigint,
  key: Uint8Array | null,
  value: Uint8Array | null,
): string {
  const text = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : fromUtf8(bytes).slice(0, 20));
  return `${topic} ${partition} ${offset} ${text(key)} ${text(value)}`;
}

function batchOf(text: string): Uint8Array {
  return encodeRecordBatch([{ key: null, value: utf8(text) }], { nowMs: Date.now() });
}

async function openedHere<T>(dataDir: string, use: (broker: Broker) => Promise<T>): Promise<T> {
  const broker = await openBroker({ dataDir });
  try {
    return await use(broker);
  } finally {
    await broker.close();
  }
}

function connect(address: string): Kafka {
  return new kafkajs.Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 20 } });
}

async function connectedAdmin(kafka: Kafka): Promise<Admin> {
  const admin = kafka.admin();
  await admin.connect();
  return admin;
}

function start(dir: string, settings: readonly string[] = []): string {
  const set = settings.flatMap((setting) => ['--set', setting]);
  return tool('start', '--port', '0', '--dir', dir, '--heap', '512M', ...set).trim();
}

function tool(...options: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('bash', [kafkaTool, ...options], { encoding: 'utf8' });
  assert.equal(status, 0, `${options.join(' ')}: ${stderr}`);
  return stdout;
}
