// The workload over TCP: any Kafka of one node, behind a wire that can be cut.
import { systemClock, type Random } from '@throughline/event';
import { createTopicsApi } from '@throughline/wire/apis';
import { cuttableWire, type CuttableWire } from '../support/cuttable-wire.ts';
import { KafkaCluster } from './kafka-cluster.ts';
import { checkError } from './kafka-connection.ts';
import { kafkaLog } from './kafka-log.ts';
import { Recorder } from './recorder.ts';
import { dialTcp } from './tcp.ts';
import { runWorkload } from './workload.ts';

const clock = systemClock;
const host = '127.0.0.1';
const partitionCount = 3;
/**
 * The clock of a broker may be turned back by hours: with the default of one hour it would then reject whatever senders send
 * (INVALID_TIMESTAMP), until it starts again, and whatever else is to go wrong meanwhile would meet nobody.
 */
const configs = [{ name: 'message.timestamp.after.max.ms', value: '9223372036854775807' }];

export interface TcpWorkloadOptions {
  /** `host:port` of the node. */
  readonly address: string;
  /** Made by this. */
  readonly topic: string;
  readonly random: Random;
  /** How long a request may go without an answer, in milliseconds. */
  readonly requestTimeoutMs: number;
  /** Disturbs, and returns when everything is well again. */
  readonly nemesis: (wire: CuttableWire, recorder: Recorder) => Promise<void>;
}

/** Runs it, and returns what was recorded. */
export async function runTcpWorkload(options: TcpWorkloadOptions): Promise<Recorder> {
  const { address, topic, random, requestTimeoutMs, nemesis } = options;
  const recorder = new Recorder(clock);
  const wire = await cuttableWire(Number(address.split(':')[1]));
  // Whatever node a client is told of, it goes through the wire.
  const cluster = {
    dial: () => dialTcp(host, wire.port),
    bootstrap: { host, port: wire.port },
    topic,
    clock,
    requestTimeoutMs,
  };
  try {
    await createTopic(new KafkaCluster({ ...cluster, requestTimeoutMs: 10_000 }));
    const times = { sessionTimeoutMs: 6000, rebalanceTimeoutMs: 500 };
    await runWorkload({
      log: kafkaLog({ ...cluster, ...times, random, partitionCount }),
      recorder,
      clock,
      random,
      partitionCount,
      senderCount: 3,
      readerCount: 2,
      memberCount: 3,
      pauseMsMax: 5,
      stallMs: 800,
      vanishLikelihood: 0.01,
      nemesis: () => nemesis(wire, recorder),
      finalStallMsMax: 30_000,
    });
  } finally {
    wire.close();
  }
  return recorder;
}

async function createTopic(cluster: KafkaCluster): Promise<void> {
  const { topic, requestTimeoutMs } = cluster.options;
  const made = { name: topic, numPartitions: partitionCount, replicationFactor: 1, assignments: [], configs };
  const connection = await cluster.bootstrap();
  const request = { topics: [made], timeoutMs: requestTimeoutMs, validateOnly: false };
  const { topics } = await connection.call(createTopicsApi, 5, request);
  checkError(topics[0]!.errorCode, 'CreateTopics');
  cluster.close();
}
