// Kafka's own performance tools against any broker, with what they print as numbers.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { kafkaCommand } from './brokers.ts';
import { kafkaTool } from '../../test/judges/toolchain.ts';

export interface ProduceRun {
  readonly recordsPerSecond: number;
  readonly megabytesPerSecond: number;
  readonly p99Ms: number;
}

export function makeTopic(address: string, topic: string, partitionCount: number): void {
  kafkaCommand([
    'topics',
    '--bootstrap-server',
    address,
    '--create',
    '--topic',
    topic,
    '--partitions',
    String(partitionCount),
  ]);
}

/** ProducerPerformance with 1 KiB records and acks=all; the first fifth warms the client and is not counted. */
export function producePerformance(
  address: string,
  topic: string,
  {
    recordCount,
    throughput = -1,
    properties = [],
  }: { readonly recordCount: number; readonly throughput?: number; readonly properties?: readonly string[] },
): ProduceRun {
  const printed = kafkaCommand([
    'perf-produce',
    '--bootstrap-server',
    address,
    '--topic',
    topic,
    '--num-records',
    String(recordCount),
    '--record-size',
    '1024',
    '--throughput',
    String(throughput),
    '--warmup-records',
    String(Math.floor(recordCount / 5)),
    '--command-property',
    'acks=all',
    ...properties,
  ]);
  const line = printed.trim().split('\n').at(-1) ?? '';
  const match = /([\d.]+) records\/sec \(([\d.]+) MB\/sec\).* ([\d.]+) ms 99th/.exec(line);
  if (match === null) throw new Error(`perf-produce printed ${line}`);
  return { recordsPerSecond: Number(match[1]), megabytesPerSecond: Number(match[2]), p99Ms: Number(match[3]) };
}

/** ConsumerPerformance: MB/s of fetching, without the time to join the group. */
export function consumePerformance(address: string, topic: string, recordCount: number): number {
  const printed = kafkaCommand([
    'perf-consume',
    '--bootstrap-server',
    address,
    '--topic',
    topic,
    '--num-records',
    String(recordCount),
    '--timeout',
    '60000',
  ]);
  const fields = (printed.trim().split('\n').at(-1) ?? '').split(', ');
  return Number(fields[8]);
}

export interface LatencyRun {
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly endToEndP50Ms: number;
  readonly endToEndP99Ms: number;
}

/** One record at a time (Latency.java). */
export function oneAtATime(address: string, recordCount: number): LatencyRun {
  const classpath = kafkaCommand(['classpath']).trim();
  const program = path.join(path.dirname(kafkaTool), 'Latency.java');
  const { stdout, stderr } = spawnSync('java', ['-cp', classpath, program, address, String(recordCount)], {
    encoding: 'utf8',
  });
  const match = /ack (\d+)\/\d+\/(\d+)\/.*end to end (\d+)\/\d+\/(\d+)\//.exec(stdout);
  if (match === null) throw new Error(`Latency.java: ${stdout}${stderr}`);
  const [ackP50Ms, ackP99Ms, endToEndP50Ms, endToEndP99Ms] = match.slice(1).map((text) => Number(text) / 1000);
  return { ackP50Ms: ackP50Ms!, ackP99Ms: ackP99Ms!, endToEndP50Ms: endToEndP50Ms!, endToEndP99Ms: endToEndP99Ms! };
}
