// A broker on a disk in memory, served on a socket, with a raw client connected to it. Imported by tests only.
import type { TestContext } from 'node:test';
import { MemoryDisk } from '@throughline/testkit';
import { connectKafka, type KafkaClient } from '../../../../test/support/kafka-client.ts';
import { createBroker, type CreateBrokerOptions, type RunningBroker } from '../network/create-broker.ts';

export interface ServedBroker extends RunningBroker {
  /** Connected to the first node. */
  readonly client: KafkaClient;
}

export async function servedBroker(t: TestContext, options: Partial<CreateBrokerOptions> = {}): Promise<ServedBroker> {
  const disk = new MemoryDisk();
  const running = await createBroker({ dataDir: '/data', disk, ...options });
  const client = await connectKafka(running.address);
  t.after(async () => {
    await client.close();
    await running.close();
  });
  return Object.assign(running, { client });
}
