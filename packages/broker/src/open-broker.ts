// The broker itself: it opens the data folder, owns the partitions, and looks after them (checkpoints, retention).
//
//   <dataDir>/
//     .lock                              the pid that holds the folder (pid-lock.ts)
//     topics.json                        which topics there are, and the format (topic-store.ts)
//     .kafka_cleanshutdown               there after a clean stop, and only then
//     recovery-point-offset-checkpoint   below these offsets everything is synced
//     log-start-offset-checkpoint        the first offsets that can be read
//     journal/                           the commit journal of `fsync` topics (commit-journal.ts)
//     <topic>-<n>/                       a partition (partition-folder.ts, segment.ts)
//
// At a start: take the lock; finish what a crash interrupted; open the partitions, checking everything above the recovery
// point unless the stop was clean; replay the journal; begin a new leader epoch; sync. Only then is anybody let in.
import { silentLogger, systemClock, systemRandom, ThroughlineError, type Timer } from '@throughline/event';
import type { Broker, BrokerOptions, PartitionLog, TopicMetadata } from './broker.ts';
import { decodePartitionOffsets, encodePartitionOffsets, type PartitionOffsets } from './checkpoint-file.ts';
import { CommitJournal, readJournal } from './commit-journal.ts';
import { brokerLimitDefaults, topicNameLengthMax, topicPartitionCountMax, type BrokerLimits } from './defaults.ts';
import { isOutOfDisk, replaceFile, type DiskLock } from './disk.ts';
import { replayJournal } from './journal-replay.ts';
import { OpenSegments } from './open-segments.ts';
import {
  isDeletedFolderName,
  isEmptyPartitionFolder,
  isPartitionFolderName,
  makePartitionFolder,
  partitionFolderName,
  readLeaderEpochs,
  removePartitionFolder,
  storeLeaderEpochs,
  topicIdOfFolder,
} from './partition-folder.ts';
import { Partition } from './partition-log.ts';
import { applyRetention } from './retention.ts';
import type { SegmentEnvironment } from './segment.ts';
import { Segments } from './segments.ts';
import { systemDisk } from './system-disk.ts';
import { TailCacheBudget } from './tail-cache.ts';
import { topicConfigFrom, type TopicConfig } from './topic-config.ts';
import { TopicStore } from './topic-store.ts';
import { Turns } from './turns.ts';

const lockFile = '.lock';
const cleanStopFile = '.kafka_cleanshutdown';
const recoveryPointFile = 'recovery-point-offset-checkpoint';
const logStartFile = 'log-start-offset-checkpoint';

/**
 * Opens the broker of a data folder. One process holds a folder at a time.
 *
 * @throws ThroughlineError DATA_DIR_IN_USE (details pid), DATA_FORMAT_UNSUPPORTED, OUT_OF_DISK
 * @example
 * const broker = await openBroker({ dataDir: '.throughline/log' })
 * await broker.createTopic('conversations', { partitions: 4, config: { durability: 'fsync' } })
 */
export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const setup = setupFrom(options);
  const { disk, dataDir } = setup;
  await disk.makeFolder(dataDir);
  const lock = await disk.lock(`${dataDir}/${lockFile}`);
  try {
    return await EmbeddedBroker.open(setup, lock);
  } catch (error) {
    await lock.release();
    throw asRefusal(error);
  }
}

type Setup = ReturnType<typeof setupFrom>;

function setupFrom(options: BrokerOptions) {
  const { dataDir, disk = systemDisk, clock = systemClock, random = systemRandom, logger = silentLogger } = options;
  const limits: BrokerLimits = { ...brokerLimitDefaults, ...definedOf(options) };
  const openSegments = new OpenSegments(limits.openSegmentCountMax);
  const { recoveryReadBytes } = limits;
  const environment: SegmentEnvironment = { disk, logger, openSegments, recoveryReadBytes };
  return { dataDir, disk, clock, random, logger, limits, environment };
}

