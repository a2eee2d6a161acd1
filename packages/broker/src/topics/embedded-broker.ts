// The broker while it is open: it owns the topics and their partitions, and looks after them.
import { ThroughlineError, type Timer } from '@throughline/event';
import type { Broker, NewTopic, TopicMetadata } from './broker.ts';
import type { PartitionLog } from '../storage/partition-face.ts';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import { Checkpoints } from './checkpoints.ts';
import type { CommitJournal } from '../storage/commit-journal.ts';
import { noteCleanStop, offsetFiles, storeOffsets } from './data-folder.ts';
import type { DiskLock } from '../disk/disk.ts';
import type { FoundPartition } from './found-partition.ts';
import { partitionFolderName, storeLeaderEpochs } from '../storage/partition-folder.ts';
import { Partition } from '../storage/partition-log.ts';
import type { Seals } from './seals.ts';
import { codedFullDisk } from '../disk/full-disk.ts';
import { applyRetention } from '../storage/retention.ts';
import { TailCacheBudget } from '../storage/tail-cache.ts';
import { OrderedTurns } from '../storage/wait-order.ts';
import { Watchdog } from '../storage/watchdog.ts';
import { leaderEpochMax, partitionsAtOnceMax, producerIdBlockCount } from '../defaults.ts';
import { inParallel } from '../ground/in-parallel.ts';
import { TopicChanges, type RequestedTopic } from './topic-changes.ts';
import type { Durability, TopicConfig } from '../ground/topic-config.ts';
import { Topics } from './topics.ts';
import type { BrokerConfigs, ConfigChanges } from '../metadata/broker-configs.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';

interface Creation extends RequestedTopic {
  readonly resolve: (metadata: TopicMetadata) => void;
  readonly reject: (reason: unknown) => void;
}

/** What a start has found, as far as the upkeep goes by it. */
export interface FoundAtStart {
  readonly isClean: boolean;
  readonly hasRecoveryPoints: boolean;
  /** Records are in a journal that this broker does not write to: they have to be in the segments for good at once. */
  readonly hasLegacyJournal: boolean;
  /** Names of partitions that have records which neither the journal holds nor a sync has made certain. */
  readonly unjournaled: ReadonlySet<string>;
}

export class EmbeddedBroker implements Broker {
  readonly #setup: BrokerSetup;
  readonly #lock: DiskLock;
  readonly #store: MetadataStore;
  readonly #journal: CommitJournal;
  readonly #seals: Seals;
  readonly #checkpoints: Checkpoints;
  readonly #watchdog: Watchdog;
  readonly #tailCacheBudget: TailCacheBudget;
  readonly #topics = new Topics();
  readonly #topicChanges: TopicChanges;
  readonly #timers = new Set<Timer>();
  /** Changes of the list of topics happen one at a time, and so do runs of retention. */
  readonly #changes = new OrderedTurns('changes');
  readonly #retention = new OrderedTurns('retention');
  readonly #logStartStores = new OrderedTurns('log starts');
  /** Starts of logs that are noted durably and may not have been moved to yet. */
  readonly #notedLogStarts = new Map<Partition, bigint>();
  /** Topics to be made with the change that was asked for last, as long as it has not begun. */
  #creations: Creation[] | undefined;
  #closing: Promise<void> | undefined;

