// Where groups are kept: each in the partition of `__consumer_offsets` that Kafka's hash of its id names. The topic is made when
// the first group comes; what is in it is read before anybody is let in.
import { ThroughlineError, type Clock, type Logger, type ProducerRecord } from '@throughline/event';
import type { Broker, TopicMetadata } from '../topics/broker.ts';
import { groupTopicSettings } from '../metadata/group-topic-settings.ts';
import { groupMetadataTopic } from '../ground/topic-name.ts';
import { CommittedOffsets } from './committed-offsets.ts';
import type { GroupStore } from './group-environment.ts';
import { GroupLog, type GroupLogRecords } from './group-log.ts';
import { groupRecord, readGroupRecord, type GroupRecord } from './group-records.ts';
import { Group } from './group.ts';

export interface GroupShardsOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class GroupShards implements GroupStore {
  readonly groups = new Map<string, Group>();
  /** As far as they are durable. */
  readonly offsets = new CommittedOffsets();
  readonly #options: GroupShardsOptions;
  #logs: readonly GroupLog[] = [];
  #topic: TopicMetadata | undefined;
  #making: Promise<TopicMetadata> | undefined;

  private constructor(options: GroupShardsOptions) {
    this.#options = options;
  }

  static async open(options: GroupShardsOptions): Promise<GroupShards> {
    const shards = new GroupShards(options);
    const topic = options.broker.findTopic(groupMetadataTopic);
    if (topic !== undefined) await shards.#load(topic);
    return shards;
  }

  /** `__consumer_offsets`, or undefined before the first group, and after somebody has deleted it. */
  get topic(): TopicMetadata | undefined {
    const topic = this.#options.broker.findTopic(groupMetadataTopic);
    return topic !== undefined && topic.topicId === this.#topic?.topicId ? topic : undefined;
  }

  /** `__consumer_offsets`, made when it is not there. @throws ThroughlineError what createTopic throws */
  async needTopic(): Promise<TopicMetadata> {
    const { topic } = this;
    if (topic !== undefined) return topic;
    this.#making ??= this.#make().finally(() => (this.#making = undefined));
    return this.#making;
  }

  /** Of `__consumer_offsets`: Kafka's hash, a Java string's, without its sign. */
  partitionOf(groupId: string, { partitionCount }: TopicMetadata): number {
    let hash = 0;
    for (let index = 0; index < groupId.length; index++) hash = (Math.imul(hash, 31) + groupId.charCodeAt(index)) | 0;
    return (hash === -0x80000000 ? 0 : Math.abs(hash)) % partitionCount;
  }

  /** The group of this id; made when it is not there. */
  needGroup(groupId: string): Group {
    let group = this.groups.get(groupId);
    if (group === undefined) this.groups.set(groupId, (group = new Group(groupId, this.#options.clock.nowMs())));
    return group;
  }

  /** Writes records of a group; see GroupLog.write. */
  async write(groupId: string, records: GroupLogRecords, apply?: () => void): Promise<void> {
    const { topic } = this;
    const log = topic === undefined ? undefined : this.#logs[this.partitionOf(groupId, topic)];
    if (log === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `there is no ${groupMetadataTopic}`);
    await log.write(records, apply);
  }

  /** Writes offsets of a group, or their tombstones: in memory they change as soon as they are durable. */
  async writeOffsets(groupId: string, records: GroupLogRecords): Promise<void> {
    let written: readonly ProducerRecord[] = [];
    const noted = (): readonly ProducerRecord[] => (written = typeof records === 'function' ? records() : records);
    await this.write(groupId, typeof records === 'function' ? noted : noted(), () => {
      for (const { key, value } of written) this.#apply(readGroupRecord({ key, value }));
    });
  }

  async keepGroup(group: Group, assignments: ReadonlyMap<string, Uint8Array>): Promise<void> {
    await this.write(group.groupId, [groupRecord(group.groupId, { group, assignments })]);
  }

  async #make(): Promise<TopicMetadata> {
    const { broker } = this.#options;
    const settings = groupTopicSettings(broker.configs);
    let topic = broker.findTopic(groupMetadataTopic);
    const partitions = broker.configs.integer('offsets.topic.num.partitions');
    topic ??= await broker.createTopic(groupMetadataTopic, { partitions, settings });
    await this.#load(topic);
    return topic;
  }

  async #load(topic: TopicMetadata): Promise<void> {
    const { broker, clock, logger } = this.#options;
    const isSynced = topic.config.durability === 'fsync';
    const logs: GroupLog[] = [];
    for (let partition = 0; partition < topic.partitionCount; partition++) {
      const log = new GroupLog({ log: broker.partition(topic.topic, partition), clock, logger, isSynced });
      let unknownCount = 0;
      for await (const { key, value } of log.records()) {
        const record = this.#read(partition, { key, value });
        if (record.kind === 'unknown') unknownCount++;
        else if (record.kind === 'group') this.#restore(record);
        else {
          this.#apply(record);
          // Offsets without members: a simple group.
          if (record.committed !== null) this.needGroup(record.groupId);
        }
      }
      if (unknownCount > 0) {
        logger.warn(
          { partition, recordCount: unknownCount },
          'records of group types that are not here are left alone',
        );
      }
      logs.push(log);
    }
    this.#logs = logs;
    this.#topic = topic;
  }

  #read(partition: number, record: Pick<ProducerRecord, 'key' | 'value'>): GroupRecord {
    try {
      return readGroupRecord(record);
    } catch (error) {
      this.#options.logger.error({ partition, error }, 'a record of a group cannot be read and is passed over');
      return { kind: 'unknown' };
    }
  }

  #restore({ groupId, origin }: Extract<GroupRecord, { kind: 'group' }>): void {
    if (origin === null) this.groups.delete(groupId);
    else this.groups.set(groupId, Group.restored(groupId, origin));
  }

  #apply(record: GroupRecord): void {
    if (record.kind !== 'offset') return;
    const { groupId, topic, partition, committed } = record;
    if (committed === null) this.offsets.delete(groupId, topic, partition);
    else this.offsets.set(groupId, topic, partition, committed);
  }
}
