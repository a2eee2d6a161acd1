// Records in and out of a record batch, magic 2, in Kafka's notation (kafka.apache.org/documentation/#record). The head
// of the batch stands in record-batch-layout.ts; each record after it is
//
//   length            varint    bytes that follow this field
//   attributes        int8      unused
//   timestampDelta    varlong   from the batch's baseTimestamp
//   offsetDelta       varint    from the batch's baseOffset
//   keyLength, key    varint, bytes     -1: null
//   valueLength, value                  -1: null
//   headerCount       varint, then per header: keyLength varint, key UTF-8, valueLength varint (-1: null), value
//
// With a codec in the attributes all records together are one compressed block.
import { ThroughlineError, type LogRecord, type ProducerRecord, type RecordHeader } from '@throughline/event';
import { codecId, codecOf, compress, decompress, type Codec } from './compression.ts';
import { decompressedBytesMax } from './defaults.ts';
import { headerKeyBytes, headerKeyText } from './header-keys.ts';
import {
  batchHeaderProblem,
  exactTimestamps,
  readBatchAttributes,
  readBatchHeader,
  writeBatchCrc,
} from './record-batch-header.ts';
import {
  batchFieldsAt,
  batchHeaderBytes,
  batchPrefixBytes,
  isAppendTime,
  isControlBatch,
} from './record-batch-layout.ts';
import { Reader } from './reader.ts';
import { varintBytes, varlongBytes, wideVarlongBytes, Writer } from './writer.ts';

export interface EncodeOptions {
  /** Timestamp of the records that bring none, in milliseconds since 1970. */
  readonly nowMs: number;
  /** `none` where absent. */
  readonly codec?: Codec;
  /** Idempotence (KIP-98); absent where the writer is not idempotent. */
  readonly producer?: { readonly id: bigint; readonly epoch: number; readonly baseSequence: number };
}

/** Where a batch comes from, and what of it is wanted. */
export interface DecodeOptions {
  readonly topic: string;
  readonly partition: number;
  /** Records below this offset are left out. */
  readonly fromOffset?: bigint;
}

/**
 * Encodes records as one batch at offset 0, to be placed by whoever appends it.
 *
 * @returns the bytes of the batch; nothing of `records` is shared with them
 * @throws ThroughlineError INVALID_RECORD for no records or an impossible timestamp, NOT_BUILT_YET for a missing codec
 * @example encodeRecordBatch([{ key: null, value: utf8('hello') }], { nowMs: Date.now() })
 */
export function encodeRecordBatch(records: readonly ProducerRecord[], options: EncodeOptions): Uint8Array {
  const { nowMs, codec = 'none', producer } = options;
  if (records.length === 0) throw new ThroughlineError('INVALID_RECORD', 'a record batch has at least one record');
  const baseTimestampMs = records[0]!.timestampMs ?? nowMs;
  let maxTimestampMs = baseTimestampMs;
  let recordsBytes = 0;
  let isNarrow = true;
  for (const record of records) {
    recordsBytes += recordBytesBound(record);
    if (record.exactTimestampMs !== undefined) isNarrow = false;
    const timestampMs = record.timestampMs ?? nowMs;
    if (timestampMs > maxTimestampMs) maxTimestampMs = timestampMs;
  }

  const writer = new Writer(batchHeaderBytes + recordsBytes);
  writer.int64FromNumber(0); // baseOffset
  writer.int32(0); // batchLength, below
  writer.int32(-1); // partitionLeaderEpoch
  writer.int8(2); // magic
  writer.int32(0); // crc, below
  writer.int16(codecId(codec));
  writer.int32(records.length - 1); // lastOffsetDelta
  const wide = isNarrow ? undefined : wideTimestamps(records, nowMs);
  if (wide === undefined) {
    writer.int64FromNumber(baseTimestampMs);
    writer.int64FromNumber(maxTimestampMs);
  } else {
    writer.int64(wide.base);
    writer.int64(wide.max);
  }
  if (producer === undefined) writer.int64FromNumber(-1);
  else writer.int64(producer.id);
  writer.int16(producer?.epoch ?? -1);
  writer.int32(producer?.baseSequence ?? -1);
  writer.int32(records.length);
  if (codec === 'none') {
    writeRecords(writer, records, baseTimestampMs, nowMs, wide);
  } else {
    const plain = new Writer(recordsBytes);
    writeRecords(plain, records, baseTimestampMs, nowMs, wide);
    writer.raw(compress(codec, plain.finish()));
  }
  const sizeBytes = writer.position;
  writer.int32At(batchFieldsAt.batchLength, sizeBytes - batchPrefixBytes);
  const batch = writer.finish();
  writeBatchCrc(batch, 0, sizeBytes);
  return batch;
}

