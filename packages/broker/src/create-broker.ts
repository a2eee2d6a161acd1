// A whole broker with one call: the log, and the Kafka protocol over it.
import type { Broker, BrokerOptions } from './topics/broker.ts';
import { openBroker } from './topics/open-broker.ts';
import { serveKafka, type ServedKafka, type ServeKafkaOptions } from './serve-kafka.ts';

export interface CreateBrokerOptions extends BrokerOptions, Omit<ServeKafkaOptions, keyof BrokerOptions> {}

export interface RunningBroker extends ServedKafka {
  /** The log underneath, without a network between. */
  readonly broker: Broker;
  /** Answers what is under way, closes the connections, then the log. */
  close(): Promise<void>;
  /** `await using` closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a broker that any Kafka client can connect to.
 *
 * @throws ThroughlineError PORT_IN_USE, DATA_DIR_IN_USE (details pid), DATA_FORMAT_UNSUPPORTED, OUT_OF_DISK, INVALID_ARGUMENT
 * @example
 * const { address, close } = await createBroker({ dataDir: '.data' })
 * // new Kafka({ brokers: [address] })
 * await close()
 */
export async function createBroker(options: CreateBrokerOptions): Promise<RunningBroker> {
  const broker = await openBroker(options);
  let served: ServedKafka;
  try {
    served = await serveKafka(broker, options);
  } catch (error) {
    await broker.close();
    throw error;
  }
  const { address, addresses } = served;
  let closing: Promise<void> | undefined;
  const closeBoth = async (): Promise<void> => {
    await served.close();
    await broker.close();
  };
  const close = (): Promise<void> => (closing ??= closeBoth());
  return {
    broker,
    address,
    addresses,
    get metrics() {
      return served.metrics;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
