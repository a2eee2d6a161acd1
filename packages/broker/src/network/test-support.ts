// A Kafka server with handlers of the test's own, on a real socket. Imported by tests only.
import type { TestContext } from 'node:test';
import { systemClock, systemRandom, type Clock } from '@throughline/event';
import { encodeRequest, type Api } from '@throughline/wire';
import { heartbeatApi, produceApi } from '@throughline/wire/apis';
import { connectKafka, type KafkaClient } from '../../../../test/support/kafka-client.ts';
import { handler, Unanswered, type Handler } from '../apis/handler.ts';
import { apiVersionsHandler } from '../apis/api-versions.ts';
import { kafkaLimitDefaults } from '../defaults.ts';
import { ResponseMemory } from '../fetch/response-memory.ts';
import type { Services } from '../apis/services.ts';
import { LogRecorder } from '../test-support.ts';
import { VirtualCluster } from '../topics/virtual-cluster.ts';
import { KafkaFaults } from './kafka-faults.ts';
import { KafkaServer } from './kafka-server.ts';
import { nodeTransport } from './node-transport.ts';
import type { ConnectionLimits } from './server-context.ts';
import { SupportedApis } from './supported-apis.ts';
import type { ConnectionListeners, Transport, TransportConnection, TransportListener } from './transport.ts';

/** A request that has begun, and whose answer the test gives. */
export interface Begun {
  readonly api: string;
  readonly clientId: string | null;
  readonly signal: AbortSignal;
  readonly answer: () => void;
  readonly fail: (error: unknown) => void;
}

export interface ScriptedServer {
  readonly server: KafkaServer;
  readonly address: string;
  readonly log: LogRecorder;
  readonly faults: KafkaFaults;
  /** Requests in the order in which they began. */
  readonly begun: Begun[];
  readonly connect: () => Promise<KafkaClient>;
  /** Resolves when `count` requests have begun. */
  readonly hasBegun: (count: number) => Promise<void>;
}

export interface ScriptedOptions {
  readonly limits?: Partial<ConnectionLimits>;
  readonly clock?: Clock;
  readonly transport?: Transport;
  readonly connectionCounts?: { readonly max: number; readonly perAddressMax: number };
}

/** Serves ApiVersions as ever, and Produce (pipelined) and Heartbeat (not) as the test says. */
export async function scriptedServer(t: TestContext, options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const {
    clock = systemClock,
    transport = nodeTransport,
    limits = {},
    connectionCounts = { max: 1000, perAddressMax: 1000 },
  } = options;
  const begun: Begun[] = [];
  const waiting = new Set<() => void>();
  const scripted = <Response>(api: string, clientId: string | null, signal: AbortSignal, response: Response) =>
    new Promise<Response>((resolve, reject) => {
      begun.push({ api, clientId, signal, answer: () => resolve(response), fail: reject });
      for (const notify of waiting) notify();
    });
  const handlers: readonly Handler[] = [
    handler({
      api: produceApi,
      isPipelined: true,
      handle: (_services, { clientId, signal, body }) =>
        scripted('Produce', clientId, signal, body.acks === 0 ? new Unanswered({}) : { responses: [] }),
      failed: (_request, errorCode) => ({
        responses: [
          { name: 'failed', topicId: '0'.repeat(32), partitionResponses: [{ index: 0, errorCode, baseOffset: -1n }] },
        ],
      }),
    }),
    handler({
      api: heartbeatApi,
      handle: (_services, { clientId, signal }) => scripted('Heartbeat', clientId, signal, { errorCode: 'NONE' }),
      failed: (_request, errorCode) => ({ errorCode }),
    }),
    apiVersionsHandler(() => handlers),
  ];
  const log = new LogRecorder();
  const cluster = new VirtualCluster('scripted');
  const faults = new KafkaFaults();
  const responseMemory = new ResponseMemory(1_000_000);
  const services = { clock, random: systemRandom, logger: log, cluster, responseMemory, broker: { topics: () => [] } };
  const server = new KafkaServer({
    services: services as unknown as Services,
    apis: new SupportedApis({}, handlers),
    faults,
    transport,
    limits: { ...kafkaLimitDefaults, requestBytesMax: 1_000_000, connectionIdleMs: 600_000, ...limits },
    connectionCounts: () => connectionCounts,
    host: '127.0.0.1',
    port: 0,
    nodeCount: 1,
    advertisedHost: undefined,
    advertisedPort: undefined,
  });
  await server.listen();
  const address = server.addresses[0]!;
  const clients: KafkaClient[] = [];
  t.after(async () => {
    for (const one of begun) one.answer();
    for (const client of clients) await client.close();
    await server.close();
  });
  return {
    server,
    address,
    log,
    faults,
    begun,
    connect: async () => {
      const client = await connectKafka(address);
      clients.push(client);
      return client;
    },
    hasBegun: async (count) => {
      while (begun.length < count) {
        await new Promise<void>((resolve) => {
          const notify = (): void => {
            waiting.delete(notify);
            resolve();
          };
          waiting.add(notify);
        });
      }
    },
  };
}

/** The bodies of requests to it. */
export const bodies = {
  heartbeat: { groupId: 'group', generationId: 1, memberId: 'member' },
  produce: { acks: -1, timeoutMs: 1000, topicData: [] },
  produceWithoutAcks: { acks: 0, timeoutMs: 1000, topicData: [] },
} as const;

/** A request as it goes over the wire. */
export function requestBytes<Request>(api: Api<Request>, apiVersion: number, body: NoInfer<Request>): Uint8Array {
  return Buffer.concat(encodeRequest(api, { apiVersion, correlationId: 1, clientId: 'by hand' }, body));
}

/** A network whose every step the test takes. */
export class NetworkByHand implements Transport {
  #accept: ((connection: TransportConnection) => void) | undefined;

  async listen(
    { host }: { readonly host: string },
    onConnection: (connection: TransportConnection) => void,
  ): Promise<TransportListener> {
    this.#accept = onConnection;
    return { host, port: 1, close: async () => {} };
  }

  connect(): ConnectionByHand {
    const connection = new ConnectionByHand();
    this.#accept?.(connection);
    return connection;
  }
}

class ConnectionByHand implements TransportConnection {
  readonly remoteAddress = '192.0.2.1';
  readonly remotePort = 1;
  unsentBytes = 0;
  isPaused = false;
  #listeners: ConnectionListeners | undefined;

  listen(listeners: ConnectionListeners): void {
    this.#listeners = listeners;
  }

  /** The server gets `chunks`. */
  receive(...chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#listeners?.onData(chunk.slice());
  }

  drain(): void {
    this.#listeners?.onDrain();
  }

  write(_chunks: readonly Uint8Array[], _onSent?: () => void): void {}

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    queueMicrotask(() => this.#listeners?.onClose());
  }
}
