// The folder of a partition, `<topic>-<n>`, as Apache Kafka names it, with the small files beside the segments:
//
//   partition.metadata        "version: 0\ntopic_id: <id>\n", the id as Kafka writes it: base64url of 16 bytes
//   leader-epoch-checkpoint   checkpoint-file.ts
//
// A new folder has the first of these and nothing else, and need not survive a power cut: the topic is in the metadata log,
// and a partition without records is made again from that. The first record brings its segment, and the first sync of the
// partition makes all of it certain before the recovery point moves.
//
// A folder that is to be removed is first renamed to `<topic>-<n>.<topic id>-delete`, so that a topic of the same name can
// be made while the files go.
import { fromUtf8, utf8 } from '@throughline/event';
import { replaceFile, type Disk } from '../disk/disk.ts';
import { LeaderEpochs } from './leader-epochs.ts';
import { segmentOfFile } from '../disk/segment-name.ts';

const epochsFile = 'leader-epoch-checkpoint';
const metadataFile = 'partition.metadata';
const fileNameBytesMax = 255;

export function partitionFolderName(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** True for names that a partition's folder can have. */
export function isPartitionFolderName(name: string): boolean {
  return /^[A-Za-z0-9._-]+-\d+$/.test(name);
}

/** The topic of the partition whose folder has this name. */
export function topicOfFolder(name: string): string {
  return name.slice(0, name.lastIndexOf('-'));
}

/** The number of the partition whose folder has this name. */
export function partitionOfFolder(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

export function isDeletedFolderName(name: string): boolean {
  return /\.[0-9a-f]{32}-delete$/.test(name);
}

/** Makes the folder of a new partition, unsynced. */
export async function makePartitionFolder(disk: Disk, folder: string, topicId: string): Promise<void> {
  // Left behind by a create that was interrupted.
  await disk.removeFolder(folder);
  await disk.makeFolder(folder, 'unsynced');
  const file = await disk.open(`${folder}/${metadataFile}`, 'write');
  try {
    await file.write([encodeTopicId(topicId)], 0);
  } finally {
    await file.close();
  }
}

/** Makes what says whose folder it is survive a power cut; the names in it are for the caller to sync. */
export async function syncPartitionFolder(disk: Disk, folder: string): Promise<void> {
  const file = await disk.open(`${folder}/${metadataFile}`, 'write');
  try {
    await file.syncData();
  } finally {
    await file.close();
  }
}

/** @param names of the files in the folder */
export async function readLeaderEpochs(disk: Disk, folder: string, names: readonly string[]): Promise<LeaderEpochs> {
  const bytes = names.includes(epochsFile) ? await disk.readFile(`${folder}/${epochsFile}`) : undefined;
  return LeaderEpochs.decode(bytes) ?? new LeaderEpochs();
}

/** Stores the leader epochs; the name of the file is for the caller to sync. */
export function storeLeaderEpochs(disk: Disk, folder: string, epochs: LeaderEpochs): Promise<void> {
  return replaceFile(disk, folder, epochsFile, epochs.encode(), 'content');
}

/** Writes anew which topic a folder belongs to. */
export function storeTopicId(disk: Disk, folder: string, topicId: string): Promise<void> {
  return replaceFile(disk, folder, metadataFile, encodeTopicId(topicId));
}

function encodeTopicId(topicId: string): Uint8Array {
  return utf8(`version: 0\ntopic_id: ${Buffer.from(topicId, 'hex').toString('base64url')}\n`);
}

/** The topic that a folder says it belongs to, as 32 hexadecimal digits. */
export async function topicIdOfFolder(disk: Disk, folder: string): Promise<string | undefined> {
  const bytes = await disk.readFile(`${folder}/${metadataFile}`);
  const id = bytes && /^topic_id: ([A-Za-z0-9_-]{22})$/m.exec(fromUtf8(bytes))?.[1];
  return id ? Buffer.from(id, 'base64url').toString('hex') : undefined;
}

/** True when the folder holds no record. */
export async function isEmptyPartitionFolder(disk: Disk, folder: string): Promise<boolean> {
  for (const name of await disk.list(folder)) {
    if (segmentOfFile(name) === undefined) continue;
    const file = await disk.open(`${folder}/${name}`, 'read');
    try {
      if ((await file.size()) > 0) return false;
    } finally {
      await file.close();
    }
  }
  return true;
}

/** Removes a partition's folder, if it is there and belongs to this topic id. */
export async function removePartitionFolder(disk: Disk, dataDir: string, name: string, topicId: string): Promise<void> {
  const folder = `${dataDir}/${name}`;
  const deleted = deletedFolderName(dataDir, name, topicId);
  if ((await topicIdOfFolder(disk, folder)) === topicId) await disk.rename(folder, deleted);
  await disk.removeFolder(deleted);
}

function deletedFolderName(dataDir: string, name: string, topicId: string): string {
  const ending = `.${topicId}-delete`;
  return `${dataDir}/${name.slice(-(fileNameBytesMax - ending.length))}${ending}`;
}