/** What of the limits is given; an option that is undefined does not hide its default. */
function definedOf(options: BrokerOptions): Partial<BrokerLimits> {
  const names = Object.keys(brokerLimitDefaults) as (keyof BrokerLimits)[];
  return Object.fromEntries(names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}

interface Topic {
  readonly metadata: TopicMetadata;
  readonly partitions: readonly Partition[];
}

class EmbeddedBroker implements Broker {
  readonly #setup: Setup;
  readonly #lock: DiskLock;
  readonly #store: TopicStore;
  readonly #journal: CommitJournal;
  readonly #tailCacheBudget: TailCacheBudget;
  readonly #topics = new Map<string, Topic>();
  readonly #timers = new Set<Timer>();
  /** Recovery points as they stand in their file. */
  #storedRecoveryPoints = '';
  /** Changes of the list of topics happen one at a time, and so do checkpoints and runs of retention. */
  readonly #changes = new Turns();
  readonly #checkpoints = new Turns();
  readonly #retention = new Turns();
  #isCheckpointWaiting = false;
  #closing: Promise<void> | undefined;

  private constructor(setup: Setup, lock: DiskLock, store: TopicStore, journal: CommitJournal) {
    this.#setup = setup;
    this.#lock = lock;
    this.#store = store;
    this.#journal = journal;
    this.#tailCacheBudget = new TailCacheBudget(setup.limits.tailCacheBytesMax);
  }

  static async open(setup: Setup, lock: DiskLock): Promise<EmbeddedBroker> {
    const { dataDir, disk, logger, limits } = setup;
    const store = await TopicStore.open(disk, dataDir);
    await finishInterruptedChanges(setup, store);
    const isClean = await takeCleanStop(setup);
    const recoveryPoints = await readOffsets(setup, recoveryPointFile);
    const logStarts = await readOffsets(setup, logStartFile);
    const found: (Found & { readonly metadata: TopicMetadata })[] = [];
    for (const metadata of store.topics) {
      for (let partition = 0; partition < metadata.partitionCount; partition++) {
        const name = partitionFolderName(metadata.topic, partition);
        const start = {
          logStartOffset: logStarts.get(name) ?? 0n,
          recoveryPoint: recoveryPoints.get(name) ?? 0n,
          isClean,
        };
        found.push({ metadata, ...(await openPartitionFolder(setup, metadata, partition, start)) });
      }
    }
    const folder = `${dataDir}/journal`;
    if (!isClean) {
      const targets = new Map(
        found.map(({ metadata, partition, segments }) => [
          `${metadata.topicId}-${partition}`,
          {
            name: partitionFolderName(metadata.topic, partition),
            segments,
            segmentBytes: metadata.config.segmentBytes,
          },
        ]),
      );
      await replayJournal(
        readJournal(disk, folder),
        (topicId, partition) => targets.get(`${topicId}-${partition}`),
        logger,
      );
    }
    await disk.makeFolder(folder);
    let broker: EmbeddedBroker | undefined;
    const journal = await CommitJournal.open({
      disk,
      folder,
      logger,
      fileBytes: limits.journalFileBytes,
      fileCountMax: limits.journalFileCountMax,
      onFull: () => broker?.checkpointSoon(),
    });
    broker = new EmbeddedBroker(setup, lock, store, journal);
    for (const metadata of store.topics) {
      const own = found.filter((one) => one.metadata === metadata);
      if (!isClean) await beginEpochs(setup, own);
      broker.#add(metadata, own);
    }
    // The journal begins from its start: what it held must stand in the segments for good before anybody appends.
    if (!isClean) await broker.#checkpoint((partition) => partition.config.durability === 'fsync');
    broker.#every(
      limits.checkpointIntervalMs,
      () => broker.#hasToSync,
      () => broker.checkpoint(),
    );
    broker.#every(
      limits.retentionIntervalMs,
      () => true,
      () => broker.runRetention(),
    );
    return broker;
  }

  createTopic(
    topic: string,
    options: { readonly partitions: number; readonly config?: Partial<TopicConfig> },
  ): Promise<TopicMetadata> {
    return this.#changes.run(async () => {
      this.#checkOpen();
      const config = topicConfigFrom(options.config);
      checkNewTopic(topic, options.partitions);
      if (this.#topics.has(topic)) throw new ThroughlineError('TOPIC_EXISTS', `topic ${topic} is there already`);
      const topicId = Buffer.from(this.#setup.random.bytes(16)).toString('hex');
      const metadata: TopicMetadata = { topic, topicId, partitionCount: options.partitions, config };
      const made: Found[] = [];
      try {
        for (let partition = 0; partition < metadata.partitionCount; partition++) {
          made.push(await this.#makePartition(metadata, partition));
        }
        await this.#setup.disk.syncDirectory(this.#setup.dataDir);
        await this.#store.put(metadata);
      } catch (error) {
        await this.#unmake(metadata, made);
        throw asRefusal(error);
      }
      this.#add(metadata, made);
      return metadata;
    });
  }

  deleteTopic(topic: string): Promise<void> {
    return this.#changes.run(async () => {
      this.#checkOpen();
      const { metadata, partitions } = this.#topic(topic);
      await refusing(() => this.#store.beginDelete(metadata));
      this.#topics.delete(topic);
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
    return this.#changes.run(async () => {
      this.#checkOpen();
      const { metadata, partitions } = this.#topic(topic);
      const altered = { ...metadata, config: topicConfigFrom(changes, metadata.config) };
      await refusing(() => this.#store.put(altered));
      for (const partition of partitions) await partition.alter(altered.config);
      this.#topics.set(topic, { metadata: altered, partitions });
      return altered;
    });
  }

  topics(): readonly TopicMetadata[] {
    return Array.from(this.#topics.values(), ({ metadata }) => metadata);
  }

  topic(topic: string): TopicMetadata {
    return this.#topic(topic).metadata;
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
    return this.#checkpoint((partition) => partition.needsSync);
  }

  /** Runs a checkpoint when none is waiting to begin. */
  checkpointSoon(): void {
    if (this.#isCheckpointWaiting) return;
    this.#isCheckpointWaiting = true;
    this.checkpoint().catch((error: unknown) => this.#setup.logger.error({ error }, 'a checkpoint failed'));
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { disk, dataDir, logger, environment } = this.#setup;
    for (const timer of this.#timers) timer.cancel();
    // Whoever was let in before is waited for.
    await this.#changes.run(async () => {});
    await this.#retention.run(async () => {});
    const synced = await Promise.all(this.#partitions.map((partition) => partition.close()));
    await this.#checkpoints.run(async () => {});
    await this.#journal.close();
    await environment.openSegments.close();
    try {
      await this.#storeRecoveryPoints();
      await this.#storeLogStarts(new Map());
      if (synced.every(Boolean)) {
        await replaceFile(disk, dataDir, cleanStopFile, Buffer.from('{"version":0,"brokerEpoch":-1}'));
      }
    } catch (error) {
      // Everything acknowledged is where it should be; the next start only has more to check.
      logger.warn({ error }, 'the clean stop could not be noted');
    }
    await this.#lock.release();
  }

  get #partitions(): readonly Partition[] {
    return Array.from(this.#topics.values()).flatMap(({ partitions }) => partitions);
  }

  get #hasToSync(): boolean {
    return this.#partitions.some((partition) => partition.needsSync) || this.#journal.isDirty;
  }

  #checkpoint(needsSync: (partition: Partition) => boolean): Promise<void> {
    return this.#checkpoints.run(async () => {
      this.#isCheckpointWaiting = false;
      const releaseJournal = this.#journal.beginCheckpoint();
      for (const partition of this.#partitions) {
        if (needsSync(partition)) await partition.sync(partition.config.durability === 'fsync');
      }
      await this.#storeRecoveryPoints().catch((error: unknown) => {
        // Only means more to check at the next start.
        this.#setup.logger.warn({ error }, 'the recovery points could not be stored');
      });
      releaseJournal();
    });
  }

  async #storeRecoveryPoints(): Promise<void> {
    const bytes = encodePartitionOffsets(
      this.#partitions.map(({ topic, partition, recoveryPoint: offset }) => ({ topic, partition, offset })),
    );
    const text = Buffer.from(bytes).toString();
    if (text === this.#storedRecoveryPoints) return;
    await replaceFile(this.#setup.disk, this.#setup.dataDir, recoveryPointFile, bytes);
    this.#storedRecoveryPoints = text;
  }

  #storeLogStarts(changed: ReadonlyMap<Partition, bigint>): Promise<void> {
    const entries = this.#partitions.map((partition) => ({
      topic: partition.topic,
      partition: partition.partition,
      offset: changed.get(partition) ?? partition.logStartOffset,
    }));
    return replaceFile(this.#setup.disk, this.#setup.dataDir, logStartFile, encodePartitionOffsets(entries));
  }

  async #makePartition(metadata: TopicMetadata, partition: number): Promise<Found> {
    const { disk, dataDir } = this.#setup;
    const folder = `${dataDir}/${partitionFolderName(metadata.topic, partition)}`;
    await makePartitionFolder(disk, folder, metadata.topicId);
    const start = { logStartOffset: 0n, recoveryPoint: 0n, isClean: true };
    return openPartitionFolder(this.#setup, metadata, partition, start);
  }

  /** Takes back what a create has made so far; what cannot be removed now is removed at the next start. */
  async #unmake(metadata: TopicMetadata, made: readonly Found[]): Promise<void> {
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

  #add(metadata: TopicMetadata, found: readonly Found[]): void {
    const { limits, clock, logger } = this.#setup;
    const topicId = Buffer.from(metadata.topicId, 'hex');
    const partitions = found.map(
      (one) =>
        new Partition({
          ...one,
          topic: metadata.topic,
          topicId,
          config: metadata.config,
          journal: this.#journal,
          tailCacheBudget: this.#tailCacheBudget,
          limits,
          clock,
          logger,
        }),
    );
    this.#topics.set(metadata.topic, { metadata, partitions });
  }

  #topic(topic: string): Topic {
    const found = this.#topics.get(topic);
    if (found === undefined) throw unknownTopic(`topic ${topic}`);
    return found;
  }

  /** Runs `action` again and again, `intervalMs` after it has ended. */
  #every(intervalMs: number, isDue: () => boolean, action: () => Promise<void>): void {
    const timer = this.#setup.clock.after(intervalMs, () => {
      this.#timers.delete(timer);
      if (this.#closing !== undefined) return;
      (isDue() ? action() : Promise.resolve())
        .catch((error: unknown) => this.#setup.logger.error({ error }, 'the upkeep of the log failed'))
        .finally(() => this.#every(intervalMs, isDue, action));
    });
    this.#timers.add(timer);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ThroughlineError('CLOSED', 'the broker is closed');
  }
}

