// When records of the metadata log are gone (metadata-log.ts), the folders of the partitions say what they said: the name of
// a folder has the topic and the partition, its `partition.metadata` the topic's id. What is found there is appended:
//
//   * A topic id that the log does not know, and has not removed, comes back with the highest partition that has a folder.
//     Where two ids share a name, the one that the log knows has it, or else the one with more folders; the other is put
//     aside as `.stray`, as ever (data-folder.ts).
//   * A topic that was there when records were lost has grown to its highest folder, or, when it has none at all, has been
//     removed: folders are made before a topic is recorded, and go behind the record that removes it.
//   * Settings are found nowhere, but which topics Apache Kafka has compacted (`cleaner-offset-checkpoint`). Those that are
//     known stay, the others are the defaults, and nothing is removed by retention: a topic whose records would expire by
//     what is left of the settings keeps them until somebody sets it again.
//   * Producer ids go on far above all that can have been given out: a producer with the id of another would have its
//     records taken for duplicates.
//
// A torn tail is nothing of this, because it was never answered: unless a folder that the log does not know has records.
import { metadataBatchRecordCountMax, producerIdBlockCount, topicPartitionCountMax } from '../defaults.ts';
import type { BrokerSetup } from './broker-setup.ts';
import { decodePartitionOffsets } from '../disk/checkpoint-file.ts';
import {
  isEmptyPartitionFolder,
  isPartitionFolderName,
  partitionFolderName,
  partitionOfFolder,
  topicIdOfFolder,
} from '../storage/partition-folder.ts';
import { clusterMetadataTopic, groupMetadataTopic, topicNameProblem } from '../ground/topic-name.ts';
import { groupTopicSettings } from './group-topic-settings.ts';
import type { MetadataState } from './metadata-state.ts';
import type { MetaProperties } from './meta-properties.ts';
import { featureRecord } from './metadata-version.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import type { WritableRecord } from './metadata-record.ts';
import { topicConfigOf } from './topic-configs.ts';
import { partitionRecordsOf, topicRecordsOf } from './topic-as-records.ts';

/** The folders of a topic id. */
interface TopicFolders {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: readonly number[];
}

/** Up to where Apache Kafka has compacted which partitions. */
const cleanerFile = 'cleaner-offset-checkpoint';

const remedy =
  'Look at the topics and their settings, and set again what has changed. The damaged files are kept as .damaged; a copy of the data folder has what they said.';

/**
 * Brings the state in line with the folders, and logs what that took.
 *
 * @param append makes records durable and applies them
 */
export async function repairMetadata(
  setup: BrokerSetup,
  properties: MetaProperties,
  state: MetadataState,
  append: (records: readonly WritableRecord[]) => Promise<void>,
): Promise<void> {
  const { dataDir, clock, logger } = setup;
  const folders = await topicFolders(setup, state);
  const removed = [...state.topics.values()].filter(
    ({ topicId }) => state.doubtfulTopicIds.has(topicId) && !folders.has(topicId),
  );
  for (const { topicId, name } of removed) {
    const settings = state.topicConfigs.get(name);
    await append([{ type: 'remove-topic', topicId }]);
    // They may be those of a later topic of that name.
    if (isTaken(state, name)) await append(configRecords(name, settings ?? new Map()));
  }
  const grown = await growTopics(properties, state, folders, append);
  const restored: string[] = [];
  for (const { topic, topicId, partitions } of [...folders.values()].sort(byPartitionCount)) {
    if (state.topics.has(topicId) || isTaken(state, topic)) continue;
    const overrides = topic === groupMetadataTopic ? groupTopicSettings(setup.configs) : new Map<string, string>();
    const partitionCount = Math.max(...partitions) + 1;
    await append(topicRecordsOf({ topic, topicId, partitionCount, overrides }, properties));
    restored.push(`${topic} (${partitionCount} partitions)`);
  }
  await restoreCompaction(setup, state, append);
  const held = await holdRetention(setup, state, append);
  const nextProducerId = BigInt(clock.nowMs()) * BigInt(producerIdBlockCount);
  if (nextProducerId > state.nextProducerId) {
    await append([{ type: 'producer-ids', brokerId: properties.nodeId, brokerEpoch: -1n, nextProducerId }]);
  }
  // A log without it is one that was begun anew, and whose repair was cut off.
  if (!state.features.has(featureRecord.name)) await append([featureRecord]);
  const lost = state.losses.map(({ fromOffset, toOffset }) => `${fromOffset} up to ${toOffset ?? 'the end'}`);
  const removedNames = removed.map(({ name }) => name);
  logger.error(
    { folder: dataDir, lost, restored, grown, removed: removedNames, retentionHeld: held, remedy },
    'records of the metadata log are lost: the topics are those that have folders, and retention removes nothing of them',
  );
}

