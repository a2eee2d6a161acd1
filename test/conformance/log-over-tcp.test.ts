// The Log port over TCP on a broker of ours: what the embedded log promises, through the Kafka protocol, on one node and on
// three (virtual nodes: leaders differ from partition to partition).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createBroker } from '@throughline/broker';
import { kafka } from '@throughline/log';
import { logModel } from './log-model.ts';
import { logConformance } from './log-suite.ts';
import type { LogUnderTest } from './log-support.ts';

/** A broker in this process, with a log connected to it; a reopened log connects again, to the same broker. */
async function serve(nodes: number): Promise<LogUnderTest> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'log-over-tcp-'));
  const broker = await createBroker({ dataDir, nodes, config: { 'group.initial.rebalance.delay.ms': 0 } });
  const connect = async (): Promise<LogUnderTest> => ({
    log: await kafka({ bootstrap: broker.address }),
    reopen: connect,
    dispose: async () => {
      await broker.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  });
  return connect();
}

for (const nodes of [1, 3]) {
  const config = { durability: nodes === 1 ? 'fsync' : 'os' } as const;
  const name = `over TCP on our broker, nodes ${nodes}, durability ${config.durability}`;
  logConformance(name, () => serve(nodes), { config, reopens: true, batches: 'read' });
  logModel(`the log ${name}`, () => serve(nodes), config, 10);
}