/** What is opened of a partition before it can take part. */
interface Found {
  readonly partition: number;
  readonly segments: Segments;
  readonly epochs: Awaited<ReturnType<typeof readLeaderEpochs>>;
  readonly logStartOffset: bigint;
  readonly recoveryPoint: bigint;
}

async function openPartitionFolder(
  { disk, dataDir, environment, logger }: Setup,
  metadata: TopicMetadata,
  partition: number,
  start: { readonly logStartOffset: bigint; readonly recoveryPoint: bigint; readonly isClean: boolean },
): Promise<Found> {
  const folder = `${dataDir}/${partitionFolderName(metadata.topic, partition)}`;
  if ((await topicIdOfFolder(disk, folder)) !== metadata.topicId) {
    logger.error({ folder }, 'the folder of a partition is missing, and an empty one takes its place');
    await makePartitionFolder(disk, folder, metadata.topicId);
  }
  const segments = await Segments.open(environment, folder, start);
  const epochs = await readLeaderEpochs(disk, folder);
  const { startOffset, endOffset } = segments;
  const { logStartOffset, recoveryPoint } = start;
  return {
    partition,
    segments,
    epochs,
    logStartOffset: atMost(logStartOffset > startOffset ? logStartOffset : startOffset, endOffset),
    recoveryPoint: atMost(recoveryPoint, endOffset),
  };
}

