// Writes Kafka's primitive types (kafka.apache.org/protocol#protocol_types) one after the other into bytes that grow.
//
// Fixed-width integers are big-endian. VARINT and VARLONG are zigzag-coded little-endian groups of seven bits, as in
// protocol buffers; lengths of the compact types are unsigned varints of the length plus one, 0 meaning null (KIP-482).
import { assert, ThroughlineError } from '@throughline/event';
import { stringBytesMax, writerCapacityBytes } from './defaults.ts';

/** What an INT32, and so the length of anything but a string, has room for. */
const int32Max = 0x7fffffff;

export class Writer {
  #bytes: Buffer;
  #position = 0;

  /** `capacityBytes` is a guess of the final size; a right one spares copying. */
  constructor(capacityBytes: number = writerCapacityBytes) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  /** Where the next value goes; also the count of bytes written. */
  get position(): number {
    return this.#position;
  }

  /** What has been written, without a copy: the writer is not to be used afterwards. */
  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#position);
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  int8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#position++] = value;
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#bytes[this.#position++] = value >>> 8;
    this.#bytes[this.#position++] = value;
  }

  uint16(value: number): void {
    this.int16(value);
  }

  int32(value: number): void {
    this.#reserve(4);
    const bytes = this.#bytes;
    const at = this.#position;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.#position = at + 4;
  }

  /** Overwrites an int32 written before. */
  int32At(position: number, value: number): void {
    assert(position + 4 <= this.#position, 'only what has been written is overwritten');
    if (value > int32Max) throw tooLong(value);
    this.#bytes.writeInt32BE(value, position);
  }

  int64(value: bigint): void {
    this.int32(Number(BigInt.asIntN(32, value >> 32n)));
    this.int32(Number(BigInt.asIntN(32, value)));
  }

  /** An int64 from a whole number, which is cheaper than from a bigint. */
  int64FromNumber(value: number): void {
    this.int32(Math.floor(value / 0x100000000));
    this.int32(value % 0x100000000);
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#position = this.#bytes.writeDoubleBE(value, this.#position);
  }

  /** 32 hexadecimal digits. */
  uuid(value: string): void {
    assert(/^[0-9a-f]{32}$/i.test(value), 'a UUID is 32 hexadecimal digits');
    this.raw(Buffer.from(value, 'hex'));
  }

  unsignedVarint(value: number): void {
    this.#reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#position++] = rest;
  }

  varint(value: number): void {
    this.unsignedVarint((value << 1) ^ (value >> 31));
  }

  /** A VARLONG from a whole number. */
  varlong(value: number): void {
    if (value >= -0x40000000 && value < 0x40000000) return this.varint(value);
    this.wideVarlong(BigInt(value));
  }

  /** A VARLONG from a bigint. */
  wideVarlong(wide: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n));
    while (rest > 0x7fn) {
      this.#bytes[this.#position++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#position++] = Number(rest);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    const length = bytes.length;
    this.#reserve(length);
    if (length < 24) {
      // A call into the engine costs more than a few bytes by hand.
      for (let i = 0; i < length; i++) this.#bytes[this.#position + i] = bytes[i]!;
    } else {
      this.#bytes.set(bytes, this.#position);
    }
    this.#position += length;
  }

  /** STRING and NULLABLE_STRING. */
  string(value: string | null): void {
    if (value === null) return this.int16(-1);
    const length = Buffer.byteLength(value);
    if (length > stringBytesMax) throw tooLong(length);
    this.int16(length);
    this.#utf8(value, length);
  }

  /** COMPACT_STRING and COMPACT_NULLABLE_STRING. A length beyond `stringBytesMax` can be said, and is for its reader to reject. */
  compactString(value: string | null): void {
    if (value === null) return this.unsignedVarint(0);
    const length = Buffer.byteLength(value);
    this.unsignedVarint(length + 1);
    this.#utf8(value, length);
  }

  /** BYTES, NULLABLE_BYTES and RECORDS. */
  bytes(value: Uint8Array | null): void {
    if (value === null) return this.int32(-1);
    this.int32(checkedLength(value.length));
    this.raw(value);
  }

  /** COMPACT_BYTES, COMPACT_NULLABLE_BYTES and COMPACT_RECORDS. */
  compactBytes(value: Uint8Array | null): void {
    if (value === null) return this.unsignedVarint(0);
    this.unsignedVarint(checkedLength(value.length) + 1);
    this.raw(value);
  }

  /** Bytes after a zigzag length, -1 for null, as keys and values stand in a record. */
  varintBytes(value: Uint8Array | null): void {
    if (value === null) return this.varint(-1);
    this.varint(checkedLength(value.length));
    this.raw(value);
  }

  /** ARRAY: the count, then each item as `writeItem` does. */
  array<Item>(items: readonly Item[] | null, writeItem: (item: Item) => void): void {
    this.int32(items === null ? -1 : items.length);
    if (items !== null) for (const item of items) writeItem(item);
  }

  /** COMPACT_ARRAY. */
  compactArray<Item>(items: readonly Item[] | null, writeItem: (item: Item) => void): void {
    this.unsignedVarint(items === null ? 0 : items.length + 1);
    if (items !== null) for (const item of items) writeItem(item);
  }

  /** A tag buffer (KIP-482): tagged fields in ascending order of their tags. */
  taggedFields(fields: readonly { readonly tag: number; readonly bytes: Uint8Array }[] = []): void {
    this.unsignedVarint(fields.length);
    for (const { tag, bytes } of fields) {
      this.unsignedVarint(tag);
      this.unsignedVarint(bytes.length);
      this.raw(bytes);
    }
  }

  #utf8(value: string, length: number): void {
    this.#reserve(length);
    this.#bytes.write(value, this.#position, length, 'utf8');
    this.#position += length;
  }

  #reserve(count: number): void {
    const needed = this.#position + count;
    if (needed > this.#bytes.length) this.#grow(needed);
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#position));
    this.#bytes = grown;
  }
}

function checkedLength(length: number): number {
  if (length > int32Max) throw tooLong(length);
  return length;
}

function tooLong(length: number): ThroughlineError {
  return new ThroughlineError('INVALID_ARGUMENT', `${length} bytes are too long for their field`);
}

/** Bytes that `Writer.varint` writes for `value`. */
export function varintBytes(value: number): number {
  // Each byte holds seven bits of the zigzag value; zero takes one byte, too.
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5;
}

/** Bytes that `Writer.wideVarlong` writes for `value`. */
export function wideVarlongBytes(value: bigint): number {
  let bytes = 1;
  for (let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)) >> 7n; rest > 0n; rest >>= 7n) bytes++;
  return bytes;
}

/** Bytes that `Writer.varlong` writes for `value`. */
export function varlongBytes(value: number): number {
  if (value >= -0x40000000 && value < 0x40000000) return varintBytes(value);
  let bytes = 4;
  // The zigzag value of a number this large has one bit more than its magnitude.
  for (let rest = Math.floor((value < 0 ? -value - 1 : value) / 2 ** 27); rest > 0; rest = Math.floor(rest / 128))
    bytes++;
  return bytes;
}
