// The sparse index from offsets to positions in a segment, `<base offset>.index`, as Apache Kafka lays it out
// (storage/internals/log/OffsetIndex.java). Entries of eight bytes, big-endian, nothing before or between them:
//
//   position  field           type
//          0  relativeOffset  int32   last offset of a batch, minus the segment's base offset
//          4  position        int32   where that batch begins in the .log file
//
// An entry is made for the batch that comes once more than 4096 bytes have been written since the last one; both columns
// grow strictly. To find an offset: take the last entry at or before it and read batches from its position on.
//
// The .log is the truth: whatever looks wrong here is thrown away and built again from it.
import { IndexEntries } from '../disk/index-entries.ts';

const entryBytes = 8;
/** A new index holds this many entries before it grows: one MiB of log in batches of 4 KiB. */
const entryCountInitial = 256;

/** A place in the log where a batch begins. */
export interface IndexEntry {
  readonly position: number;
  /** Undefined for the start of the segment. */
  readonly lastOffset: bigint | undefined;
}

export class OffsetIndex {
  readonly #baseOffset: bigint;
  readonly #entries: IndexEntries;

  constructor(baseOffset: bigint, entries = IndexEntries.empty(entryBytes, entryCountInitial)) {
    this.#baseOffset = baseOffset;
    this.#entries = entries;
  }

  /**
   * Reads an index file.
   *
   * @returns undefined when it cannot be the index of `logBytes` bytes: a length that is no multiple of eight (a torn
   *   write), entries that do not grow (zeros of a preallocated file), or a position beyond the log
   */
  static fromFile(baseOffset: bigint, file: Uint8Array, logBytes: number): OffsetIndex | undefined {
    const entries = IndexEntries.of(entryBytes, file);
    if (entries === undefined) return undefined;
    const index = new OffsetIndex(baseOffset, entries);
    let relativeBefore = -1;
    let positionBefore = -1;
    for (let i = 0; i < entries.count; i++) {
      const relative = index.#relativeOffset(i);
      const position = index.#position(i);
      if (relative <= relativeBefore || position <= positionBefore || position >= logBytes) return undefined;
      relativeBefore = relative;
      positionBefore = position;
    }
    return index;
  }

  get entryCount(): number {
    return this.#entries.count;
  }

  /** What the file holds. */
  get bytes(): Uint8Array {
    return this.#entries.bytes;
  }

  add(lastOffset: bigint, position: number): void {
    const at = this.#entries.append();
    this.#entries.view.setInt32(at, Number(lastOffset - this.#baseOffset));
    this.#entries.view.setInt32(at + 4, position);
  }

  /**
   * Where to begin reading for `offset`: at or before the batch that contains it.
   *
   * @returns the position of a batch, and its last offset; that of the segment's first batch is not known to the index
   */
  lookUp(offset: bigint): IndexEntry {
    const relative = Number(offset - this.#baseOffset);
    return this.#entry(this.#entries.lastWhere((index) => this.#relativeOffset(index) <= relative));
  }

  /** The last batch indexed. */
  last(): IndexEntry {
    return this.#entry(this.entryCount - 1);
  }

  #entry(index: number): IndexEntry {
    if (index < 0) return { position: 0, lastOffset: undefined };
    return { position: this.#position(index), lastOffset: this.#baseOffset + BigInt(this.#relativeOffset(index)) };
  }

  #relativeOffset(index: number): number {
    return this.#entries.view.getInt32(index * entryBytes);
  }

  #position(index: number): number {
    return this.#entries.view.getInt32(index * entryBytes + 4);
  }
}
