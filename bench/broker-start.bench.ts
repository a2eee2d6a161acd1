// How long a broker takes to be of use: from nothing to the first acknowledged record, as a process and in the process of a
// test; a thousand brokers one after the other; back after kill -9 with 1 GiB that was never flushed; a thousand topics.
// Apache Kafka 4.3.1 beside it, through the same raw client, in the same run.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createBroker } from '@throughline/broker';
import { encodeRecordBatch, type KafkaErrorName } from '@throughline/wire';
import { createTopicsApi, metadataApi, produceApi } from '@throughline/wire/apis';
import { connectKafka, type KafkaClient } from '../test/support/kafka-client.ts';
import { median, residentBytesOf, startBroker, type RunningBroker } from './support/brokers.ts';
import { report, round, type Figure } from './support/figures.ts';

const roundCount = 3;
const unflushedBytes = 1024 ** 3;
const manyTopicCount = 1000;
const partitionsPerTopic = 10;
const figures: Figure[] = [];

const batchOf = (recordBytes: number): Uint8Array => {
  return encodeRecordBatch([{ key: null, value: Buffer.alloc(recordBytes, 'x'), headers: [] }], { nowMs: Date.now() });
};

async function createTopics(client: KafkaClient, names: readonly string[], partitionCount: number): Promise<void> {
  const topics = names.map((name) => {
    return { name, numPartitions: partitionCount, replicationFactor: 1, assignments: [], configs: [] };
  });
  const { topics: made } = await client.call(createTopicsApi, 5, { topics, timeoutMs: 120_000 });
  const failed = made.find(({ errorCode }) => errorCode !== 'NONE');
  if (failed !== undefined) throw new Error(`topic ${failed.name}: ${failed.errorCode}`);
}

async function produce(
  client: KafkaClient,
  topic: string,
  partition: number,
  records: Uint8Array,
): Promise<KafkaErrorName> {
  const topicData = [{ name: topic, partitionData: [{ index: partition, records }] }];
  const { responses } = await client.call(produceApi, 9, { acks: -1, timeoutMs: 30_000, topicData });
  return responses[0]?.partitionResponses[0]?.errorCode ?? 'UNKNOWN_SERVER_ERROR';
}

