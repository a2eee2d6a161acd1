// Values as record batches, and back.
import { fromUtf8, utf8, type LogRecord } from '@throughline/event';
import { batchHeaderBytes, decodeRecordBatch, encodeRecordBatch, readBatchHeader } from '@throughline/wire';
import type { SeenRecord } from '../checker/history.ts';

/** One record per value. */
export function batchOf(
  values: readonly number[],
  nowMs: number,
  producer?: { readonly id: bigint; readonly epoch: number; readonly baseSequence: number },
): Uint8Array {
  const records = values.map((value) => ({ key: null, value: utf8(String(value)) }));
  return encodeRecordBatch(records, { nowMs, ...(producer === undefined ? {} : { producer }) });
}

/** The records of whole batches from `fromOffset` on; a batch that is cut off at the end is left out. */
export function recordsIn(batches: Uint8Array, partition: number, fromOffset: number): SeenRecord[] {
  const seen: SeenRecord[] = [];
  for (let position = 0; position + batchHeaderBytes <= batches.length;) {
    const { sizeBytes, partitionLeaderEpoch } = readBatchHeader(batches, position);
    if (position + sizeBytes > batches.length) break;
    const records: LogRecord[] = [];
    decodeRecordBatch(batches, position, { topic: '', partition, fromOffset: BigInt(fromOffset) }, records);
    for (const { offset, value } of records) {
      const text = value === null ? 'NaN' : fromUtf8(value);
      seen.push({ partition, offset: Number(offset), value: Number(text), epoch: partitionLeaderEpoch });
    }
    position += sizeBytes;
  }
  return seen;
}
