// Topics of a cluster in the words of the port.
import { commitOffsets, committedOffsets } from '../group/group-offsets.ts';
import type { EpochEnd, GroupOffset, LogAdmin, SealedAt, TopicConfig, TopicDescription } from '../port/port.ts';
import { cannot } from '../port/raw-batches.ts';
import { checkPartitionCount, checkTopicConfig, checkTopicName } from '../port/topic-settings.ts';
import type { Cluster, TopicLeaders } from './cluster.ts';
import { endOfEpoch } from './epochs.ts';
import { askCoordinator } from './group-coordinators.ts';
import { offsetRanges, offsetsAt } from './offsets.ts';
import { fromKafkaConfigs, newTopicConfigs, toKafkaConfigs } from './topic-configs.ts';
import { undefinedIfUnknown, type TopicOperations } from './topic-operations.ts';

export interface KafkaAdminOptions {
  readonly cluster: Cluster;
  readonly operations: TopicOperations;
  readonly checkOpen: () => void;
  /** Called when a topic is not what it was: its settings have changed, or it is gone. */
  readonly onChange: (topic: string) => void;
}

export class KafkaAdmin implements LogAdmin {
  readonly #cluster: Cluster;
  readonly #operations: TopicOperations;
  readonly #options: KafkaAdminOptions;

  constructor(options: KafkaAdminOptions) {
    this.#options = options;
    this.#cluster = options.cluster;
    this.#operations = options.operations;
  }

  async createTopic(
    topic: string,
    { partitions, config = {} }: { readonly partitions: number; readonly config?: Partial<TopicConfig> },
  ): Promise<TopicDescription> {
    this.#options.checkOpen();
    checkTopicName(topic);
    checkPartitionCount(partitions);
    checkTopicConfig(config);
    const asked = toKafkaConfigs(config, await this.#operations.dialect());
    const metadata = await this.#operations.create(topic, partitions, new Map([...newTopicConfigs, ...asked]));
    this.#options.onChange(topic);
    return this.#describe(metadata);
  }

  async deleteTopic(topic: string): Promise<void> {
    this.#options.checkOpen();
    await this.#operations.delete(topic);
    this.#options.onChange(topic);
  }

  async topics(): Promise<readonly TopicDescription[]> {
    this.#options.checkOpen();
    const found = await this.#cluster.topics();
    const described = await Promise.all(found.map((metadata) => this.#describe(metadata).catch(undefinedIfUnknown)));
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
    await this.#operations.alter(topic, toKafkaConfigs(config, await this.#operations.dialect()));
    this.#options.onChange(topic);
    return this.#describe(metadata);
  }

  async offsetForTime(topic: string, partition: number, timestampMs: number): Promise<bigint> {
    this.#options.checkOpen();
    const offset = (await offsetsAt(this.#cluster, topic, [partition], { timestampMs })).get(partition)!;
    return offset >= 0n ? offset : (await offsetsAt(this.#cluster, topic, [partition], 'latest')).get(partition)!;
  }

  async endOfEpoch(topic: string, partition: number, epoch: number): Promise<EpochEnd | null> {
    this.#options.checkOpen();
    const what = `epochs of ${topic}-${partition}`;
    return this.#cluster.retrying(what, () => endOfEpoch(this.#cluster, topic, partition, epoch));
  }

  async seal(): Promise<SealedAt> {
    this.#options.checkOpen();
    throw cannot('seal a partition');
  }

  async beginEpoch(): Promise<void> {
    this.#options.checkOpen();
    throw cannot('begin a leader epoch: its controller does');
  }

  async committedOffsets(group: string): Promise<readonly GroupOffset[]> {
    this.#options.checkOpen();
    const ask = askCoordinator(this.#cluster, group);
    return this.#cluster.retrying(`offsets of group ${group}`, () => committedOffsets(ask, group));
  }

  async commitOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    this.#options.checkOpen();
    const ask = askCoordinator(this.#cluster, group);
    return this.#cluster.retrying(`commit of group ${group}`, () => commitOffsets(ask, group, offsets));
  }

  /** The settings of a topic as they are now. @throws ThroughlineError UNKNOWN_TOPIC, LOG_UNREACHABLE */
  async settings(topic: string): Promise<TopicConfig> {
    const configs = await this.#operations.configs(topic);
    return fromKafkaConfigs(new Map([...configs].map(([name, { value }]) => [name, value])));
  }

  async #describe(metadata: TopicLeaders): Promise<TopicDescription> {
    const { topic, topicId } = metadata;
    const partitions = metadata.partitions.map((_, partition) => partition);
    const online = partitions.filter((partition) => metadata.partitions[partition]!.leader >= 0);
    const [config, ranges, sizes] = await Promise.all([
      this.settings(topic),
      offsetRanges(this.#cluster, topic, online),
      this.#operations.sizes(metadata),
    ]);
    return {
      topic,
      topicId,
      config,
      partitions: partitions.map((partition) => ({
        partition,
        ...(ranges.get(partition) ?? { logStartOffset: 0n, highWatermark: 0n }),
        bytes: sizes.get(partition) ?? 0,
        leaderEpoch: metadata.partitions[partition]!.leaderEpoch,
        isOnline: ranges.has(partition),
        isSealed: false,
      })),
    };
  }
}
