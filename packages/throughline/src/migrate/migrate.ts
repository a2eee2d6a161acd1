// Copies a log: topics with their settings, records with offsets, times, headers and keys, and what groups have committed.
//
//   per topic      make it at the target ─► copy partitions ─► delete there what the source has deleted ─► compare ─► final
//                  settings
//   then           committed offsets, where the target has none
//
// It can be killed at any moment and run again: a partition goes on where the target ends, and what is complete is only
// compared. Records that are appended to the source meanwhile are copied by the next run.
import { ThroughlineError, type Logger } from '@throughline/event';
import type { KafkaCluster, TopicDescription } from '@throughline/log';
import { migratePartitionsAtOnce } from '../defaults.ts';
import { planConfigs } from './copy-configs.ts';
import { copyGroups, type CopiedGroup } from './copy-groups.ts';
import { copyPartition, endsOf, type CopiedPartition } from './copy-partition.ts';
import { openSide } from './side.ts';
import { verifyPartition, type VerifiedPartition } from './verify-partition.ts';

export interface MigrateOptions {
  /** `kafka://host:port`, or a data folder. */
  readonly from: string;
  readonly to: string;
  /** All where absent. */
  readonly topics?: readonly string[];
  /** Whether offsets without records are rejected, or their places kept by fillers. */
  readonly gaps: 'reject' | 'fill';
  readonly workingDir: string;
  readonly logger: Logger;
  readonly onProgress: (progress: MigrationProgress) => void;
}

/** How far a migration is. */
export interface MigrationProgress {
  readonly topic: string;
  readonly copiedRecords: number;
  /** Records to copy at most: the source may have fewer than offsets. */
  readonly totalRecords: number;
}

export interface MigratedTopic {
  readonly topic: string;
  readonly partitions: readonly (CopiedPartition & VerifiedPartition & { readonly partition: number })[];
  /** Settings that the target does not take. */
  readonly settingsLeftOut: readonly string[];
}

export interface Migrated {
  readonly from: string;
  readonly to: string;
  readonly topics: readonly MigratedTopic[];
  readonly groups: readonly CopiedGroup[];
}

/**
 * Copies a log to another place, and compares.
 *
 * @throws ThroughlineError MIGRATION_REFUSED, MIGRATION_DIFFERS, UNKNOWN_TOPIC, LOG_UNREACHABLE, DATA_DIR_IN_USE
 */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const { from, to } = options;
  const source = await openSide(from, 'source', options);
  try {
    const target = await openSide(to, 'target', options);
    try {
      return await copy(source.cluster, target.cluster, options);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function copy(source: KafkaCluster, target: KafkaCluster, options: MigrateOptions): Promise<Migrated> {
  const found = await source.log.admin.topics();
  const chosen = options.topics?.map((topic) => {
    const description = found.find((one) => one.topic === topic);
    if (description === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `${options.from} has no topic ${topic}`);
    return description;
  });
  const topics: MigratedTopic[] = [];
  for (const description of chosen ?? found) topics.push(await copyTopic(source, target, description, options));
  const ends = new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, endOffset }) => [`${topic}-${partition}`, endOffset] as const),
    ),
  );
  return { from: options.from, to: options.to, topics, groups: await copyGroups(source, target, ends) };
}

async function copyTopic(
  source: KafkaCluster,
  target: KafkaCluster,
  { topic, partitions }: TopicDescription,
  { gaps, onProgress }: MigrateOptions,
): Promise<MigratedTopic> {
  const configs = await planConfigs(source, target, topic, partitions.length);
  await ensureTopic(target, topic, partitions.length, configs.whileCopying);
  const totalRecords = partitions.reduce(
    (sum, { highWatermark, logStartOffset }) => sum + Number(highWatermark - logStartOffset),
    0,
  );
  let copiedRecords = 0;
  const onCopied = (records: number): void => {
    copiedRecords += records;
    onProgress({ topic, copiedRecords, totalRecords });
  };
  const copied = await inParallel(partitions, async ({ partition, highWatermark: endOffset }) => {
    const place = { topic, partition, endOffset };
    const logs = { source: source.log, target: target.log };
    const result = await copyPartition({ ...logs, ...place, mustFill: gaps === 'fill', onCopied });
    await deleteWhatIsDeleted(source, target, topic, partition);
    return { partition, ...result, ...(await verifyPartition(source.log, target.log, place)) };
  });
  await target.alterTopicConfigs(topic, configs.final);
  return { topic, partitions: copied, settingsLeftOut: configs.leftOut };
}

async function ensureTopic(
  target: KafkaCluster,
  topic: string,
  partitions: number,
  configs: ReadonlyMap<string, string>,
): Promise<void> {
  try {
    return await target.createTopic(topic, partitions, configs);
  } catch (error) {
    if (!ThroughlineError.is(error, 'TOPIC_EXISTS')) throw error;
  }
  const { partitions: found } = await target.log.admin.describeTopic(topic);
  if (found.length !== partitions) {
    const message = `${topic} has ${found.length} partitions at the target and ${partitions} at the source`;
    throw new ThroughlineError('MIGRATION_REFUSED', message, { details: { topic } });
  }
  await target.alterTopicConfigs(topic, configs);
}

async function deleteWhatIsDeleted(
  source: KafkaCluster,
  target: KafkaCluster,
  topic: string,
  partition: number,
): Promise<void> {
  const [{ logStartOffset }, { logStartOffset: start, highWatermark }] = await Promise.all([
    endsOf(source.log, topic, partition),
    endsOf(target.log, topic, partition),
  ]);
  const offset = logStartOffset < highWatermark ? logStartOffset : highWatermark;
  if (offset > start) await target.deleteRecords(topic, partition, offset);
}

/** Some at a time; the first failure is thrown when what is under way has ended. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < items.length && failure === undefined) {
      const index = next++;
      try {
        results[index] = await act(items[index]!);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: migratePartitionsAtOnce }, worker));
  if (failure !== undefined) throw failure.error;
  return results;
}
