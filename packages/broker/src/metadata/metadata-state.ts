// What the records of `__cluster_metadata-0` amount to: topics, configs, features, and the producer ids given out.
//
// Apache Kafka writes what takes several batches between BeginTransactionRecord and EndTransactionRecord: such records count
// together, once the end is there (KIP-868).
import { resourceTypes } from '../ground/config-resource-types.ts';
import { type MetadataRecord, noLeaderChange, type PartitionRecord, type WritableRecord } from './metadata-record.ts';
import type { TopicOverrides } from './topic-configs.ts';

/** A topic as the metadata log has it. */
export interface StoredTopic {
  readonly topic: string;
  readonly topicId: string;
  readonly partitionCount: number;
  readonly overrides: TopicOverrides;
}

export interface TopicState {
  readonly name: string;
  readonly topicId: string;
  /** By partition id. */
  readonly partitions: Map<number, PartitionRecord>;
}

/** A stretch of the metadata log that is gone; without an end all behind it. */
export interface LostRecords {
  readonly fromOffset: bigint;
  readonly toOffset: bigint | undefined;
}

type Configs = Map<string, Map<string, string>>;

const transactionKeys = { begin: 23, end: 24, abort: 25 } as const;

export class MetadataState {
  readonly topics = new Map<string, TopicState>();
  /** By the topic's name. */
  readonly topicConfigs: Configs = new Map();
  /** By the node's id as text, `allNodes` among them. */
  readonly brokerConfigs: Configs = new Map();
  readonly features = new Map<string, number>();
  nextProducerId = 0n;
  /** Topics removed since the log begins: their folders may still be there. */
  readonly removedTopicIds = new Set<string>();
  /** How often each kind of record has come that is not understood, by its key. */
  readonly others = new Map<number, number>();
  readonly losses: LostRecords[] = [];
  /** Topics that were there when records were lost, and which those may have changed or removed. */
  readonly doubtfulTopicIds = new Set<string>();
  #transaction: MetadataRecord[] | undefined;

  apply(record: MetadataRecord): void {
    if (record.type === 'other' && record.apiKey === transactionKeys.begin) {
      this.#transaction = [];
    } else if (record.type === 'other' && record.apiKey === transactionKeys.abort) {
      this.#transaction = undefined;
    } else if (record.type === 'other' && record.apiKey === transactionKeys.end) {
      const records = this.#transaction ?? [];
      this.#transaction = undefined;
      for (const one of records) this.#applyNow(one);
    } else if (this.#transaction !== undefined) {
      this.#transaction.push(record);
    } else {
      this.#applyNow(record);
    }
  }

  /** Records that came here are gone. */
  lose(fromOffset: bigint, toOffset?: bigint): void {
    this.losses.push({ fromOffset, toOffset });
    for (const topicId of this.topics.keys()) this.doubtfulTopicIds.add(topicId);
  }

  /** All of it as records, in the order in which Apache Kafka writes a snapshot. */
  *records(): Generator<WritableRecord> {
    // metadata.version says how to read the others.
    const features = [...this.features].sort(
      ([a], [b]) => Number(b === 'metadata.version') - Number(a === 'metadata.version'),
    );
    for (const [name, featureLevel] of features) yield { type: 'feature-level', name, featureLevel };
    for (const { name, topicId, partitions } of this.topics.values()) {
      yield { type: 'topic', name, topicId };
      yield* partitions.values();
    }
    yield* configRecords(resourceTypes.TOPIC, this.topicConfigs);
    yield* configRecords(resourceTypes.BROKER, this.brokerConfigs);
    if (this.nextProducerId > 0n) {
      yield { type: 'producer-ids', brokerId: 0, brokerEpoch: -1n, nextProducerId: this.nextProducerId };
    }
  }

  #applyNow(record: MetadataRecord): void {
    switch (record.type) {
      case 'topic':
        this.topics.set(record.topicId, { name: record.name, topicId: record.topicId, partitions: new Map() });
        break;
      case 'partition':
        this.topics.get(record.topicId)?.partitions.set(record.partitionId, record);
        break;
      case 'partition-change': {
        const partitions = this.topics.get(record.topicId)?.partitions;
        const partition = partitions?.get(record.partitionId);
        if (partition === undefined) break;
        // A change of the leader, to none also, begins a new epoch.
        const hasNoLeaderChange = record.leader === noLeaderChange;
        partitions?.set(record.partitionId, {
          ...partition,
          replicas: record.replicas ?? partition.replicas,
          removingReplicas: record.removingReplicas ?? partition.removingReplicas,
          addingReplicas: record.addingReplicas ?? partition.addingReplicas,
          leader: hasNoLeaderChange ? partition.leader : record.leader,
          leaderEpoch: partition.leaderEpoch + (hasNoLeaderChange ? 0 : 1),
          partitionEpoch: partition.partitionEpoch + 1,
        });
        break;
      }
      case 'remove-topic': {
        const topic = this.topics.get(record.topicId);
        this.removedTopicIds.add(record.topicId);
        this.topics.delete(record.topicId);
        if (topic !== undefined) this.topicConfigs.delete(topic.name);
        break;
      }
      case 'config':
        this.#applyConfig(record.resourceType, record.resourceName, record.name, record.value);
        break;
      case 'feature-level':
        if (record.featureLevel === 0) this.features.delete(record.name);
        else this.features.set(record.name, record.featureLevel);
        break;
      case 'producer-ids':
        this.nextProducerId = record.nextProducerId;
        break;
      default:
        this.others.set(record.apiKey, (this.others.get(record.apiKey) ?? 0) + 1);
    }
  }

  #applyConfig(resourceType: number, resource: string, name: string, value: string | null): void {
    const configs =
      resourceType === resourceTypes.TOPIC
        ? this.topicConfigs
        : resourceType === resourceTypes.BROKER
          ? this.brokerConfigs
          : undefined;
    const ofResource = configs?.get(resource) ?? new Map<string, string>();
    if (value === null) ofResource.delete(name);
    else ofResource.set(name, value);
    if (ofResource.size === 0) configs?.delete(resource);
    else configs?.set(resource, ofResource);
  }
}

function* configRecords(resourceType: number, configs: Configs): Generator<WritableRecord> {
  for (const [resourceName, values] of configs) {
    for (const [name, value] of values) yield { type: 'config', resourceType, resourceName, name, value };
  }
}
