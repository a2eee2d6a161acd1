// Control batches: one record that is none of a reader's business. It ends a transaction (KIP-98), or begins and ends a snapshot
// of the metadata (KIP-630). Its value is the affair of whoever uses its type; its key is
//
//   version  INT16  0
//   type     INT16  one of controlTypes
import { encodeRecordBatch } from './record-batch.ts';
import { isControlBatch, batchHeaderBytes } from './record-batch-layout.ts';
import { readBatchAttributes, readBatchSize, setControlBatch } from './record-batch-header.ts';
import { Reader } from './reader.ts';

/** The types that this house knows; Kafka has more. */
export const controlTypes = { abort: 0, commit: 1, snapshotHeader: 3, snapshotFooter: 4 } as const;

const keyBytes = 4;

/**
 * Encodes a control batch at offset 0, to be placed by whoever appends it.
 *
 * @param type one of controlTypes
 */
export function encodeControlBatch(type: number, value: Uint8Array, nowMs: number): Uint8Array {
  const key = new Uint8Array(keyBytes);
  key[2] = type >>> 8;
  key[3] = type;
  const batch = encodeRecordBatch([{ key, value }], { nowMs });
  setControlBatch(batch, 0, batch.length);
  return batch;
}

/**
 * The type of the control batch at `position`; undefined when the batch there is none, or its key has no type.
 *
 * @throws ThroughlineError INVALID_RECORD when its record breaks the format
 */
export function controlTypeOf(buffer: Uint8Array, position: number): number | undefined {
  if (!isControlBatch(readBatchAttributes(buffer, position))) return undefined;
  const end = position + readBatchSize(buffer, position);
  // Kafka never packs a control batch, so the record can be read as it stands (record-batch.ts).
  const reader = new Reader(buffer, position + batchHeaderBytes, end, 'INVALID_RECORD');
  reader.varint(); // length
  reader.int8(); // attributes
  reader.varlong(); // timestampDelta
  reader.varint(); // offsetDelta
  const key = reader.varintBytes();
  return key === null || key.length < keyBytes ? undefined : new Reader(key, 2).int16();
}
