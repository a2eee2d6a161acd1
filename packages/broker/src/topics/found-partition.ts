// A partition as it is found in its folder, before it takes part: its segments recovered, nobody let in yet.
import type { TopicMetadata } from './broker.ts';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import { ProducerRecovery } from '../storage/producer-recovery.ts';
import { findEpochs } from '../storage/leader-epoch-search.ts';
import type { LeaderEpochs } from '../storage/leader-epochs.ts';
import {
  makePartitionFolder,
  partitionFolderName,
  readLeaderEpochs,
  storeLeaderEpochs,
} from '../storage/partition-folder.ts';
import { noteCase } from '../storage/recovery-cases.ts';
import { Segments, type RecoveryStart } from '../storage/segments.ts';

export interface FoundPartition {
  readonly topic: string;
  readonly partition: number;
  readonly segments: Segments;
  readonly epochs: LeaderEpochs;
  readonly producers: ProducerRecovery;
  readonly logStartOffset: bigint;
  readonly recoveryPoint: bigint;
}

export interface PartitionStart extends RecoveryStart {
  /** The folder is there, and of this topic. */
  readonly hasFolder: boolean;
}

/** Opens what is in the folder of a partition; after an unclean stop that is checked from the recovery point on. */
export async function findPartition(
  { disk, dataDir, environment, clock, producerLimits, logger }: BrokerSetup,
  { topic, topicId, config }: TopicMetadata,
  partition: number,
  start: PartitionStart,
): Promise<FoundPartition> {
  const folder = `${dataDir}/${partitionFolderName(topic, partition)}`;
  if (!start.hasFolder) {
    noteCase(logger, 'partition-folder-missing', { folder });
    await makePartitionFolder(disk, folder, topicId);
    await disk.syncDirectory(dataDir);
  }
  const { logStartOffset } = start;
  const isClean = start.stop === 'clean';
  const storedPoint = start.recoveryPoint ?? 0n;
  // Snapshots are synced before either of these passes them.
  const syncedOffset = logStartOffset > storedPoint ? logStartOffset : storedPoint;
  const producers = await ProducerRecovery.begin({
    disk,
    folder,
    clock,
    logger,
    limits: producerLimits,
    isClean,
    syncedOffset,
  });
  // A clean stop leaves a snapshot of the very end behind.
  const recoveryPoint = start.recoveryPoint ?? (isClean ? producers.files.latestFirst[0] : undefined);
  const environmentOfTopic = { ...environment, isSparse: config.isCompacted };
  const segments = await Segments.open(environmentOfTopic, folder, { ...start, recoveryPoint }, producers);
  // After an unclean stop the journal comes first.
  if (isClean) await producers.finish(segments);
  const epochs = await readLeaderEpochs(disk, folder);
  const { startOffset, endOffset } = segments;
  return {
    topic,
    partition,
    segments,
    epochs,
    producers,
    logStartOffset: atMost(logStartOffset > startOffset ? logStartOffset : startOffset, endOffset),
    // After a clean stop everything there is was synced, whatever is known.
    recoveryPoint: isClean && start.recoveryPoint === undefined ? endOffset : atMost(recoveryPoint ?? 0n, endOffset),
  };
}

/** Makes the folder of a new partition and opens it. */
export async function makePartition(
  setup: BrokerSetup,
  metadata: TopicMetadata,
  partition: number,
): Promise<FoundPartition> {
  const folder = `${setup.dataDir}/${partitionFolderName(metadata.topic, partition)}`;
  await makePartitionFolder(setup.disk, folder, metadata.topicId);
  return findPartition(setup, metadata, partition, {
    hasFolder: true,
    logStartOffset: 0n,
    recoveryPoint: 0n,
    stop: 'clean',
    isInJournal: async () => false,
  });
}

/**
 * Finds the leader epochs in the log when the checkpoint of them is not its own or does not reach `toldEpoch`, the last that
 * anybody was told. The log has to be complete. Which epoch came last is not known then: a new one has to begin.
 *
 * @returns true when that was so
 */
export async function restoreEpochs(
  { dataDir, logger }: BrokerSetup,
  { topic, partition, epochs, segments, logStartOffset }: FoundPartition,
  toldEpoch: number,
): Promise<boolean> {
  if (epochs.fits(logStartOffset, segments.endOffset) && epochs.current >= toldEpoch) return false;
  const folder = `${dataDir}/${partitionFolderName(topic, partition)}`;
  noteCase(logger, 'leader-epochs-lost', { folder });
  epochs.replace(await findEpochs(segments, logStartOffset));
  return true;
}

/** Begins a new leader epoch where the log ends now, `epochMin` or a later one. */
export async function beginEpoch(
  { disk, dataDir }: BrokerSetup,
  { topic, partition, epochs, segments }: FoundPartition,
  epochMin: number,
): Promise<void> {
  epochs.begin(Math.max(epochs.current + 1, epochMin), segments.endOffset);
  await storeLeaderEpochs(disk, `${dataDir}/${partitionFolderName(topic, partition)}`, epochs);
}

function atMost(offset: bigint, limit: bigint): bigint {
  return offset < limit ? offset : limit;
}
