// Making, growing, altering and deleting topics, one change at a time. What is made is folders first and records second; what
// is deleted is records first and folders second: so a crash in between leaves nothing that a start cannot put right
// (metadata-store.ts).
//
// A change of settings is made everywhere or nowhere. Whatever of it can fail comes first, in every partition that it
// concerns: where durability begins or ceases to be `fsync`, the writing stops and all is synced (partition-log.ts). Then it
// is stored. From there on nothing can fail: all partitions take it over in one turn. Until it is stored each can go back.
//
// One change at a time holds `changes`, the first in the order of what may wait for what (storage/wait-order.ts).
import { ThroughlineError } from '@throughline/event';
import type { NewTopic, TopicMetadata } from './broker.ts';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import {
  createdPartitionsAtOnceMax,
  partitionsAtOnceMax,
  topicPartitionCountMax,
  unknownConfigCountMax,
} from '../defaults.ts';
import { checkedBrokerChanges, unknownCountOf, type ConfigChanges } from '../metadata/broker-configs.ts';
import type { StoredTopic } from '../metadata/metadata-state.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { changedOverrides, topicConfigOf, type TopicOverrides } from '../metadata/topic-configs.ts';
import { topicProtected } from './protected-topics.ts';
import { asOutOfDisk, codedFullDisk } from '../disk/full-disk.ts';
import { makePartition, type FoundPartition } from './found-partition.ts';
import { partitionFolderName, removePartitionFolder } from '../storage/partition-folder.ts';
import type { Partition } from '../storage/partition-log.ts';
import type { PreparedConfig } from '../storage/writer-options.ts';
import { inParallel } from '../ground/in-parallel.ts';
import { settingsOf, type TopicConfig } from '../ground/topic-config.ts';
import { clusterMetadataTopic, topicNameProblem } from '../ground/topic-name.ts';
import type { Topic, Topics } from './topics.ts';
import type { BrokerConfigs } from '../metadata/broker-configs.ts';

export interface TopicChangesOptions {
  readonly setup: BrokerSetup;
  readonly store: MetadataStore;
  readonly topics: Topics;
  /** Lets a partition in that has been made. */
  readonly openPartition: (metadata: TopicMetadata, found: FoundPartition) => Partition;
}

export interface RequestedTopic {
  readonly topic: string;
  readonly options: NewTopic;
}

interface PlannedTopic {
  readonly index: number;
  readonly metadata: TopicMetadata;
}

/** A topic as it will be, and the first of its partitions that is new. */
interface NewPartitions {
  readonly metadata: TopicMetadata;
  readonly from: number;
}

export class TopicChanges {
  readonly #setup: BrokerSetup;
  readonly #store: MetadataStore;
  readonly #topics: Topics;
  readonly #openPartition: TopicChangesOptions['openPartition'];

  constructor({ setup, store, topics, openPartition }: TopicChangesOptions) {
    this.#setup = setup;
    this.#store = store;
    this.#topics = topics;
    this.#openPartition = openPartition;
  }