/**
 * The most bytes that `record` takes in a batch, whatever stands before it.
 *
 * @throws ThroughlineError INVALID_RECORD when it cannot be encoded at all
 */
export function recordBytesBound(record: ProducerRecord): number {
  const { timestampMs = 0, exactTimestampMs } = record;
  if (
    exactTimestampMs === undefined ? !Number.isSafeInteger(timestampMs) || timestampMs < 0 : !isInt64(exactTimestampMs)
  ) {
    throw new ThroughlineError('INVALID_RECORD', `a timestamp of ${exactTimestampMs ?? timestampMs} ms`);
  }
  // The varints of a record: five lengths and deltas of at most five bytes, a timestamp of at most ten, and attributes.
  let bytes = 36 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  if (record.headers !== undefined) {
    for (const { key, value } of record.headers) bytes += 10 + headerKeyBytes(key).length + (value?.length ?? 0);
  }
  return bytes;
}

function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

function writeRecords(
  writer: Writer,
  records: readonly ProducerRecord[],
  baseTimestampMs: number,
  nowMs: number,
  wide: WideTimestamps | undefined,
): void {
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const { key, value, headers } = record;
    const timestampDelta = (record.timestampMs ?? nowMs) - baseTimestampMs;
    const headerCount = headers === undefined ? 0 : headers.length;
    let length =
      1 +
      (wide === undefined ? varlongBytes(timestampDelta) : wideVarlongBytes(wide.deltas[index]!)) +
      varintBytes(index) +
      fieldBytes(key) +
      fieldBytes(value) +
      varintBytes(headerCount);
    for (let i = 0; i < headerCount; i++) {
      length += fieldBytes(headerKeyBytes(headers![i]!.key)) + fieldBytes(headers![i]!.value);
    }
    writer.varint(length);
    writer.int8(0);
    if (wide === undefined) writer.varlong(timestampDelta);
    else writer.wideVarlong(wide.deltas[index]!);
    writer.varint(index);
    writer.varintBytes(key);
    writer.varintBytes(value);
    writer.varint(headerCount);
    for (let i = 0; i < headerCount; i++) {
      writer.varintBytes(headerKeyBytes(headers![i]!.key));
      writer.varintBytes(headers![i]!.value);
    }
  }
}

/** The timestamps of a batch as they are written where a number does not hold one of them. */
interface WideTimestamps {
  readonly base: bigint;
  readonly max: bigint;
  readonly deltas: readonly bigint[];
}

function wideTimestamps(records: readonly ProducerRecord[], nowMs: number): WideTimestamps {
  const exact = records.map(({ exactTimestampMs, timestampMs = nowMs }) => exactTimestampMs ?? BigInt(timestampMs));
  const base = exact[0]!;
  const max = exact.reduce((largest, timestamp) => (timestamp > largest ? timestamp : largest));
  return { base, max, deltas: exact.map((timestamp) => BigInt.asIntN(64, timestamp - base)) };
}

function fieldBytes(field: Uint8Array | null): number {
  return field === null ? 1 : varintBytes(field.length) + field.length;
}

const noHeaders: readonly RecordHeader[] = Object.freeze([]);

/**
 * Decodes the batch at `position` and adds its records to `records`. Keys, values and headers of an uncompressed batch
 * are views of `buffer`, not copies: they are read-only, and who keeps one for long copies it. Control batches (transaction
 * markers) hold no records for readers. The checksum is verifyBatchCrc's affair.
 *
 * @throws ThroughlineError INVALID_RECORD when the bytes break the format, CORRUPT_RECORD when the head is cut short,
 *   NOT_BUILT_YET for a codec that is not there. `records` may then hold a part of the batch.
 * @example decodeRecordBatch(batch, 0, { topic: 'notes', partition: 0 }, [])
 */
