// Opening the broker: take the lock; finish what a crash interrupted; open the partitions, checking everything above the
// recovery point unless the stop was clean; replay the journal; begin a new leader epoch; sync. Only then is anybody let in.
import type { Broker, BrokerOptions, TopicMetadata } from './broker.ts';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import { setupFrom } from './setup-from.ts';
import { CommitJournal } from '../storage/commit-journal.ts';
import {
  finishInterruptedChanges,
  legacyJournalFolder,
  lockFile,
  noteCache,
  offsetFiles,
  readOffsets,
  takeStop,
} from './data-folder.ts';
import type { DiskLock } from '../disk/disk.ts';
import { EmbeddedBroker } from './embedded-broker.ts';
import { beginEpoch, findPartition, restoreEpochs, type FoundPartition } from './found-partition.ts';
import {
  journalExtents,
  journalFiles,
  readJournal,
  type JournalDamage,
  type JournalExtent,
} from '../disk/journal-format.ts';
import { mendJournalHeads, setJournalRestAside } from '../storage/journal-damage.ts';
import { replayJournal, type ReplayTarget } from '../storage/journal-replay.ts';
import { partitionFolderName } from '../storage/partition-folder.ts';
import type { PartitionOffsets } from '../disk/checkpoint-file.ts';
import type { Stop } from '../storage/recovery-cases.ts';
import { topicConfigOf } from '../metadata/topic-configs.ts';
import { asOutOfDisk } from '../disk/full-disk.ts';
import { partitionsAtOnceMax } from '../defaults.ts';
import { inParallel } from '../ground/in-parallel.ts';
import { openMetadata } from '../metadata/open-metadata.ts';
import { storeMetaProperties } from '../metadata/meta-properties.ts';
import { Seals } from './seals.ts';
import type { BegunEpoch, MetadataStore } from '../metadata/metadata-store.ts';

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
  const { disk, dataDir, environment } = setup;
  try {
    await disk.makeFolder(dataDir);
    const lock = await disk.lock(`${dataDir}/${lockFile}`);
    try {
      return await openLocked(setup, lock);
    } catch (error) {
      await environment.openSegments.close();
      await lock.release();
      throw error;
    }
  } catch (error) {
    throw asOutOfDisk(error);
  }
}