async function beginEpochs(
  { disk, dataDir }: Setup,
  found: readonly (Found & { metadata: TopicMetadata })[],
): Promise<void> {
  for (const { metadata, partition, epochs, segments } of found) {
    epochs.begin(epochs.current + 1, segments.endOffset);
    await storeLeaderEpochs(disk, `${dataDir}/${partitionFolderName(metadata.topic, partition)}`, epochs);
  }
}

/** Puts right what a crash left between the list of topics and the folders (topic-store.ts). */
async function finishInterruptedChanges({ disk, dataDir, logger }: Setup, store: TopicStore): Promise<void> {
  for (const { topic, topicId, partitionCount } of store.deleting) {
    for (let partition = 0; partition < partitionCount; partition++) {
      await removePartitionFolder(disk, dataDir, partitionFolderName(topic, partition), topicId);
    }
    await disk.syncDirectory(dataDir);
    await store.endDelete(topicId);
  }
  const known = new Set(store.topics.map(({ topicId }) => topicId));
  for (const name of await disk.list(dataDir)) {
    const folder = `${dataDir}/${name}`;
    if (isDeletedFolderName(name)) await disk.removeFolder(folder);
    if (!isPartitionFolderName(name)) continue;
    const topicId = await topicIdOfFolder(disk, folder);
    if (topicId !== undefined && known.has(topicId)) continue;
    if (await isEmptyPartitionFolder(disk, folder)) {
      await disk.removeFolder(folder);
    } else {
      // Somebody's records, but no topic's: put aside, not thrown away.
      logger.error({ folder }, 'a folder belongs to no topic and is put aside as .stray');
      await disk.rename(folder, `${folder}.stray`);
    }
  }
}

