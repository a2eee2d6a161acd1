// One seed of the whole broker's simulation.
import { runWorkload } from '../workload/workload.ts';
import { kafkaServer, type KafkaServerOptions } from './kafka-server.ts';
import { allFaults, disturb, type Fault } from './nemesis.ts';
import { World } from './world.ts';

const partitionCount = 3;

export interface BrokerSimulation extends Pick<KafkaServerOptions, 'brokerOf' | 'transportOf'> {
  readonly faults?: readonly Fault[];
  /** Fault after fault, or with time between them for a group to settle; by the seed where absent. */
  readonly pace?: 'hasty' | 'calm';
}

export async function simulateBroker(seed: number, options: BrokerSimulation = {}): Promise<World> {
  const { faults = allFaults, pace = seed % 2 === 0 ? 'hasty' : 'calm', brokerOf, transportOf } = options;
  const tempo = pace === 'hasty' ? { roundCount: 4, pauseMsMax: 60 } : { roundCount: 2, pauseMsMax: 250 };
  const world = new World(seed);
  const nodeCount = 1 + (seed % 3);
  const server = kafkaServer(world, {
    partitionCount,
    durability: 'fsync',
    nodeCount,
    ...(brokerOf && { brokerOf }),
    ...(transportOf && { transportOf }),
  });
  const { log } = server;
  const { clock, recorder, workRandom: random } = world;
  const nemesis = (): Promise<void> => disturb(world, server, { faults, ...tempo });
  const counts = { senderCount: 2, readerCount: 1, memberCount: 3 };
  const workload = {
    log,
    recorder,
    clock,
    random,
    partitionCount,
    ...counts,
    pauseMsMax: 10,
    stallMs: 150,
    vanishLikelihood: 0.05,
    nemesis,
  };
  await world.run(runWorkload({ ...workload, finalStallMsMax: 5000 }), 60_000);
  return world;
}
