// What stands in the data folder beside the partitions, and putting right what a crash left there.
//
//   <dataDir>/
//     .lock, .lock.owner                 one process at a time has the folder (folder-lock.ts)
//     meta.properties                    whose folder this is, and its format (meta-properties.ts)
//     __cluster_metadata-0/              topics, settings and producer ids (metadata-log.ts)
//     .cache-id                          whose memory holds what is written and not synced (disk.ts)
//     .kafka_cleanshutdown               there after a clean stop, and only then
//     recovery-point-offset-checkpoint   below these offsets everything is synced
//     log-start-offset-checkpoint        the first offsets that can be read
//     throughline-seals                  which partitions take no appends (seals.ts)
//     <n>.journal                        the commit journal of `fsync` topics (commit-journal.ts)
//     <topic>-<n>/                       a partition (partition-folder.ts, segment.ts)
import { fromUtf8, utf8 } from '@throughline/event';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import { partitionsAtOnceMax } from '../defaults.ts';
import { inParallel } from '../ground/in-parallel.ts';
import { decodePartitionOffsets, encodePartitionOffsets, type PartitionOffsets } from '../disk/checkpoint-file.ts';
import { replaceFile } from '../disk/disk.ts';
import {
  isDeletedFolderName,
  isEmptyPartitionFolder,
  isPartitionFolderName,
  partitionOfFolder,
  removePartitionFolder,
  storeTopicId,
  topicIdOfFolder,
  topicOfFolder,
} from '../storage/partition-folder.ts';
import { noteCase, type Stop } from '../storage/recovery-cases.ts';
import { setFileAside } from '../disk/set-aside.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { metadataFolder } from '../metadata/metadata-folder.ts';

export const lockFile = '.lock';
/** Where the commit journal was in folders of format 1: Apache Kafka would not open a folder with that in it. */
export const legacyJournalFolder = 'journal';
const cleanStopFile = '.kafka_cleanshutdown';
const cacheFile = '.cache-id';

/** The files of offsets per partition. */
export const offsetFiles = {
  recoveryPoints: 'recovery-point-offset-checkpoint',
  logStarts: 'log-start-offset-checkpoint',
} as const;
const lostCases = {
  [offsetFiles.recoveryPoints]: 'recovery-points-lost',
  [offsetFiles.logStarts]: 'log-starts-lost',
} as const;
type OffsetFile = (typeof offsetFiles)[keyof typeof offsetFiles];

/**
 * Puts right what a crash left between the metadata log and the folders (metadata-store.ts).
 *
 * @returns the ids of the topics whose partitions are there, by the names of their folders
 */
export async function finishInterruptedChanges(
  setup: BrokerSetup,
  store: MetadataStore,
): Promise<ReadonlyMap<string, string>> {
  const { disk, dataDir, logger } = setup;
  const known = new Map(store.topics.map(({ topicId, partitionCount }) => [topicId, partitionCount]));
  const ids = new Map(store.topics.map(({ topic, topicId }) => [topic, topicId]));
  const found = new Map<string, string>();
  const names = await disk.list(dataDir);
  await inParallel(names, partitionsAtOnceMax, async (name) => {
    if (isDeletedFolderName(name)) await disk.removeFolder(`${dataDir}/${name}`);
    if (!isPartitionFolderName(name) || name === metadataFolder) return;
    let topicId = await topicIdOfFolder(disk, `${dataDir}/${name}`);
    if (topicId === undefined) {
      topicId = ids.get(topicOfFolder(name)) ?? '';
      if (partitionOfFolder(name) < (known.get(topicId) ?? 0)) {
        noteCase(logger, 'partition-id-lost', { folder: `${dataDir}/${name}`, topicId });
        await storeTopicId(disk, `${dataDir}/${name}`, topicId);
      }
    }
    if (partitionOfFolder(name) < (known.get(topicId) ?? 0)) found.set(name, topicId);
    else await clearAway(setup, name, topicId, store.removedTopicIds.has(topicId));
  });
  if (store.removedTopicIds.size > 0) {
    await disk.syncDirectory(dataDir);
    await store.forgetRemoved(store.removedTopicIds);
  }
  return found;
}