async function openLocked(setup: BrokerSetup, lock: DiskLock): Promise<Broker> {
  const store = await openMetadata(setup);
  try {
    return await openTopics(setup, lock, store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openTopics(setup: BrokerSetup, lock: DiskLock, store: MetadataStore): Promise<Broker> {
  const { dataDir, disk, configs, logger, limits } = setup;
  configs.setDynamic(store.brokerConfigs);
  const folders = await finishInterruptedChanges(setup, store);
  const seals = await Seals.open(setup);
  const stop = await takeStop(setup);
  const isClean = stop === 'clean';
  const topics = store.topics.map((stored) => ({ ...stored, config: topicConfigOf(stored.overrides, configs) }));
  const legacyFolder = `${dataDir}/${legacyJournalFolder}`;
  const journalFolders = [legacyFolder, dataDir];
  const recoveryPoints = await readOffsets(setup, offsetFiles.recoveryPoints, topics.length > 0);
  const found = await findTopics(setup, topics, folders, { stop, recoveryPoints, journalFolders });
  const unjournaled = isClean ? new Set<string>() : await replay(setup, journalFolders, found);
  const journal = await CommitJournal.open({
    disk,
    folder: dataDir,
    logger,
    fileBytes: limits.journalFileBytes,
    fileCountMax: limits.journalFileCountMax,
    isReplayed: !isClean,
    // Nobody commits before the broker is there.
    onFull: () => broker.onJournalFull(),
  });
  const broker = new EmbeddedBroker(setup, lock, store, journal, seals);
  const begun = await beginEpochs(setup, store, found, { isClean, seals });
  for (const [metadata, partitions] of found) broker.add(metadata, partitions);
  await store.noteEpochs(begun);
  if (store.isUnsettled) {
    await storeMetaProperties(disk, dataDir, store.properties);
    await store.settle();
  }
  const hasLegacyJournal = (await disk.list(legacyFolder)).length > 0;
  await broker.start({ isClean, hasRecoveryPoints: recoveryPoints !== undefined, hasLegacyJournal, unjournaled });
  await noteCache(setup);
  // All that it held is in the segments for good.
  if (hasLegacyJournal) await disk.removeFolder(legacyFolder);
  return broker;
}

/**
 * Begins a new leader epoch in every partition after an unclean stop, and when Apache Kafka had the folder or metadata was
 * lost; otherwise only where nobody knows which one was the last.
 */
async function beginEpochs(
  setup: BrokerSetup,
  store: MetadataStore,
  found: FoundTopics,
  { isClean, seals }: { readonly isClean: boolean; readonly seals: Seals },
): Promise<readonly BegunEpoch[]> {
  const begun: BegunEpoch[] = [];
  const all = Array.from(found).flatMap(([{ topicId }, partitions]) => partitions.map((one) => ({ topicId, one })));
  await inParallel(all, partitionsAtOnceMax, async ({ topicId, one }) => {
    const { partition, epochs, producers, segments } = one;
    if (!isClean) await producers.finish(segments);
    // Readers have been told of these epochs: what is written from now on must not look older than that.
    const toldEpoch = store.leaderEpochOf(topicId, partition);
    // Kafka counts one further when it stops, and begins it nowhere.
    const areLost = await restoreEpochs(setup, one, store.isForeign ? 0 : toldEpoch, isClean);
    // What is appended to a sealed partition comes from another log, with the epochs that it has there.
    const isOwn = !seals.has(topicId, partition);
    if ((isClean || !isOwn) && !store.isUnsettled && !areLost) return;
    beginEpoch(one, toldEpoch + 1);
    begun.push({ topicId, partition, epoch: epochs.current });
  });
  return begun;
}

interface KnownOfStop {
  readonly stop: Stop;
  /** Undefined when they are lost. */
  readonly recoveryPoints: PartitionOffsets | undefined;
  readonly journalFolders: readonly string[];
}

type FoundTopics = ReadonlyMap<TopicMetadata, readonly FoundPartition[]>;

async function findTopics(
  setup: BrokerSetup,
  topics: readonly TopicMetadata[],
  folders: ReadonlyMap<string, string>,
  { stop, recoveryPoints, journalFolders }: KnownOfStop,
): Promise<FoundTopics> {
  const logStarts = (await readOffsets(setup, offsetFiles.logStarts, false)) ?? new Map<string, bigint>();
  // Read when a damaged place makes somebody ask.
  let extents: Promise<ReadonlyMap<string, JournalExtent>> | undefined;
  const isInJournal = async (key: string, offset: bigint): Promise<boolean> => {
    extents ??= journalExtents(setup.disk, journalFolders);
    const extent = (await extents).get(key);
    return extent !== undefined && extent.from <= offset && offset < extent.to;
  };
  const all = topics.flatMap((metadata) =>
    Array.from({ length: metadata.partitionCount }, (_, partition) => ({ metadata, partition })),
  );
  const found = new Map<TopicMetadata, FoundPartition[]>(topics.map((metadata) => [metadata, []]));
  await inParallel(all, partitionsAtOnceMax, async ({ metadata, partition }) => {
    const name = partitionFolderName(metadata.topic, partition);
    // A partition that the file does not name was made since it was written.
    const recoveryPoint = recoveryPoints === undefined ? undefined : (recoveryPoints.get(name) ?? 0n);
    const logStartOffset = logStarts.get(name) ?? 0n;
    const hasFolder = folders.get(name) === metadata.topicId;
    // What the journal has of a topic that is no longer `fsync` ends before its log does.
    const isJournaled = metadata.config.durability === 'fsync';
    const start = {
      hasFolder,
      logStartOffset,
      recoveryPoint,
      stop,
      isInJournal: async (offset: bigint) => isJournaled && isInJournal(`${metadata.topicId}-${partition}`, offset),
    };
    found.get(metadata)![partition] = await findPartition(setup, metadata, partition, start);
  });
  return found;
}

/**
 * Brings back what the journal holds and the segments have lost.
 *
 * @returns of the partitions that are to survive a power cut, those that have records that the journal does not hold: nobody
 *   was told of them, and they may not have reached the disk
 */
async function replay(
  { disk, logger }: BrokerSetup,
  folders: readonly string[],
  found: FoundTopics,
): Promise<ReadonlySet<string>> {
  const targets = new Map<string, ReplayTarget & { readonly isDurable: boolean }>();
  for (const [{ topicId, config }, partitions] of found) {
    const isDurable = config.durability === 'fsync';
    for (const { topic, partition, segments, producers } of partitions) {
      const name = partitionFolderName(topic, partition);
      const { segmentBytes } = config;
      targets.set(`${topicId}-${partition}`, { name, segments, producers, segmentBytes, isDurable });
    }
  }
  const targetOf = (topicId: string, partition: number): ReplayTarget | undefined =>
    targets.get(`${topicId}-${partition}`);
  const journalEnds = new Map<ReplayTarget, bigint>();
  for (const folder of folders) {
    await mendJournalHeads(disk, await journalFiles(disk, folder), logger);
    const setAside = (damage: JournalDamage): Promise<void> => setJournalRestAside(disk, folder, damage, logger);
    for (const [target, end] of await replayJournal(readJournal(disk, folder, setAside), targetOf, logger)) {
      journalEnds.set(target, end);
    }
  }
  const ahead = Array.from(targets.values()).filter(
    (target) =>
      target.isDurable && target.segments.isDirty && target.segments.endOffset > (journalEnds.get(target) ?? 0n),
  );
  return new Set(ahead.map(({ name }) => name));
}
