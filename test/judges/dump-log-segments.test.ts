// Apache Kafka's own DumpLogSegments reads what the embedded log wrote: every batch of every segment, with
// `--deep-iteration` (records, checksums) and `--index-sanity-check` (offset and time index against the log).
//
// Needs Java, Maven and the folder of tools beside the repository (../shared/tools/kafka); skips with the reason otherwise.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openBroker } from '@throughline/broker';
import { integerBetween, seededRandom, utf8 } from '@throughline/event';
import { openEmbeddedLog } from '@throughline/log';
import { encodeRecordBatch } from '@throughline/wire';
import { seed } from '../support/seed.ts';

const kafka = path.resolve('../shared/tools/kafka/kafka.sh');
const missing = [
  existsSync(kafka) ? '' : `${path.relative('.', kafka)} is missing`,
  spawnSync('java', ['-version']).status === 0 ? '' : 'java is missing',
  spawnSync('mvn', ['-v']).status === 0 ? '' : 'mvn is missing',
].filter(Boolean);
const skip = missing.length > 0 ? missing.join('; ') : false;

test(
  `Apache's DumpLogSegments accepts every segment, index and snapshot of producers that the embedded log writes (SEED=${seed})`,
  { skip },
  async () => {
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-judge-'));
    try {
      const appended = (await writeLog(dataDir)) + (await writeIdempotently(dataDir));
      const segments = globSync(path.join(dataDir, 'judged-*/*.log')).filter((file) => /\d{20}\.log$/.test(file));
      assert.ok(segments.length > 6, `only ${segments.length} segments`);
      const indexes = segments
        .flatMap((file) => [file.replace(/log$/, 'index'), file.replace(/log$/, 'timeindex')])
        .filter(existsSync);
      const records = dump(['--deep-iteration', '--files', segments.join(',')]);
      assert.equal(records.match(/^\| offset: /gm)?.length, appended, 'records that Kafka found');
      assert.doesNotMatch(records, /isvalid: false/);
      const checked = dump(['--index-sanity-check', '--files', indexes.join(',')]);
      assert.doesNotMatch(checked, /mismatch|corrupt|not found|non.?increasing/i);
      const snapshots = globSync(path.join(dataDir, 'judged-*/*.snapshot'));
      assert.ok(snapshots.length > 6, `only ${snapshots.length} snapshots`);
      const producers = dump(['--files', snapshots.join(',')]);
      assert.doesNotMatch(producers, /corrupt|unknown/i);
      const last = producers.match(/^producerId: 7 producerEpoch: 3 .* firstSequence: 4 lastSequence: 5 .*$/gm);
      assert.equal(last?.length, 1, producers);
      // An index has no entry before the first 4 KiB of its segment: Kafka then says that it is empty, and has nothing to check.
      const empty = indexes.filter((file) => statSync(file).size === 0);
      for (const file of empty) assert.ok(statSync(file.replace(/\w+$/, 'log')).size <= 8192, `${file} is empty`);
      assert.equal(checked.match(/is empty\./g)?.length ?? 0, empty.length);
      assert.equal(checked.match(/passed sanity check/g)?.length, indexes.length - empty.length);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
);

/** Two topics, one of each durability that reaches the disk, small segments, records of many sizes; closed and reopened once. */
async function writeLog(dataDir: string): Promise<number> {
  const random = seededRandom(seed);
  let count = 0;
  for (let opening = 0; opening < 2; opening++) {
    const log = await openEmbeddedLog({ dataDir });
    for (const durability of ['os', 'fsync'] as const) {
      const topic = `judged-${durability}`;
      if (opening === 0)
        await log.admin.createTopic(topic, { partitions: 2, config: { durability, segmentBytes: 64 * 1024 } });
      for (let round = 0; round < 60; round++) {
        const records = Array.from({ length: integerBetween(random, 1, 12) }, () => ({
          key: random.float() < 0.2 ? null : utf8(`key-${integerBetween(random, 0, 50)}`),
          value: random.float() < 0.05 ? null : random.bytes(integerBetween(random, 0, 800)),
          headers: random.float() < 0.5 ? [] : [{ key: 'tl-type', value: utf8('chunk') }],
        }));
        await log.append(topic, records);
        count += records.length;
      }
    }
    await log.close();
  }
  return count;
}

/** Three batches of one producer, for the snapshot of a clean stop. */
async function writeIdempotently(dataDir: string): Promise<number> {
  const broker = await openBroker({ dataDir });
  const log = broker.partition('judged-os', 0);
  const records = [
    { key: null, value: utf8('one') },
    { key: null, value: utf8('two') },
  ];
  for (const baseSequence of [0, 2, 4]) {
    await log.append(encodeRecordBatch(records, { nowMs: Date.now(), producer: { id: 7n, epoch: 3, baseSequence } }));
  }
  await broker.close();
  return 6;
}

function dump(options: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('bash', [kafka, 'dump-log', ...options], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  assert.equal(status, 0, stderr);
  return stdout;
}