  constructor(setup: BrokerSetup, lock: DiskLock, store: MetadataStore, journal: CommitJournal, seals: Seals) {
    this.#setup = setup;
    this.#lock = lock;
    this.#store = store;
    this.#journal = journal;
    this.#seals = seals;
    this.#checkpoints = new Checkpoints(setup, journal, () => this.#topics.partitions);
    this.#topicChanges = new TopicChanges({
      setup,
      store,
      topics: this.#topics,
      openPartition: (metadata, found) => this.#openPartition(metadata, found),
    });
    this.#watchdog = new Watchdog({
      clock: setup.clock,
      logger: setup.logger,
      partitions: () => this.#topics.partitions,
      journal,
      checkpoints: this.#checkpoints,
    });
    this.#tailCacheBudget = new TailCacheBudget(setup.limits.tailCacheBytesMax);
  }

  get clusterId(): string {
    return this.#store.properties.clusterId;
  }

  get dataDir(): string {
    return this.#setup.dataDir;
  }

  get durabilityMax(): Durability {
    return this.#setup.durabilityMax;
  }

  get configs(): BrokerConfigs {
    return this.#setup.configs;
  }

  get metadataEnd(): Broker['metadataEnd'] {
    return this.#store.end;
  }

  get protectedTopics(): ReadonlyMap<string, string> {
    return this.#setup.protectedTopics;
  }

  /** Begins the upkeep. After an unclean stop the journal keeps what it held until a checkpoint, which begins at once, has ended. */
  async start({ isClean, hasRecoveryPoints, hasLegacyJournal, unjournaled }: FoundAtStart): Promise<void> {
    // What was found is read and confirmed to whoever sends it again: that must not be taken back by a power cut.
    const due = this.#topics.partitions.filter(({ name }) => unjournaled.has(name));
    await inParallel(due, partitionsAtOnceMax, (partition) => partition.sync(true));
    // A point that stands in the file is believed: where the file was lost, all of them are brought up first.
    const isDue = (partition: Partition): boolean =>
      !hasRecoveryPoints || (partition.config.durability === 'fsync' && partition.needsSync);
    // So that a file that is missing has been lost.
    if (!hasRecoveryPoints && this.#topics.partitions.length === 0) await this.#checkpoints.storeRecoveryPoints();
    else if (hasLegacyJournal) await this.#checkpoints.run(isDue);
    else if (!isClean || !hasRecoveryPoints) this.#checkpoints.soon(isDue);
    const { checkpointIntervalMs, retentionIntervalMs } = this.#setup.limits;
    // A checkpoint may be what stands still: looked is whether it has ended or not.
    this.#every(
      checkpointIntervalMs,
      () => this.#checkpoints.runIfDue(),
      () => this.#watchdog.look(),
    );
    this.#every(retentionIntervalMs, () => this.runRetention());
  }

  /** The journal is full. */
  onJournalFull(): void {
    this.#checkpoints.soon();
  }

  createTopic(topic: string, options: NewTopic): Promise<TopicMetadata> {
    return new Promise((resolve, reject) => {
      const creation = { topic, options, resolve, reject };
      if (this.#creations !== undefined) {
        this.#creations.push(creation);
        return;
      }
      const creations = [creation];
      const made = this.#change(() => {
        // Whoever comes now waits for the next turn.
        if (this.#creations === creations) this.#creations = undefined;
        return this.#topicChanges.create(creations);
      });
      this.#creations = creations;
      made.then(
        (results) => {
          for (const [i, result] of results.entries()) {
            if (result.status === 'fulfilled') creations[i]!.resolve(result.value);
            else creations[i]!.reject(result.reason);
          }
        },
        (error: unknown) => {
          for (const { reject } of creations) reject(error);
        },
      );
    });
  }

  checkNewTopic(topic: string, options: NewTopic): Omit<TopicMetadata, 'topicId'> {
    return this.#topicChanges.check(topic, options);
  }

  createPartitions(topic: string, count: number): Promise<TopicMetadata> {
    return this.#change(() => this.#topicChanges.createPartitions(topic, count));
  }

  deleteTopic(topic: string): Promise<void> {
    return this.#change(async () => {
      const { topicId, partitionCount } = this.topic(topic);
      await this.#topicChanges.delete(topic);
      for (let partition = 0; partition < partitionCount; partition++) {
        if (this.#seals.has(topicId, partition)) await codedFullDisk(() => this.#seals.note(topicId, partition, null));
      }
    });
  }

  alterTopic(topic: string, config: Partial<TopicConfig>): Promise<TopicMetadata> {
    return this.#change(() => this.#topicChanges.alter(topic, config));
  }

  alterTopicSettings(topic: string, changes: ConfigChanges): Promise<TopicMetadata> {
    return this.#change(() => this.#topicChanges.alterSettings(topic, changes));
  }

  alterBrokerSettings(node: string, changes: ConfigChanges): Promise<void> {
    return this.#change(() => this.#topicChanges.alterBroker(node, changes));
  }

  beginEpoch(topic: string, partition: number, epoch: number): Promise<void> {
    return this.#change(async () => {
      if (!Number.isInteger(epoch) || epoch < 0 || epoch > leaderEpochMax) {
        throw new ThroughlineError('INVALID_ARGUMENT', `a leader epoch of ${epoch}`);
      }
      const { topicId } = this.topic(topic);
      await this.#topics.partition(topic, partition).beginEpoch(epoch);
      // Whoever opens the folder next begins later ones.
      await codedFullDisk(() => this.#store.noteEpochs([{ topicId, partition, epoch }]));
    });
  }

  takeProducerIds(): Promise<{ readonly first: bigint; readonly count: number }> {
    return this.#change(async () => {
      const count = producerIdBlockCount;
      return { first: await codedFullDisk(() => this.#store.takeProducerIds(count)), count };
    });
  }

  topics(): readonly TopicMetadata[] {
    return this.#topics.all.map(({ metadata }) => metadata);
  }

  topic(topic: string): TopicMetadata {
    return this.#topics.get(topic).metadata;
  }

  findTopic(topic: string): TopicMetadata | undefined {
    return this.#topics.find(topic)?.metadata;
  }

  findTopicById(topicId: string): TopicMetadata | undefined {
    return this.#topics.findById(topicId)?.metadata;
  }

  partition(topic: string, partition: number): PartitionLog {
    return this.#topics.partition(topic, partition);
  }

  runRetention(): Promise<void> {
    return this.#retention.run('retention', async () => {
      if (this.#closing !== undefined) return;
      await applyRetention(this.#topics.partitions, this.#setup, (changed) => this.#storeLogStarts(changed));
    });
  }

  checkpoint(): Promise<void> {
    return this.#checkpoints.run();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { clock, logger, environment, limits } = this.#setup;
    for (const timer of this.#timers) timer.cancel();
    // Whoever was let in before is waited for.
    await this.#changes.settled();
    await this.#retention.settled();
    let isLate = false;
    const timer = clock.after(limits.closeSyncMs, () => (isLate = true));
    try {
      const close = (partition: Partition): Promise<boolean> => partition.close(() => isLate);
      const synced = await inParallel(this.#topics.partitions, partitionsAtOnceMax, close);
      // What of the partitions waited for the journal had needed it.
      await this.#checkpoints.close();
      await this.#journal.close();
      await this.#store.close();
      await environment.openSegments.close();
      await this.#checkpoints.storeRecoveryPoints();
      await this.#storeLogStarts(new Map());
      if (synced.every(Boolean)) await noteCleanStop(this.#setup);
      else if (isLate)
        logger.warn(
          { closeSyncMs: limits.closeSyncMs },
          'not all could be synced in time: the next start checks the log',
        );
    } catch (error) {
      // Everything acknowledged is where it should be; the next start only has more to check.
      logger.warn({ error }, 'the clean stop could not be noted');
    } finally {
      timer.cancel();
      await this.#lock.release();
    }
  }

  /** One change at a time, and none once it closes. */
  #change<T>(action: () => Promise<T>): Promise<T> {
    // What is asked for from now on comes behind this change.
    this.#creations = undefined;
    return this.#changes.run('a change', () => {
      if (this.#closing !== undefined) throw new ThroughlineError('CLOSED', 'the broker is closed');
      return action();
    });
  }

  #storeLogStarts(changed: ReadonlyMap<Partition, bigint>): Promise<void> {
    return this.#logStartStores.run('noting log starts', async () => {
      const noted = this.#notedLogStarts;
      const entries = this.#topics.partitions.map((partition) => ({
        topic: partition.topic,
        partition: partition.partition,
        offset: largest(partition.logStartOffset, noted.get(partition) ?? 0n, changed.get(partition) ?? 0n),
      }));
      await storeOffsets(this.#setup, offsetFiles.logStarts, entries);
      for (const [partition, offset] of noted) if (partition.logStartOffset >= offset) noted.delete(partition);
      for (const [partition, offset] of changed) noted.set(partition, offset);
    });
  }

  /** Lets a topic in. */
  add(metadata: TopicMetadata, found: readonly FoundPartition[]): void {
    this.#topics.set({ metadata, partitions: found.map((one) => this.#openPartition(metadata, one)) });
  }

  #openPartition(metadata: TopicMetadata, found: FoundPartition): Partition {
    const { limits, clock, logger, disk, dataDir } = this.#setup;
    const { topicId } = metadata;
    const { topic, partition, epochs } = found;
    return new Partition({
      ...found,
      producers: found.producers.states,
      snapshots: found.producers.files,
      folderFiles: found.folderFiles,
      topicId: Buffer.from(topicId, 'hex'),
      config: metadata.config,
      journal: this.#journal,
      tailCacheBudget: this.#tailCacheBudget,
      readBuffers: this.#setup.environment.readBuffers,
      isSealed: this.#seals.has(topicId, partition),
      noteSeal: (epoch) => this.#seals.note(topicId, partition, epoch),
      storeEpochs: async () => {
        const folder = `${dataDir}/${partitionFolderName(topic, partition)}`;
        await storeLeaderEpochs(disk, folder, epochs);
        // An epoch that was asked for must not be forgotten, not even by a partition whose folder was never synced.
        await disk.syncDirectory(folder);
        await disk.syncDirectory(dataDir);
      },
      // Not of this partition alone: what the journal holds of the others goes with it.
      noteRecoveryPoint: (its) => this.#checkpoints.run((one) => one === its || one.needsSync),
      noteLogStart: (partition, offset) => this.#storeLogStarts(new Map([[partition, offset]])),
      limits,
      clock,
      logger,
    });
  }

  /** Runs `action` every `intervalMs`, unless it is still running then, and `onTick` in any case. */
  #every(intervalMs: number, action: () => Promise<void>, onTick: () => void = () => {}): void {
    const { clock, logger } = this.#setup;
    let isRunning = false;
    const wait = (): void => {
      const timer = clock.after(intervalMs, () => {
        this.#timers.delete(timer);
        if (this.#closing !== undefined) return;
        wait();
        onTick();
        if (isRunning) return;
        isRunning = true;
        action()
          .catch((error: unknown) => logger.error({ error }, 'the upkeep of the log failed'))
          .finally(() => (isRunning = false));
      });
      this.#timers.add(timer);
    };
    wait();
  }
}

function largest(...offsets: readonly bigint[]): bigint {
  return offsets.reduce((largest, offset) => (offset > largest ? offset : largest));
}
