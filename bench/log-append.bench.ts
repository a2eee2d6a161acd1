// In-process append of 1 KiB records, 64 in flight, at each durability, with the bare file-system loop in the same folder
// beside it: one writer that writes, and one that writes and syncs, record after record.
//
//   BENCH_DIR      folder to measure in (a disk, not a memory file system); the system's temporary folder by default
//   BENCH_SECONDS  length of each measurement; 3 by default
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '@throughline/event';
import { openEmbeddedLog, type Durability } from '@throughline/log';
import { percentile, report, type Figure } from './support/figures.ts';

const recordBytes = 1024;
const inFlightCount = 64;
const lengthMs = Number(process.env['BENCH_SECONDS'] ?? 3) * 1000;
const folder = mkdtempSync(path.join(process.env['BENCH_DIR'] ?? tmpdir(), 'log-append-'));

interface Measured {
  readonly recordsPerSecond: number;
  readonly latenciesMs: readonly number[];
}

async function measure(durability: Durability): Promise<Measured> {
  const log = await openEmbeddedLog({ dataDir: path.join(folder, durability) });
  await log.admin.createTopic('bench', { partitions: 1, config: { durability } });
  const record = { key: null, value: new Uint8Array(recordBytes).fill(0x61) };
  const latenciesMs: number[] = [];
  let recordCount = 0;
  const appendUntil = async (endMs: number): Promise<void> => {
    for (let beforeMs = systemClock.monotonicMs(); beforeMs < endMs;) {
      await log.append('bench', [record]);
      const nowMs = systemClock.monotonicMs();
      latenciesMs.push(nowMs - beforeMs);
      beforeMs = nowMs;
      recordCount++;
    }
  };
  const run = async (durationMs: number): Promise<number> => {
    const startMs = systemClock.monotonicMs();
    await Promise.all(Array.from({ length: inFlightCount }, () => appendUntil(startMs + durationMs)));
    return systemClock.monotonicMs() - startMs;
  };
  await run(lengthMs / 5);
  recordCount = 0;
  latenciesMs.length = 0;
  const elapsedMs = await run(lengthMs);
  const recordsPerSecond = (recordCount / elapsedMs) * 1000;
  await log.close();
  return { recordsPerSecond, latenciesMs };
}

/** The floor: a single writer without a log. */
function bareLoop(isSynced: boolean): number {
  const file = openSync(path.join(folder, `bare-${isSynced}`), 'w');
  const record = new Uint8Array(recordBytes).fill(0x61);
  const startMs = systemClock.monotonicMs();
  let recordCount = 0;
  while (systemClock.monotonicMs() - startMs < lengthMs) {
    writeSync(file, record);
    if (isSynced) fdatasyncSync(file);
    recordCount++;
  }
  const elapsedMs = systemClock.monotonicMs() - startMs;
  closeSync(file);
  return (recordCount / elapsedMs) * 1000;
}

try {
  const writeRate = bareLoop(false);
  const syncRate = bareLoop(true);
  const figures: Figure[] = [
    { name: 'bare write, one writer', value: writeRate, unit: 'records/s' },
    { name: 'bare write + fdatasync, one writer', value: syncRate, unit: 'records/s' },
  ];
  for (const durability of ['memory', 'os', 'fsync'] as const) {
    const { recordsPerSecond, latenciesMs } = await measure(durability);
    figures.push({
      name: `append, durability ${durability}`,
      value: recordsPerSecond,
      unit: 'records/s',
      ...(durability === 'os' ? { bar: '>= 100000' } : {}),
      peer: durability === 'fsync' ? 'bare write + fdatasync' : 'bare write',
    });
    if (durability === 'fsync') {
      const times = recordsPerSecond / syncRate;
      figures.push({ name: 'append at fsync over the single synced writer', value: times, unit: 'times', bar: '>= 5' });
    }
    figures.push(
      { name: `append, durability ${durability}, p50`, value: percentile(latenciesMs, 0.5), unit: 'ms' },
      { name: `append, durability ${durability}, p99`, value: percentile(latenciesMs, 0.99), unit: 'ms' },
    );
  }
  report(`In-process append, ${recordBytes} B records, ${inFlightCount} in flight`, figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
