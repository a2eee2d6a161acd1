// Whether a log still is the one that somebody has read from (KIP-320). A leader that did not have everything can be elected
// (unclean leader election), a folder can be put back from a backup, a power cut can take what was not synced: then other
// records come to stand where records have been read. Each leader begins an epoch, every batch carries the epoch that it was
// appended in, and a log knows where its epochs end. So a reader keeps the epoch of the last record that it has read, and
// asks where that epoch ends: an end below its position means that its record is not in this log.
import { ThroughlineError } from '@throughline/event';
import type { EpochEnd, TailStart } from './port.ts';

/** Stands for an epoch that is not known. */
export const unknownEpoch = -1;

/** How far somebody has read. */
export interface ReadPosition {
  readonly topic: string;
  readonly partition: number;
  /** Where reading goes on. */
  readonly offset: bigint;
  /** The leader epoch of the last record that was read; -1 when that is not known, and nothing can be told then. */
  readonly lastEpoch: number;
}

/**
 * Checks that what was read before `position` is in the log.
 *
 * @param end where the epoch of the position ends; null when the log has not begun it
 * @throws ThroughlineError LOG_DIVERGED
 */
export function checkHistory(position: ReadPosition, end: EpochEnd | null): void {
  const { offset, lastEpoch } = position;
  if (lastEpoch === unknownEpoch) return;
  if (end === null || end.epoch < lastEpoch || end.endOffset < offset) throw diverged(position, end);
}

/** The error for a position whose records are not in the log. */
export function diverged(
  { topic, partition, offset, lastEpoch }: ReadPosition,
  end: EpochEnd | null,
): ThroughlineError {
  const where = end === null ? 'at an offset that is not known' : `from offset ${end.endOffset} on`;
  const message = `${topic}-${partition} has other records ${where} than those that were read up to ${offset}`;
  const divergesAt = end === null ? {} : { divergesAt: String(end.endOffset < offset ? end.endOffset : offset) };
  return new ThroughlineError('LOG_DIVERGED', message, {
    details: { topic, partition, offset: String(offset), lastEpoch, ...divergesAt },
  });
}

/** The leader epoch of the record before the start of a tail; -1 when that is not known. */
export function lastEpochOf(from: TailStart, partition: number): number {
  return typeof from === 'object' && 'offsets' in from ? (from.lastEpochs?.[partition] ?? unknownEpoch) : unknownEpoch;
}
