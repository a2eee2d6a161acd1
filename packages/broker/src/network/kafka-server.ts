// The Kafka protocol over a broker: a listener per virtual node, and the connections that come.
import { listening, type Logger, type Timer } from '@throughline/event';
import { hostname } from 'node:os';
import type { Services } from '../apis/services.ts';
import { CalmLog } from './calm-log.ts';
import { addressText, type VirtualNode } from '../topics/virtual-cluster.ts';
import { Connection } from './connection.ts';
import { Dispatcher } from './dispatcher.ts';
import type { KafkaFaults } from './kafka-faults.ts';
import { KafkaCounters, type KafkaMetrics } from './kafka-metrics.ts';
import { Rejections, type Rejection } from './rejections.ts';
import { RequestMemory } from './request-memory.ts';
import { UnsentAnswers } from './unsent-answers.ts';
import type { ConnectionLimits, KafkaServerContext } from './server-context.ts';
import type { SupportedApis } from './supported-apis.ts';
import type { Transport, TransportConnection, TransportListener } from './transport.ts';

export interface KafkaServerOptions {
  readonly services: Services;
  readonly apis: SupportedApis;
  readonly faults: KafkaFaults | undefined;
  readonly transport: Transport;
  readonly limits: ConnectionLimits;
  /** How many connections there may be, at all and from one address; it may change. */
  readonly connectionCounts: () => { readonly max: number; readonly perAddressMax: number };
  readonly host: string;
  /** Of the first node; the others follow it, and 0 takes free ones. */
  readonly port: number;
  readonly nodeCount: number;
  /** What clients are told to connect to, where that is not `host`. */
  readonly advertisedHost: string | undefined;
  /** Of the first node; the others follow it. */
  readonly advertisedPort: number | undefined;
}

export class KafkaServer {
  readonly #options: KafkaServerOptions;
  readonly #context: KafkaServerContext;
  readonly #logger: Logger;
  readonly #listeners: TransportListener[] = [];
  readonly #connections = new Set<Connection>();
  readonly #countByAddress = new Map<string, number>();
  #sweep: Timer | undefined;
  #closing: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: KafkaServerOptions) {
    const { services, apis, faults, limits } = options;
    const log = new CalmLog(services.clock);
    const counters = new KafkaCounters();
    this.#options = options;
    this.#logger = services.logger;
    this.#context = {
      logger: services.logger,
      limits,
      counters,
      dispatcher: new Dispatcher({ services, apis, counters, log, faults }),
      memory: new RequestMemory({ bytesMax: limits.queuedBytesMax, smallBytes: limits.smallRequestBytes }),
      unsent: new UnsentAnswers(limits.unsentOfAllBytesMax),
      rejections: new Rejections(log, services.logger),
    };
  }

  /** `host:port` of each node, where it listens. */
  get addresses(): readonly string[] {
    return this.#listeners.map(({ host, port }) => addressText(host, port));
  }

  get metrics(): KafkaMetrics {
    const { counters, rejections, memory } = this.#context;
    const { connectionTotal, requestTotals, failureTotals, receivedBytes, sentBytes } = counters;
    return {
      connectionCount: this.#connections.size,
      connectionTotal,
      requestTotals,
      failureTotals,
      receivedBytes,
      sentBytes,
      requestBytes: memory.usedBytes,
      responseBytes: this.#options.services.responseMemory.usedBytes,
      rejectionTotals: rejections.counts,
    };
  }

  /** @throws ThroughlineError PORT_IN_USE, INVALID_ARGUMENT */
  async listen(): Promise<void> {
    const { transport, host, port, nodeCount, services } = this.#options;
    try {
      for (let nodeId = 1; nodeId <= nodeCount; nodeId++) {
        const listenPort = port === 0 ? 0 : port + nodeId - 1;
        const accept = (one: TransportConnection): void => this.#accept(one, nodeId);
        const onConnection = listening(this.#logger, 'accepting a connection', accept);
        this.#listeners.push(await transport.listen({ host, port: listenPort }, onConnection));
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    services.cluster.setNodes(this.#listeners.map(({ port: listened }, index) => this.#node(index, listened)));
  }

  /** Accepts no more, answers what is under way, closes the connections. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#sweep?.cancel();
    for (const listener of this.#listeners) await listener.close();
    if (this.#connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = this.#options.services.clock.after(this.#context.limits.closeWaitMs, () => {
      this.#logger.warn(
        { connectionCount: this.#connections.size },
        'closing connections whose requests take too long',
      );
      for (const connection of this.#connections) connection.destroy();
    });
    for (const connection of this.#connections) connection.close();
    await promise;
    timer.cancel();
  }

  #node(index: number, listenedPort: number): VirtualNode {
    const { host, advertisedHost, advertisedPort } = this.#options;
    return {
      nodeId: index + 1,
      host: advertisedHost ?? reachableHost(host),
      port: advertisedPort === undefined ? listenedPort : advertisedPort + index,
      listensAt: addressText(host, listenedPort),
    };
  }

  #accept(transport: TransportConnection, nodeId: number): void {
    const { counters, rejections } = this.#context;
    const connectionId = ++counters.connectionTotal;
    const rejection = this.#rejectionOf(transport.remoteAddress);
    if (rejection !== undefined) {
      rejections.note(rejection, { client: `${transport.remoteAddress}:${transport.remotePort}` });
      transport.destroy();
      return;
    }
    const nowMs = this.#options.services.clock.monotonicMs();
    const onClosed = (): void => this.#forget(connection);
    const connection = new Connection(transport, this.#context, { nodeId, connectionId, nowMs, onClosed });
    this.#connections.add(connection);
    const { remoteAddress } = connection;
    this.#countByAddress.set(remoteAddress, (this.#countByAddress.get(remoteAddress) ?? 0) + 1);
    // One that comes while the server closes came before the listener was gone.
    if (this.#closing !== undefined) connection.close();
    else this.#sweepLater();
  }

  #rejectionOf(remoteAddress: string): Rejection | undefined {
    const { max, perAddressMax } = this.#options.connectionCounts();
    if (this.#connections.size >= max) {
      return {
        reason: 'too-many-connections',
        message: 'rejected a connection: there are as many as max.connections allows',
        fields: { connectionCountMax: max },
      };
    }
    if ((this.#countByAddress.get(remoteAddress) ?? 0) < perAddressMax) return undefined;
    return {
      reason: 'too-many-connections',
      message: 'rejected a connection: there are as many from its address as max.connections.per.ip allows',
      fields: { connectionCountMax: perAddressMax },
    };
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    const { remoteAddress } = connection;
    const left = (this.#countByAddress.get(remoteAddress) ?? 0) - 1;
    if (left > 0) this.#countByAddress.set(remoteAddress, left);
    else this.#countByAddress.delete(remoteAddress);
    if (this.#connections.size > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
    this.#onEmpty?.();
  }

  /** Looks at all connections once in a while, as long as there are any. */
  #sweepLater(): void {
    const { clock } = this.#options.services;
    this.#sweep ??= clock.after(this.#context.limits.sweepIntervalMs, () => {
      this.#sweep = undefined;
      const nowMs = clock.monotonicMs();
      for (const connection of this.#connections) connection.look(nowMs);
      if (this.#connections.size > 0 && this.#closing === undefined) this.#sweepLater();
    });
  }
}

/** What clients can connect to: a wildcard is no address (Kafka, too, says the machine's name then). */
function reachableHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? hostname() : host;
}
