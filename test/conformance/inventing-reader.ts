// Makes up messages: in place of bytes it reads values of a seed, so that the reader of any API in any version gives a body
// that this version can carry.
import { integerBetween, seededRandom, utf8, type Random } from '@throughline/event';
import { encodeRecordBatch, MessageReader } from '@throughline/wire';

export interface InventOptions {
  readonly version: number;
  readonly isFlexible: boolean;
  readonly seed: number;
  /** Whether tagged fields are made up, too. */
  readonly hasTags: boolean;
  /** Whether what may be null is null sometimes. */
  readonly hasNulls: boolean;
}

/** Tags go up to this in the schemas. */
const tagMax = 4;

export class InventingReader extends MessageReader {
  readonly #random: Random;
  readonly #options: InventOptions;

  constructor(options: InventOptions) {
    super(new Uint8Array(), options);
    this.#random = seededRandom(options.seed);
    this.#options = options;
  }

  override boolean(): boolean {
    return this.#upTo(1) === 1;
  }

  override int8(): number {
    return integerBetween(this.#random, -128, 127);
  }

  /** Most of them are error codes, and have to be some of Kafka's. */
  override int16(): number {
    return integerBetween(this.#random, -1, 100);
  }

  override int32(): number {
    return integerBetween(this.#random, -(2 ** 31), 2 ** 31 - 1);
  }

  override int64(): bigint {
    return BigInt.asIntN(64, (BigInt(this.int32()) << 32n) | BigInt(this.int32() >>> 0));
  }

  override uuid(): string {
    return Buffer.from(this.#random.bytes(16)).toString('hex');
  }

  override string(): string {
    return ['', 'a', 'müller', 'x'.repeat(200)][this.#upTo(3)]! + String(this.#upTo(99));
  }

  override nullableString(): string | null {
    return this.#isNull() ? null : this.string();
  }

  override bytes(): Uint8Array {
    return this.#random.bytes(this.#upTo(40));
  }

  /** The only ones that may be null are records. */
  override nullableBytes(): Uint8Array | null {
    if (this.#isNull()) return null;
    const records = Array.from({ length: 1 + this.#upTo(2) }, (_, index) => ({
      key: null,
      value: utf8(`value ${index}`),
    }));
    return encodeRecordBatch(records, { nowMs: 1_700_000_000_000 });
  }

  override nullableList<Item>(readItem: (from: MessageReader) => Item): Item[] | null {
    if (this.#isNull()) return null;
    return Array.from({ length: this.#upTo(3) }, () => readItem(this));
  }

  override list<Item>(readItem: (from: MessageReader) => Item): Item[] {
    return Array.from({ length: this.#upTo(3) }, () => readItem(this));
  }

  override nullableStruct<Struct>(readStruct: (from: MessageReader) => Struct): Struct | null {
    return this.#isNull() ? null : readStruct(this);
  }

  override tags(readField?: (tag: number, from: MessageReader) => void): void {
    if (!this.isFlexible || !this.#options.hasTags || readField === undefined) return;
    for (let tag = 0; tag <= tagMax; tag++) readField(tag, this);
  }

  #isNull(): boolean {
    return this.#options.hasNulls && this.#upTo(4) === 0;
  }

  #upTo(max: number): number {
    return integerBetween(this.#random, 0, max);
  }
}
