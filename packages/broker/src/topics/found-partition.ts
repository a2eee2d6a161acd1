// A partition as it is found in its folder, before it takes part: its segments recovered, nobody let in yet.
import type { RecordBatchHeader } from '@throughline/wire';
import type { TopicMetadata } from './broker.ts';
import type { BrokerSetup } from '../metadata/broker-setup.ts';
import { ProducerRecovery } from '../storage/producer-recovery.ts';
import { findEpochs } from '../storage/leader-epoch-search.ts';
import { FolderFiles } from '../storage/folder-files.ts';
import type { EpochStart, LeaderEpochs } from '../storage/leader-epochs.ts';
import { makePartitionFolder, partitionFolderName, readLeaderEpochs } from '../storage/partition-folder.ts';
import type { SegmentVisitor } from '../storage/recovery.ts';
import { noteCase } from '../storage/recovery-cases.ts';
import { Segments, type RecoveryStart } from '../storage/segments.ts';
import { segmentOfFile } from '../disk/segment-name.ts';

/** Above every offset. */
const offsetEnd = 2n ** 63n;

export interface FoundPartition {
  readonly topic: string;
  readonly partition: number;
  readonly segments: Segments;
  readonly epochs: LeaderEpochs;
  /** The epochs of the batches that were read; undefined when not all of them were. */
  readonly readEpochs: { readonly starts: readonly EpochStart[]; readonly endOffset: bigint } | undefined;
  readonly folderFiles: FolderFiles;
  readonly producers: ProducerRecovery;
  readonly logStartOffset: bigint;
  readonly recoveryPoint: bigint;
}

export interface PartitionStart extends RecoveryStart {
  /** The folder is there, and of this topic. */
  readonly hasFolder: boolean;
  /** What is in the folder; it is looked into where that is not known. */
  readonly names?: readonly string[];
}

/** Opens what is in the folder of a partition; after an unclean stop that is checked from the recovery point on. */
export async function findPartition(
  setup: BrokerSetup,
  { topic, topicId, config }: TopicMetadata,
  partition: number,
  start: PartitionStart,
): Promise<FoundPartition> {
  const { disk, dataDir, environment, clock, producerLimits, logger } = setup;
  const folder = `${dataDir}/${partitionFolderName(topic, partition)}`;
  const { logStartOffset } = start;
  if (!start.hasFolder) {
    // One that has had no records may not have reached the disk.
    if (start.recoveryPoint !== 0n || logStartOffset > 0n) noteCase(logger, 'partition-folder-missing', { folder });
    await makePartitionFolder(disk, folder, topicId);
  }
  const names = start.names ?? (await disk.list(folder));
  const isClean = start.stop === 'clean';
  const storedPoint = start.recoveryPoint ?? 0n;
  const firstBase = names.flatMap((name) => segmentOfFile(name) ?? []).reduce(smaller, offsetEnd);
  // Snapshots are synced before any of these passes them: what stood below the first segment has been removed.
  const syncedOffset = [storedPoint, firstBase === offsetEnd ? 0n : firstBase].reduce(larger, logStartOffset);
  const producers = await ProducerRecovery.begin({
    disk,
    folder,
    names,
    clock,
    logger,
    limits: producerLimits,
    isClean,
    syncedOffset,
  });
  // A clean stop leaves a snapshot of the very end behind.
  const recoveryPoint = start.recoveryPoint ?? (isClean ? producers.files.latestFirst[0] : undefined);
  const environmentOfTopic = { ...environment, isSparse: config.isCompacted };
  const read = new ReadEpochs();
  const visitor: SegmentVisitor = {
    segmentBegins(baseOffset) {
      read.firstOffset ??= baseOffset;
      return producers.segmentBegins(baseOffset);
    },
    visit(header) {
      read.visit(header);
      producers.visit(header);
    },
  };
  const segments = await Segments.open(environmentOfTopic, { folder, names }, { ...start, recoveryPoint }, visitor);
  // After an unclean stop the journal comes first.
  if (isClean) await producers.finish(segments);
  const epochs = await readLeaderEpochs(disk, folder, names);
  const { startOffset, endOffset } = segments;
  return {
    topic,
    partition,
    segments,
    epochs,
    readEpochs: read.firstOffset === startOffset ? { starts: read.starts, endOffset } : undefined,
    folderFiles: new FolderFiles({ disk, logger, folder, epochs, isSynced: (start.recoveryPoint ?? 0n) > 0n }),
    producers,
    logStartOffset: smaller(logStartOffset > startOffset ? logStartOffset : startOffset, endOffset),
    // After a clean stop everything there is was synced, whatever is known.
    recoveryPoint: isClean && start.recoveryPoint === undefined ? endOffset : smaller(recoveryPoint ?? 0n, endOffset),
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
  const found = await findPartition(setup, metadata, partition, {
    hasFolder: true,
    names: [],
    logStartOffset: 0n,
    recoveryPoint: 0n,
    stop: 'clean',
    isInJournal: async () => false,
  });
  found.epochs.begin(0, 0n);
  return found;
}

/** The leader epochs of batches that are read one after the other. */
class ReadEpochs {
  /** Where the first segment that was read begins. */
  firstOffset: bigint | undefined;
  readonly starts: EpochStart[] = [];

  visit({ partitionLeaderEpoch: epoch, baseOffset: startOffset }: RecordBatchHeader): void {
    if (epoch > (this.starts.at(-1)?.epoch ?? -1)) this.starts.push({ epoch, startOffset });
  }
}

/**
 * Finds the leader epochs in the log when the checkpoint of them is not its own or does not reach `toldEpoch`, the last that
 * anybody was told. The log has to be complete. Which epoch came last is not known then: a new one has to begin.
 *
 * @returns true when that was so
 */
export async function restoreEpochs(
  { dataDir, logger }: BrokerSetup,
  { topic, partition, epochs, readEpochs, segments, logStartOffset, recoveryPoint }: FoundPartition,
  toldEpoch: number,
  isClean: boolean,
): Promise<boolean> {
  const fits = epochs.fits(logStartOffset, segments.endOffset);
  if (segments.isUntouched || (segments.bytes === 0 && !fits)) {
    // There is no record that could be of another epoch.
    epochs.replace([{ epoch: Math.max(toldEpoch, epochs.current), startOffset: segments.endOffset }]);
    return !segments.isUntouched;
  }
  if (fits && epochs.current >= toldEpoch) return false;
  // They are stored with the first sync, so that after an unclean stop the batches can be ahead of the file.
  const isExpected = !isClean && (fits || recoveryPoint === 0n);
  if (!isExpected)
    noteCase(logger, 'leader-epochs-lost', { folder: `${dataDir}/${partitionFolderName(topic, partition)}` });
  const isRead = readEpochs !== undefined && readEpochs.endOffset === segments.endOffset;
  epochs.replace(isRead ? epochsFrom(readEpochs.starts, logStartOffset) : await findEpochs(segments, logStartOffset));
  return true;
}

/** The epochs of a log that begins at `logStartOffset`; the first one begins there. */
function epochsFrom(starts: readonly EpochStart[], logStartOffset: bigint): readonly EpochStart[] {
  const first = Math.max(
    0,
    starts.findLastIndex(({ startOffset }) => startOffset <= logStartOffset),
  );
  return starts.slice(first).map((start, i) => (i === 0 ? { ...start, startOffset: logStartOffset } : start));
}

/** Begins a new leader epoch where the log ends now, `epochMin` or a later one. */
export function beginEpoch({ epochs, segments }: FoundPartition, epochMin: number): void {
  epochs.begin(Math.max(epochs.current + 1, epochMin), segments.endOffset);
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
