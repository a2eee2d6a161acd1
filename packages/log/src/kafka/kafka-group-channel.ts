// The way of a member to the coordinator of its group on a cluster: a connection of its own, because a JoinGroup waits for the
// others and keeps waiting what comes behind it.
import { ThroughlineError } from '@throughline/event';
import type { Api, Read } from '@throughline/wire';
import type { GroupChannel } from '../group/group-channel.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { Cluster } from './cluster.ts';
import { coordinatorOf } from './group-coordinators.ts';

export class KafkaGroupChannel implements GroupChannel {
  readonly #cluster: Cluster;
  readonly #groupId: string;
  /** How long an answer may take, in milliseconds. */
  readonly #requestMs: number;
  #connection: BrokerConnection | undefined;

  constructor(cluster: Cluster, groupId: string, requestMs: number) {
    this.#cluster = cluster;
    this.#groupId = groupId;
    this.#requestMs = requestMs;
  }

  async request<Request, Response>(
    api: Api<Request, Response>,
    request: Request,
    signal: AbortSignal,
  ): Promise<Read<Response>> {
    this.#connection ??= this.#cluster.open(await coordinatorOf(this.#cluster, this.#groupId), this.#requestMs);
    const connection = this.#connection;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.forget();
        reject(new ThroughlineError('LOG_UNREACHABLE', `${api.name} of group ${this.#groupId} was given up`));
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      connection
        .request(api, request)
        .then(resolve, reject)
        .finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  forget(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  async partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const topic of topics) {
      try {
        counts.set(topic, (await this.#cluster.look(topic)).partitions.length);
      } catch (error) {
        if (!ThroughlineError.is(error, 'UNKNOWN_TOPIC')) throw error;
      }
    }
    return counts;
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}
