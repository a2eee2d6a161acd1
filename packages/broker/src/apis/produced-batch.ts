// The one record batch that a Produce request may hold for a partition, found as Apache Kafka finds it (ProduceRequest's
// validateRecords over ByteBufferLogInputStream): bytes behind it that are no whole batch are left out. What the batch must
// be in itself, the partition checks (storage/batch-check.ts).
//
//   position 8 batchLength int32, 16 magic int8, 21 attributes int16    (of a batch of magic 2)
import { batchHeaderBytes, batchPrefixBytes, codecOf, kafkaErrors, readBatchHeader } from '@throughline/wire';

/** A batch of any magic has at least this in front of its records, counted without the prefix: Kafka's LegacyRecord. */
const batchLengthMin = 14;
const magicAt = 16;
const isTransactional = 0x10;
/** From this version of Produce on a client may use zstd (KIP-110). */
const zstdVersionMin = 7;

/** The batch, or the code of what is wrong. */
export function producedBatch(version: number, records: Uint8Array | null): Uint8Array | number {
  if (records === null) return kafkaErrors.INVALID_RECORD;
  const sizeBytes = wholeBatchBytes(records, 0);
  if (sizeBytes === undefined) return kafkaErrors.INVALID_RECORD;
  if (sizeBytes < 0) return kafkaErrors.CORRUPT_MESSAGE;
  if (records[magicAt] !== 2) return kafkaErrors.INVALID_RECORD;
  if (sizeBytes < batchHeaderBytes) return kafkaErrors.CORRUPT_MESSAGE;
  const { attributes, baseOffset } = readBatchHeader(records, 0);
  if (version < zstdVersionMin && codecOf(attributes) === 'zstd') return kafkaErrors.UNSUPPORTED_COMPRESSION_TYPE;
  if (sizeBytes < records.length) {
    const secondBytes = wholeBatchBytes(records, sizeBytes);
    if (secondBytes !== undefined) return secondBytes < 0 ? kafkaErrors.CORRUPT_MESSAGE : kafkaErrors.INVALID_RECORD;
  }
  if (baseOffset !== 0n) return kafkaErrors.INVALID_RECORD;
  return sizeBytes === records.length ? records : records.subarray(0, sizeBytes);
}

/** Whether the first batch is part of a transaction. */
export function isTransactionalBatch(records: Uint8Array | null): boolean {
  if (records === null || records.length < batchHeaderBytes || records[magicAt] !== 2) return false;
  return (readBatchHeader(records, 0).attributes & isTransactional) !== 0;
}

/** Bytes of the batch at `position`: undefined where no whole one is left, -1 where what is there cannot be one. */
function wholeBatchBytes(records: Uint8Array, position: number): number | undefined {
  const left = records.length - position;
  if (left < batchPrefixBytes) return undefined;
  const at = position + 8;
  const batchLength = (records[at]! << 24) | (records[at + 1]! << 16) | (records[at + 2]! << 8) | records[at + 3]!;
  if (batchLength < batchLengthMin) return -1;
  if (left <= magicAt) return undefined;
  if (records[position + magicAt]! > 2) return -1;
  const sizeBytes = batchPrefixBytes + batchLength;
  return left < sizeBytes ? undefined : sizeBytes;
}
