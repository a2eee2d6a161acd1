// The head of a record batch: read whole, judged, and single fields of it read and written where a whole head would cost more
// than it tells. The places are in record-batch-layout.ts.
import { ThroughlineError } from '@throughline/event';
import { crc32c } from './crc32c.ts';
import { attributeBits, batchFieldsAt, batchHeaderBytes, batchPrefixBytes } from './record-batch-layout.ts';

const {
  batchLength: batchLengthAt,
  partitionLeaderEpoch: partitionLeaderEpochAt,
  magic: magicAt,
  crc: crcAt,
  attributes: attributesAt,
  baseTimestamp: baseTimestampAt,
  maxTimestamp: maxTimestampAt,
  producerId: producerIdAt,
  producerEpoch: producerEpochAt,
  baseSequence: baseSequenceAt,
  recordCount: recordCountAt,
} = batchFieldsAt;

export interface RecordBatchHeader {
  readonly baseOffset: bigint;
  readonly batchLength: number;
  readonly partitionLeaderEpoch: number;
  readonly magic: number;
  readonly crc: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
  /** Bytes of the whole batch, as `batchLength` states them. */
  readonly sizeBytes: number;
}

/**
 * Reads the head of the batch at `position`. It states what the bytes say: batchHeaderProblem tells whether that can be.
 *
 * @throws ThroughlineError CORRUPT_RECORD when fewer bytes are left than it has
 * @example readBatchHeader(batch, 0).recordCount
 */
export function readBatchHeader(buffer: Uint8Array, position: number): RecordBatchHeader {
  if (position < 0 || position + batchHeaderBytes > buffer.length) {
    const left = Math.max(0, buffer.length - position);
    throw new ThroughlineError(
      'CORRUPT_RECORD',
      `the head of a record batch has ${batchHeaderBytes} bytes, ${left} are left`,
    );
  }
  const batchLength = readBatchLength(buffer, position);
  return {
    baseOffset: int64(buffer, position),
    batchLength,
    partitionLeaderEpoch: int32(buffer, position + partitionLeaderEpochAt),
    magic: readBatchMagic(buffer, position),
    crc: int32(buffer, position + crcAt) >>> 0,
    attributes: readBatchAttributes(buffer, position),
    lastOffsetDelta: int32(buffer, position + batchFieldsAt.lastOffsetDelta),
    baseTimestampMs: milliseconds(buffer, position + baseTimestampAt),
    maxTimestampMs: milliseconds(buffer, position + maxTimestampAt),
    producerId: int64(buffer, position + producerIdAt),
    producerEpoch: int16(buffer, position + producerEpochAt),
    baseSequence: int32(buffer, position + baseSequenceAt),
    recordCount: readRecordCount(buffer, position),
    sizeBytes: batchPrefixBytes + batchLength,
  };
}

/**
 * Says what makes a head impossible, or undefined when it can be one of magic 2. A batch without records is possible:
 * compaction leaves such heads behind.
 */
export function batchHeaderProblem(header: RecordBatchHeader): string | undefined {
  if (header.magic !== 2) return `magic ${header.magic} is not 2`;
  if (header.sizeBytes < batchHeaderBytes) return `batchLength ${header.batchLength} is shorter than the head`;
  if (header.baseOffset < 0n) return `baseOffset ${header.baseOffset} is negative`;
  if (header.recordCount < 0) return `recordCount ${header.recordCount} is negative`;
  if (header.lastOffsetDelta < 0) return `lastOffsetDelta ${header.lastOffsetDelta} is negative`;
  if (header.recordCount > header.lastOffsetDelta + 1) {
    return `recordCount ${header.recordCount} does not fit lastOffsetDelta ${header.lastOffsetDelta}`;
  }
  return undefined;
}

/** The offset of the last record of a batch. */
export function lastOffsetOf({ baseOffset, lastOffsetDelta }: RecordBatchHeader): bigint {
  return baseOffset + BigInt(lastOffsetDelta);
}

/** The offset behind a batch: that of the next one, where none is missing. */
export function offsetBehind(header: RecordBatchHeader): bigint {
  return lastOffsetOf(header) + 1n;
}

/** The `batchLength` that the batch at `position` states; batchPrefixBytes have to be left. */
export function readBatchLength(buffer: Uint8Array, position: number): number {
  return int32(buffer, position + batchLengthAt);
}

/** Bytes of the whole batch at `position`, as its `batchLength` states them; batchPrefixBytes have to be left. */
export function readBatchSize(buffer: Uint8Array, position: number): number {
  return batchPrefixBytes + int32(buffer, position + batchLengthAt);
}

/** The magic of the batch at `position`, of whichever format; batchBytesToMagic have to be left. */
export function readBatchMagic(buffer: Uint8Array, position: number): number {
  return (buffer[position + magicAt]! << 24) >> 24;
}

/** The `attributes` of the batch at `position`, whose head has to be there. */
export function readBatchAttributes(buffer: Uint8Array, position: number): number {
  return int16(buffer, position + attributesAt);
}

/** The count of records that the batch at `position` states, whose head has to be there. */
export function readRecordCount(buffer: Uint8Array, position: number): number {
  return int32(buffer, position + recordCountAt);
}

