// Our broker and Apache Kafka, each empty, for the oracle test.
import { LossyDisk } from '@throughline/testkit';
import { createBroker } from '@throughline/broker';
import { startApacheKafka } from '../support/apache-kafka.ts';
import { differencesOf, type Difference } from './compare.ts';
import type { Script } from './scripts/script.ts';
import { Side } from './side.ts';

export interface BothSides {
  readonly ours: Side;
  readonly kafka: Side;
  /** Runs a script against both and compares what came of it. */
  run(script: Script): Promise<readonly Difference[]>;
  close(): Promise<void>;
}

export async function startBothSides(): Promise<BothSides> {
  // The same settings as the one of the tool.
  const config = { 'group.initial.rebalance.delay.ms': 0 };
  const apacheKafka = await startApacheKafka();
  const broker = await createBroker({ dataDir: '/oracle', disk: new LossyDisk(), config });
  const ours = new Side('ours', broker.address);
  const kafka = new Side('kafka', apacheKafka.address);
  return {
    ours,
    kafka,
    async run(script) {
      const from = ours.steps.length;
      await Promise.all([ours, kafka].map((side) => runOn(side, script)));
      const since = new Set(ours.steps.slice(from).map(({ what, api, version }) => `${api} ${version} ${what}`));
      return differencesOf(ours, kafka).filter(
        ({ step }) => step.script === script.name && since.has(`${step.api} ${step.version} ${step.what}`),
      );
    },
    async close() {
      for (const side of [ours, kafka]) await side.close();
      await broker.close();
      await apacheKafka.dispose();
    },
  };
}

async function runOn(side: Side, script: Script): Promise<void> {
  side.begin(script.name);
  await script.run(side);
}
