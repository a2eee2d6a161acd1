// One seed of the storage core's simulation.
import { seededRandom, type Random } from '@throughline/event';
import type { LogPort } from '../workload/ports.ts';
import { runWorkload } from '../workload/workload.ts';
import { allFaults, disturb, type Fault } from './nemesis.ts';
import { storageServer, type StorageServerOptions } from './storage-server.ts';
import type { Upkeep } from './upkeep.ts';
import { World } from './world.ts';

const partitionCount = 3;

export interface StorageSimulation extends Pick<
  StorageServerOptions,
  'diskOf' | 'beforeStart' | 'brokerOf' | 'limits'
> {
  readonly faults?: readonly Fault[];
  /** The log that the processes of the workload are given; the real one where absent. */
  readonly logOf?: (log: LogPort, random: Random) => LogPort;
  /** Works beside the processes of the workload. */
  readonly meanwhile?: (world: World) => Upkeep;
}

export async function simulateStorage(seed: number, options: StorageSimulation = {}): Promise<World> {
  const { faults = allFaults, diskOf, beforeStart, brokerOf, limits, logOf = (log) => log } = options;
  const world = new World(seed);
  const upkeep = options.meanwhile?.(world);
  const server = storageServer(world, {
    partitionCount,
    durability: 'fsync',
    ...(diskOf && { diskOf }),
    ...(beforeStart && { beforeStart }),
    ...(brokerOf && { brokerOf }),
    ...(limits && { limits }),
    ...(upkeep && { onStart: (broker) => upkeep.use(broker), onStop: () => upkeep.stop() }),
  });
  const log = logOf(server.log, seededRandom(seed));
  const { clock, recorder, workRandom: random } = world;
  const nemesis = async (): Promise<void> => {
    await disturb(world, server, { faults, roundCount: 6, pauseMsMax: 60 });
    upkeep?.stop();
  };
  const counts = { senderCount: 3, readerCount: 2, memberCount: 0 };
  const workload = {
    log,
    recorder,
    clock,
    random,
    partitionCount,
    ...counts,
    pauseMsMax: 4,
    stallMs: 0,
    vanishLikelihood: 0,
    nemesis,
  };
  await world.run(runWorkload({ ...workload, finalStallMsMax: 5000 }), 60_000);
  return world;
}
