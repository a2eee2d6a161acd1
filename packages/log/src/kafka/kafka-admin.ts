// Topics of a cluster: made, described, altered, deleted. A cluster applies such changes a moment after it has said yes,
// and not everywhere at once; each call here returns when what it did can be seen.
import { ThroughlineError } from '@throughline/event';
import { kafkaErrors } from '@throughline/wire';
import {
  createTopicsApi,
  deleteTopicsApi,
  describeConfigsApi,
  describeLogDirsApi,
  incrementalAlterConfigsApi,
} from '@throughline/wire/apis';
import type { LogAdmin, TopicConfig, TopicDescription } from '../port.ts';
import { checkPartitionCount, checkTopicConfig, checkTopicName } from '../topic-settings.ts';
import type { Cluster, TopicMetadata } from './cluster.ts';
import { failureOf } from './failures.ts';
import { offsetRanges, offsetsAt } from './offsets.ts';
import { fromKafkaConfigs, newTopicConfigs, toKafkaConfigs, type Dialect } from './topic-configs.ts';

const topicResource = 2;
const setConfig = 0;
/** The replication factor that the cluster gives to topics by itself. */
const clusterDefault = -1;
/** Time that the cluster may take for a change, in milliseconds. */
const changeMs = 15_000;
const dialectProbe = 'throughline-probe';

export interface KafkaAdminOptions {
  readonly cluster: Cluster;
  readonly checkOpen: () => void;
  /** Called when a topic is not what it was: its settings have changed, or it is gone. */
  readonly onChange: (topic: string) => void;
}

export class KafkaAdmin implements LogAdmin {
  readonly #cluster: Cluster;
  readonly #options: KafkaAdminOptions;
  #dialect: Promise<Dialect> | undefined;

  constructor(options: KafkaAdminOptions) {
    this.#options = options;
    this.#cluster = options.cluster;
  }

