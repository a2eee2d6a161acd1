// Event source mappings over a bare consumer of the same log, in the same run:
//
//   rate      a topic that is full already, in batches of 100: records that have called the function and are committed, over records
//             whose keys and values a loop over a tail has turned to text
//   latency   from the append of one record to the moment at which the handler has it (window 0), over the moment at which a tail
//             has it. Both say it on the machine's own clock, which its processes share
//
//   BENCH_ESM_RECORDS  records of the topic; 100000 by default
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fromUtf8, systemClock, utf8 } from '@throughline/event';
import { createFunctionHost, type FunctionHost } from '@throughline/functions';
import { openEmbeddedLog, type Log } from '@throughline/log';
import { percentile, report } from './support/figures.ts';

const recordCount = Number(process.env['BENCH_ESM_RECORDS'] ?? 100_000);
const latencyCount = 500;
const folder = mkdtempSync(path.join(tmpdir(), 'throughline-esm-'));
const file = path.join(folder, 'latencies');

function host(log: Log, topic: string, asked: Readonly<Record<string, unknown>>): FunctionHost {
  const trigger = { type: 'kafka', topic, batchWindowMs: 0, ...asked };
  return createFunctionHost({
    log,
    functions: [
      {
        name: 'worker',
        entry: path.join(import.meta.dirname, 'support/mapped/worker.ts'),
        env: { LATENCY_FILE: file },
        triggers: [trigger],
      },
    ],
  });
}

/** Resolves when a mapping of `topic` has committed `count` records. */
async function committed(log: Log, topic: string, count: number): Promise<void> {
  for (;;) {
    const offsets = await log.admin.committedOffsets(`throughline-trigger-worker-kafka-${topic}`);
    if (offsets.reduce((sum, { offset }) => sum + Number(offset), 0) >= count) return;
    // Not every turn: the function's host works in this process.
    await pause(count > latencyCount ? 20 : 1);
  }
}

async function fill(log: Log, topic: string): Promise<void> {
  await log.admin.createTopic(topic, { partitions: 1 });
  const value = utf8(JSON.stringify({ text: 'x'.repeat(180) }));
  for (let done = 0; done < recordCount; done += 1000) {
    await log.append(
      topic,
      Array.from({ length: 1000 }, (_, index) => ({ key: utf8(`k${index % 100}`), value })),
    );
  }
}

async function mappedRate(log: Log): Promise<number> {
  await fill(log, 'full');
  const running = host(log, 'full', { batchSize: 100 });
  const startMs = systemClock.monotonicMs();
  await committed(log, 'full', 1);
  // The process is loaded by now.
  const begunMs = systemClock.monotonicMs();
  await committed(log, 'full', recordCount);
  const elapsedMs = systemClock.monotonicMs() - begunMs;
  await running.close();
  process.stderr.write(`the first batch took ${Math.round(begunMs - startMs)} ms, with the start of a process\n`);
  return (recordCount / elapsedMs) * 1000;
}

async function bareRate(log: Log): Promise<number> {
  const startMs = systemClock.monotonicMs();
  let count = 0;
  let length = 0;
  for await (const { records } of log.tail({ topic: 'full', from: 'earliest' })) {
    for (const { key, value } of records) {
      length += fromUtf8(key ?? new Uint8Array()).length + fromUtf8(value ?? new Uint8Array()).length;
    }
    count += records.length;
    if (count >= recordCount) break;
  }
  if (length === 0) throw new Error('nothing was read');
  return (count / (systemClock.monotonicMs() - startMs)) * 1000;
}

/** Microseconds of each record on its way to the handler, and to a tail beside it. */
async function latencies(log: Log): Promise<{ readonly mapped: number[]; readonly bare: number[] }> {
  await log.admin.createTopic('single', { partitions: 1 });
  const running = host(log, 'single', {});
  const stop = new AbortController();
  const bare: number[] = [];
  const reading = (async () => {
    for await (const { records } of log.tail({ topic: 'single', from: 'earliest', signal: stop.signal })) {
      const nowNs = process.hrtime.bigint();
      for (const { value } of records) bare.push(Number(nowNs - BigInt(fromUtf8(value ?? new Uint8Array()))) / 1000);
    }
  })();
  for (let sent = 1; sent <= latencyCount; sent++) {
    await log.append('single', [{ key: null, value: utf8(String(process.hrtime.bigint())) }]);
    await committed(log, 'single', sent);
  }
  stop.abort();
  await reading;
  await running.close();
  const mapped = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : [];
  // The first ones start and warm the process.
  return { mapped: mapped.slice(50), bare: bare.slice(50) };
}

const log = await openEmbeddedLog({ memory: true });
try {
  const mapped = await mappedRate(log);
  const bare = await bareRate(log);
  const way = await latencies(log);
  const p = (samples: readonly number[], share: number): number => percentile(samples, share);
  report(`Event source mappings, ${recordCount} records of 200 B, one partition`, [
    { name: 'bare consumer', value: bare, unit: 'records/s' },
    {
      name: 'records that called the function, batches of 100',
      value: mapped,
      unit: 'records/s',
      peer: 'bare consumer',
    },
    { name: 'rate over the bare consumer', value: mapped / bare, unit: 'times', bar: '>= 0.5' },
    { name: 'append to tail, p50', value: p(way.bare, 0.5), unit: 'µs' },
    { name: 'append to tail, p99', value: p(way.bare, 0.99), unit: 'µs' },
    { name: 'append to handler, p50', value: p(way.mapped, 0.5), unit: 'µs', peer: 'append to tail' },
    { name: 'append to handler, p99', value: p(way.mapped, 0.99), unit: 'µs', peer: 'append to tail' },
    { name: 'p50 over the tail', value: p(way.mapped, 0.5) / p(way.bare, 0.5), unit: 'times', bar: '<= 2' },
    { name: 'p99 over the tail', value: p(way.mapped, 0.99) / p(way.bare, 0.99), unit: 'times', bar: '<= 3' },
  ]);
} finally {
  await log.close();
  rmSync(folder, { recursive: true, force: true });
}
