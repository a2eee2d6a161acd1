// Reads Kafka's primitive types (kafka.apache.org/protocol#protocol_types): the mirror of writer.ts. Whatever the bytes
// are, a read gives a value or throws the code that the reader was made with; a length is checked against what is left
// before anything is made of that size.
import { fromUtf8, ThroughlineError, type ErrorCode } from '@throughline/event';
import { stringBytesMax } from './defaults.ts';

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #code: ErrorCode;
  #position: number;

  /** Reads `bytes` from `start` up to, not including, `end`; malformed bytes are an error of `code`. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length, code: ErrorCode = 'INVALID_ARGUMENT') {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = Math.min(end, bytes.length);
    this.#code = code;
  }

  get position(): number {
    return this.#position;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.#end - this.#position;
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  int8(): number {
    return (this.#bytes[this.#take(1)]! << 24) >> 24;
  }

  int16(): number {
    const at = this.#take(2);
    return ((this.#bytes[at]! << 24) >> 16) | this.#bytes[at + 1]!;
  }

  uint16(): number {
    return this.int16() & 0xffff;
  }

  int32(): number {
    const at = this.#take(4);
    const bytes = this.#bytes;
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  }

  uint32(): number {
    return this.int32() >>> 0;
  }

  int64(): bigint {
    const high = this.int32();
    const low = this.uint32();
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** An int64 as the nearest number, for what never comes near 2^53. */
  int64AsNumber(): number {
    return this.int32() * 0x100000000 + this.uint32();
  }

  float64(): number {
    const at = this.#take(8);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 8).getFloat64(0);
  }

  /** 32 hexadecimal digits. */
  uuid(): string {
    return Buffer.from(this.raw(16)).toString('hex');
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#take(1)]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break;
        return value >>> 0;
      }
    }
    throw this.#malformed('a varint is longer than 32 bits');
  }

  varint(): number {
    const value = this.unsignedVarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** A VARLONG, exactly. */
  exactVarlong(): bigint {
    let wide = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#take(1)]!;
      wide |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (wide >> 64n !== 0n) break;
        return (wide >> 1n) ^ -(wide & 1n);
      }
    }
    throw this.#malformed('a varlong is longer than 64 bits');
  }

  /** A VARLONG as the nearest number. */
  varlong(): number {
    // Nearly every one is short: numbers first, bigints only past 28 bits.
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#take(1)]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    let wide = BigInt(value);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#take(1)]!;
      wide |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (wide >> 64n !== 0n) break;
        return Number((wide >> 1n) ^ -(wide & 1n));
      }
    }
    throw this.#malformed('a varlong is longer than 64 bits');
  }

  /** The next `length` bytes, without a copy. */
  raw(length: number): Uint8Array {
    if (length < 0) throw this.#malformed(`a length of ${length}`);
    const at = this.#take(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, length);
  }

  skip(length: number): void {
    if (length < 0) throw this.#malformed(`a length of ${length}`);
    this.#take(length);
  }

  /** STRING; null, which its length can say, is an error. */
  string(): string {
    return this.#notNull(this.nullableString());
  }

  nullableString(): string | null {
    const length = this.int16();
    return length === -1 ? null : this.#text(length);
  }

  compactString(): string {
    return this.#notNull(this.compactNullableString());
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length === -1 ? null : this.#text(length);
  }

  bytes(): Uint8Array {
    return this.#notNull(this.nullableBytes());
  }

  /** NULLABLE_BYTES and RECORDS. */
  nullableBytes(): Uint8Array | null {
    const length = this.int32();
    return length === -1 ? null : this.raw(length);
  }

  compactBytes(): Uint8Array {
    return this.#notNull(this.compactNullableBytes());
  }

  /** COMPACT_NULLABLE_BYTES and COMPACT_RECORDS. */
  compactNullableBytes(): Uint8Array | null {
    const length = this.unsignedVarint() - 1;
    return length === -1 ? null : this.raw(length);
  }

  /** Bytes after a zigzag length, -1 for null, as keys and values stand in a record. */
  varintBytes(): Uint8Array | null {
    const length = this.varint();
    return length === -1 ? null : this.raw(length);
  }

  /** ARRAY, null as an empty one unless `nullableArray` is asked. */
  array<Item>(readItem: () => Item): Item[] {
    return this.nullableArray(readItem) ?? [];
  }

  nullableArray<Item>(readItem: () => Item): Item[] | null {
    return this.#items(this.int32(), readItem);
  }

  compactArray<Item>(readItem: () => Item): Item[] {
    return this.compactNullableArray(readItem) ?? [];
  }

  compactNullableArray<Item>(readItem: () => Item): Item[] | null {
    return this.#items(this.unsignedVarint() - 1, readItem);
  }

  /** A tag buffer (KIP-482): calls `readField` with each tag and its bytes; unknown tags are to be passed over. */
  taggedFields(readField?: (tag: number, bytes: Uint8Array) => void): void {
    const count = this.unsignedVarint();
    if (count > this.remaining) throw this.#malformed(`${count} tagged fields in ${this.remaining} bytes`);
    for (let i = 0; i < count; i++) {
      const tag = this.unsignedVarint();
      const bytes = this.raw(this.unsignedVarint());
      readField?.(tag, bytes);
    }
  }

  /** A text that can be written again wherever there is a string, in the plain form too: in the key of a record, say. */
  #text(length: number): string {
    if (length > stringBytesMax) throw this.#malformed(`a string of ${length} bytes`);
    const text = fromUtf8(this.raw(length));
    // A byte that is no UTF-8 becomes a character of three bytes.
    if (length * 3 <= stringBytesMax || Buffer.byteLength(text) <= stringBytesMax) return text;
    throw this.#malformed(`a string of ${length} bytes, ${Buffer.byteLength(text)} as UTF-8`);
  }

  #items<Item>(count: number, readItem: () => Item): Item[] | null {
    if (count === -1) return null;
    // An item has at least one byte, so a count above what is left is a lie that must not cost memory.
    if (count < 0 || count > this.remaining) throw this.#malformed(`${count} items in ${this.remaining} bytes`);
    const items: Item[] = [];
    for (let i = 0; i < count; i++) items.push(readItem());
    return items;
  }

  #notNull<Value>(value: Value | null): Value {
    if (value === null) throw this.#malformed('null where a value is required');
    return value;
  }

  /** Moves on by `length` bytes and returns where they begin. */
  #take(length: number): number {
    const at = this.#position;
    if (length > this.#end - at) throw this.#malformed(`${length} bytes wanted, ${this.#end - at} left`);
    this.#position = at + length;
    return at;
  }

  #malformed(problem: string): ThroughlineError {
    return new ThroughlineError(this.#code, `malformed bytes at position ${this.#position}: ${problem}`);
  }
}
