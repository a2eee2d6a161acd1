// The fixed head of a record batch, magic 2, in Kafka's notation (kafka.apache.org/documentation/#recordbatch; KIP-98).
// All integers are big-endian.
//
//   position  field                 type
//          0  baseOffset            int64    offset of the first record
//          8  batchLength           int32    bytes that follow this field
//         12  partitionLeaderEpoch  int32    set by the leader that appends the batch
//         16  magic                 int8     2
//         17  crc                   uint32   CRC-32C of everything from `attributes` to the end
//         21  attributes            int16    bits 0-2 codec, 3 timestamp type (1 = append time), 4 transactional,
//                                            5 control batch, 6 has delete horizon
//         23  lastOffsetDelta       int32    offset of the last record minus baseOffset
//         27  baseTimestamp         int64    milliseconds since 1970
//         35  maxTimestamp          int64
//         43  producerId            int64    -1: not idempotent
//         51  producerEpoch         int16
//         53  baseSequence          int32
//         57  recordCount           int32
//         61  records
//
// The checksum begins after the leader epoch, so a broker gives a batch its place in the log (base offset and leader
// epoch) without computing it again.
import { ThroughlineError } from '@throughline/event';
import { crc32c } from './crc32c.ts';

/** Bytes of the head; the records begin here. */
export const batchHeaderBytes = 61;
/** Bytes that `batchLength` does not count: baseOffset and batchLength itself. */
export const batchPrefixBytes = 12;
const partitionLeaderEpochAt = 12;
const crcAt = 17;
/** What the checksum covers begins here. */
export const batchAttributesAt = 21;
const maxTimestampAt = 35;
const appendTimeBit = 0x08;

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
 * @throws ThroughlineError CORRUPT_RECORD when fewer than 61 bytes are left
 * @example readBatchHeader(batch, 0).recordCount
 */
export function readBatchHeader(buffer: Uint8Array, position: number): RecordBatchHeader {
  if (position < 0 || position + batchHeaderBytes > buffer.length) {
    const left = Math.max(0, buffer.length - position);
    throw new ThroughlineError('CORRUPT_RECORD', `the head of a record batch has 61 bytes, ${left} are left`);
  }
  const batchLength = int32(buffer, position + 8);
  return {
    baseOffset: int64(buffer, position),
    batchLength,
    partitionLeaderEpoch: int32(buffer, position + partitionLeaderEpochAt),
    magic: (buffer[position + 16]! << 24) >> 24,
    crc: int32(buffer, position + crcAt) >>> 0,
    attributes: int16(buffer, position + batchAttributesAt),
    lastOffsetDelta: int32(buffer, position + 23),
    baseTimestampMs: milliseconds(buffer, position + 27),
    maxTimestampMs: milliseconds(buffer, position + 35),
    producerId: int64(buffer, position + 43),
    producerEpoch: int16(buffer, position + 51),
    baseSequence: int32(buffer, position + 53),
    recordCount: int32(buffer, position + 57),
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

/** Places a batch: its first record gets `offset`. The checksum stays right. */
export function setBaseOffset(buffer: Uint8Array, position: number, offset: bigint): void {
  const high = Number(offset >> 32n);
  const low = Number(offset & 0xffffffffn);
  writeInt32(buffer, position, high);
  writeInt32(buffer, position + 4, low);
}

/** Notes the leader epoch that a batch is appended in. The checksum stays right. */
export function setPartitionLeaderEpoch(buffer: Uint8Array, position: number, epoch: number): void {
  writeInt32(buffer, position + partitionLeaderEpochAt, epoch);
}

/** Tells whether the batch of `sizeBytes` at `position` is all there and matches its checksum. */
export function verifyBatchCrc(buffer: Uint8Array, position: number, sizeBytes: number): boolean {
  if (sizeBytes < batchHeaderBytes || position + sizeBytes > buffer.length) return false;
  const expected = int32(buffer, position + crcAt) >>> 0;
  return crc32c(buffer, position + batchAttributesAt, position + sizeBytes) === expected;
}

/** Computes the checksum of the batch of `sizeBytes` at `position` and writes it into its head. */
export function writeBatchCrc(buffer: Uint8Array, position: number, sizeBytes: number): void {
  writeInt32(buffer, position + crcAt, crc32c(buffer, position + batchAttributesAt, position + sizeBytes));
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
  const lowAttributesAt = position + batchAttributesAt + 1;
  buffer[lowAttributesAt] = (buffer[lowAttributesAt]! & ~appendTimeBit) | (isAppendTime ? appendTimeBit : 0);
  const high = Math.floor(timestampMs / 0x100000000);
  writeInt32(buffer, position + maxTimestampAt, high);
  writeInt32(buffer, position + maxTimestampAt + 4, timestampMs - high * 0x100000000);
  writeBatchCrc(buffer, position, sizeBytes);
}

/** The two timestamps of a batch as they are, for what a number does not hold. */
export function exactTimestamps(buffer: Uint8Array, position: number): { readonly base: bigint; readonly max: bigint } {
  return { base: int64(buffer, position + 27), max: int64(buffer, position + maxTimestampAt) };
}

/** True where the timestamps of all records are the time of the append, in maxTimestamp. */
export function isAppendTime(attributes: number): boolean {
  return (attributes & appendTimeBit) !== 0;
}

/** True for a batch of a transaction. */
export function isTransactionalBatch(attributes: number): boolean {
  return (attributes & 0x10) !== 0;
}

/** True for a batch that holds no records but a transaction marker. */
export function isControlBatch(attributes: number): boolean {
  return (attributes & 0x20) !== 0;
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
