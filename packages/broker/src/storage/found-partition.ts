// A partition as it is found in its folder, before it takes part: its segments recovered, nobody let in yet.
import type { TopicMetadata } from '../broker.ts';
import type { BrokerSetup } from '../broker-setup.ts';
import { ProducerRecovery } from '../producers/producer-recovery.ts';
import { findEpochs } from './leader-epoch-search.ts';
import type { LeaderEpochs } from './leader-epochs.ts';
import { makePartitionFolder, partitionFolderName, readLeaderEpochs, storeLeaderEpochs } from './partition-folder.ts';
import { Segments, type RecoveryStart } from './segments.ts';

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
    logger.error({ folder }, 'the folder of a partition is missing, and an empty one takes its place');
    await makePartitionFolder(disk, folder, topicId);
    await disk.syncDirectory(dataDir);
  }
  const { logStartOffset, recoveryPoint, isClean } = start;
  // Snapshots are synced before either of these passes them.
  const syncedOffset = logStartOffset > recoveryPoint ? logStartOffset : recoveryPoint;
  const producers = await ProducerRecovery.begin({
    disk,
    folder,
    clock,
    logger,
    limits: producerLimits,
    isClean,
    syncedOffset,
  });
  const segments = await Segments.open({ ...environment, isSparse: config.isCompacted }, folder, start, producers);
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
    recoveryPoint: atMost(recoveryPoint, endOffset),
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
    isClean: true,
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
  logger.warn(
    { folder },
    'the leader epochs of a partition are missing or not those of its log, and are found in its batches',
  );
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
