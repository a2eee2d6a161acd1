// The embedded broker: topics in one data folder, held by one process. This file is its face; what it is made of stands
// in the other rooms, and docs/internals/broker.md shows how they hang together.
import type { Clock, Logger, Random } from '@throughline/event';
import type { BrokerLimits } from '../defaults.ts';
import type { BrokerConfigs, ConfigChanges, GivenConfigs } from '../metadata/broker-configs.ts';
import type { ProtectedTopics } from './protected-topics.ts';
import type { TopicOverrides } from '../metadata/topic-configs.ts';
import type { Disk } from '../disk/disk.ts';
import type { PartitionLog } from '../storage/partition-face.ts';
import type { Durability, TopicConfig } from '../ground/topic-config.ts';

export interface BrokerOptions extends Partial<BrokerLimits> {
  /** The folder that holds everything; made when missing. */
  readonly dataDir?: string;
  /** Instead of a folder: everything is in the memory of this process, and gone when the broker is closed. */
  readonly memory?: boolean;
  /** Settings of the broker by Kafka's names: `{ 'num.partitions': 4 }`. */
  readonly config?: GivenConfigs;
  /** Topics that get no more partitions and are not removed, whoever asks, each with the reason that he is told. */
  readonly protectedTopics?: ProtectedTopics;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** A topic as the broker keeps it. */
export interface TopicMetadata {
  readonly topic: string;
  /** 32 hexadecimal digits: another incarnation of the same name has another. */
  readonly topicId: string;
  readonly partitionCount: number;
  /** What holds: what the topic says itself, and for the rest what the broker says. */
  readonly config: TopicConfig;
  /** What the topic says itself, by Kafka's names. */
  readonly overrides: TopicOverrides;
}

export interface NewTopic {
  readonly partitions: number;
  readonly config?: Partial<TopicConfig>;
  /**
   * Settings by Kafka's names instead of `config`, as a client of the Kafka protocol gives them. What they do not name
   * follows the broker's settings, retention too; without them a topic keeps its records for ever unless `config` says so.
   */
  readonly settings?: ReadonlyMap<string, string>;
}

export interface Broker {
  /** As Kafka writes it: 16 bytes as base64url. The same for as long as the folder lives. */
  readonly clusterId: string;
  /** The folder that holds everything. */
  readonly dataDir: string;
  /** What an acknowledgement can mean at most: nothing in a broker in memory survives its process. */
  readonly durabilityMax: Durability;
  /** How far the metadata log goes, all of which is synced. */
  readonly metadataEnd: { readonly leaderEpoch: number; readonly endOffset: bigint };
  /** The broker's own settings. */
  readonly configs: BrokerConfigs;
  /** Topics that get no more partitions and are not removed, each with its reason; the broker's own among them. */
  readonly protectedTopics: ReadonlyMap<string, string>;
  /** @throws ThroughlineError TOPIC_EXISTS, INVALID_TOPIC, INVALID_ARGUMENT, INVALID_CONFIG, OUT_OF_DISK, CLOSED */
  createTopic(topic: string, options: NewTopic): Promise<TopicMetadata>;
  /** What `createTopic` would make; nothing is changed. @throws what `createTopic` throws for the same arguments */
  checkNewTopic(topic: string, options: NewTopic): Omit<TopicMetadata, 'topicId'>;
  /**
   * Gives a topic more partitions; what it has stays where it is.
   *
   * @param count of partitions that it is to have
   * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_PARTITIONS, TOPIC_PROTECTED, OUT_OF_DISK, CLOSED
   */
  createPartitions(topic: string, count: number): Promise<TopicMetadata>;
  /** Removes a topic with all its records. @throws ThroughlineError UNKNOWN_TOPIC, TOPIC_PROTECTED, CLOSED */
  deleteTopic(topic: string): Promise<void>;
  /** @throws ThroughlineError UNKNOWN_TOPIC, INVALID_ARGUMENT, OUT_OF_DISK, CLOSED */
  alterTopic(topic: string, config: Partial<TopicConfig>): Promise<TopicMetadata>;
  /**
   * Changes settings of a topic by Kafka's names; null goes back to the broker's.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_CONFIG, OUT_OF_DISK, CLOSED
   * @example await broker.alterTopicSettings('notes', new Map([['retention.ms', '60000']]))
   */
  alterTopicSettings(topic: string, changes: ConfigChanges): Promise<TopicMetadata>;
  /**
   * Changes dynamic settings of the broker, durably; topics follow at once.
   *
   * @param node its id as text, or the empty string for all nodes
   * @throws ThroughlineError INVALID_ARGUMENT for one that is unknown, fixed or has a wrong value; OUT_OF_DISK, CLOSED
   */
  alterBrokerSettings(node: string, changes: ConfigChanges): Promise<void>;
  topics(): readonly TopicMetadata[];
  /** @throws ThroughlineError UNKNOWN_TOPIC */
  topic(topic: string): TopicMetadata;
  /** The topic of this name, or undefined. */
  findTopic(topic: string): TopicMetadata | undefined;
  /** The topic of this id, or undefined. */
  findTopicById(topicId: string): TopicMetadata | undefined;
  /** @throws ThroughlineError UNKNOWN_TOPIC for an unknown topic or partition */
  partition(topic: string, partition: number): PartitionLog;
  /**
   * Begins a leader epoch at the end of a partition, and opens it if it was sealed.
   *
   * @throws ThroughlineError UNKNOWN_TOPIC, INVALID_ARGUMENT; LEADER_EPOCH_FENCED for one that is not larger than the present one;
   *   OUT_OF_DISK, PARTITION_OFFLINE, CLOSED
   */
  beginEpoch(topic: string, partition: number, epoch: number): Promise<void>;
  /** Producer ids that nobody was ever given, taken durably (Kafka's ProducerIdsBlock). @throws ThroughlineError OUT_OF_DISK, CLOSED */
  takeProducerIds(): Promise<{ readonly first: bigint; readonly count: number }>;
  /** Removes what retention allows to be removed; a timer calls it too. */
  runRetention(): Promise<void>;
  /** Syncs the segments of all `fsync` topics and empties the commit journal; a timer calls it too. */
  checkpoint(): Promise<void>;
  /** Resolves when everything acknowledged is on the disk and the folder is free. */
  close(): Promise<void>;
}