  check(topic: string, { partitions, config = {}, settings }: NewTopic): Omit<TopicMetadata, 'topicId'> {
    const problem = topicNameProblem(topic);
    if (problem !== undefined) throw new ThroughlineError('INVALID_TOPIC', problem);
    if (topic === clusterMetadataTopic) throw new ThroughlineError('INVALID_TOPIC', `${topic} is the broker's own`);
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > topicPartitionCountMax) {
      const message = `partitions is ${partitions}, wanted 1 to ${topicPartitionCountMax}`;
      throw new ThroughlineError('INVALID_ARGUMENT', message);
    }
    const overrides =
      settings === undefined
        ? withSettings(new Map([['retention.ms', '-1']]), settingsOf(config))
        : changedOverrides(new Map(), settings);
    if (this.#topics.find(topic) !== undefined) {
      throw topicExists(topic);
    }
    return { topic, partitionCount: partitions, overrides, config: topicConfigOf(overrides, this.#setup.configs) };
  }

  /**
   * Makes several topics: their folders side by side, and what makes them count with as few syncs as there are batches of
   * records. Each is made or rejected on its own.
   */
  async create(topics: readonly RequestedTopic[]): Promise<PromiseSettledResult<TopicMetadata>[]> {
    const results: PromiseSettledResult<TopicMetadata>[] = [];
    let group: PlannedTopic[] = [];
    const plan = new Map<number, TopicMetadata>();
    const names = new Set<string>();
    for (const [index, { topic, options }] of topics.entries()) {
      try {
        const checked = this.check(topic, options);
        if (names.has(topic)) throw topicExists(topic);
        names.add(topic);
        plan.set(index, { ...checked, topicId: Buffer.from(this.#setup.random.bytes(16)).toString('hex') });
      } catch (reason) {
        results[index] = { status: 'rejected', reason };
      }
    }
    let partitionCount = 0;
    for (const [index, metadata] of plan) {
      if (group.length > 0 && partitionCount + metadata.partitionCount > createdPartitionsAtOnceMax) {
        await this.#createGroup(group, results);
        group = [];
        partitionCount = 0;
      }
      group.push({ index, metadata });
      partitionCount += metadata.partitionCount;
    }
    if (group.length > 0) await this.#createGroup(group, results);
    return results;
  }

  async #createGroup(group: readonly PlannedTopic[], results: PromiseSettledResult<TopicMetadata>[]): Promise<void> {
    try {
      const changes = group.map(({ metadata }) => ({ metadata, from: 0 }));
      const made = await this.#make(changes, () =>
        this.#store.addTopics(group.map(({ metadata }) => storedOf(metadata))),
      );
      for (const [i, { index, metadata }] of group.entries()) {
        this.#topics.set({ metadata, partitions: made[i]!.map((found) => this.#openPartition(metadata, found)) });
        results[index] = { status: 'fulfilled', value: metadata };
      }
    } catch (reason) {
      // Where there is no room for all, some may have it.
      if (group.length > 1 && ThroughlineError.is(reason, 'OUT_OF_DISK')) {
        for (const one of group) await this.#createGroup([one], results);
      } else for (const { index } of group) results[index] = { status: 'rejected', reason };
    }
  }

  async createPartitions(topic: string, count: number): Promise<TopicMetadata> {
    const { metadata, partitions } = this.#topics.get(topic);
    const { partitionCount: from, topicId } = metadata;
    checkIncrease(topic, from, count);
    this.#checkUnprotected(topic);
    const grown = { ...metadata, partitionCount: count };
    const change = { metadata: grown, from };
    const [made = []] = await this.#make([change], () => this.#store.addPartitions(topicId, from, count));
    const opened = made.map((found) => this.#openPartition(grown, found));
    this.#topics.set({ metadata: grown, partitions: [...partitions, ...opened] });
    return grown;
  }

  async delete(topic: string): Promise<void> {
    const { metadata, partitions } = this.#topics.get(topic);
    const { topicId } = metadata;
    this.#checkUnprotected(topic);
    await codedFullDisk(() => this.#store.removeTopic(topicId));
    this.#topics.delete(metadata);
    // It is gone now, whatever becomes of its folders.
    for (const partition of partitions) await partition.abandon();
    try {
      await this.#removeFolders(metadata, 0);
      await this.#setup.disk.syncDirectory(this.#setup.dataDir);
      await this.#store.forgetRemoved([topicId]);
    } catch (error) {
      this.#setup.logger.warn({ topic, error }, 'the folders of a deleted topic are removed at the next start');
    }
  }

  alter(topic: string, config: Partial<TopicConfig>): Promise<TopicMetadata> {
    const settings = settingsOf(config);
    return this.#alter(topic, settings, (overrides) => withSettings(overrides, settings));
  }

  alterSettings(topic: string, changes: ConfigChanges): Promise<TopicMetadata> {
    return this.#alter(topic, changes, (overrides) => changedOverrides(overrides, changes));
  }

  /** Changes settings of a node or of all, and with them the topics that follow. */
  async alterBroker(node: string, changes: ConfigChanges): Promise<void> {
    const checked = checkedBrokerChanges(changes);
    const names = new Set([...this.#setup.configs.dynamicOf(node).keys(), ...checked.keys()]);
    if (unknownCountOf(names) > unknownConfigCountMax) {
      const message = `A node keeps ${unknownConfigCountMax} settings at most that are not known.`;
      throw new ThroughlineError('INVALID_ARGUMENT', message);
    }
    await this.#change(this.#topics.all, this.#setup.configs.changed(node, checked), async () => {
      await this.#store.changeBrokerConfigs(node, checked);
      this.#setup.configs.setDynamic(this.#store.brokerConfigs);
    });
  }

  /** @throws ThroughlineError TOPIC_PROTECTED */
  #checkUnprotected(topic: string): void {
    const reason = this.#setup.protectedTopics.get(topic);
    if (reason !== undefined) throw topicProtected(topic, reason);
  }

  async #alter(
    topic: string,
    changes: ConfigChanges,
    change: (overrides: TopicOverrides) => TopicOverrides,
  ): Promise<TopicMetadata> {
    const { metadata, partitions } = this.#topics.get(topic);
    const overrides = change(metadata.overrides);
    // What is kept is the value as it was checked, not as it was written.
    const kept = new Map(Array.from(changes.keys(), (name) => [name, overrides.get(name) ?? null]));
    const altered = { metadata: { ...metadata, overrides }, partitions };
    await this.#change([altered], this.#setup.configs, () => this.#store.changeTopicConfigs(topic, kept));
    return this.#topics.get(topic).metadata;
  }

  /** Makes a change after which `topics` say what they say, and the broker `configs`: in all of them, or in none. */
  async #change(topics: readonly Topic[], configs: BrokerConfigs, store: () => Promise<void>): Promise<void> {
    const altered = topics.map(({ metadata, partitions }) => {
      const config = topicConfigOf(metadata.overrides, configs);
      return { metadata: { ...metadata, config }, partitions, isChanged: !isSame(config, metadata.config) };
    });
    const concerned = altered
      .filter(({ isChanged }) => isChanged)
      .flatMap(({ metadata: { config }, partitions }) => partitions.map((partition) => ({ partition, config })));
    const prepared: PreparedConfig[] = [];
    try {
      // All at once and not some at a time: the commits of all of them end with the same sync.
      await inParallel(concerned, concerned.length, async ({ partition, config }) => {
        prepared.push(await partition.prepare(config));
      });
      await codedFullDisk(store);
    } catch (error) {
      for (const { withdraw } of prepared) withdraw();
      throw error;
    }
    for (const { apply } of prepared) apply();
    for (const topic of altered) this.#topics.set(topic);
  }

  /** Makes the folders of new partitions, and then what makes them count. */
  async #make(changes: readonly NewPartitions[], record: () => Promise<void>): Promise<FoundPartition[][]> {
    const made: FoundPartition[][] = changes.map(() => []);
    try {
      const missing = changes.flatMap(({ metadata, from }, i) =>
        Array.from({ length: metadata.partitionCount - from }, (_, n) => ({ metadata, place: n, of: made[i]!, from })),
      );
      // One after the other: nothing is synced, and the kernel lets one at a time change the names in a folder. Those that
      // wait for that burn a processor (measured: 32 at a time take four times as long).
      for (const { metadata, place, of, from } of missing) {
        of[place] = await makePartition(this.#setup, metadata, from + place);
      }
      await record();
      return made;
    } catch (error) {
      // Whether the record is there is not known when the metadata log has failed: then the next start decides.
      const isRejected = !ThroughlineError.is(error, 'PARTITION_OFFLINE');
      for (const [i, change] of changes.entries()) await this.#unmake(change, made[i]!, isRejected);
      throw asOutOfDisk(error);
    }
  }

  /** Takes back what has been made so far; what cannot be removed now is removed at the next start. */
  async #unmake(
    { metadata, from }: NewPartitions,
    made: readonly (FoundPartition | undefined)[],
    isRejected: boolean,
  ): Promise<void> {
    try {
      // Where one has failed the list has a hole.
      for (const found of made) await found?.segments.close();
      if (isRejected) await this.#removeFolders(metadata, from);
    } catch (error) {
      const fields = { topic: metadata.topic, error };
      this.#setup.logger.warn(fields, 'the folders of partitions that were not made could not be removed');
    }
  }

