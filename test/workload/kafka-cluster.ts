// What a client knows of a cluster: where the leaders of a topic's partitions are, and its connections to them. After any failure
// it forgets both and asks again.
import { ThroughlineError, type Clock } from '@throughline/event';
import type { TransportConnection } from '@throughline/broker';
import { findCoordinatorApi, metadataApi } from '@throughline/wire/apis';
import { checkError, KafkaConnection } from './kafka-connection.ts';

export interface KafkaClusterOptions {
  readonly dial: (host: string, port: number) => Promise<TransportConnection>;
  readonly bootstrap: { readonly host: string; readonly port: number };
  readonly topic: string;
  readonly clock: Clock;
  /** How long an answer may take, in milliseconds. */
  readonly requestTimeoutMs: number;
}

interface Node {
  readonly host: string;
  readonly port: number;
}

export class KafkaCluster {
  readonly options: KafkaClusterOptions;
  readonly #connections = new Map<string, Promise<KafkaConnection>>();
  #leaders: Promise<ReadonlyMap<number, Node>> | undefined;
  #isClosed = false;

  constructor(options: KafkaClusterOptions) {
    this.options = options;
  }

  /** A connection to where the client begins. */
  bootstrap(): Promise<KafkaConnection> {
    return this.#connectionTo(this.options.bootstrap);
  }

  /** A connection to the leader of a partition. */
  async leader(partition: number): Promise<KafkaConnection> {
    this.#leaders ??= this.#findLeaders();
    try {
      const node = (await this.#leaders).get(partition);
      if (node === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `partition ${partition} has no leader`);
      return await this.#connectionTo(node);
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  async coordinator(group: string): Promise<KafkaConnection> {
    const { errorCode, host, port } = await (
      await this.bootstrap()
    ).call(findCoordinatorApi, 3, { key: group, keyType: 0 });
    checkError(errorCode, 'FindCoordinator');
    return this.#connectionTo({ host, port });
  }

  /** What is known may be wrong. */
  forget(): void {
    this.#leaders = undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const connecting of this.#connections.values()) {
      // One that never came needs no end.
      void connecting.then((connection) => connection.close()).catch(() => {});
    }
    this.#connections.clear();
  }

  async #findLeaders(): Promise<ReadonlyMap<number, Node>> {
    const { topic } = this.options;
    const request = { topics: [{ name: topic }], allowAutoTopicCreation: false };
    const { brokers, topics } = await (await this.bootstrap()).call(metadataApi, 9, request);
    const found = topics[0];
    checkError(found?.errorCode ?? 'UNKNOWN_SERVER_ERROR', 'Metadata');
    const leaders = new Map<number, Node>();
    for (const { partitionIndex, leaderId } of found?.partitions ?? []) {
      const node = brokers.find(({ nodeId }) => nodeId === leaderId);
      if (node !== undefined) leaders.set(partitionIndex, node);
    }
    return leaders;
  }

  async #connectionTo({ host, port }: Node): Promise<KafkaConnection> {
    if (this.#isClosed) throw new Error('the client is closed');
    const key = `${host}:${port}`;
    const there = this.#connections.get(key);
    if (there !== undefined) {
      const connection = await there;
      if (!connection.isClosed) return connection;
      if (this.#connections.get(key) === there) this.#connections.delete(key);
      return this.#connectionTo({ host, port });
    }
    const { dial, clock, requestTimeoutMs } = this.options;
    const connecting = dial(host, port).then((transport) => new KafkaConnection(transport, clock, requestTimeoutMs));
    this.#connections.set(key, connecting);
    try {
      return await connecting;
    } catch (error) {
      this.#connections.delete(key);
      throw error;
    }
  }
}
