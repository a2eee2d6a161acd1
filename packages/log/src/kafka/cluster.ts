// Who is in the cluster: brokers, topics, and who leads which partition (Metadata, API key 3). What is known of a topic is
// kept for a time and asked for anew when a broker says that it is not the leader. One connection per broker and purpose
// (see BrokerConnection) is kept here; a tail opens its own.
import { ThroughlineError } from '@throughline/event';
import type { Api, Read } from '@throughline/wire';
import { metadataApi, type MetadataResponse, type MetadataResponseTopic } from '@throughline/wire/apis';
import type { KafkaLogLimits } from '../defaults.ts';
import { addressText, BrokerConnection, type Address, type ConnectionSettings } from './broker-connection.ts';
import { failureOf, isPassing } from '../port/failures.ts';
import { retrying, type RetryContext } from '../port/retry.ts';

export interface PartitionMetadata {
  /** The id of the broker that leads it; -1 while nobody does. */
  readonly leader: number;
  readonly leaderEpoch: number;
}

/** A topic of a cluster, and who leads its partitions. */
export interface TopicLeaders {
  readonly topic: string;
  /** 32 hexadecimal digits. */
  readonly topicId: string;
  readonly isInternal: boolean;
  /** Index = partition. */
  readonly partitions: readonly PartitionMetadata[];
}

/** What a shared connection is for: `read` never waits, `append` waits for replicas, `ask` is everything else. */
export type Purpose = 'ask' | 'read' | 'append';

