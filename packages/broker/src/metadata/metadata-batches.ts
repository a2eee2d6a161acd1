// Metadata records in and out of record batches, and the frame of a snapshot.
//
// A snapshot is a file of record batches from offset 0 on, between two control batches whose values are flexible structures:
//
//   SnapshotHeader  => version INT16, lastContainedLogTimestamp INT64, tags
//   SnapshotFooter  => version INT16, tags
import type { LogRecord } from '@throughline/event';
import {
  controlTypeOf,
  controlTypes,
  decodeRecordBatch,
  encodeControlBatch,
  encodeRecordBatch,
  setBaseOffset,
  setPartitionLeaderEpoch,
  Writer,
} from '@throughline/wire';
import { metadataBatchRecordCountMax } from '../defaults.ts';
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord,
  type WritableRecord,
} from './metadata-record.ts';

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
    placed(encodeControlBatch(controlTypes.snapshotHeader, header.finish(), nowMs), { baseOffset: 0n, epoch }),
    ...batches,
    placed(encodeControlBatch(controlTypes.snapshotFooter, footer.finish(), nowMs), { baseOffset: endOffset, epoch }),
  ];
}

/** True for the batch that ends a snapshot: without it the file is not whole. */
export function isSnapshotFooter(batch: Uint8Array): boolean {
  return controlTypeOf(batch, 0) === controlTypes.snapshotFooter;
}

/** The metadata records of a batch with their offsets; none in a control batch. */
export function recordsIn(batch: Uint8Array): readonly { readonly offset: bigint; readonly record: MetadataRecord }[] {
  const records: LogRecord[] = [];
  decodeRecordBatch(batch, 0, source, records);
  return records.flatMap(({ offset, value }) =>
    value === null ? [] : [{ offset, record: decodeMetadataRecord(value) }],
  );
}

function placed(batch: Uint8Array, { baseOffset, epoch }: Omit<BatchPlace, 'nowMs'>): Uint8Array {
  setBaseOffset(batch, 0, baseOffset);
  setPartitionLeaderEpoch(batch, 0, epoch);
  return batch;
}
