// Metadata records in and out of record batches, and the frame of a snapshot.
//
// A snapshot is a file of record batches from offset 0 on, between two control batches of one record each. A control record's
// key is a version and a type, INT16 each; its value a flexible structure:
//
//   3 SnapshotHeader  => version INT16, lastContainedLogTimestamp INT64, tags
//   4 SnapshotFooter  => version INT16, tags
import type { LogRecord } from '@throughline/event';
import {
  decodeRecordBatch,
  encodeRecordBatch,
  isControlBatch,
  setBaseOffset,
  setPartitionLeaderEpoch,
  writeBatchCrc,
  Writer,
  type RecordBatchHeader,
} from '@throughline/wire';
import { metadataBatchRecordCountMax } from '../defaults.ts';
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord,
  type WritableRecord,
} from './metadata-record.ts';

const attributesLowByte = 22;
const controlBit = 0x20;
const controlTypes = { snapshotHeader: 3, snapshotFooter: 4 } as const;
const source = { topic: '__cluster_metadata', partition: 0 };

/** Where the batches go. */
export interface BatchPlace {
  readonly baseOffset: bigint;
  readonly epoch: number;
  readonly nowMs: number;
}

/** One batch of all records: after a crash all of them are there, or none. */
export function metadataBatch(records: readonly WritableRecord[], place: BatchPlace): Uint8Array {
  const values = records.map((record) => ({ key: null, value: encodeMetadataRecord(record) }));
  return placed(encodeRecordBatch(values, { nowMs: place.nowMs }), place);
}

/** As many batches as it takes. */
export function metadataBatches(
  records: Iterable<WritableRecord>,
  place: BatchPlace,
): { batches: Uint8Array[]; endOffset: bigint } {
  const all = [...records];
  const batches: Uint8Array[] = [];
  for (let at = 0; at < all.length; at += metadataBatchRecordCountMax) {
    const some = all.slice(at, at + metadataBatchRecordCountMax);
    batches.push(metadataBatch(some, { ...place, baseOffset: place.baseOffset + BigInt(at) }));
  }
  return { batches, endOffset: place.baseOffset + BigInt(all.length) };
}

/** The content of a snapshot file. */
export function snapshotBatches(records: Iterable<WritableRecord>, epoch: number, nowMs: number): Uint8Array[] {
  const header = new Writer(16);
  header.int16(0);
  header.int64FromNumber(nowMs);
  header.taggedFields();
  const footer = new Writer(16);
  footer.int16(0);
  footer.taggedFields();
  const { batches, endOffset } = metadataBatches(records, { baseOffset: 1n, epoch, nowMs });
  return [
    controlBatch(controlTypes.snapshotHeader, header.finish(), { baseOffset: 0n, epoch, nowMs }),
    ...batches,
    controlBatch(controlTypes.snapshotFooter, footer.finish(), { baseOffset: endOffset, epoch, nowMs }),
  ];
}

/** True for the batch that ends a snapshot: without it the file is not whole. */
export function isSnapshotFooter(batch: Uint8Array, header: RecordBatchHeader): boolean {
  if (!isControlBatch(header.attributes)) return false;
  // Control batches are none of a reader's business, so that decoding them takes a batch that does not say so.
  const records: LogRecord[] = [];
  // Not `slice`: a Buffer's shares its memory.
  decodeRecordBatch(withControlBit(new Uint8Array(batch), false), 0, source, records);
  const key = records[0]?.key;
  if (key?.length !== 4) return false;
  return new DataView(key.buffer, key.byteOffset).getInt16(2) === controlTypes.snapshotFooter;
}

/** The metadata records of a batch with their offsets; none in a control batch. */
export function recordsIn(batch: Uint8Array): readonly { readonly offset: bigint; readonly record: MetadataRecord }[] {
  const records: LogRecord[] = [];
  decodeRecordBatch(batch, 0, source, records);
  return records.flatMap(({ offset, value }) =>
    value === null ? [] : [{ offset, record: decodeMetadataRecord(value) }],
  );
}

function controlBatch(type: number, value: Uint8Array, place: BatchPlace): Uint8Array {
  const key = new Uint8Array([0, 0, 0, type]);
  const batch = withControlBit(encodeRecordBatch([{ key, value }], { nowMs: place.nowMs }), true);
  writeBatchCrc(batch, 0, batch.length);
  return placed(batch, place);
}

function placed(batch: Uint8Array, { baseOffset, epoch }: BatchPlace): Uint8Array {
  setBaseOffset(batch, 0, baseOffset);
  setPartitionLeaderEpoch(batch, 0, epoch);
  return batch;
}

function withControlBit(batch: Uint8Array, isControl: boolean): Uint8Array {
  if (isControl) batch[attributesLowByte]! |= controlBit;
  else batch[attributesLowByte]! &= ~controlBit;
  return batch;
}
