// A cluster as more than a log: what tools need beside the Log port, which speaks only of what every log has. Configs by
// Kafka's names, records deleted at the start of a partition, committed offsets of groups.
import type { GroupOffset, Log } from '../port/port.ts';
import type { Cluster } from './cluster.ts';
import { deleteGroup, describeGroup, listGroups, type DescribedGroup, type ListedGroup } from './group-admin.ts';
import { groupIds } from './group-coordinators.ts';
import type { KafkaLog } from './kafka-log.ts';
import type { Dialect } from './topic-configs.ts';
import type { ConfigEntry, TopicOperations } from './topic-operations.ts';

export interface KafkaCluster {
  /** Closing it closes the cluster's connections. */
  readonly log: Log;
  /** Whether topics have a config `durability`, as on a broker of ours. */
  dialect(): Promise<Dialect>;
  /** @throws ThroughlineError UNKNOWN_TOPIC */
  topicConfigs(topic: string): Promise<ReadonlyMap<string, ConfigEntry>>;
  /** `partitions` -1 leaves their number to the broker. @throws ThroughlineError TOPIC_EXISTS, INVALID_TOPIC, INVALID_CONFIG, INVALID_PARTITIONS */
  createTopic(topic: string, partitions: number, configs: ReadonlyMap<string, string>): Promise<void>;
  /** @throws ThroughlineError as createTopic would throw; the topic is not made */
  tryCreateTopic(topic: string, partitions: number, configs: ReadonlyMap<string, string>): Promise<void>;
  /** @throws ThroughlineError UNKNOWN_TOPIC, INVALID_CONFIG */
  alterTopicConfigs(topic: string, configs: ReadonlyMap<string, string>): Promise<void>;
  /** Removes the records of a partition below `offset`. @throws ThroughlineError UNKNOWN_TOPIC, LOG_REFUSED */
  deleteRecords(topic: string, partition: number, offset: bigint): Promise<void>;
  /** Ids of all groups that consume, or have committed. */
  groupIds(): Promise<readonly string[]>;
  /** All groups, of consumers or not. */
  groups(): Promise<readonly ListedGroup[]>;
  /** @throws ThroughlineError UNKNOWN_GROUP */
  describeGroup(groupId: string): Promise<DescribedGroup>;
  /** Deletes a group with its offsets. @throws ThroughlineError UNKNOWN_GROUP; LOG_REFUSED while members are there */
  deleteGroup(groupId: string): Promise<void>;
  committedOffsets(groupId: string): Promise<readonly GroupOffset[]>;
  /** Commits for a group without members. @throws ThroughlineError LOG_REFUSED while members are there */
  commitOffsets(groupId: string, offsets: readonly GroupOffset[]): Promise<void>;
}

/** The tools over an open log and what it is made of. */
export function kafkaClusterOf(log: KafkaLog, cluster: Cluster, operations: TopicOperations): KafkaCluster {
  return {
    log,
    dialect: () => operations.dialect(),
    topicConfigs: (topic) => operations.configs(topic),
    createTopic: async (topic, partitions, configs) => void (await operations.create(topic, partitions, configs)),
    tryCreateTopic: (topic, partitions, configs) => operations.tryCreate(topic, partitions, configs),
    alterTopicConfigs: (topic, configs) => operations.alter(topic, configs),
    deleteRecords: (topic, partition, offset) => operations.deleteRecords(topic, partition, offset),
    groupIds: () => groupIds(cluster),
    groups: () => listGroups(cluster),
    describeGroup: (groupId) => describeGroup(cluster, groupId),
    deleteGroup: (groupId) => deleteGroup(cluster, groupId),
    committedOffsets: (groupId) => log.admin.committedOffsets(groupId),
    commitOffsets: (groupId, offsets) => log.admin.commitOffsets(groupId, offsets),
  };
}
