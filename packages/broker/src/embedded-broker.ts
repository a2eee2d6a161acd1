// The broker while it is open: it owns the topics and their partitions, and looks after them.
import { ThroughlineError, type Timer } from '@throughline/event';
import type { Broker, NewTopic, PartitionLog, TopicMetadata } from './broker.ts';
import type { BrokerSetup } from './broker-setup.ts';
import { Checkpoints } from './storage/checkpoints.ts';
import type { CommitJournal } from './storage/commit-journal.ts';
import { noteCleanStop, offsetFiles, storeOffsets } from './storage/data-folder.ts';
import { topicNameLengthMax, topicPartitionCountMax } from './defaults.ts';
import type { DiskLock } from './storage/disk.ts';
import { makePartition, type FoundPartition } from './storage/found-partition.ts';
import { partitionFolderName, removePartitionFolder } from './storage/partition-folder.ts';
import { Partition } from './storage/partition-log.ts';
import { asRefusal, refusing } from './refusal.ts';
import { applyRetention } from './storage/retention.ts';
import { TailCacheBudget } from './storage/tail-cache.ts';
import { settingsOf, type TopicConfig } from './topic-config.ts';
import type { BrokerConfigs, ConfigChanges } from './metadata/broker-configs.ts';
import { changedOverrides, topicConfigOf, type TopicOverrides } from './metadata/topic-configs.ts';
import type { StoredTopic, TopicStore } from './topic-store.ts';
import { Turns } from './turns.ts';

interface Topic {
  readonly metadata: TopicMetadata;
  readonly partitions: readonly Partition[];
}

export class EmbeddedBroker implements Broker {
  readonly #setup: BrokerSetup;
  readonly #lock: DiskLock;
  readonly #store: TopicStore;
  readonly #journal: CommitJournal;
  readonly #checkpoints: Checkpoints;
  readonly #tailCacheBudget: TailCacheBudget;
  readonly #topics = new Map<string, Topic>();
  readonly #topicsById = new Map<string, Topic>();
  readonly #timers = new Set<Timer>();
  /** Changes of the list of topics happen one at a time, and so do runs of retention. */
  readonly #changes = new Turns();
  readonly #retention = new Turns();
  readonly #logStartStores = new Turns();
  /** Starts of logs that are noted durably and may not have been moved to yet. */
  readonly #notedLogStarts = new Map<Partition, bigint>();
  #closing: Promise<void> | undefined;

  constructor(setup: BrokerSetup, lock: DiskLock, store: TopicStore, journal: CommitJournal) {
    this.#setup = setup;
    this.#lock = lock;
    this.#store = store;
    this.#journal = journal;
    this.#checkpoints = new Checkpoints(setup, journal, () => this.#partitions);
    this.#tailCacheBudget = new TailCacheBudget(setup.limits.tailCacheBytesMax);
  }

  get dataDir(): string {
    return this.#setup.dataDir;
  }

  get configs(): BrokerConfigs {
    return this.#setup.configs;
  }