/** True where the batch at `position` has another base offset than 0, with which clients send it. */
export function hasBaseOffset(buffer: Uint8Array, position: number): boolean {
  return int32(buffer, position) !== 0 || int32(buffer, position + 4) !== 0;
}

/** Places a batch: its first record gets `offset`. The checksum stays right. */
export function setBaseOffset(buffer: Uint8Array, position: number, offset: bigint): void {
  writeInt64(buffer, position, offset);
}

/** Notes the leader epoch that a batch is appended in. The checksum stays right. */
export function setPartitionLeaderEpoch(buffer: Uint8Array, position: number, epoch: number): void {
  writeInt32(buffer, position + partitionLeaderEpochAt, epoch);
}

/** Tells whether the batch of `sizeBytes` at `position` is all there and matches its checksum. */
export function verifyBatchCrc(buffer: Uint8Array, position: number, sizeBytes: number): boolean {
  if (sizeBytes < batchHeaderBytes || position + sizeBytes > buffer.length) return false;
  const expected = int32(buffer, position + crcAt) >>> 0;
  return crc32c(buffer, position + attributesAt, position + sizeBytes) === expected;
}

/** Computes the checksum of the batch of `sizeBytes` at `position` and writes it into its head. */
export function writeBatchCrc(buffer: Uint8Array, position: number, sizeBytes: number): void {
  writeInt32(buffer, position + crcAt, crc32c(buffer, position + attributesAt, position + sizeBytes));
}

/**
 * The CRC-32C of what the checksum of the batch at `position` does not cover: what stands before `attributes`, that checksum
 * itself with it.
 *
 * @param crc of bytes that go before
 */
export function crcOfUncheckedHead(buffer: Uint8Array, position: number, crc: number): number {
  return crc32c(buffer, position, position + attributesAt, crc);
}

/**
 * Makes the batch of `sizeBytes` at `position` one of an idempotent producer (KIP-98), whose first record has `baseSequence`; the
 * checksum is computed again.
 */
export function setProducer(
  buffer: Uint8Array,
  position: number,
  sizeBytes: number,
  { id, epoch }: { readonly id: bigint; readonly epoch: number },
  baseSequence: number,
): void {
  writeInt64(buffer, position + producerIdAt, id);
  buffer[position + producerEpochAt] = epoch >>> 8;
  buffer[position + producerEpochAt + 1] = epoch;
  writeInt32(buffer, position + baseSequenceAt, baseSequence);
  writeBatchCrc(buffer, position, sizeBytes);
}

/** Makes the batch of `sizeBytes` at `position` a control batch; the checksum is computed again. */
export function setControlBatch(buffer: Uint8Array, position: number, sizeBytes: number): void {
  buffer[position + attributesAt + 1]! |= attributeBits.control;
  writeBatchCrc(buffer, position, sizeBytes);
}

/**
 * Gives the batch of `sizeBytes` at `position` another largest timestamp, and with `isAppendTime` makes it the time of all
 * its records; the checksum is computed again.
 */
export function setMaxTimestamp(
  buffer: Uint8Array,
  position: number,
  sizeBytes: number,
  { timestampMs, isAppendTime }: { readonly timestampMs: number; readonly isAppendTime: boolean },
): void {
  const { appendTime } = attributeBits;
  const lowAttributesAt = position + attributesAt + 1;
  buffer[lowAttributesAt] = (buffer[lowAttributesAt]! & ~appendTime) | (isAppendTime ? appendTime : 0);
  const high = Math.floor(timestampMs / 0x100000000);
  writeInt32(buffer, position + maxTimestampAt, high);
  writeInt32(buffer, position + maxTimestampAt + 4, timestampMs - high * 0x100000000);
  writeBatchCrc(buffer, position, sizeBytes);
}

/** The two timestamps of a batch as they are, for what a number does not hold. */
export function exactTimestamps(buffer: Uint8Array, position: number): { readonly base: bigint; readonly max: bigint } {
  return { base: int64(buffer, position + baseTimestampAt), max: int64(buffer, position + maxTimestampAt) };
}

function int16(buffer: Uint8Array, at: number): number {
  return ((buffer[at]! << 24) >> 16) | buffer[at + 1]!;
}

function int32(buffer: Uint8Array, at: number): number {
  return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!;
}

/** A number where it is exact, which spares the shifting of bigints: only offsets above 2^53 take the second way. */
function int64(buffer: Uint8Array, at: number): bigint {
  const high = int32(buffer, at);
  const low = int32(buffer, at + 4) >>> 0;
  if (high >= -0x200000 && high < 0x200000) return BigInt(high * 0x100000000 + low);
  return (BigInt(high) << 32n) | BigInt(low);
}

/** An int64 of milliseconds; beyond 2^53, some 285,000 years off, it is the nearest number. */
function milliseconds(buffer: Uint8Array, at: number): number {
  return int32(buffer, at) * 0x100000000 + (int32(buffer, at + 4) >>> 0);
}

function writeInt32(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

function writeInt64(buffer: Uint8Array, at: number, value: bigint): void {
  writeInt32(buffer, at, Number(value >> 32n));
  writeInt32(buffer, at + 4, Number(value & 0xffffffffn));
}