/** Connects and asks again until a record is acknowledged. */
async function firstAcknowledged(address: string, topic: string): Promise<void> {
  for (;;) {
    try {
      const client = await connectKafka(address);
      try {
        await client.call(metadataApi, 9, { topics: [{ name: topic }], allowAutoTopicCreation: true });
        if ((await produce(client, topic, 0, batchOf(100))) === 'NONE') return;
      } finally {
        await client.close();
      }
    } catch {
      // Not there yet, or away again: what counts is when it answers.
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function startMs(name: RunningBroker['name']): Promise<number> {
  const beginMs = performance.now();
  await using broker = await startBroker(name, { durability: 'os' });
  await firstAcknowledged(broker.address, 'first');
  return performance.now() - beginMs;
}

const starts = { throughline: [] as number[], kafka: [] as number[] };
for (let turn = 0; turn < roundCount; turn++) {
  starts.throughline.push(await startMs('throughline'));
  starts.kafka.push(await startMs('kafka'));
}
const [ownStart, kafkaStart] = [median(starts.throughline), median(starts.kafka)];
figures.push({
  name: 'start as a process, to the first acknowledged record',
  value: ownStart / kafkaStart,
  unit: '× Kafka',
  bar: '<= 0.125',
  peer: `${round(kafkaStart)} ms, its format included`,
  note: `ours ${round(ownStart)} ms`,
});

const inProcess: number[] = [];
for (let turn = 0; turn < 5; turn++) {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-bench-'));
  const beginMs = performance.now();
  const broker = await createBroker({ dataDir });
  await firstAcknowledged(broker.address, 'first');
  inProcess.push(performance.now() - beginMs);
  await broker.close();
  rmSync(dataDir, { recursive: true, force: true });
}
figures.push({
  name: 'start in process, to the first acknowledged record (fsync)',
  value: median(inProcess),
  unit: 'ms',
  bar: '<= 60',
  note: `the first of the process ${round(inProcess[0]!)} ms`,
});

const beginMs = performance.now();
for (let i = 0; i < 1000; i++) {
  const broker = await createBroker({ memory: true });
  await broker.close();
}
figures.push({
  name: '1,000 brokers started and stopped in one process',
  value: (performance.now() - beginMs) / 1000,
  unit: 's',
  bar: '<= 10',
});

async function recoveryMs(name: RunningBroker['name']): Promise<number> {
  await using broker = await startBroker(name, { durability: 'os' });
  const client = await connectKafka(broker.address);
  await createTopics(client, ['filled'], 1);
  await firstAcknowledged(broker.address, 'filled');
  const batchBytes = 512 * 1024;
  for (let sent = 0; sent < unflushedBytes; sent += batchBytes) {
    const errorCode = await produce(client, 'filled', 0, batchOf(batchBytes));
    if (errorCode !== 'NONE') throw new Error(`filling: ${errorCode}`);
  }
  await client.close();
  await broker.crash();
  const crashedMs = performance.now();
  await broker.restart();
  await firstAcknowledged(broker.address, 'filled');
  return performance.now() - crashedMs;
}

const ownRecovery = await recoveryMs('throughline');
const kafkaRecovery = await recoveryMs('kafka');
figures.push({
  name: 'kill -9 with 1 GiB unflushed, to the next acknowledged record',
  value: ownRecovery / 1000,
  unit: 's',
  bar: '<= 1',
  peer: `Kafka ${round(kafkaRecovery / 1000)} s`,
});

/** How long a broker of many topics is away; Kafka may need more than the minute that its tool waits. */
async function backAfterKill(broker: RunningBroker): Promise<string> {
  await broker.crash();
  const crashedMs = performance.now();
  try {
    await broker.restart();
  } catch {
    return 'not within 60 s';
  }
  await firstAcknowledged(broker.address, 'many-999');
  return `in ${round((performance.now() - crashedMs) / 1000)} s`;
}

for (const name of ['throughline', 'kafka'] as const) {
  await using broker = await startBroker(name, { durability: 'os' });
  const client = await connectKafka(broker.address);
  const createdMs = performance.now();
  const names = Array.from({ length: manyTopicCount }, (_, index) => `many-${index}`);
  for (let from = 0; from < names.length; from += 50) {
    await createTopics(client, names.slice(from, from + 50), partitionsPerTopic);
  }
  const createS = (performance.now() - createdMs) / 1000;
  await client.close();
  await firstAcknowledged(broker.address, 'many-999');
  const again = await connectKafka(broker.address);
  const samples: number[] = [];
  for (let i = 0; i < 3000; i++) {
    const sentMs = performance.now();
    const errorCode = await produce(again, `many-${(i * 7) % manyTopicCount}`, i % partitionsPerTopic, batchOf(1024));
    // Kafka goes on making leaders after it has answered.
    if (errorCode !== 'NONE' && i < 1000) continue;
    if (errorCode !== 'NONE') throw new Error(`a topic of many: ${errorCode}`);
    if (i >= 1000) samples.push(performance.now() - sentMs);
  }
  await again.close();
  const residentMiB = residentBytesOf(broker.pid) / 2 ** 20;
  const back = await backAfterKill(broker);
  const p99Ms = samples.toSorted((a, b) => a - b)[Math.floor(samples.length * 0.99)]!;
  figures.push({
    name: `1,000 topics × 10 partitions, ${name}`,
    value: residentMiB,
    unit: 'MiB',
    note: `made in ${round(createS)} s, p99 of a record ${round(p99Ms)} ms, back after kill -9 ${back}`,
  });
}

report(
  `broker: start, stop and recovery (${spawnSync('uname', ['-sr'], { encoding: 'utf8' }).stdout.trim()})`,
  figures,
);
