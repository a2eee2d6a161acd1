// How long a log takes to open after its process was killed with -9: a child fills a topic at durability `os`, says so and
// goes on appending; it is killed in the middle of that, and the parent opens what it left, which has to be checked from the
// last recovery point on.
//
//   BENCH_DIR      folder to measure in; the system's temporary folder by default
//   BENCH_LOG_MIB  size of the topic in MiB; 1024 by default
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '@throughline/event';
import { openEmbeddedLog } from '@throughline/log';
import { report } from './support/figures.ts';
import { fillTopic } from './support/fill-topic.ts';

const MiB = 1024 * 1024;
const logBytes = Number(process.env['BENCH_LOG_MIB'] ?? 1024) * MiB;
const childFolder = process.argv[2];

if (childFolder === undefined) await parent();
else await child(childFolder);

async function child(dataDir: string): Promise<void> {
  // Checkpoints far apart: what is to be recovered is the whole log, the worst case.
  const log = await openEmbeddedLog({ dataDir, checkpointIntervalMs: 3_600_000 });
  const recordCount = await fillTopic(log, 'bench', { logBytes, recordBytes: 1024 });
  process.send!({ recordCount });
  const record = { key: null, value: new Uint8Array(1024) };
  for (;;) await log.append('bench', [record]);
}

async function parent(): Promise<void> {
  const folder = mkdtempSync(path.join(process.env['BENCH_DIR'] ?? tmpdir(), 'log-recovery-'));
  try {
    const filler = fork(import.meta.filename, [folder]);
    const exited = once(filler, 'exit');
    const [{ recordCount }] = (await once(filler, 'message')) as [{ recordCount: number }];
    filler.kill('SIGKILL');
    await exited;

    const startMs = systemClock.monotonicMs();
    const log = await openEmbeddedLog({ dataDir: folder });
    const openedMs = systemClock.monotonicMs() - startMs;
    const { partitions } = await log.admin.describeTopic('bench');
    const { highWatermark, bytes } = partitions[0]!;
    await log.close();
    if (highWatermark < BigInt(recordCount)) throw new Error(`${highWatermark} of ${recordCount} records are left`);
    const cleanStartMs = systemClock.monotonicMs();
    await (await openEmbeddedLog({ dataDir: folder })).close();
    report(`Opening a log of ${Math.round(bytes / MiB)} MiB`, [
      { name: 'open after kill -9', value: openedMs / 1000, unit: 's', bar: '<= 3', peer: 'open after a clean close' },
      { name: 'open after a clean close', value: (systemClock.monotonicMs() - cleanStartMs) / 1000, unit: 's' },
      { name: 'records kept', value: Number(highWatermark), unit: 'records' },
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
