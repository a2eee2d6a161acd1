// Opens the log of a Kafka cluster.
import {
  guardedClock,
  silentLogger,
  systemClock,
  systemRandom,
  ThroughlineError,
  type Clock,
  type Logger,
  type Random,
} from '@throughline/event';
import { stringBytesMax } from '@throughline/wire';
import { kafkaLogLimitDefaults, type KafkaLogLimits } from '../defaults.ts';
import type { Log } from '../port/port.ts';
import { parseBootstrap } from './bootstrap.ts';
import { Cluster } from './cluster.ts';
import { kafkaClusterOf, type KafkaCluster } from './kafka-cluster.ts';
import { KafkaLog } from './kafka-log.ts';
import { kafkaLibrary } from './library.ts';
import { TopicOperations } from './topic-operations.ts';

export interface KafkaLogOptions extends Partial<KafkaLogLimits> {
  /** Where the cluster is: `host:port`, several with commas, with or without `kafka://` in front. */
  readonly bootstrap: string;
  /** How this client is called in the cluster's logs and metrics. Default `throughline`. */
  readonly clientId?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/**
 * Opens the log of a Kafka cluster: Apache Kafka 2.8 or newer, or anything that speaks its protocol.
 *
 * @throws ThroughlineError INVALID_ARGUMENT for an address that is none, or a client id that is too long; LOG_UNREACHABLE when no broker answers
 * @example const log = await kafka({ bootstrap: '127.0.0.1:9092' })
 */
export async function kafka(options: KafkaLogOptions): Promise<Log> {
  return (await kafkaCluster(options)).log;
}

/**
 * Opens a Kafka cluster for tools: its log, and what a log does not have.
 *
 * @throws ThroughlineError as `kafka`
 * @example const { log, groupIds } = await kafkaCluster({ bootstrap: '127.0.0.1:9092' })
 */
export async function kafkaCluster(options: KafkaLogOptions): Promise<KafkaCluster> {
  const {
    bootstrap,
    clientId = 'throughline',
    clock: givenClock = systemClock,
    random = systemRandom,
    logger = silentLogger,
    ...given
  } = options;
  const clock = guardedClock(givenClock, logger);
  const limits = { ...kafkaLogLimitDefaults, ...given };
  const { connectMs, requestMs, retryMinMs, retryMaxMs } = limits;
  const retry = { clock, random, logger, retryMinMs, retryMaxMs };
  const idBytes = Buffer.byteLength(clientId);
  if (idBytes > stringBytesMax) {
    throw new ThroughlineError('INVALID_ARGUMENT', `a client id of ${idBytes} bytes, ${stringBytesMax} at most`);
  }
  const addresses = parseBootstrap(bootstrap);
  const settings = { library: await kafkaLibrary(), clientId, connectMs, requestMs };
  const cluster = new Cluster({ bootstrap: addresses, settings, limits, retry });
  try {
    await cluster.connect();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  const operations = new TopicOperations(cluster);
  return kafkaClusterOf(new KafkaLog({ cluster, operations, limits, retry }), cluster, operations);
}
