// The whole broker in a world: log, groups, and the Kafka protocol on a network that loses connections.
import { seededRandom, type Random } from '@throughline/event';
import {
  openBroker,
  serveKafka,
  type Broker,
  type Durability,
  type ServedKafka,
  type Transport,
} from '@throughline/broker';
import { kafkaLog } from '../workload/kafka-log.ts';
import type { LogPort } from '../workload/ports.ts';
import { simulationLimits, topicName, type Server } from './server.ts';
import type { World } from './world.ts';

export interface KafkaServerOptions {
  readonly partitionCount: number;
  readonly durability: Durability;
  readonly nodeCount: number;
  /** The broker that the protocol is served over; the real one where absent. `random` is new for each life. */
  readonly brokerOf?: (broker: Broker, random: Random) => Broker;
  /** What it listens on; the world's network where absent. */
  readonly transportOf?: (transport: Transport) => Transport;
}

const host = '127.0.0.1';
const firstPort = 9092;

export function kafkaServer(world: World, options: KafkaServerOptions): Server & { readonly log: LogPort } {
  const {
    partitionCount,
    durability,
    nodeCount,
    brokerOf = (broker) => broker,
    transportOf = (transport) => transport,
  } = options;
  const { clock, network, logger } = world;
  let now: { readonly broker: Broker; readonly served: ServedKafka } | undefined;
  return {
    log: kafkaLog({
      dial: (_, port) => network.connect(port),
      bootstrap: { host, port: firstPort },
      topic: topicName,
      clock,
      random: world.workRandom,
      requestTimeoutMs: 100,
      partitionCount,
      sessionTimeoutMs: 6000,
      rebalanceTimeoutMs: 60,
    }),
    async start(life) {
      const { clock: lifeClock, random, disk } = life;
      const broker = await openBroker({
        dataDir: '/data',
        disk,
        clock: lifeClock,
        random,
        logger,
        ...simulationLimits,
        config: { 'group.initial.rebalance.delay.ms': '5', 'offsets.topic.num.partitions': '2' },
      });
      if (broker.findTopic(topicName) === undefined) {
        await broker.createTopic(topicName, { partitions: partitionCount, config: { durability, segmentBytes: 4096 } });
      }
      const served = await serveKafka(brokerOf(broker, seededRandom(world.seed)), {
        clock: lifeClock,
        random,
        logger,
        host,
        port: firstPort,
        nodes: nodeCount,
        transport: transportOf(network),
      });
      now = { broker, served };
    },
    async stop() {
      const { broker, served } = now!;
      now = undefined;
      await served.close();
      await broker.close();
    },
  };
}