  /** Begins the upkeep, after an unclean stop with what the journal held: it must be in the segments for good. */
  async start(isClean: boolean): Promise<void> {
    if (!isClean) await this.#checkpoints.run((partition) => partition.config.durability === 'fsync');
    const { checkpointIntervalMs, retentionIntervalMs } = this.#setup.limits;
    this.#every(checkpointIntervalMs, async () => {
      if (this.#checkpoints.isDue) await this.#checkpoints.run();
    });
    this.#every(retentionIntervalMs, () => this.runRetention());
  }

  /** The journal is full. */
  onJournalFull(): void {
    this.#checkpoints.soon();
  }

  createTopic(topic: string, options: NewTopic): Promise<TopicMetadata> {
    return this.#changes.run(async () => {
      this.#checkOpen();
      const topicId = Buffer.from(this.#setup.random.bytes(16)).toString('hex');
      const metadata: TopicMetadata = { ...this.checkNewTopic(topic, options), topicId };
      const made: FoundPartition[] = [];
      try {
        for (let partition = 0; partition < metadata.partitionCount; partition++) {
          made.push(await makePartition(this.#setup, metadata, partition));
        }
        await this.#setup.disk.syncDirectory(this.#setup.dataDir);
        await this.#store.put(storedOf(metadata));
      } catch (error) {
        await this.#unmake(metadata, made);
        throw asRefusal(error);
      }
      this.add(metadata, made);
      return metadata;
    });
  }

  checkNewTopic(topic: string, { partitions, config = {}, settings }: NewTopic): Omit<TopicMetadata, 'topicId'> {
    checkName(topic);
    checkPartitionCount(partitions);
    const overrides =
      settings === undefined
        ? new Map([['retention.ms', '-1'], ...settingsOf(config)])
        : changedOverrides(new Map(), settings);
    if (this.#topics.has(topic)) throw new ThroughlineError('TOPIC_EXISTS', `topic ${topic} is there already`);
    return { topic, partitionCount: partitions, overrides, config: topicConfigOf(overrides, this.configs) };
  }

  deleteTopic(topic: string): Promise<void> {
    return this.#changes.run(async () => {
      this.#checkOpen();
      const { metadata, partitions } = this.#topic(topic);
      await refusing(() => this.#store.beginDelete(storedOf(metadata)));
      this.#topics.delete(topic);
      this.#topicsById.delete(metadata.topicId);
      for (const partition of partitions) await partition.abandon();
      const { disk, dataDir } = this.#setup;
      await refusing(async () => {
        for (const { partition } of partitions) {
          await removePartitionFolder(disk, dataDir, partitionFolderName(topic, partition), metadata.topicId);
        }
        await disk.syncDirectory(dataDir);
        await this.#store.endDelete(metadata.topicId);
      });
    });
  }

  alterTopic(topic: string, changes: Partial<TopicConfig>): Promise<TopicMetadata> {
    return this.#alter(topic, (overrides) => new Map([...overrides, ...settingsOf(changes)]));
  }

  alterTopicSettings(topic: string, changes: ConfigChanges): Promise<TopicMetadata> {
    return this.#alter(topic, (overrides) => changedOverrides(overrides, changes));
  }

  #alter(topic: string, change: (overrides: TopicOverrides) => TopicOverrides): Promise<TopicMetadata> {
    return this.#changes.run(async () => {
      this.#checkOpen();
      const { metadata, partitions } = this.#topic(topic);
      const overrides = change(metadata.overrides);
      const altered = { ...metadata, overrides, config: topicConfigOf(overrides, this.configs) };
      await refusing(() => this.#store.put(storedOf(altered)));
      for (const partition of partitions) await partition.alter(altered.config);
      this.#set({ metadata: altered, partitions });
      return altered;
    });
  }

  topics(): readonly TopicMetadata[] {
    return Array.from(this.#topics.values(), ({ metadata }) => metadata);
  }

  topic(topic: string): TopicMetadata {
    return this.#topic(topic).metadata;
  }

  findTopic(topic: string): TopicMetadata | undefined {
    return this.#topics.get(topic)?.metadata;
  }

  findTopicById(topicId: string): TopicMetadata | undefined {
    return this.#topicsById.get(topicId)?.metadata;
  }

  partition(topic: string, partition: number): PartitionLog {
    const found = this.#topic(topic).partitions[partition];
    if (found === undefined) throw unknownTopic(`partition ${partition} of topic ${topic}`);
    return found;
  }

  runRetention(): Promise<void> {
    return this.#retention.run(async () => {
      if (this.#closing !== undefined) return;
      await applyRetention(this.#partitions, this.#setup.clock, (changed) => this.#storeLogStarts(changed));
    });
  }

  checkpoint(): Promise<void> {
    return this.#checkpoints.run();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { logger, environment } = this.#setup;
    for (const timer of this.#timers) timer.cancel();
    // Whoever was let in before is waited for.
    await this.#changes.run(async () => {});
    await this.#retention.run(async () => {});
    const synced = await Promise.all(this.#partitions.map((partition) => partition.close()));
    await this.#checkpoints.settled();
    await this.#journal.close();
    await environment.openSegments.close();
    try {
      await this.#checkpoints.storeRecoveryPoints();
      await this.#storeLogStarts(new Map());
      if (synced.every(Boolean)) await noteCleanStop(this.#setup);
    } catch (error) {
      // Everything acknowledged is where it should be; the next start only has more to check.
      logger.warn({ error }, 'the clean stop could not be noted');
    }
    await this.#lock.release();
  }

  get #partitions(): readonly Partition[] {
    return Array.from(this.#topics.values()).flatMap(({ partitions }) => partitions);
  }

  #storeLogStarts(changed: ReadonlyMap<Partition, bigint>): Promise<void> {
    return this.#logStartStores.run(async () => {
      const noted = this.#notedLogStarts;
      const entries = this.#partitions.map((partition) => ({
        topic: partition.topic,
        partition: partition.partition,
        offset: largest(partition.logStartOffset, noted.get(partition) ?? 0n, changed.get(partition) ?? 0n),
      }));
      await storeOffsets(this.#setup, offsetFiles.logStarts, entries);
      for (const [partition, offset] of noted) if (partition.logStartOffset >= offset) noted.delete(partition);
      for (const [partition, offset] of changed) noted.set(partition, offset);
    });
  }

  /** Takes back what a create has made so far; what cannot be removed now is removed at the next start. */
  async #unmake(metadata: TopicMetadata, made: readonly FoundPartition[]): Promise<void> {
    const { disk, dataDir, logger } = this.#setup;
    try {
      for (const { segments } of made) await segments.close();
      for (let partition = 0; partition < metadata.partitionCount; partition++) {
        await removePartitionFolder(disk, dataDir, partitionFolderName(metadata.topic, partition), metadata.topicId);
      }
    } catch (error) {
      logger.warn({ topic: metadata.topic, error }, 'the folders of a topic that was not made could not be removed');
    }
  }

  /** Lets a topic in. */
  add(metadata: TopicMetadata, found: readonly FoundPartition[]): void {
    const { limits, clock, logger } = this.#setup;
    const topicId = Buffer.from(metadata.topicId, 'hex');
    const partitions = found.map(
      (one) =>
        new Partition({
          ...one,
          topicId,
          config: metadata.config,
          journal: this.#journal,
          tailCacheBudget: this.#tailCacheBudget,
          noteLogStart: (partition, offset) => this.#storeLogStarts(new Map([[partition, offset]])),
          limits,
          clock,
          logger,
        }),
    );
    this.#set({ metadata, partitions });
  }

  #set(topic: Topic): void {
    this.#topics.set(topic.metadata.topic, topic);
    this.#topicsById.set(topic.metadata.topicId, topic);
  }

  #topic(topic: string): Topic {
    const found = this.#topics.get(topic);
    if (found === undefined) throw unknownTopic(`topic ${topic}`);
    return found;
  }

  /** Runs `action` again and again, `intervalMs` after it has ended. */
  #every(intervalMs: number, action: () => Promise<void>): void {
    const timer = this.#setup.clock.after(intervalMs, () => {
      this.#timers.delete(timer);
      if (this.#closing !== undefined) return;
      action()
        .catch((error: unknown) => this.#setup.logger.error({ error }, 'the upkeep of the log failed'))
        .finally(() => this.#every(intervalMs, action));
    });
    this.#timers.add(timer);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ThroughlineError('CLOSED', 'the broker is closed');
  }
}

function largest(...offsets: readonly bigint[]): bigint {
  return offsets.reduce((largest, offset) => (offset > largest ? offset : largest));
}

function checkName(topic: string): void {
  const isName =
    /^[A-Za-z0-9._-]+$/.test(topic) && topic.length <= topicNameLengthMax && topic !== '.' && topic !== '..';
  if (!isName) throw new ThroughlineError('INVALID_TOPIC', `${JSON.stringify(topic)} is no topic name`);
}

function checkPartitionCount(partitions: number): void {
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > topicPartitionCountMax) {
    throw new ThroughlineError(
      'INVALID_ARGUMENT',
      `partitions is ${partitions}, wanted 1 to ${topicPartitionCountMax}`,
    );
  }
}

function storedOf({ topic, topicId, partitionCount, overrides }: TopicMetadata): StoredTopic {
  return { topic, topicId, partitionCount, overrides };
}

function unknownTopic(what: string): ThroughlineError {
  return new ThroughlineError('UNKNOWN_TOPIC', `no ${what}`);
}
