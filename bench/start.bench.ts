// `npm start` on an installed clone until it says that it is ready, and what the idle server keeps in memory. The floor is
// Node itself doing nothing, started by npm in the same way.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { percentile, report } from './support/figures.ts';

const runs = Number(process.env['BENCH_ROUNDS'] ?? 5);
const idleMs = 5000;
const startMs: number[] = [];
const nodeMs: number[] = [];
const serverMiB: number[] = [];
const allMiB: number[] = [];

// One start that is not counted: it builds the page and fills the compile cache.
await startOnce();
startMs.length = serverMiB.length = allMiB.length = 0;
for (let run = 0; run < runs; run++) {
  await startOnce();
  const started = performance.now();
  spawnSync('npm', ['exec', '--offline', '-c', 'node -e 0'], { stdio: 'ignore' });
  nodeMs.push(performance.now() - started);
}
report(`npm start, ${runs} runs`, [
  {
    name: 'installed clone to ready, median',
    value: percentile(startMs, 0.5),
    unit: 'ms',
    bar: '<= 2000',
    peer: `npm + bare node ${percentile(nodeMs, 0.5).toFixed(0)} ms`,
  },
  { name: 'installed clone to ready, slowest', value: Math.max(...startMs), unit: 'ms' },
  { name: 'resident memory of the idle server', value: percentile(serverMiB, 0.5), unit: 'MiB', bar: '<= 180' },
  { name: 'server, launcher and spare environment together', value: percentile(allMiB, 0.5), unit: 'MiB' },
]);

async function startOnce(): Promise<void> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-bench-'));
  const startedMs = performance.now();
  const npm = spawn('npm', ['start', '--', '--http-port', '0', '--kafka-port', '0', '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    npm.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('Throughline is ready') && resolve());
    npm.once('exit', () => reject(new Error('npm start ended before it was ready')));
  });
  startMs.push(performance.now() - startedMs);
  await pause(idleMs);
  const { pid } = JSON.parse(readFileSync(path.join(dataDir, 'server.json'), 'utf8')) as { pid: number };
  serverMiB.push(residentMiB(pid));
  allMiB.push([parentOf(pid), pid, ...childrenOf(pid)].reduce((sum, one) => sum + residentMiB(one), 0));
  const exited = new Promise((resolve) => npm.once('exit', resolve));
  npm.kill('SIGTERM');
  await exited;
  rmSync(dataDir, { recursive: true, force: true });
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}
function parentOf(pid: number): number {
  return Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}
