// What stands in the data folder beside the partitions, and putting right what a crash left there.
//
//   <dataDir>/
//     .lock, .lock.owner                 one process at a time has the folder (folder-lock.ts)
//     meta.properties                    whose folder this is, and its format (meta-properties.ts)
//     __cluster_metadata-0/              topics, settings and producer ids (metadata-log.ts)
//     .kafka_cleanshutdown               there after a clean stop, and only then
//     recovery-point-offset-checkpoint   below these offsets everything is synced
//     log-start-offset-checkpoint        the first offsets that can be read
//     <n>.journal                        the commit journal of `fsync` topics (commit-journal.ts)
//     <topic>-<n>/                       a partition (partition-folder.ts, segment.ts)
import { utf8 } from '@throughline/event';
import type { BrokerSetup } from '../broker-setup.ts';
import { partitionsAtOnceMax } from '../defaults.ts';
import { inParallel } from '../in-parallel.ts';
import { decodePartitionOffsets, encodePartitionOffsets, type PartitionOffsets } from './checkpoint-file.ts';
import { replaceFile } from './disk.ts';
import {
  isDeletedFolderName,
  isEmptyPartitionFolder,
  isPartitionFolderName,
  partitionOfFolder,
  removePartitionFolder,
  topicIdOfFolder,
} from './partition-folder.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { metadataFolder } from '../metadata/metadata-folder.ts';

export const lockFile = '.lock';
/** Where the commit journal was in folders of format 1: Apache Kafka would not open a folder with that in it. */
export const legacyJournalFolder = 'journal';
const cleanStopFile = '.kafka_cleanshutdown';

/** The files of offsets per partition. */
export const offsetFiles = {
  recoveryPoints: 'recovery-point-offset-checkpoint',
  logStarts: 'log-start-offset-checkpoint',
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
  const { disk, dataDir } = setup;
  const known = new Map(store.topics.map(({ topicId, partitionCount }) => [topicId, partitionCount]));
  const found = new Map<string, string>();
  const names = await disk.list(dataDir);
  await inParallel(names, partitionsAtOnceMax, async (name) => {
    if (isDeletedFolderName(name)) await disk.removeFolder(`${dataDir}/${name}`);
    if (!isPartitionFolderName(name) || name === metadataFolder) return;
    const topicId = (await topicIdOfFolder(disk, `${dataDir}/${name}`)) ?? '';
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
  logger.error({ folder }, 'a folder belongs to no topic and is put aside as .stray');
  return disk.rename(folder, `${folder}.stray`);
}

/** Tells whether the last stop was clean, and forgets it: from now on only the next clean stop says so again. */
export async function takeCleanStop({ disk, dataDir }: BrokerSetup): Promise<boolean> {
  if ((await disk.readFile(`${dataDir}/${cleanStopFile}`)) === undefined) return false;
  await disk.remove(`${dataDir}/${cleanStopFile}`);
  await disk.syncDirectory(dataDir);
  return true;
}

/** Notes that everything was written and synced. */
export function noteCleanStop({ disk, dataDir }: BrokerSetup): Promise<void> {
  // Kafka's own content; it wants to know a broker epoch, and -1 is none.
  return replaceFile(disk, dataDir, cleanStopFile, utf8('{"version":0,"brokerEpoch":-1}'));
}

/** The offsets of a file; none when it is missing or damaged. */
export async function readOffsets({ disk, dataDir, logger }: BrokerSetup, name: OffsetFile): Promise<PartitionOffsets> {
  const bytes = await disk.readFile(`${dataDir}/${name}`);
  const offsets = decodePartitionOffsets(bytes);
  if (offsets === undefined && bytes !== undefined) logger.warn({ name }, 'a checkpoint is damaged and is ignored');
  return offsets ?? new Map();
}

export function storeOffsets(
  { disk, dataDir }: BrokerSetup,
  name: OffsetFile,
  offsets: Parameters<typeof encodePartitionOffsets>[0],
): Promise<void> {
  return replaceFile(disk, dataDir, name, encodePartitionOffsets(offsets));
}
