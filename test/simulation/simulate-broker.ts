// One seed of the whole broker's simulation.
import type { Broker } from '@throughline/broker';
import { runWorkload } from '../workload/workload.ts';
import { kafkaServer } from './kafka-server.ts';
import { allFaults, disturb, type Fault } from './nemesis.ts';
import { World } from './world.ts';

const partitionCount = 3;

export interface BrokerSimulation {
  readonly faults?: readonly Fault[];
  readonly roundCount?: number;
  readonly brokerOf?: (broker: Broker) => Broker;
}

export async function simulateBroker(seed: number, options: BrokerSimulation = {}): Promise<World> {
  const { faults = allFaults, roundCount = 4, brokerOf } = options;
  const world = new World(seed);
  const nodeCount = 1 + (seed % 3);
  const server = kafkaServer(world, { partitionCount, durability: 'fsync', nodeCount, ...(brokerOf && { brokerOf }) });
  const { log } = server;
  const { clock, recorder, workRandom: random } = world;
  const nemesis = (): Promise<void> => disturb(world, server, { faults, roundCount });
  const counts = { senderCount: 2, readerCount: 1, memberCount: 2 };
  const workload = { log, recorder, clock, random, partitionCount, ...counts, pauseMsMax: 10, nemesis };
  await world.run(runWorkload({ ...workload, finalReadMsMax: 5000 }), 60_000);
  return world;
}
