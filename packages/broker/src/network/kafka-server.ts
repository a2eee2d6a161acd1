// The Kafka protocol over a broker: a listener per virtual node, and the connections that come.
import type { KafkaLimits } from '../defaults.ts';
import type { Services } from '../services.ts';
import type { VirtualNode } from './cluster.ts';
import { Connection } from './connection.ts';
import { KafkaCounters, type KafkaMetrics } from './kafka-metrics.ts';
import { Refusals } from './refusals.ts';
import type { KafkaServerContext } from './server-context.ts';
import type { Transport, TransportConnection, TransportListener } from './transport.ts';

export interface KafkaServerOptions {
  readonly services: Services;
  readonly transport: Transport;
  readonly limits: KafkaLimits;
  readonly host: string;
  /** Of the first node; the others follow it, and 0 takes free ones. */
  readonly port: number;
  readonly nodeCount: number;
  /** What clients are told to connect to, where that is not `host`. */
  readonly advertisedHost?: string | undefined;
  readonly advertisedPort?: number | undefined;
}

export class KafkaServer {
  readonly #options: KafkaServerOptions;
  readonly #context: KafkaServerContext;
  readonly #listeners: TransportListener[] = [];
  readonly #connections = new Set<Connection>();
  #closed: (() => void) | undefined;
  #isClosing = false;

  constructor(options: KafkaServerOptions) {
    const { services, limits } = options;
    this.#options = options;
    this.#context = {
      services,
      limits,
      counters: new KafkaCounters(),
      refusals: new Refusals(services.clock, services.logger),
      onClosed: (connection) => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#closed?.();
      },
    };
  }

  /** `host:port` of each node, where it listens. */
  get addresses(): readonly string[] {
    return this.#listeners.map(({ host, port }) => addressOf(host, port));
  }

  get metrics(): KafkaMetrics {
    const { counters, refusals } = this.#context;
    const { connectionTotal, requestTotals, failureTotals, receivedBytes, sentBytes } = counters;
    return {
      connectionCount: this.#connections.size,
      connectionTotal,
      requestTotals,
      failureTotals,
      receivedBytes,
      sentBytes,
      requestBytes: 0,
      refusalTotals: refusals.counts,
    };
  }

  /** @throws ThroughlineError PORT_IN_USE, INVALID_ARGUMENT */
  async listen(): Promise<void> {
    const { transport, host, port, nodeCount, services, advertisedHost, advertisedPort } = this.#options;
    const nodes: VirtualNode[] = [];
    try {
      for (let nodeId = 1; nodeId <= nodeCount; nodeId++) {
        const listenPort = port === 0 ? 0 : port + nodeId - 1;
        const listener = await transport.listen({ host, port: listenPort }, (one) => this.#accept(one, nodeId));
        this.#listeners.push(listener);
        nodes.push({
          nodeId,
          host: advertisedHost ?? host,
          port: advertisedPort === undefined ? listener.port : advertisedPort + nodeId - 1,
        });
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    services.cluster.setNodes(nodes);
  }

  /** Accepts no more, answers what is under way, closes. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    for (const listener of this.#listeners) await listener.close();
    if (this.#connections.size === 0) return;
    const { clock } = this.#context.services;
    await new Promise<void>((resolve) => {
      const timer = clock.after(this.#context.limits.closeWaitMs, () => {
        for (const connection of this.#connections) connection.destroy();
      });
      this.#closed = () => {
        timer.cancel();
        resolve();
      };
      for (const connection of this.#connections) connection.close();
    });
  }

  #accept(transport: TransportConnection, nodeId: number): void {
    const { counters } = this.#context;
    const connectionId = ++counters.connectionTotal;
    this.#connections.add(new Connection(transport, this.#context, { nodeId, connectionId }));
  }
}

function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
