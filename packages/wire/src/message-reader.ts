// Reads the fields of a request, response or schema record in one version of its API. In a flexible version strings,
// bytes and arrays are the compact ones, and each structure ends with tagged fields (KIP-482); elsewhere they are the
// plain ones and there are no tags. The files of apis/ are written against this class, so that they need not say it.
import { ThroughlineError, type ErrorCode } from '@throughline/event';
import { kafkaErrorName, type KafkaErrorName } from './kafka-errors.ts';
import { Reader } from './reader.ts';

export class MessageReader extends Reader {
  readonly version: number;
  readonly isFlexible: boolean;
  readonly #bytes: Uint8Array;

  constructor(
    bytes: Uint8Array,
    format: { readonly version: number; readonly isFlexible: boolean },
    range: { readonly start?: number; readonly end?: number; readonly code?: ErrorCode } = {},
  ) {
    super(bytes, range.start, range.end, range.code);
    this.#bytes = bytes;
    this.version = format.version;
    this.isFlexible = format.isFlexible;
  }

  errorCode(): KafkaErrorName {
    return kafkaErrorName(this.int16());
  }

  override string(): string {
    return this.isFlexible ? this.compactString() : super.string();
  }

  override nullableString(): string | null {
    return this.isFlexible ? this.compactNullableString() : super.nullableString();
  }

  override bytes(): Uint8Array {
    return this.isFlexible ? this.compactBytes() : super.bytes();
  }

  override nullableBytes(): Uint8Array | null {
    return this.isFlexible ? this.compactNullableBytes() : super.nullableBytes();
  }

  /** An array whose items `readItem` reads; null is an error. */
  list<Item>(readItem: (from: MessageReader) => Item): Item[] {
    const items = this.nullableList(readItem);
    if (items === null) throw new ThroughlineError('INVALID_ARGUMENT', 'null where an array is required');
    return items;
  }

  nullableList<Item>(readItem: (from: MessageReader) => Item): Item[] | null {
    const read = (): Item => readItem(this);
    return this.isFlexible ? this.compactNullableArray(read) : this.nullableArray(read);
  }

  /** A structure that may be absent: a byte says whether it follows (KIP-893). */
  nullableStruct<Struct>(readStruct: (from: MessageReader) => Struct): Struct | null {
    return this.int8() < 0 ? null : readStruct(this);
  }

  /** The tagged fields at the end of a structure: `readField` gets each tag and a reader of its bytes; unknown ones pass. */
  tags(readField?: (tag: number, from: MessageReader) => void): void {
    if (!this.isFlexible) return;
    this.taggedFields((tag, bytes) => {
      if (readField === undefined) return;
      const start = bytes.byteOffset - this.#bytes.byteOffset;
      readField(tag, new MessageReader(this.#bytes, this, { start, end: start + bytes.length }));
    });
  }
}
