// Topics by Kafka's own names: made, altered and deleted, their configs and their sizes. A cluster applies such changes a
// moment after it has said yes, and not everywhere at once; each call here returns when what it did can be seen.
import { ThroughlineError } from '@throughline/event';
import { zeroUuid } from '@throughline/wire';
import {
  createTopicsApi,
  deleteRecordsApi,
  deleteTopicsApi,
  describeConfigsApi,
  describeLogDirsApi,
  incrementalAlterConfigsApi,
} from '@throughline/wire/apis';
import type { Cluster, TopicLeaders } from './cluster.ts';
import { failureOf } from '../port/failures.ts';
import type { Dialect } from './topic-configs.ts';

const topicResource = 2;
const setConfig = 0;
/** The configSource of what was set for the topic itself. */
const dynamicTopicConfig = 1;
/** The replication factor that the cluster gives to topics by itself. */
const clusterDefault = -1;
/** Time that the cluster may take for a change, in milliseconds. */
const changeMs = 15_000;
const probeTopic = 'throughline-probe';

export interface ConfigEntry {
  readonly value: string | null;
  /** Whether it was set for this topic, not taken from a default. */
  readonly isOwn: boolean;
}

export class TopicOperations {
  readonly #cluster: Cluster;
  #dialect: Promise<Dialect> | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /**
   * Makes a topic.
   *
   * @param partitions how many; -1 leaves it to the broker
   * @throws ThroughlineError TOPIC_EXISTS, INVALID_TOPIC, INVALID_CONFIG, INVALID_PARTITIONS, LOG_UNREACHABLE
   */
  async create(topic: string, partitions: number, configs: ReadonlyMap<string, string>): Promise<TopicLeaders> {
    await this.#create(topic, partitions, configs, false);
    return this.#whenSeen(`topic ${topic}`, async () => {
      const metadata = await this.#cluster.look(topic);
      const isWhole =
        metadata.partitions.length >= Math.max(1, partitions) && metadata.partitions.every(({ leader }) => leader >= 0);
      return isWhole ? metadata : undefined;
    });
  }

  /** @throws ThroughlineError INVALID_CONFIG when the cluster would reject a topic with these configs; it is not made */
  async tryCreate(topic: string, partitions: number, configs: ReadonlyMap<string, string>): Promise<void> {
    await this.#create(topic, partitions, configs, true);
  }

  /** @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE */
  async delete(topic: string): Promise<void> {
    const { topicId } = await this.#cluster.refresh(topic);
    let attempt = 0;
    await this.#cluster.retrying(`delete ${topic}`, async () => {
      attempt++;
      const { responses } = await this.#cluster.requestController(deleteTopicsApi, {
        topics: [{ name: topic, topicId: zeroUuid }],
        topicNames: [topic],
        timeoutMs: changeMs,
      });
      for (const { errorCode, errorMessage } of responses) {
        // A try whose answer was lost has deleted it.
        if (attempt > 1 && errorCode === 'UNKNOWN_TOPIC_OR_PARTITION') continue;
        if (errorCode !== 'NONE') throw failureOf(errorCode, `delete ${topic}`, errorMessage);
      }
    });
    await this.#whenSeen(`the end of ${topic}`, async () => {
      const found = await this.#cluster.look(topic).catch(undefinedIfUnknown);
      return found === undefined || found.topicId !== topicId ? true : undefined;
    });
  }

  /** @throws ThroughlineError UNKNOWN_TOPIC, INVALID_CONFIG, LOG_UNREACHABLE */
  async alter(topic: string, configs: ReadonlyMap<string, string>): Promise<void> {
    if (configs.size === 0) return;
    await this.#cluster.retrying(`alter ${topic}`, async () => {
      const { responses } = await this.#cluster.requestController(incrementalAlterConfigsApi, {
        resources: [
          {
            resourceType: topicResource,
            resourceName: topic,
            configs: [...configs].map(([name, value]) => ({ name, value, configOperation: setConfig })),
          },
        ],
        validateOnly: false,
      });
      for (const { errorCode, errorMessage } of responses) {
        if (errorCode !== 'NONE') throw failureOf(errorCode, `alter ${topic}`, errorMessage);
      }
    });
    await this.#whenSeen(`settings of ${topic}`, async () => {
      const found = await this.configs(topic);
      return [...configs].every(([name, value]) => found.get(name)?.value === value) ? true : undefined;
    });
  }

  /** The configs of a topic by Kafka's names. @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE */
  configs(topic: string): Promise<ReadonlyMap<string, ConfigEntry>> {
    return this.#cluster.retrying(`settings of ${topic}`, async () => {
      const { results } = await this.#cluster.requestAny(describeConfigsApi, {
        resources: [{ resourceType: topicResource, resourceName: topic, configurationKeys: null }],
      });
      const { errorCode, errorMessage, configs } = results[0]!;
      if (errorCode !== 'NONE') throw failureOf(errorCode, `settings of ${topic}`, errorMessage);
      return new Map(
        configs.map(({ name, value, configSource }) => [name, { value, isOwn: configSource === dynamicTopicConfig }]),
      );
    });
  }

  /** Removes the records of a partition below `offset`. @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE */
  async deleteRecords(topic: string, partitionIndex: number, offset: bigint): Promise<void> {
    await this.#cluster.retrying(`delete records of ${topic}-${partitionIndex}`, async () => {
      const { leader } = await this.#cluster.leaderOf(topic, partitionIndex);
      const { topics } = await this.#cluster.request(leader, 'ask', deleteRecordsApi, {
        topics: [{ name: topic, partitions: [{ partitionIndex, offset }] }],
        timeoutMs: changeMs,
      });
      for (const { errorCode } of topics.flatMap(({ partitions }) => partitions)) {
        if (errorCode !== 'NONE') throw failureOf(errorCode, `delete records of ${topic}-${partitionIndex}`);
      }
    });
  }

  /** Bytes of each partition at its leader, as far as the brokers tell: some clusters keep their disks to themselves. */
  async sizes({ topic, partitions }: TopicLeaders): Promise<ReadonlyMap<number, number>> {
    const sizes = new Map<number, number>();
    await Promise.all(
      [...new Set(partitions.map(({ leader }) => leader))].map(async (leader) => {
        const led = partitions.flatMap((found, partition) => (found.leader === leader ? [partition] : []));
        const dirs = await this.#cluster
          .request(leader, 'ask', describeLogDirsApi, { topics: [{ topic, partitions: led }] })
          .catch((error: unknown) => {
            // Unsupported, not permitted, or away: a description without sizes is better than none.
            if (ThroughlineError.is(error)) return { results: [] };
            throw error;
          });
        for (const found of dirs.results.flatMap((dir) => dir.topics).flatMap((dir) => dir.partitions)) {
          if (!found.isFutureKey) sizes.set(found.partitionIndex, Number(found.partitionSize));
        }
      }),
    );
    return sizes;
  }

  /** Whether the cluster knows the config `durability`: asked once, by a topic that is checked and not made. */
  dialect(): Promise<Dialect> {
    this.#dialect ??= this.tryCreate(probeTopic, 1, new Map([['durability', 'fsync']])).then(
      () => 'throughline',
      (error: unknown) => {
        if (ThroughlineError.is(error, 'TOPIC_EXISTS')) return 'throughline';
        if (ThroughlineError.is(error, 'INVALID_CONFIG')) return 'kafka';
        this.#dialect = undefined;
        throw error;
      },
    );
    return this.#dialect;
  }

  async #create(
    topic: string,
    numPartitions: number,
    configs: ReadonlyMap<string, string>,
    validateOnly: boolean,
  ): Promise<void> {
    await this.#cluster.retrying(`create ${topic}`, async () => {
      const { topics } = await this.#cluster.requestController(createTopicsApi, {
        topics: [
          {
            name: topic,
            numPartitions,
            replicationFactor: clusterDefault,
            assignments: [],
            configs: [...configs].map(([name, value]) => ({ name, value })),
          },
        ],
        timeoutMs: changeMs,
        validateOnly,
      });
      for (const { errorCode, errorMessage } of topics) {
        if (errorCode !== 'NONE') throw failureOf(errorCode, `create ${topic}`, errorMessage);
      }
    });
  }

  /** Asks until `look` finds something. @throws ThroughlineError LOG_UNREACHABLE when it takes too long */
  #whenSeen<Result>(what: string, look: () => Promise<Result | undefined>): Promise<Result> {
    return this.#cluster.retrying(what, async () => {
      const found = await look().catch(undefinedIfUnknown);
      if (found !== undefined) return found;
      throw new ThroughlineError('LOG_UNREACHABLE', `${what}: the cluster does not show it yet`);
    });
  }
}

/** For `catch`: a topic that is not there is no failure. */
export function undefinedIfUnknown(error: unknown): undefined {
  if (ThroughlineError.is(error, 'UNKNOWN_TOPIC')) return undefined;
  throw error;
}
