// Whether a folder that Apache Kafka has written can be taken over. What this broker could not keep the promises of is
// rejected before anything in the folder is touched:
//
//   * partitions with other replicas, or on their way to another broker, and those that are not in this folder
//   * access control lists, SCRAM credentials and delegation tokens, which nobody would enforce here
//   * records on tiered storage
//   * aborted transactions, whose records would be shown as if they had been committed
//   * a compaction that was cut off by a crash (`.swap`), which only Kafka can finish
//   * batches of formats before magic 2
//
// Client quotas are not enforced either; they only cost a word in the log.
import { ThroughlineError } from '@throughline/event';
import { batchBytesToMagic, readBatchMagic } from '@throughline/wire';
import type { BrokerSetup } from './broker-setup.ts';
import type { Disk } from '../disk/disk.ts';
import { partitionFolderName, topicIdOfFolder } from '../storage/partition-folder.ts';
import type { MetaProperties } from './meta-properties.ts';
import type { MetadataState, TopicState } from './metadata-state.ts';

const securityRecords: ReadonlyMap<number, string> = new Map([
  [10, 'delegation tokens'],
  [11, 'SCRAM credentials'],
  [18, 'access control lists'],
]);
const clientQuotaRecord = 14;

/** @throws ThroughlineError DATA_FORMAT_UNSUPPORTED */
export async function checkKafkaFolder(
  setup: BrokerSetup,
  properties: MetaProperties,
  state: MetadataState,
): Promise<void> {
  const { dataDir, logger } = setup;
  if (!state.features.has('metadata.version')) throw rejected(dataDir, 'its metadata log has no metadata.version');
  for (const [apiKey, what] of securityRecords) {
    if (state.others.has(apiKey)) throw rejected(dataDir, `it has ${what}, which this version does not enforce`);
  }
  if (state.others.has(clientQuotaRecord)) logger.warn({ folder: dataDir }, 'client quotas are not enforced');
  for (const topic of state.topics.values()) {
    checkPlace(dataDir, properties, topic);
    if (state.topicConfigs.get(topic.name)?.get('remote.storage.enable') === 'true') {
      throw rejected(dataDir, `topic ${topic.name} is on tiered storage`);
    }
    for (const partition of topic.partitions.keys()) await checkFiles(setup, topic, partition);
  }
  logger.info({ folder: dataDir, topicCount: state.topics.size }, 'a folder of Apache Kafka is taken over');
}

function checkPlace(dataDir: string, { nodeId }: MetaProperties, { name, partitions }: TopicState): void {
  for (let id = 0; id < partitions.size; id++) {
    const partition = partitions.get(id);
    if (partition === undefined) throw rejected(dataDir, `partition ${id} of topic ${name} is missing in the metadata`);
    const { replicas, addingReplicas, removingReplicas } = partition;
    const isHere = replicas.length === 1 && replicas[0] === nodeId;
    if (isHere && addingReplicas.length === 0 && removingReplicas.length === 0) continue;
    const others = [...new Set([...replicas, ...addingReplicas, ...removingReplicas])].join(', ');
    throw rejected(dataDir, `${name}-${id} has replicas on the brokers ${others}, and this is broker ${nodeId} alone`);
  }
}

async function checkFiles({ disk, dataDir }: BrokerSetup, topic: TopicState, partition: number): Promise<void> {
  const name = partitionFolderName(topic.name, partition);
  const folder = `${dataDir}/${name}`;
  if ((await topicIdOfFolder(disk, folder)) !== topic.topicId) {
    throw rejected(dataDir, `${name} is not in it; log.dirs may have had other folders too`);
  }
  for (const file of await disk.list(folder)) {
    if (file.endsWith('.swap')) {
      throw rejected(
        dataDir,
        `${name}/${file}: a compaction was cut off; let Apache Kafka finish it and stop it cleanly`,
      );
    }
    if (!/^\d{20}\.(log|txnindex)$/.test(file)) continue;
    const start = await startOf(disk, `${folder}/${file}`);
    if (file.endsWith('.txnindex') && start.length > 0) {
      throw rejected(dataDir, `${name} has aborted transactions, whose records would be shown`);
    }
    if (file.endsWith('.log') && hasOldMagic(start)) {
      throw rejected(dataDir, `${name}/${file} has records of a format before magic 2`);
    }
  }
}

/** The head of the first batch, as far as the file has one. */
async function startOf(disk: Disk, path: string): Promise<Uint8Array> {
  const start = new Uint8Array(batchBytesToMagic);
  const file = await disk.open(path, 'read');
  try {
    return start.subarray(0, await file.read(start, 0));
  } finally {
    await file.close();
  }
}

function hasOldMagic(start: Uint8Array): boolean {
  // A file that was made at its full size and never written to is all zeros.
  return (
    start.length === batchBytesToMagic && [0, 1].includes(readBatchMagic(start, 0)) && start.some((byte) => byte !== 0)
  );
}

function rejected(folder: string, why: string): ThroughlineError {
  return new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${folder} cannot be taken over from Apache Kafka: ${why}`, {
    details: { folder },
  });
}
