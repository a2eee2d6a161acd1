// A partition that Apache Kafka wrote, in all five codecs, opens here with the same records at the same offsets, after
// Kafka's clean stop and after its kill; and Kafka takes back the snapshots of producers that we write.
//
// Needs Java, Maven and the folder of tools beside the repository; skips with the reason otherwise.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openBroker, type PartitionLog } from '@throughline/broker';
import { fromUtf8, type LogRecord } from '@throughline/event';
import { decodeRecordBatch, encodeRecordBatch, offsetBehind, readBatchHeader } from '@throughline/wire';
import { kafkaTool, withoutKafka } from './toolchain.ts';

const topic = 'codecs';
const recordCountPerCodec = 400;
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

test(
  "a partition of Apache Kafka's opens here with the same records, offsets, epochs and producers, and Kafka reads our snapshots",
  { skip: withoutKafka() },
  async () => {
    const kafkaDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-judge-kafka-'));
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-judge-'));
    const folder = path.join(kafkaDir, 'data', `${topic}-0`);
    try {
      const address = start(kafkaDir);
      const settings = ['--partitions', '1', '--config', 'segment.bytes=1048576'];
      kafka('topics', '--bootstrap-server', address, '--create', '--topic', topic, ...settings);
      for (const codec of codecs) produce(address, codec);
      kafka('stop', '--dir', kafkaDir, '--kill');
      const killed = await openedHere(dataDir, folder, false);
      assert.equal(killed.records.length, codecs.length * recordCountPerCodec);
      assert.deepEqual(killed.records, dumped(folder));

      start(kafkaDir);
      kafka('stop', '--dir', kafkaDir);
      const stopped = await openedHere(dataDir, folder, true);
      assert.deepEqual(stopped.records, killed.records);
      assert.equal(stopped.leaderEpoch, killed.leaderEpoch);
      // Of the five producers the last one goes on here, and is recognised when it sends something again.
      assert.equal(stopped.duplicateOffset, killed.duplicateOffset);

      for (const file of snapshotsOf(dataDir)) cpSync(file, path.join(folder, path.basename(file)));
      const again = start(kafkaDir);
      const query = ['describe-producers', '--topic', topic, '--partition', '0'];
      const producers = kafka('transactions', '--bootstrap-server', again, ...query);
      const rows = producers.split('\n').filter((line) => /^\d+\s/.test(line));
      assert.equal(rows.length, codecs.length, producers);
      for (const row of rows) assert.equal(row.split(/\s+/)[3], String(recordCountPerCodec - 1), row);
    } finally {
      spawnSync('bash', [kafkaTool, 'stop', '--dir', kafkaDir]);
      for (const dir of [kafkaDir, dataDir]) rmSync(dir, { recursive: true, force: true });
    }
  },
);

/** Opens a copy of the folder as a partition of ours, and closes it again. */
async function openedHere(dataDir: string, folder: string, isClean: boolean) {
  rmSync(dataDir, { recursive: true, force: true });
  const made = await openBroker({ dataDir });
  await made.createTopic(topic, { partitions: 1 });
  await made.close();
  const copy = path.join(dataDir, `${topic}-0`);
  const own = readFileSync(path.join(copy, 'partition.metadata'));
  rmSync(copy, { recursive: true });
  cpSync(folder, copy, { recursive: true });
  writeFileSync(path.join(copy, 'partition.metadata'), own);
  if (!isClean) rmSync(path.join(dataDir, '.kafka_cleanshutdown'));
  const broker = await openBroker({ dataDir });
  const log = broker.partition(topic, 0);
  const { batches, records } = await readAll(log);
  const last = batches.at(-1)!;
  // The broker compares sequences, not contents.
  const again = encodeRecordBatch(
    Array.from({ length: last.lastOffsetDelta + 1 }, () => ({ key: null, value: null })),
    {
      nowMs: Date.now(),
      producer: { id: last.producerId, epoch: last.producerEpoch, baseSequence: last.baseSequence },
    },
  );
  const duplicate = await log.append(again);
  assert.equal(duplicate.isDuplicate, true);
  assert.equal(duplicate.baseOffset, last.baseOffset);
  const epochKept = log.endOfEpoch(0);
  await broker.close();
  return {
    records,
    leaderEpoch: epochKept?.epoch,
    duplicateOffset: duplicate.baseOffset,
  };
}

async function readAll(log: PartitionLog) {
  const batches = [];
  const records: string[] = [];
  for (let offset = log.logStartOffset; offset < log.highWatermark;) {
    const { batches: bytes } = await log.read(offset, 64 * 1024);
    for (let position = 0; position < bytes.length;) {
      const header = readBatchHeader(bytes, position);
      const decoded: LogRecord[] = [];
      decodeRecordBatch(bytes, position, { topic, partition: 0 }, decoded);
      for (const record of decoded) records.push(`${record.offset} ${record.timestampMs} ${fromUtf8(record.value!)}`);
      batches.push(header);
      position += header.sizeBytes;
      offset = offsetBehind(header);
    }
  }
  return { batches, records };
}

/** The same records as Kafka's own tool finds them. */
function dumped(folder: string): string[] {
  const files = globSync(path.join(folder, '*.log')).sort();
  const text = kafka('dump-log', '--deep-iteration', '--print-data-log', '--files', files.join(','));
  return Array.from(
    text.matchAll(/^\| offset: (\d+) CreateTime: (\d+) .*? payload: (.*)$/gm),
    ([, offset, time, payload]) => `${offset} ${time} ${payload}`,
  );
}

function produce(address: string, codec: string): void {
  const size = ['--num-records', String(recordCountPerCodec), '--record-size', '300', '--throughput', '-1'];
  const settings = ['--command-property', `compression.type=${codec}`, 'linger.ms=5', 'batch.size=8000'];
  kafka('perf-produce', '--bootstrap-server', address, '--topic', topic, ...size, ...settings);
}

function snapshotsOf(dataDir: string): readonly string[] {
  return globSync(path.join(dataDir, `${topic}-0`, '*.snapshot'));
}

function start(dir: string): string {
  return kafka('start', '--port', '0', '--dir', dir, '--heap', '512M').trim();
}

function kafka(...options: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('bash', [kafkaTool, ...options], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  assert.equal(status, 0, `${options.join(' ')}: ${stderr}`);
  return stdout;
}
