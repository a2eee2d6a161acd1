// Removing what may be removed (expiry.ts). Records go by the timestamps that they bring, so a topic of old records with a
// short retention empties itself. A partition that cannot be looked at, or whose segment cannot be closed for want of space,
// keeps no other from losing what has expired: that is what makes room.
//
// The new start of a log is noted durably before its files go. A crash in between leaves files below the start, which the
// next run removes. A disk that is full to the last byte has no room for the note, and would never get any: there the files
// go first, the oldest first and each for good before the next, so that at any moment the log begins with a whole segment;
// a start that finds no note begins with that one.
import { ThroughlineError, type Clock, type Logger } from '@throughline/event';
import { isOutOfDisk } from '../disk/disk.ts';
import type { Partition } from './partition-log.ts';

/**
 * @param storeStarts notes the log start offsets durably, with the changed ones in place
 * @returns how many partitions lost something
 */
export async function applyRetention(
  partitions: readonly Partition[],
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  storeStarts: (changed: ReadonlyMap<Partition, bigint>) => Promise<void>,
): Promise<number> {
  for (const partition of partitions) partition.forgetExpiredProducers(clock.nowMs());
  const changed = new Map<Partition, bigint>();
  for (const partition of partitions) {
    try {
      const point = await partition.retentionPoint(clock.nowMs());
      if (point > partition.logStartOffset) changed.set(partition, point);
    } catch (error) {
      // It is looked at again by the next run; one that has been closed or deleted meanwhile has nothing to lose.
      if (ThroughlineError.is(error, 'CLOSED')) continue;
      logger.warn({ partition: partition.name, error }, 'retention of a partition has to wait');
    }
  }
  if (changed.size === 0) return 0;
  try {
    await storeStarts(changed);
  } catch (error) {
    if (!isOutOfDisk(error)) throw error;
    logger.warn({ error }, 'the disk is full: what has expired is removed before that is noted');
    for (const [partition, point] of changed) await partition.removeBefore(point, 'one by one');
    await storeStarts(changed);
    return changed.size;
  }
  for (const [partition, point] of changed) await partition.removeBefore(point);
  return changed.size;
}
