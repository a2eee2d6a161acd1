// Our broker and Apache Kafka 4.3.1 side by side, each a process of its own on loopback, for the benchmarks that compare
// them with one and the same client tool.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { kafkaTool } from '../../test/judges/toolchain.ts';

export type BrokerName = 'throughline' | 'kafka';

export interface RunningBroker extends AsyncDisposable {
  readonly name: BrokerName;
  readonly address: string;
  readonly pid: number;
  /** Kills it as a crash does; `restart` starts it again on the same folder. */
  crash(): Promise<void>;
  restart(): Promise<void>;
}

export interface BrokerSettings {
  readonly durability: 'os' | 'fsync';
}

export async function startBroker(name: BrokerName, settings: BrokerSettings): Promise<RunningBroker> {
  return name === 'kafka' ? startKafka(settings) : startOurs(settings);
}

async function startOurs({ durability }: BrokerSettings): Promise<RunningBroker> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-bench-'));
  const cli = path.resolve('packages/throughline/bin/throughline.cjs');
  let child: ChildProcess;
  let address = '';
  const start = async (): Promise<void> => {
    const port = address.split(':')[1] ?? '0';
    const options = ['broker', '--json', '--data-dir', dataDir, '--kafka-port', port];
    child = spawn(process.execPath, [cli, ...options, '--set', `log.durability=${durability}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    address = (JSON.parse(line) as { kafka: string }).kafka;
  };
  const crash = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    name: 'throughline',
    get address() {
      return address;
    },
    get pid() {
      return child.pid!;
    },
    crash,
    restart: start,
    [Symbol.asyncDispose]: async () => {
      await crash();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function startKafka({ durability }: BrokerSettings): Promise<RunningBroker> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'throughline-bench-kafka-'));
  const flags = durability === 'fsync' ? ['--fsync'] : [];
  const start = (): string => kafkaCommand(['start', '--port', '0', '--dir', dir, ...flags]).trim();
  let address = start();
  const pidOf = (): number => Number(readFileSync(path.join(dir, 'kafka.pid'), 'utf8'));
  return {
    name: 'kafka',
    get address() {
      return address;
    },
    get pid() {
      return pidOf();
    },
    crash: async () => void kafkaCommand(['stop', '--dir', dir, '--kill']),
    // On another port: the old one may still be held by what is left of its connections.
    restart: async () => void (address = start()),
    [Symbol.asyncDispose]: async () => {
      kafkaCommand(['stop', '--dir', dir]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Runs a verb of the Kafka tool; returns what it printed. */
export function kafkaCommand(options: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('bash', [kafkaTool, ...options], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`${options.join(' ')}: ${stderr.slice(-2000)}`);
  return stdout;
}

/** CPU seconds of a process so far, in user and kernel. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process, in bytes. */
export function residentBytesOf(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN) * 1024;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