/** True when a folder that the log does not know has records: what would have made it known was answered once. */
export async function hasUnknownRecords(setup: BrokerSetup, state: MetadataState): Promise<boolean> {
  const { disk, dataDir } = setup;
  for (const { topic, topicId, partitions } of (await topicFolders(setup, state)).values()) {
    const known = state.topics.get(topicId)?.partitions;
    for (const partition of partitions) {
      if (known?.has(partition) === true) continue;
      if (!(await isEmptyPartitionFolder(disk, `${dataDir}/${partitionFolderName(topic, partition)}`))) return true;
    }
  }
  return false;
}

/** The folders that say to which topic they belong, by the topic's id, but those of topics that were removed. */
async function topicFolders(
  { disk, dataDir }: BrokerSetup,
  state: MetadataState,
): Promise<ReadonlyMap<string, TopicFolders>> {
  const found = new Map<string, { topic: string; topicId: string; partitions: number[] }>();
  for (const name of [...(await disk.list(dataDir))].sort()) {
    if (!isPartitionFolderName(name)) continue;
    const topic = name.slice(0, name.lastIndexOf('-'));
    const partition = partitionOfFolder(name);
    // Nobody has made such a folder for a topic.
    if (topicNameProblem(topic) !== undefined || partition >= topicPartitionCountMax) continue;
    if (topic === clusterMetadataTopic || partitionFolderName(topic, partition) !== name) continue;
    const topicId = await topicIdOfFolder(disk, `${dataDir}/${name}`);
    if (topicId === undefined || state.removedTopicIds.has(topicId)) continue;
    const folders = found.get(topicId) ?? { topic, topicId, partitions: [] };
    // An id belongs to one name.
    if (folders.topic === topic) folders.partitions.push(partition);
    found.set(topicId, folders);
  }
  return found;
}

/** Adds the partitions that have lost their records. */
async function growTopics(
  properties: MetaProperties,
  state: MetadataState,
  folders: ReadonlyMap<string, TopicFolders>,
  append: (records: readonly WritableRecord[]) => Promise<void>,
): Promise<readonly string[]> {
  const grown: string[] = [];
  for (const topicId of state.doubtfulTopicIds) {
    const topic = state.topics.get(topicId);
    if (topic === undefined) continue;
    const count = Math.max(...topic.partitions.keys(), ...(folders.get(topicId)?.partitions ?? [])) + 1;
    const records = partitionRecordsOf(topicId, 0, count, properties).filter(
      (record) => record.type === 'partition' && !topic.partitions.has(record.partitionId),
    );
    if (records.length === 0) continue;
    await append(records);
    grown.push(`${topic.name} (${count} partitions)`);
  }
  return grown;
}

/** Offsets are missing where Apache Kafka has compacted, which would look like damage in a topic that does not say so. */
async function restoreCompaction(
  { disk, dataDir }: BrokerSetup,
  state: MetadataState,
  append: (records: readonly WritableRecord[]) => Promise<void>,
): Promise<void> {
  const compacted =
    decodePartitionOffsets(await disk.readFile(`${dataDir}/${cleanerFile}`)) ?? new Map<string, bigint>();
  for (const { name, partitions } of state.topics.values()) {
    if (state.topicConfigs.get(name)?.has('cleanup.policy') === true) continue;
    const isCompacted = [...partitions.keys()].some((partition) => compacted.has(partitionFolderName(name, partition)));
    if (isCompacted) await append(configRecords(name, new Map([['cleanup.policy', 'compact']])));
  }
}

/** Lets no topic lose records by settings that may not be the last ones. */
async function holdRetention(
  { configs }: BrokerSetup,
  state: MetadataState,
  append: (records: readonly WritableRecord[]) => Promise<void>,
): Promise<readonly string[]> {
  configs.setDynamic(state.brokerConfigs);
  const held: string[] = [];
  const records: WritableRecord[] = [];
  for (const { name } of state.topics.values()) {
    const { retentionMs, retentionBytes } = topicConfigOf(state.topicConfigs.get(name) ?? new Map(), configs);
    const bounds = [
      ['retention.ms', retentionMs],
      ['retention.bytes', retentionBytes],
    ] as const;
    for (const [setting, value] of bounds) {
      if (value === null) continue;
      records.push(...configRecords(name, new Map([[setting, '-1']])));
      held.push(`${name} ${setting}=${value}`);
    }
  }
  for (let at = 0; at < records.length; at += metadataBatchRecordCountMax) {
    await append(records.slice(at, at + metadataBatchRecordCountMax));
  }
  return held;
}

function configRecords(topic: string, settings: ReadonlyMap<string, string>): WritableRecord[] {
  return Array.from(settings, ([name, value]) => ({
    type: 'config',
    resourceType: resourceTypes.TOPIC,
    resourceName: topic,
    name,
    value,
  }));
}

function isTaken(state: MetadataState, name: string): boolean {
  return [...state.topics.values()].some((topic) => topic.name === name);
}

/** Those with the most folders first. */
function byPartitionCount(a: TopicFolders, b: TopicFolders): number {
  return b.partitions.length - a.partitions.length;
}
