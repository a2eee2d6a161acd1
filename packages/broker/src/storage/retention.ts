// Removing what may be removed: whole segments, oldest first, by the age of their newest record or by the partition's
// size, as Apache Kafka does (UnifiedLog.deleteOldSegments). Records go by the timestamps that they bring, so a topic of
// old records with a short retention empties itself.
//
// The new start of a log is noted durably before its files go. A crash in between leaves files below the start, which the
// next run removes; the other way round a start could point at records that are gone.
import type { Clock } from '@throughline/event';
import type { Partition } from './partition-log.ts';

/**
 * @param storeStarts notes the log start offsets durably, with the changed ones in place
 * @returns how many partitions lost something
 */
export async function applyRetention(
  partitions: readonly Partition[],
  clock: Clock,
  storeStarts: (changed: ReadonlyMap<Partition, bigint>) => Promise<void>,
): Promise<number> {
  for (const partition of partitions) partition.forgetExpiredProducers(clock.nowMs());
  const changed = new Map<Partition, bigint>();
  for (const partition of partitions) {
    const point = await partition.retentionPoint(clock.nowMs());
    if (point > partition.logStartOffset) changed.set(partition, point);
  }
  if (changed.size === 0) return 0;
  await storeStarts(changed);
  for (const [partition, point] of changed) await partition.removeBefore(point);
  return changed.size;
}
