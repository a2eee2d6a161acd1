// Topics, settings and producer ids, kept as records of the metadata log. Every change is synced before it counts; changes
// come one at a time (embedded-broker.ts sees to that).
//
// What a crash can leave between the log and the partition folders is put right at the next start (data-folder.ts):
//   * folders are made before their records: those without a record are removed when they are empty;
//   * a topic is removed by its record first: folders of a topic id that the log has removed go, records and all. So no
//     snapshot is written while the folders of a removed topic may still be there: it would forget the removal.
import type { Logger } from '@throughline/event';
import { metadataBatchRecordCountMax } from '../defaults.ts';
import type { ConfigChanges } from './broker-configs.ts';
import type { MetaProperties } from './meta-properties.ts';
import type { MetadataLog } from './metadata-log.ts';
import type { MetadataState, StoredTopic } from './metadata-state.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import type { WritableRecord } from './metadata-record.ts';
import { partitionRecordsOf, topicRecordsOf } from './topic-as-records.ts';

/** A leader epoch that a partition has begun. */
export interface BegunEpoch {
  readonly topicId: string;
  readonly partition: number;
  readonly epoch: number;
}

export class MetadataStore {
  readonly properties: MetaProperties;
  readonly #log: MetadataLog;
  readonly #state: MetadataState;
  readonly #logger: Logger;
  #isRepaired = false;

  constructor(properties: MetaProperties, log: MetadataLog, state: MetadataState, logger: Logger) {
    this.properties = properties;
    this.#log = log;
    this.#state = state;
    this.#logger = logger;
  }

  get topics(): readonly StoredTopic[] {
    return Array.from(this.#state.topics.values(), ({ name, topicId, partitions }) => ({
      topic: name,
      topicId,
      partitionCount: partitions.size,
      overrides: this.#state.topicConfigs.get(name) ?? new Map(),
    }));
  }

  /** True when Apache Kafka has written to the folder since a Throughline last had it. */
  get isForeign(): boolean {
    return !this.properties.isOurs || this.#state.others.size > 0;
  }

  /** Has records appended for what was lost. No snapshot comes in between, which would hide that it was. */
  async repair(
    action: (append: (records: readonly WritableRecord[]) => Promise<void>) => Promise<void>,
  ): Promise<void> {
    this.#isRepaired = true;
    await action(async (records) => {
      await this.#log.append(records);
      for (const record of records) this.#state.apply(record);
    });
  }

  /** True when others may have told of later leader epochs than are known, and the log has to go on from a snapshot. */
  get isUnsettled(): boolean {
    return this.isForeign || this.#isRepaired;
  }

  /** Leaves behind what was Kafka's alone, or is damaged: the log goes on from a snapshot. */
  async settle(): Promise<void> {
    await this.#log.snapshot(this.#state.records());
    this.#state.others.clear();
  }

  /** Topics whose folders may still be there. */
  get removedTopicIds(): ReadonlySet<string> {
    return this.#state.removedTopicIds;
  }

  /** What was changed at run time, by the id of the node as text. */
  get brokerConfigs(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return new Map(Array.from(this.#state.brokerConfigs, ([node, configs]) => [node, new Map(configs)]));
  }

  /** How far the metadata log goes. */
  get end(): { readonly leaderEpoch: number; readonly endOffset: bigint } {
    return this.#log.end;
  }

  /** The largest leader epoch that anybody has been told for a partition. */
  leaderEpochOf(topicId: string, partition: number): number {
    return this.#state.topics.get(topicId)?.partitions.get(partition)?.leaderEpoch ?? 0;
  }

  /** Notes that partitions are led from here in epochs that have begun, so that whoever opens the folder next begins later ones. */
  async noteEpochs(begun: readonly BegunEpoch[]): Promise<void> {
    const { nodeId } = this.properties;
    const records = begun.flatMap(({ topicId, partition, epoch }): WritableRecord[] => {
      const known = this.#state.topics.get(topicId)?.partitions.get(partition);
      if (known === undefined) return [];
      const { partitionEpoch } = known;
      return [{ ...known, isr: [nodeId], leader: nodeId, leaderEpoch: epoch, partitionEpoch: partitionEpoch + 1 }];
    });
    for (let at = 0; at < records.length; at += metadataBatchRecordCountMax) {
      await this.#append(records.slice(at, at + metadataBatchRecordCountMax));
    }
  }

  /** All of them are kept, or none. */
  addTopics(topics: readonly StoredTopic[]): Promise<void> {
    return this.#append(topics.flatMap((topic) => topicRecordsOf(topic, this.properties)));
  }

  addPartitions(topicId: string, from: number, to: number): Promise<void> {
    return this.#append(partitionRecordsOf(topicId, from, to, this.properties));
  }

  async removeTopic(topicId: string): Promise<void> {
    await this.#log.append([{ type: 'remove-topic', topicId }]);
    this.#state.apply({ type: 'remove-topic', topicId });
  }

  /** The folders of removed topics are gone for good. */
  async forgetRemoved(topicIds: Iterable<string>): Promise<void> {
    for (const topicId of topicIds) this.#state.removedTopicIds.delete(topicId);
    await this.#snapshotIfDue();
  }

  changeTopicConfigs(topic: string, changes: ConfigChanges): Promise<void> {
    return this.#changeConfigs(resourceTypes.TOPIC, topic, changes);
  }

  changeBrokerConfigs(node: string, changes: ConfigChanges): Promise<void> {
    return this.#changeConfigs(resourceTypes.BROKER, node, changes);
  }

  /** Takes `count` producer ids that nobody has had, and returns the first. */
  async takeProducerIds(count: number): Promise<bigint> {
    const first = this.#state.nextProducerId;
    const { nodeId: brokerId } = this.properties;
    await this.#append([{ type: 'producer-ids', brokerId, brokerEpoch: -1n, nextProducerId: first + BigInt(count) }]);
    return first;
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  async #changeConfigs(resourceType: number, resourceName: string, changes: ConfigChanges): Promise<void> {
    const records = Array.from(changes, ([name, value]): WritableRecord => {
      return { type: 'config', resourceType, resourceName, name, value };
    });
    if (records.length > 0) await this.#append(records);
  }

  async #append(records: readonly WritableRecord[]): Promise<void> {
    await this.#log.append(records);
    for (const record of records) this.#state.apply(record);
    await this.#snapshotIfDue();
  }

  async #snapshotIfDue(): Promise<void> {
    if (!this.#log.needsSnapshot || this.#state.removedTopicIds.size > 0) return;
    try {
      await this.#log.snapshot(this.#state.records());
    } catch (error) {
      // The change itself is kept; the next one tries again.
      this.#logger.warn({ error }, 'a snapshot of the metadata could not be written');
    }
  }
}
