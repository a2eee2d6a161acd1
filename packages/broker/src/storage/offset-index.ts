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
// In memory the index is the file's own bytes, so loading and storing are copies, and a look-up is a binary search.
// The .log is the truth: whatever looks wrong here is thrown away and built again from it.

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
  #bytes: Uint8Array;
  #view: DataView;
  #entryCount = 0;

  constructor(baseOffset: bigint, entryCapacity: number = entryCountInitial) {
    this.#baseOffset = baseOffset;
    this.#bytes = new Uint8Array(Math.max(1, entryCapacity) * entryBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /**
   * Reads an index file.
   *
   * @returns undefined when it cannot be the index of `logBytes` bytes: a length that is no multiple of eight (a torn
   *   write), entries that do not grow (zeros of a preallocated file), or a position beyond the log
   */
  static fromFile(baseOffset: bigint, file: Uint8Array, logBytes: number): OffsetIndex | undefined {
    if (file.length % entryBytes !== 0) return undefined;
    const index = new OffsetIndex(baseOffset, file.length / entryBytes);
    index.#bytes.set(file);
    index.#entryCount = file.length / entryBytes;
    let relativeBefore = -1;
    let positionBefore = -1;
    for (let i = 0; i < index.#entryCount; i++) {
      const relative = index.#view.getInt32(i * entryBytes);
      const position = index.#view.getInt32(i * entryBytes + 4);
      if (relative <= relativeBefore || position <= positionBefore || position >= logBytes) return undefined;
      relativeBefore = relative;
      positionBefore = position;
    }
    return index;
  }

  get entryCount(): number {
    return this.#entryCount;
  }

  /** What the file holds. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#entryCount * entryBytes);
  }

  add(lastOffset: bigint, position: number): void {
    if (this.#entryCount * entryBytes === this.#bytes.length) this.#grow();
    const at = this.#entryCount * entryBytes;
    this.#view.setInt32(at, Number(lastOffset - this.#baseOffset));
    this.#view.setInt32(at + 4, position);
    this.#entryCount++;
  }

  /**
   * Where to begin reading for `offset`: at or before the batch that contains it.
   *
   * @returns the position of a batch, and its last offset; that of the segment's first batch is not known to the index
   */
  lookUp(offset: bigint): IndexEntry {
    const relative = Number(offset - this.#baseOffset);
    return this.#entry(this.#lastEntry((i) => this.#view.getInt32(i * entryBytes) <= relative));
  }

  /** The last batch indexed. */
  last(): IndexEntry {
    return this.#entry(this.#entryCount - 1);
  }

  #entry(at: number): IndexEntry {
    if (at < 0) return { position: 0, lastOffset: undefined };
    const relative = this.#view.getInt32(at * entryBytes);
    return { position: this.#view.getInt32(at * entryBytes + 4), lastOffset: this.#baseOffset + BigInt(relative) };
  }

  /** The last entry for which `holds`, given that it holds for a first part of them and for none after; -1 for none. */
  #lastEntry(holds: (index: number) => boolean): number {
    let low = -1;
    let high = this.#entryCount - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (holds(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
