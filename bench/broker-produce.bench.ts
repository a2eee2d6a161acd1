// How fast Apache's own ProducerPerformance writes 1 KiB records with acks=all to our broker and to Apache Kafka 4.3.1, both
// with page-cache durability: interleaved rounds, medians. Both are fresh for the rows named so, and warm (2 million records
// before) for the others: Kafka's first half million cost it four times the CPU.
import { cpuSecondsOf, median, residentBytesOf, startBroker, type RunningBroker } from './support/brokers.ts';
import { report, round, type Figure } from './support/figures.ts';
import { consumePerformance, makeTopic, producePerformance } from './support/kafka-tools.ts';

const recordCount = Number(process.env['BENCH_RECORDS'] ?? 500_000);
const warmRecordCount = recordCount * 2;
const roundCount = 3;
const largeBatches = ['batch.size=131072', 'linger.ms=5'];

// The first start after a change of the sources compiles them, which no installed package does.
await (await startBroker('throughline', { durability: 'os' }))[Symbol.asyncDispose]();
await using ours = await startBroker('throughline', { durability: 'os' });
await using theirs = await startBroker('kafka', { durability: 'os' });
const both = [ours, theirs] as const;
const figures: Figure[] = [];

function compare(
  name: string,
  unit: string,
  bar: string,
  measure: (broker: RunningBroker) => number,
  isFresh = false,
): void {
  const values: readonly [number[], number[]] = [[], []];
  for (let turn = 0; turn < (isFresh ? 1 : roundCount); turn++) {
    both.forEach((broker, index) => values[index]!.push(measure(broker)));
  }
  const [own, kafka] = values.map(median) as [number, number];
  figures.push({
    name,
    value: own / kafka,
    unit: '× Kafka',
    bar,
    peer: `${round(kafka)} ${unit}`,
    note: `ours ${round(own)} ${unit} (${values[0].map(round).join(', ')}; Kafka ${values[1].map(round).join(', ')})`,
  });
}

for (const broker of both) {
  makeTopic(broker.address, 'one', 1);
  makeTopic(broker.address, 'six', 6);
}
const cpu = new Map<RunningBroker, number>();
const produce = (topic: string, properties: readonly string[]) => (broker: RunningBroker) => {
  const before = cpuSecondsOf(broker.pid);
  const { megabytesPerSecond } = producePerformance(broker.address, topic, { recordCount, properties });
  cpu.set(broker, cpuSecondsOf(broker.pid) - before);
  return megabytesPerSecond;
};

const idle = both.map(({ pid }) => residentBytesOf(pid) / 2 ** 20);
figures.push({
  name: 'resident memory, idle',
  value: idle[0]! / idle[1]!,
  unit: '× Kafka',
  bar: '<= 0.2',
  peer: `${round(idle[1]!)} MiB`,
  note: `ours ${round(idle[0]!)} MiB`,
});
compare('fresh: produce, 1 partition, default batch', 'MB/s', '>= 0.6', produce('one', []), true);
for (const broker of both) {
  producePerformance(broker.address, 'six', { recordCount: warmRecordCount, properties: largeBatches });
}
compare('warm: produce, 1 partition, default batch', 'MB/s', '>= 0.6', produce('one', []));
compare('warm: produce, 6 partitions, default batch', 'MB/s', '>= 0.6', produce('six', []));
for (const broker of both)
  figures.push({ name: `CPU of ${broker.name} for the last row`, value: cpu.get(broker)!, unit: 's' });
compare('warm: produce, 1 partition, 128 KiB batches', 'MB/s', '>= 0.6', produce('one', largeBatches));
compare('warm: produce, 6 partitions, 128 KiB batches', 'MB/s', '>= 0.6', produce('six', largeBatches));
for (const broker of both)
  figures.push({ name: `CPU of ${broker.name} for the last row`, value: cpu.get(broker)!, unit: 's' });
const loaded = both.map(({ pid }) => residentBytesOf(pid) / 2 ** 20);
figures.push({
  name: 'resident memory, under the produce load',
  value: loaded[0]! / loaded[1]!,
  unit: '× Kafka',
  bar: '<= 0.333',
  peer: `${round(loaded[1]!)} MiB`,
  note: `ours ${round(loaded[0]!)} MiB`,
});
for (const { address } of both) consumePerformance(address, 'one', recordCount);
compare('warm: catch-up consume, 1 partition', 'MB/s', '>= 0.5', ({ address }) =>
  consumePerformance(address, 'one', recordCount),
);
compare(
  'p99 of an acknowledgement at 5 MB/s',
  'ms',
  '<= 1',
  ({ address }) => producePerformance(address, 'one', { recordCount: 60_000, throughput: 5120 }).p99Ms,
);
report('broker: ProducerPerformance and ConsumerPerformance, page-cache durability', figures);
