// A fingerprint of the last record that a consumer has seen in a partition. Offsets alone do not tell one history from
// another: a log that lost its newest records (a power cut at durability `os`) and took new ones since has other records
// under the same offsets. So the checkpoint keeps what the last record looked like, and the start compares.
//
// Format: <offset>:<timestamp in ms>:<CRC-32 of key and value, base 36>
import { crc32 } from 'node:zlib';
import type { LogRecord } from '@throughline/event';
import { readOn, type Log } from '@throughline/log';

export function markOf(record: LogRecord): string {
  const crc = crc32(record.value ?? '', crc32(record.key ?? ''));
  return `${record.offset}:${record.timestampMs}:${crc.toString(36)}`;
}

export function offsetOfMark(mark: string): bigint {
  return BigInt(mark.slice(0, mark.indexOf(':')));
}

/** Tells whether the log still has the marked record as it was. True as well when it can no longer be read. */
export async function hasMarked(log: Log, topic: string, partition: number, mark: string): Promise<boolean> {
  const offset = offsetOfMark(mark);
  // Damage there is met by whoever reads it; it says nothing of which history this is.
  const { records } = await readOn(log, { topic, partition, offset, bytesMax: 1 }, () => {});
  const found = records[0];
  // Compaction may have removed it, and then its successor says nothing.
  return found === undefined || found.offset !== offset || markOf(found) === mark;
}
