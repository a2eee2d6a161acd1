// A log that is the same in every process that makes it: numbers under a few keys, with a few records that are none.
import { utf8 } from '@throughline/event';
import { MemoryLog } from '@throughline/testkit';

export const partitionCount = 3;
export const recordsPerPartition = 5000;

/** The number of a record, or undefined for one that is to be skipped. */
export function numberAt(partition: number, offset: number): number | undefined {
  return offset % 100 === 37 ? undefined : ((offset * 7919 + partition * 104_729) % 1000) + 1;
}

/** The key of a record; all records of a key are in one partition, in order. */
export function keyAt(partition: number, offset: number): string {
  return `${partition}-${offset % 5}`;
}

export async function foldedLog(): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.admin.createTopic('numbers', { partitions: partitionCount });
  for (let partition = 0; partition < partitionCount; partition++) {
    const records = Array.from({ length: recordsPerPartition }, (_, offset) => ({
      key: utf8(keyAt(partition, offset)),
      value: utf8(String(numberAt(partition, offset) ?? 'no number')),
      partition,
      timestampMs: offset,
    }));
    await log.append('numbers', records);
  }
  return log;
}
