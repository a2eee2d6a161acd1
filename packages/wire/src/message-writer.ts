// Writes the fields of a request, response or schema record in one version of its API: the mirror of message-reader.ts.
//
// Record batches are not copied: `records` keeps a reference, and what is written comes out as a list of chunks which a
// socket sends with one call (writev).
import { kafkaErrorCode, type KafkaErrorName } from './kafka-errors.ts';
import { Writer } from './writer.ts';

/** Records of fewer bytes than this are cheaper to copy than to send as a chunk of their own. */
const chunkBytesMin = 2048;

interface Tagged {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

export class MessageWriter extends Writer {
  readonly version: number;
  readonly isFlexible: boolean;
  /** Records kept by reference, and where in the written bytes each of them belongs. */
  readonly #records: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #tagged: Tagged[] = [];

  constructor(format: { readonly version: number; readonly isFlexible: boolean }, capacityBytes?: number) {
    super(capacityBytes);
    this.version = format.version;
    this.isFlexible = format.isFlexible;
  }

  errorCode(value: KafkaErrorName): void {
    this.int16(kafkaErrorCode(value));
  }

  override string(value: string | null): void {
    if (this.isFlexible) this.compactString(value);
    else super.string(value);
  }

  /** A string that has the plain form in every version: the client id, so that an unknown version can be answered. */
  plainString(value: string | null): void {
    super.string(value);
  }

  override bytes(value: Uint8Array | null): void {
    if (this.isFlexible) this.compactBytes(value);
    else super.bytes(value);
  }

  /** RECORDS: the bytes must not change until they are sent. */
  records(value: Uint8Array | null): void {
    if (value === null || value.length < chunkBytesMin) return this.bytes(value);
    if (this.isFlexible) this.unsignedVarint(value.length + 1);
    else this.int32(value.length);
    this.#records.push({ at: this.position, bytes: value });
  }

  list<Item>(items: readonly Item[] | null, writeItem: (to: MessageWriter, item: Item) => void): void {
    const write = (item: Item): void => writeItem(this, item);
    if (this.isFlexible) this.compactArray(items, write);
    else this.array(items, write);
  }

  /** A structure that may be absent: a byte says whether it follows (KIP-893). */
  nullableStruct<Struct>(value: Struct | null, writeStruct: (to: MessageWriter, value: Struct) => void): void {
    this.int8(value === null ? -1 : 1);
    if (value !== null) writeStruct(this, value);
  }

  /** Adds a tagged field to the structure that is being written; tags come in ascending order, last before `tags`. */
  tag(tag: number, writeField: (to: MessageWriter) => void): void {
    if (!this.isFlexible) return;
    const field = new MessageWriter(this, 64);
    writeField(field);
    this.#tagged.push({ tag, bytes: field.finish() });
  }

  /** Ends a structure with the fields that were tagged. */
  tags(): void {
    if (!this.isFlexible) return;
    this.taggedFields(this.#tagged);
    if (this.#tagged.length > 0) this.#tagged = [];
  }

  /** Bytes written so far, with the records that were kept by reference. */
  get sizeBytes(): number {
    return this.#records.reduce((sum, { bytes }) => sum + bytes.length, this.position);
  }

  /** What has been written, in order; the writer is not to be used afterwards. */
  chunks(): Uint8Array[] {
    const written = this.finish();
    const chunks: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#records) {
      if (at > from) chunks.push(written.subarray(from, at));
      chunks.push(bytes);
      from = at;
    }
    if (from < written.length) chunks.push(written.subarray(from));
    return chunks;
  }
}