  async #removeFolders({ topic, topicId, partitionCount }: TopicMetadata, from: number): Promise<void> {
    const { disk, dataDir } = this.#setup;
    const partitions = Array.from({ length: partitionCount - from }, (_, i) => from + i);
    await inParallel(partitions, partitionsAtOnceMax, (partition) =>
      removePartitionFolder(disk, dataDir, partitionFolderName(topic, partition), topicId),
    );
  }
}

/** @throws ThroughlineError INVALID_PARTITIONS, in Kafka's words */
function checkIncrease(topic: string, from: number, count: number): void {
  const problem =
    count === from
      ? `Topic already has ${from} partition(s).`
      : count < from || !Number.isInteger(count)
        ? `The topic ${topic} currently has ${from} partition(s); ${count} would not be an increase.`
        : count > topicPartitionCountMax
          ? `A topic has at most ${topicPartitionCountMax} partitions.`
          : undefined;
  if (problem !== undefined) throw new ThroughlineError('INVALID_PARTITIONS', problem);
}

/** What our own API says has been checked by its own bounds. */
function withSettings(overrides: TopicOverrides, settings: ConfigChanges): TopicOverrides {
  const changed = new Map(overrides);
  for (const [name, value] of settings) {
    if (value === null) changed.delete(name);
    else changed.set(name, value);
  }
  return changed;
}

function topicExists(topic: string): ThroughlineError {
  return new ThroughlineError('TOPIC_EXISTS', `topic ${topic} is there already`);
}

function storedOf({ topic, topicId, partitionCount, overrides }: TopicMetadata): StoredTopic {
  return { topic, topicId, partitionCount, overrides };
}

function isSame(a: TopicConfig, b: TopicConfig): boolean {
  return (Object.keys(a) as (keyof TopicConfig)[]).every((name) => a[name] === b[name]);
}
