// The storage core in a world: opened, killed, opened again, and used by the workload without a network.
import { seededRandom, type Random } from '@throughline/event';
import { openBroker, type Broker, type BrokerLimits, type Durability } from '@throughline/broker';
import { storageLog } from '../workload/storage-log.ts';
import type { LogPort } from '../workload/ports.ts';
import { simulationLimits, topicName, type Server } from './server.ts';
import type { DiskOf, Life, World } from './world.ts';

export interface StorageServerOptions {
  readonly partitionCount: number;
  readonly durability: Durability;
  /** The disk that the broker is given; the life's where absent. */
  readonly diskOf?: DiskOf;
  /** Other limits than the simulation's. */
  readonly limits?: Partial<BrokerLimits>;
  /** Called when a broker is open, and when it is about to be stopped. */
  readonly onStart?: (broker: Broker) => void;
  readonly onStop?: () => void;
  /** Done to the disk before each start. */
  readonly beforeStart?: (life: Life) => Promise<void>;
  /** The broker that clients are given; the real one where absent. `random` is new for each life. */
  readonly brokerOf?: (broker: Broker, random: Random) => Broker;
}

export function storageServer(world: World, options: StorageServerOptions): Server & { readonly log: LogPort } {
  const { partitionCount, durability, diskOf = (life) => life.disk, brokerOf = (broker) => broker } = options;
  let now: { readonly broker: Broker; readonly shown: Broker; readonly life: Life } | undefined;
  return {
    log: storageLog(
      () => {
        if (now === undefined || now.life.isDead) throw new Error('the broker is down');
        return { broker: now.shown, whenDead: now.life.whenDead };
      },
      topicName,
      world.clock,
    ),
    async start(life) {
      const { clock, random } = life;
      await options.beforeStart?.(life);
      const broker = await openBroker({
        dataDir: '/data',
        disk: diskOf(life),
        clock,
        random,
        logger: world.logger,
        ...simulationLimits,
        ...options.limits,
      });
      if (broker.topics().length === 0) {
        const config = { durability, segmentBytes: 4096 };
        await broker.createTopic(topicName, { partitions: partitionCount, config });
      }
      options.onStart?.(broker);
      now = { broker, shown: brokerOf(broker, seededRandom(world.seed)), life };
    },
    async stop() {
      const { broker } = now!;
      now = undefined;
      options.onStop?.();
      await broker.close();
    },
  };
}
