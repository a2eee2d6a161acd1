// Records that stand where the source has none. Offsets are given out one after the other, so a place without a record can
// only be kept by a record; it says what it is, has neither key nor value, and is no event to anybody.
import type { ProducerRecord, RecordHeader, RecordTime } from '@throughline/event';

const gapHeader = 'tl-gap';
const headers: readonly RecordHeader[] = [{ key: gapHeader, value: null }];

/** More than one of them takes in a batch. */
export const fillerBytesBound = 128;

/** `count` fillers of a partition. */
export function fillers(partition: number, count: number, time: RecordTime): ProducerRecord[] {
  return Array.from({ length: count }, () => ({ key: null, value: null, headers, ...time, partition }));
}

export function isFiller({ key, value, headers: found }: Pick<ProducerRecord, 'key' | 'value' | 'headers'>): boolean {
  return key === null && value === null && found?.length === 1 && found[0]!.key === gapHeader;
}