/** Removes a folder that belongs to no topic; what has records and was not removed by anybody is put aside. */
async function clearAway(
  { disk, dataDir, logger }: BrokerSetup,
  name: string,
  topicId: string,
  isRemoved: boolean,
): Promise<void> {
  const folder = `${dataDir}/${name}`;
  if (isRemoved) return removePartitionFolder(disk, dataDir, name, topicId);
  if (await isEmptyPartitionFolder(disk, folder)) return disk.removeFolder(folder);
  noteCase(logger, 'folder-of-no-topic', { folder });
  return disk.rename(folder, `${folder}.stray`);
}

/**
 * Tells how the last stop was, and forgets that it was clean: from now on only the next clean stop says so again. Where the
 * memory that held the unsynced bytes is still there, it was only the process that ended.
 */
export async function takeStop({ disk, dataDir }: BrokerSetup): Promise<Stop> {
  if ((await disk.readFile(`${dataDir}/${cleanStopFile}`)) === undefined) {
    const before = await disk.readFile(`${dataDir}/${cacheFile}`);
    const cacheId = await disk.cacheId?.(dataDir);
    return before !== undefined && fromUtf8(before) === cacheId ? 'killed' : 'crashed';
  }
  await disk.remove(`${dataDir}/${cleanStopFile}`);
  await disk.syncDirectory(dataDir);
  return 'clean';
}

/**
 * Notes in whose memory the unsynced bytes are from now on. That comes after everything has been checked: a start that is
 * cut off leaves to the next one what a crash of the machine did. It need not be synced, because what loses it makes it
 * another memory.
 */
export async function noteCache({ disk, dataDir, logger }: BrokerSetup): Promise<void> {
  const path = `${dataDir}/${cacheFile}`;
  const cacheId = await disk.cacheId?.(dataDir);
  const before = await disk.readFile(path);
  if (cacheId === undefined || (before !== undefined && fromUtf8(before) === cacheId)) return;
  try {
    const file = await disk.open(path, 'write');
    try {
      await file.truncate(0);
      await file.write([utf8(cacheId)], 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    // Then a kill is taken for a crash of the machine.
    logger.warn({ error }, 'whose memory holds the unsynced bytes could not be noted');
  }
}

/** Notes that everything was written and synced. */
export function noteCleanStop({ disk, dataDir }: BrokerSetup): Promise<void> {
  // Kafka's own content; it wants to know a broker epoch, and -1 is none.
  return replaceFile(disk, dataDir, cleanStopFile, utf8('{"version":0,"brokerEpoch":-1}'));
}

/** The offsets of a file; undefined when it is missing, or damaged and set aside. */
export async function readOffsets(
  { disk, dataDir, logger }: BrokerSetup,
  name: OffsetFile,
  isExpected: boolean,
): Promise<PartitionOffsets | undefined> {
  const bytes = await disk.readFile(`${dataDir}/${name}`);
  const offsets = decodePartitionOffsets(bytes);
  if (offsets !== undefined) return offsets;
  const aside = bytes === undefined ? undefined : await setFileAside(disk, dataDir, name);
  if (isExpected || bytes !== undefined) noteCase(logger, lostCases[name], { dataDir, aside });
  return undefined;
}

export async function storeOffsets(
  { disk, dataDir }: BrokerSetup,
  name: OffsetFile,
  offsets: Parameters<typeof encodePartitionOffsets>[0],
): Promise<void> {
  // A partition's folder is there for good before anything says so of what is in it.
  await disk.syncDirectory(dataDir);
  return replaceFile(disk, dataDir, name, encodePartitionOffsets(offsets));
}