export interface ClusterOptions {
  readonly bootstrap: readonly Address[];
  readonly settings: ConnectionSettings;
  readonly limits: KafkaLogLimits;
  readonly retry: RetryContext;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #topics = new Map<string, { readonly metadata: TopicLeaders; readonly atMs: number }>();
  readonly #asking = new Map<string, Promise<TopicLeaders>>();
  readonly #connections = new Map<string, BrokerConnection>();
  #brokers = new Map<number, Address>();
  #controllerId = -1;
  #isClosed = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /**
   * Asks the bootstrap addresses who is in the cluster.
   *
   * @throws ThroughlineError LOG_UNREACHABLE when none answers in time
   */
  async connect(): Promise<void> {
    await this.retrying('connect to the cluster', async () => void (await this.#metadata([])));
  }

  /** What is known of a topic without asking; undefined when that is nothing, or too old. */
  known(topic: string): TopicLeaders | undefined {
    const found = this.#topics.get(topic);
    if (found === undefined) return undefined;
    const isOld = this.#nowMs() - found.atMs > this.#options.limits.metadataMaxAgeMs;
    return isOld ? undefined : found.metadata;
  }

  /**
   * What is known of a topic; asked for once where that is nothing, for whoever has a retry loop of its own.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE
   */
  async topic(topic: string): Promise<TopicLeaders> {
    return this.known(topic) ?? this.look(topic);
  }

  /** Asks for a topic anew, once; calls at the same time share one answer. */
  look(topic: string): Promise<TopicLeaders> {
    let asking = this.#asking.get(topic);
    if (asking === undefined) {
      asking = this.#ask(topic).finally(() => this.#asking.delete(topic));
      this.#asking.set(topic, asking);
    }
    return asking;
  }

  /** Asks for a topic anew until the cluster answers. @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE */
  refresh(topic: string): Promise<TopicLeaders> {
    return this.retrying(`metadata of ${topic}`, () => this.look(topic));
  }

  /** Forgets what is known of a topic. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  /** All topics but the cluster's own. */
  async topics(): Promise<readonly TopicLeaders[]> {
    const { topics } = await this.retrying('metadata', () => this.#metadata(null));
    return topics
      .filter(({ errorCode, isInternal }) => errorCode === 'NONE' && !isInternal)
      .map((found) => this.#keep(found));
  }

  /**
   * The leader of a partition.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC; LOG_UNREACHABLE while nobody leads it
   */
  async leaderOf(
    topic: string,
    partition: number,
  ): Promise<{ readonly metadata: TopicLeaders; readonly leader: number }> {
    const metadata = await this.topic(topic);
    const found = metadata.partitions[partition];
    if (found === undefined) {
      const message = `${topic} has ${metadata.partitions.length} partitions and no partition ${partition}`;
      throw new ThroughlineError('UNKNOWN_TOPIC', message);
    }
    if (found.leader < 0 || !this.#brokers.has(found.leader)) {
      this.forget(topic);
      throw failureOf('LEADER_NOT_AVAILABLE', `${topic}-${partition}`);
    }
    return { metadata, leader: found.leader };
  }

  /** Ids of the brokers that are up. */
  get brokerIds(): readonly number[] {
    return [...this.#brokers.keys()];
  }

  /** Sends a request to one broker. @throws ThroughlineError as BrokerConnection.request */
  async request<Request, Response>(
    broker: number,
    purpose: Purpose,
    api: Api<Request, Response>,
    request: Request,
  ): Promise<Read<Response>> {
    return this.#shared(this.addressOf(broker), purpose).request(api, request);
  }

  /** Sends a request that the controller answers, or whoever hands it on to it. */
  async requestController<Request, Response>(api: Api<Request, Response>, request: Request): Promise<Read<Response>> {
    const known = this.#brokers.get(this.#controllerId);
    return known === undefined ? this.requestAny(api, request) : this.#shared(known, 'ask').request(api, request);
  }

  /** Sends a request to the first broker that answers. */
  async requestAny<Request, Response>(api: Api<Request, Response>, request: Request): Promise<Read<Response>> {
    const addresses = [...this.#brokers.values(), ...this.#options.bootstrap];
    const reasons = new Set<string>();
    for (const address of addresses) {
      try {
        return await this.#shared(address, 'ask').request(api, request);
      } catch (error) {
        if (!isPassing(error)) throw error;
        reasons.add((error as Error).message);
      }
    }
    const names = [...new Set(addresses.map(addressText))].join(', ');
    const message = `no broker answers at ${names} (${[...reasons].join('; ')})`;
    throw new ThroughlineError('LOG_UNREACHABLE', message, { details: { addresses: names } });
  }

  /**
   * A connection of its own to a broker, for whoever lets the broker wait; the caller closes it.
   *
   * @param requestMs how long an answer may take, in milliseconds
   */
  open(broker: number, requestMs: number = this.#options.settings.requestMs): BrokerConnection {
    return new BrokerConnection(this.addressOf(broker), { ...this.#options.settings, requestMs });
  }

  addressOf(broker: number): Address {
    const address = this.#brokers.get(broker);
    if (address !== undefined) return address;
    throw failureOf('LEADER_NOT_AVAILABLE', `broker ${broker}`, 'it is in no metadata');
  }

  /** Tries again while the cluster cannot serve, for as long as a read may take. */
  retrying<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
    return retrying(this.#options.retry, { what, budgetMs: this.#options.limits.retryMs }, () => {
      if (this.#isClosed) throw new ThroughlineError('CLOSED', 'the log is closed');
      return act();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
  }

  async #ask(topic: string): Promise<TopicLeaders> {
    const { topics } = await this.#metadata([topic]);
    const found = topics.find(({ name }) => name === topic);
    if (found === undefined || found.errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') {
      this.forget(topic);
      throw new ThroughlineError('UNKNOWN_TOPIC', `no topic ${topic}`);
    }
    // A topic with partitions is there, even if one of them has no leader just now.
    if (found.errorCode !== 'NONE' && found.partitions.length === 0) throw failureOf(found.errorCode, topic);
    return this.#keep(found);
  }

  #keep({ name, topicId, isInternal, partitions: found }: Read<MetadataResponseTopic>): TopicLeaders {
    const partitions: PartitionMetadata[] = [];
    for (const { partitionIndex, leaderId: leader, leaderEpoch } of found) {
      partitions[partitionIndex] = { leader, leaderEpoch };
    }
    const metadata = { topic: name!, topicId, isInternal, partitions };
    this.#topics.set(metadata.topic, { metadata, atMs: this.#nowMs() });
    return metadata;
  }

  async #metadata(topics: readonly string[] | null): Promise<Read<MetadataResponse>> {
    const response = await this.requestAny(metadataApi, {
      topics: topics === null ? null : topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
    if (response.brokers.length === 0) throw failureOf('LEADER_NOT_AVAILABLE', 'metadata', 'no broker is up');
    this.#brokers = new Map(response.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#controllerId = response.controllerId;
    return response;
  }

  #shared(address: Address, purpose: Purpose): BrokerConnection {
    const key = `${purpose} ${addressText(address)}`;
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      connection = new BrokerConnection(address, this.#options.settings);
      this.#connections.set(key, connection);
    }
    return connection;
  }

  #nowMs(): number {
    return this.#options.retry.clock.monotonicMs();
  }
}
