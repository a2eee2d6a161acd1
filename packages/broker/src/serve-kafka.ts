// The Kafka protocol over a broker that is open: what `createBroker` does for a broker of its own, and the dev server for
// the one that its embedded log uses.
import { ThroughlineError } from '@throughline/event';
import type { Broker } from './topics/broker.ts';
import { kafkaLimitDefaults, nodeCountMax, type KafkaLimits } from './defaults.ts';
import { closeServices, openServices, type ServicesOptions } from './apis/open-services.ts';
import type { KafkaMetrics } from './network/kafka-metrics.ts';
import type { KafkaFaults } from './network/kafka-faults.ts';
import { KafkaServer } from './network/kafka-server.ts';
import { nodeTransport } from './network/node-transport.ts';
import { SupportedApis, type MaxVersions } from './network/supported-apis.ts';
import type { Transport } from './network/transport.ts';

export interface ServeKafkaOptions extends ServicesOptions {
  /** Where to listen; loopback unless said otherwise. */
  readonly host?: string | undefined;
  /** Of the first node, the others follow; 0, the default, takes free ones. */
  readonly port?: number | undefined;
  /** Virtual nodes: listeners over the one log, among which partitions and groups are spread. */
  readonly nodes?: number | undefined;
  /** What clients are told to connect to, where that is not `host` and the ports listened on. */
  readonly advertisedHost?: string | undefined;
  readonly advertisedPort?: number | undefined;
  readonly transport?: Transport | undefined;
  readonly kafkaLimits?: Partial<KafkaLimits> | undefined;
  /** Faults on demand, for tests. */
  readonly faults?: KafkaFaults | undefined;
  /** The highest version of some APIs, -1 for none: what a client meets on an older broker. */
  readonly maxVersions?: MaxVersions | undefined;
}

export interface ServedKafka {
  /** `host:port` of the first node. */
  readonly address: string;
  /** Of every node. */
  readonly addresses: readonly string[];
  readonly metrics: KafkaMetrics;
  /** Accepts no more, answers what is under way, closes the connections; the broker stays open. */
  close(): Promise<void>;
}

/**
 * Serves the Kafka protocol over an open broker.
 *
 * @throws ThroughlineError PORT_IN_USE (details host, port), INVALID_ARGUMENT
 * @example const kafka = await serveKafka(await openBroker({ dataDir }), { port: 9092 })
 */
export async function serveKafka(broker: Broker, options: ServeKafkaOptions = {}): Promise<ServedKafka> {
  const { host = '127.0.0.1', port = 0, nodes = 1, transport = nodeTransport } = options;
  checkOptions(port, nodes, options.advertisedPort);
  const apis = new SupportedApis(options.maxVersions);
  const services = await openServices(broker, options);
  const { advertisedHost, advertisedPort, faults } = options;
  const { configs } = broker;
  const limits = {
    ...kafkaLimitDefaults,
    ...options.kafkaLimits,
    requestBytesMax: configs.integer('socket.request.max.bytes'),
    connectionIdleMs: configs.integer('connections.max.idle.ms'),
  };
  const connectionCounts = (): { max: number; perAddressMax: number } => ({
    max: configs.integer('max.connections'),
    perAddressMax: configs.integer('max.connections.per.ip'),
  });
  const server = new KafkaServer({
    services,
    apis,
    faults,
    transport,
    limits,
    connectionCounts,
    host,
    port,
    nodeCount: nodes,
    advertisedHost,
    advertisedPort,
  });
  try {
    await server.listen();
  } catch (error) {
    await closeServices(services);
    throw error;
  }
  const { addresses } = server;
  return {
    address: addresses[0]!,
    addresses,
    get metrics() {
      return server.metrics;
    },
    async close() {
      await server.close();
      await closeServices(services);
    },
  };
}

function checkOptions(port: number, nodes: number, advertisedPort: number | undefined): void {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > nodeCountMax) {
    throw new ThroughlineError('INVALID_ARGUMENT', `nodes is ${nodes}, wanted 1 to ${nodeCountMax}`);
  }
  const last = port === 0 ? 0 : port + nodes - 1;
  if (!Number.isInteger(port) || port < 0 || last > 65_535) {
    throw new ThroughlineError('INVALID_ARGUMENT', `port is ${port}, wanted 0 to ${65_536 - nodes}`);
  }
  if (advertisedPort === undefined) return;
  // Clients could never connect to it, and a port goes over the wire as an int32 that nobody checks.
  if (!Number.isInteger(advertisedPort) || advertisedPort < 1 || advertisedPort + nodes > 65_536) {
    throw new ThroughlineError(
      'INVALID_ARGUMENT',
      `advertisedPort is ${advertisedPort}, wanted 1 to ${65_536 - nodes}`,
    );
  }
}