  async createTopic(
    topic: string,
    { partitions, config = {} }: { readonly partitions: number; readonly config?: Partial<TopicConfig> },
  ): Promise<TopicDescription> {
    this.#options.checkOpen();
    checkTopicName(topic);
    checkPartitionCount(partitions);
    checkTopicConfig(config);
    const configs = new Map([
      ...Object.entries(newTopicConfigs),
      ...toKafkaConfigs(config, await this.#ensureDialect()),
    ]);
    await this.#create(topic, partitions, configs, false);
    this.#options.onChange(topic);
    return this.#whenSeen(`topic ${topic}`, async () => {
      const metadata = await this.#cluster.refresh(topic);
      if (metadata.partitions.length < partitions || metadata.partitions.some(({ leader }) => leader < 0))
        return undefined;
      return this.#describe(metadata);
    });
  }

  async deleteTopic(topic: string): Promise<void> {
    this.#options.checkOpen();
    const { topicId } = await this.#cluster.refresh(topic);
    await this.#cluster.retrying(`delete ${topic}`, async () => {
      const { responses } = await this.#cluster.requestController(deleteTopicsApi, {
        topics: [{ name: topic, topicId: '0'.repeat(32) }],
        topicNames: [topic],
        timeoutMs: changeMs,
      });
      for (const { errorCode, errorMessage } of responses) {
        if (errorCode !== kafkaErrors.NONE) throw failureOf(errorCode, `delete ${topic}`, errorMessage);
      }
    });
    await this.#whenSeen(`the end of ${topic}`, async () => {
      const found = await this.#cluster.refresh(topic).catch(absentIfUnknown);
      return found === undefined || found.topicId !== topicId ? true : undefined;
    });
    this.#options.onChange(topic);
  }

  async topics(): Promise<readonly TopicDescription[]> {
    this.#options.checkOpen();
    const found = await this.#cluster.topics();
    const described = await Promise.all(found.map((metadata) => this.#describe(metadata).catch(absentIfUnknown)));
    // What was deleted between the two questions is not there.
    return described.filter((description) => description !== undefined);
  }

  async describeTopic(topic: string): Promise<TopicDescription> {
    this.#options.checkOpen();
    return this.#describe(await this.#cluster.refresh(topic));
  }

  async alterTopic(topic: string, config: Partial<TopicConfig>): Promise<TopicDescription> {
    this.#options.checkOpen();
    const metadata = await this.#cluster.refresh(topic);
    checkTopicConfig(config);
    const configs = toKafkaConfigs(config, await this.#ensureDialect());
    if (configs.size > 0) {
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
          if (errorCode !== kafkaErrors.NONE) throw failureOf(errorCode, `alter ${topic}`, errorMessage);
        }
      });
    }
    await this.#whenSeen(`settings of ${topic}`, async () => {
      const found = await this.#configs(topic);
      return [...configs].every(([name, value]) => found.get(name) === value) ? true : undefined;
    });
    this.#options.onChange(topic);
    return this.#describe(metadata);
  }

  async offsetForTime(topic: string, partition: number, timestampMs: number): Promise<bigint> {
    this.#options.checkOpen();
    const offset = (await offsetsAt(this.#cluster, topic, [partition], { timestampMs })).get(partition)!;
    return offset >= 0n ? offset : (await offsetsAt(this.#cluster, topic, [partition], 'latest')).get(partition)!;
  }

  /** The settings of a topic as they are now. @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE */
  async settings(topic: string): Promise<TopicConfig> {
    return fromKafkaConfigs(await this.#configs(topic));
  }

  async #describe(metadata: TopicMetadata): Promise<TopicDescription> {
    const { topic, topicId } = metadata;
    const partitions = metadata.partitions.map((_, partition) => partition);
    const online = partitions.filter((partition) => metadata.partitions[partition]!.leader >= 0);
    const [config, ranges, sizes] = await Promise.all([
      this.settings(topic),
      offsetRanges(this.#cluster, topic, online),
      this.#sizes(metadata),
    ]);
    return {
      topic,
      topicId,
      config,
      partitions: partitions.map((partition) => ({
        partition,
        ...(ranges.get(partition) ?? { logStartOffset: 0n, highWatermark: 0n }),
        bytes: sizes.get(partition) ?? 0,
        isOnline: ranges.has(partition),
      })),
    };
  }

  async #configs(topic: string): Promise<ReadonlyMap<string, string | null>> {
    return this.#cluster.retrying(`settings of ${topic}`, async () => {
      const { results } = await this.#cluster.requestAny(describeConfigsApi, {
        resources: [{ resourceType: topicResource, resourceName: topic, configurationKeys: null }],
      });
      const { errorCode, errorMessage, configs } = results[0]!;
      if (errorCode !== kafkaErrors.NONE) throw failureOf(errorCode, `settings of ${topic}`, errorMessage);
      return new Map(configs.map(({ name, value }) => [name, value]));
    });
  }

  /** Bytes of each partition at its leader, as far as the brokers tell: some clusters keep their disks to themselves. */
  async #sizes({ topic, partitions }: TopicMetadata): Promise<ReadonlyMap<number, number>> {
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
        if (errorCode !== kafkaErrors.NONE) throw failureOf(errorCode, `create ${topic}`, errorMessage);
      }
    });
  }

  /** Whether the cluster knows the config `durability`: asked once, by a topic that is checked and not made. */
  #ensureDialect(): Promise<Dialect> {
    this.#dialect ??= this.#create(dialectProbe, 1, new Map([['durability', 'fsync']]), true).then(
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

  /** Asks until `look` finds something. @throws ThroughlineError LOG_UNREACHABLE when it takes too long */
  #whenSeen<Result>(what: string, look: () => Promise<Result | undefined>): Promise<Result> {
    return this.#cluster.retrying(what, async () => {
      const found = await look().catch(absentIfUnknown);
      if (found !== undefined) return found;
      throw new ThroughlineError('LOG_UNREACHABLE', `${what}: the cluster does not show it yet`);
    });
  }
}

function absentIfUnknown(error: unknown): undefined {
  if (ThroughlineError.is(error, 'UNKNOWN_TOPIC')) return undefined;
  throw error;
}