/** Tells whether the last stop was clean, and forgets it: from now on only the next clean stop says so again. */
async function takeCleanStop({ disk, dataDir }: Setup): Promise<boolean> {
  if ((await disk.readFile(`${dataDir}/${cleanStopFile}`)) === undefined) return false;
  await disk.remove(`${dataDir}/${cleanStopFile}`);
  await disk.syncDirectory(dataDir);
  return true;
}

async function readOffsets({ disk, dataDir, logger }: Setup, name: string): Promise<PartitionOffsets> {
  const bytes = await disk.readFile(`${dataDir}/${name}`);
  const offsets = decodePartitionOffsets(bytes);
  if (offsets === undefined && bytes !== undefined) logger.warn({ name }, 'a checkpoint is damaged and is ignored');
  return offsets ?? new Map();
}

function checkNewTopic(topic: string, partitions: number): void {
  const isName =
    /^[A-Za-z0-9._-]+$/.test(topic) && topic.length <= topicNameLengthMax && topic !== '.' && topic !== '..';
  if (!isName) throw new ThroughlineError('INVALID_TOPIC', `${JSON.stringify(topic)} is no topic name`);
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > topicPartitionCountMax) {
    throw new ThroughlineError(
      'INVALID_ARGUMENT',
      `partitions is ${partitions}, wanted 1 to ${topicPartitionCountMax}`,
    );
  }
}

async function refusing<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw asRefusal(error);
  }
}

function asRefusal(error: unknown): unknown {
  return isOutOfDisk(error) ? new ThroughlineError('OUT_OF_DISK', 'the disk is full', { cause: error }) : error;
}

function unknownTopic(what: string): ThroughlineError {
  return new ThroughlineError('UNKNOWN_TOPIC', `no ${what}`);
}

function atMost(offset: bigint, limit: bigint): bigint {
  return offset < limit ? offset : limit;
}
