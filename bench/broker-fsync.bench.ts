// Acknowledged records per second when every acknowledgement waits for the disk: 64 partitions, 16 producers, one record of
// 1 KiB each at a time. Kafka syncs after each append (log.flush.interval.messages=1); ours commits in groups to one journal.
// The producers are @platformatic/kafka's in one process of their own, the same for both.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { median, startBroker } from './support/brokers.ts';
import { report, round } from './support/figures.ts';
import { makeTopic } from './support/kafka-tools.ts';

const roundCount = 3;
await using ours = await startBroker('throughline', { durability: 'fsync' });
await using theirs = await startBroker('kafka', { durability: 'fsync' });
const both = [ours, theirs] as const;
for (const { address } of both) makeTopic(address, 'synced', 64);

function acknowledgedPerSecond(address: string): number {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--conditions=throughline-source',
      path.join(import.meta.dirname, 'support', 'many-producers.ts'),
      address,
      'synced',
      '64',
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return Number(stdout);
}

for (const { address } of both) acknowledgedPerSecond(address);
const values: readonly [number[], number[]] = [[], []];
for (let turn = 0; turn < roundCount; turn++) {
  both.forEach(({ address }, index) => values[index]!.push(acknowledgedPerSecond(address)));
}
const [own, kafka] = values.map(median) as [number, number];
report('broker: fsync before each acknowledgement', [
  {
    name: 'acknowledged, 64 partitions, 16 producers',
    value: own / kafka,
    unit: '× Kafka',
    bar: '>= 3',
    peer: `${round(kafka)} /s`,
    note: `ours ${round(own)} /s (${values[0].map(round).join(', ')}; Kafka ${values[1].map(round).join(', ')})`,
  },
]);
