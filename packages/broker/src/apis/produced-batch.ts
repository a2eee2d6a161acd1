// The one record batch that a Produce request may hold for a partition, found as Apache Kafka finds it (ProduceRequest's
// validateRecords over ByteBufferLogInputStream): bytes behind it that are no whole batch are left out. What the batch must
// be in itself, the partition checks (storage/batch-check.ts).
import {
  batchBytesToMagic,
  batchHeaderBytes,
  batchPrefixBytes,
  codecOf,
  isTransactionalBatch,
  readBatchAttributes,
  readBatchLength,
  readBatchMagic,
  type KafkaErrorName,
} from '@throughline/wire';

/** A batch of any magic has at least this in front of its records, counted without the prefix: Kafka's LegacyRecord. */
const batchLengthMin = 14;
/** From this version of Produce on a client may use zstd (KIP-110). */
const zstdVersionMin = 7;

/** Why there is no batch to be appended; the message where Kafka tells one. */
export interface NoBatch {
  readonly errorCode: KafkaErrorName;
  readonly errorMessage?: string;
}

const notOneBatch: NoBatch = { errorCode: 'INVALID_RECORD' };
const corrupt: NoBatch = { errorCode: 'CORRUPT_MESSAGE' };
const zstdTooEarly: NoBatch = { errorCode: 'UNSUPPORTED_COMPRESSION_TYPE' };

/** The batch, or why there is none. */
export function producedBatch(version: number, records: Uint8Array | null): Uint8Array | NoBatch {
  if (records === null) return notOneBatch;
  const sizeBytes = wholeBatchBytes(records, 0);
  if (typeof sizeBytes !== 'number') return sizeBytes ?? notOneBatch;
  if (readBatchMagic(records, 0) !== 2) return notOneBatch;
  if (sizeBytes < batchHeaderBytes) return corrupt;
  if (version < zstdVersionMin && codecOf(readBatchAttributes(records, 0)) === 'zstd') return zstdTooEarly;
  if (sizeBytes === records.length) return records;
  const second = wholeBatchBytes(records, sizeBytes);
  if (second !== undefined) return typeof second === 'number' ? notOneBatch : corrupt;
  return records.subarray(0, sizeBytes);
}

/** Whether the first batch is part of a transaction. */
export function isOfTransaction(records: Uint8Array | null): boolean {
  if (records === null || records.length < batchHeaderBytes || readBatchMagic(records, 0) !== 2) return false;
  return isTransactionalBatch(readBatchAttributes(records, 0));
}

/** Bytes of the batch at `position`: undefined where no whole one is left. */
function wholeBatchBytes(records: Uint8Array, position: number): number | NoBatch | undefined {
  const left = records.length - position;
  if (left < batchPrefixBytes) return undefined;
  const batchLength = readBatchLength(records, position);
  if (batchLength < batchLengthMin) {
    const errorMessage = `Record size ${batchLength} is less than the minimum record overhead (${batchLengthMin})`;
    return { ...corrupt, errorMessage };
  }
  if (left < batchBytesToMagic) return undefined;
  const magic = readBatchMagic(records, position);
  if (magic < 0 || magic > 2) return { ...corrupt, errorMessage: `Invalid magic found in record: ${magic}` };
  const sizeBytes = batchPrefixBytes + batchLength;
  return left < sizeBytes ? undefined : sizeBytes;
}
