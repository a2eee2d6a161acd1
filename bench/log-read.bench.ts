// Sequential read of a whole topic through the Log port, records decoded and checksums verified, against reading the same
// segment files with nothing but the file system: chunks of one MiB, one after the other, as the log reads them. Each chunk
// is read into fresh memory, because records are views of what was read and a reader may keep them; reading into one chunk
// over and over, which never leaves the processor's cache and gives nobody anything, is shown beside it.
//
//   BENCH_DIR       folder to measure in; the system's temporary folder by default
//   BENCH_LOG_MIB   size of the topic in MiB; 1024 by default
//   BENCH_RECORD_BYTES  size of a record's value; 1024 by default
import { mkdtempSync, rmSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '@throughline/event';
import { openEmbeddedLog, type Log } from '@throughline/log';
import { report } from './support/figures.ts';
import { fillTopic } from './support/fill-topic.ts';

const MiB = 1024 * 1024;
const chunkBytes = MiB;
const logBytes = Number(process.env['BENCH_LOG_MIB'] ?? 1024) * MiB;
const recordBytes = Number(process.env['BENCH_RECORD_BYTES'] ?? 1024);
const folder = mkdtempSync(path.join(process.env['BENCH_DIR'] ?? tmpdir(), 'log-read-'));

/** Reads the partition step by step; returns bytes of values per second. */
async function readByRead(log: Log): Promise<{ readonly recordCount: number; readonly elapsedMs: number }> {
  const startMs = systemClock.monotonicMs();
  let recordCount = 0;
  for (let offset = 0n; ;) {
    const { records, nextOffset, highWatermark } = await log.read({ topic: 'bench', partition: 0, offset });
    recordCount += records.length;
    if (nextOffset === highWatermark) break;
    offset = nextOffset;
  }
  return { recordCount, elapsedMs: systemClock.monotonicMs() - startMs };
}

async function readByTail(log: Log): Promise<{ readonly recordCount: number; readonly elapsedMs: number }> {
  const startMs = systemClock.monotonicMs();
  let recordCount = 0;
  for await (const { records, nextOffset, highWatermark } of log.tail({ topic: 'bench', from: 'earliest' })) {
    recordCount += records.length;
    if (nextOffset === highWatermark) break;
  }
  return { recordCount, elapsedMs: systemClock.monotonicMs() - startMs };
}

/** The floor: the same files, read and dropped. */
async function bareRead(isKept: boolean): Promise<{ readonly bytes: number; readonly elapsedMs: number }> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => name.endsWith('.log') && name.includes('bench-0')).sort();
  let chunk = Buffer.allocUnsafeSlow(chunkBytes);
  const startMs = systemClock.monotonicMs();
  let bytes = 0;
  for (const name of files) {
    const file = await open(path.join(folder, name));
    for (;;) {
      if (isKept) chunk = Buffer.allocUnsafeSlow(chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunkBytes);
      if (bytesRead === 0) break;
      bytes += bytesRead;
    }
    await file.close();
  }
  return { bytes, elapsedMs: systemClock.monotonicMs() - startMs };
}

try {
  let log = await openEmbeddedLog({ dataDir: folder });
  const written = await fillTopic(log, 'bench', { logBytes, recordBytes });
  await log.close();
  // Opened again, so that nothing comes from the memory of the writer; the page cache is warm for both.
  log = await openEmbeddedLog({ dataDir: folder });
  await bareRead(true);
  const bare = await bareRead(true);
  const reused = await bareRead(false);
  const tailed = await readByTail(log);
  const read = await readByRead(log);
  await log.close();
  for (const { recordCount } of [read, tailed]) {
    if (recordCount !== written) throw new Error(`${recordCount} records read, ${written} written`);
  }
  const rate = (elapsedMs: number): number => bare.bytes / MiB / (elapsedMs / 1000);
  const bareRate = rate(bare.elapsedMs);
  report(`Sequential read of ${Math.round(bare.bytes / MiB)} MiB in records of ${recordBytes} B, page cache warm`, [
    { name: 'fs.read, 1 MiB at a time', value: bareRate, unit: 'MiB/s' },
    { name: 'fs.read, always into the same MiB', value: rate(reused.elapsedMs), unit: 'MiB/s' },
    { name: 'Log.tail', value: rate(tailed.elapsedMs), unit: 'MiB/s', peer: 'fs.read' },
    { name: 'Log.read', value: rate(read.elapsedMs), unit: 'MiB/s', peer: 'fs.read' },
    { name: 'Log.tail over fs.read', value: rate(tailed.elapsedMs) / bareRate, unit: 'times', bar: '>= 0.5' },
    { name: 'Log.read over fs.read', value: rate(read.elapsedMs) / bareRate, unit: 'times', bar: '>= 0.5' },
    { name: 'Log.tail, records', value: (written / tailed.elapsedMs) * 1000, unit: 'records/s' },
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
