// One 1 KiB record at a time, acks=all (Latency.java): acknowledgement and end to end, our broker beside Apache Kafka 4.3.1,
// interleaved rounds, both warmed by 300,000 records.
import { median, startBroker } from './support/brokers.ts';
import { report, round, type Figure } from './support/figures.ts';
import { makeTopic, oneAtATime, producePerformance, type LatencyRun } from './support/kafka-tools.ts';

const roundCount = 3;
await using ours = await startBroker('throughline', { durability: 'os' });
await using theirs = await startBroker('kafka', { durability: 'os' });
const both = [ours, theirs] as const;
for (const { address } of both) {
  makeTopic(address, 'warm', 1);
  producePerformance(address, 'warm', { recordCount: 300_000, properties: ['batch.size=131072', 'linger.ms=5'] });
}
const runs: readonly [LatencyRun[], LatencyRun[]] = [[], []];
for (let turn = 0; turn < roundCount; turn++) {
  both.forEach(({ address }, index) => runs[index]!.push(oneAtATime(address, 5000)));
}
const names: Readonly<Record<keyof LatencyRun, string>> = {
  ackP50Ms: 'acknowledgement, p50',
  ackP99Ms: 'acknowledgement, p99',
  endToEndP50Ms: 'end to end, p50',
  endToEndP99Ms: 'end to end, p99',
};
const figures = Object.entries(names).map(([key, name]): Figure => {
  const [own, kafka] = runs.map((of) => median(of.map((run) => run[key as keyof LatencyRun]))) as [number, number];
  return {
    name,
    value: own / kafka,
    unit: '× Kafka',
    bar: '<= 1',
    peer: `${round(kafka)} ms`,
    note: `ours ${round(own)} ms`,
  };
});
report('broker: one record at a time, page-cache durability', figures);