export function decodeRecordBatch(
  buffer: Uint8Array,
  position: number,
  options: DecodeOptions,
  records: LogRecord[],
): void {
  const { topic, partition, fromOffset } = options;
  const header = readBatchHeader(buffer, position);
  const { baseOffset, lastOffsetDelta, baseTimestampMs, recordCount, attributes, partitionLeaderEpoch } = header;
  const problem = batchHeaderProblem(header);
  if (problem !== undefined) throw invalid(options, baseOffset, problem);
  const batchEnd = position + header.sizeBytes;
  if (batchEnd > buffer.length) {
    throw invalid(options, baseOffset, `the batch has ${header.sizeBytes} bytes, ${buffer.length - position} are left`);
  }
  if (isControlBatch(attributes)) return;
  const codec = codecOf(attributes);
  if (codec === undefined) throw invalid(options, baseOffset, `no codec has the attributes ${attributes}`);
  const appendTimeMs = isAppendTime(attributes) ? header.maxTimestampMs : undefined;
  const skippedBelow = fromOffset === undefined || fromOffset <= baseOffset ? 0 : Number(fromOffset - baseOffset);
  if (skippedBelow > lastOffsetDelta) return;

  let bytes = buffer;
  let start = position + batchHeaderBytes;
  let end = batchEnd;
  if (codec !== 'none') {
    bytes = decompress(codec, buffer.subarray(start, end), decompressedBytesMax);
    start = 0;
    end = bytes.length;
  }
  const reader = new Reader(bytes, start, end, 'INVALID_RECORD');
  const leaderEpoch = partitionLeaderEpoch;
  const isBaseSafe = Number.isSafeInteger(baseTimestampMs);
  let previousDelta = -1;
  for (let index = 0; index < recordCount; index++) {
    const length = reader.varint();
    const recordEnd = reader.position + length;
    reader.skip(1);
    const deltaAt = reader.position;
    const timestampDelta = reader.varlong();
    const timestampMs = appendTimeMs ?? baseTimestampMs + timestampDelta;
    const offsetDelta = reader.varint();
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta) {
      throw invalid(options, baseOffset, `an offsetDelta of ${offsetDelta} after ${previousDelta}`);
    }
    previousDelta = offsetDelta;
    if (offsetDelta < skippedBelow) {
      reader.skip(recordEnd - reader.position);
      continue;
    }
    const key = reader.varintBytes();
    const value = reader.varintBytes();
    const headerCount = reader.varint();
    const headers = headerCount === 0 ? noHeaders : readHeaders(reader, bytes, headerCount);
    if (reader.position !== recordEnd) {
      throw invalid(options, baseOffset, `record ${index} does not end where its length says`);
    }
    const offset = baseOffset + BigInt(offsetDelta);
    if (isBaseSafe && Number.isSafeInteger(timestampDelta) && Number.isSafeInteger(timestampMs)) {
      records.push({ topic, partition, offset, timestampMs, key, value, headers, leaderEpoch });
    } else {
      const exactTimestampMs = exactTimestamp(buffer, position, bytes, deltaAt);
      const nearestMs = Number(exactTimestampMs);
      const isSafe = Number.isSafeInteger(nearestMs);
      const time = isSafe ? { timestampMs: nearestMs } : { timestampMs: nearestMs, exactTimestampMs };
      records.push({ topic, partition, offset, ...time, key, value, headers, leaderEpoch });
    }
  }
  if (reader.remaining !== 0) throw invalid(options, baseOffset, `${reader.remaining} bytes follow the last record`);
}

/** The int64 of a record's timestamp, for the few that a number does not hold: the sum wraps as it does in Kafka. */
function exactTimestamp(batch: Uint8Array, position: number, records: Uint8Array, deltaAt: number): bigint {
  const { base, max } = exactTimestamps(batch, position);
  if (isAppendTime(readBatchAttributes(batch, position))) return max;
  return BigInt.asIntN(64, base + new Reader(records, deltaAt, records.length, 'INVALID_RECORD').exactVarlong());
}

function readHeaders(reader: Reader, bytes: Uint8Array, count: number): readonly RecordHeader[] {
  // Each header has at least two bytes: a count above that must not cost memory.
  if (count < 0 || count * 2 > reader.remaining) {
    throw new ThroughlineError('INVALID_RECORD', `${count} headers in ${reader.remaining} bytes`);
  }
  const headers: RecordHeader[] = [];
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    const at = reader.position;
    reader.skip(length);
    const key = headerKeyText(bytes, at, length);
    headers.push({ key, value: reader.varintBytes() });
  }
  return headers;
}

function invalid(options: DecodeOptions, baseOffset: bigint, problem: string): ThroughlineError {
  const { topic, partition } = options;
  return new ThroughlineError('INVALID_RECORD', `record batch ${topic}-${partition}@${baseOffset}: ${problem}`, {
    details: { topic, partition, baseOffset: String(baseOffset) },
  });
}
