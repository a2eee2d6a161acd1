// The sparse index from timestamps to offsets in a segment, `<base offset>.timeindex`, as Apache Kafka lays it out
// (storage/internals/log/TimeIndex.java). Entries of twelve bytes, big-endian:
//
//   position  field           type
//          0  timestamp       int64   the largest timestamp of the segment so far, milliseconds since 1970
//          8  relativeOffset  int32   last offset of the batch that brought it, minus the segment's base offset
//
// An entry is made together with one of the offset index, when the largest timestamp has grown since; a last one is made
// when the segment is closed, so that the last entry of a closed segment holds its largest timestamp. Every record
// before an entry's offset has a timestamp at or below the entry's: to find the first record at or after a time, take the
// last entry below that time and read from its offset on.
import { IndexEntries } from '../disk/index-entries.ts';

const entryBytes = 12;
const entryCountInitial = 128;

export class TimeIndex {
  readonly #baseOffset: bigint;
  readonly #entries: IndexEntries;

  constructor(baseOffset: bigint, entries = IndexEntries.empty(entryBytes, entryCountInitial)) {
    this.#baseOffset = baseOffset;
    this.#entries = entries;
  }

  /**
   * Reads an index file.
   *
   * @returns undefined when it cannot be the index of a segment that ends before `nextOffset`: a torn length, entries
   *   that do not grow, an offset outside the segment
   */
  static fromFile(baseOffset: bigint, file: Uint8Array, nextOffset: bigint): TimeIndex | undefined {
    const entries = IndexEntries.of(entryBytes, file);
    if (entries === undefined) return undefined;
    const index = new TimeIndex(baseOffset, entries);
    const relativeEnd = Number(nextOffset - baseOffset);
    let timestampBefore = Number.NEGATIVE_INFINITY;
    let relativeBefore = -1;
    for (let i = 0; i < entries.count; i++) {
      const timestampMs = index.#timestampMs(i);
      const relative = index.#relativeOffset(i);
      if (timestampMs <= timestampBefore || relative < relativeBefore || relative >= relativeEnd) return undefined;
      timestampBefore = timestampMs;
      relativeBefore = relative;
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

  /** The largest timestamp noted, or undefined. */
  get lastTimestampMs(): number | undefined {
    return this.entryCount === 0 ? undefined : this.#timestampMs(this.entryCount - 1);
  }

  /** Notes a timestamp when it is larger than all before. */
  add(timestampMs: number, offset: bigint): void {
    const last = this.lastTimestampMs;
    if (last !== undefined && timestampMs <= last) return;
    const at = this.#entries.append();
    this.#entries.view.setBigInt64(at, BigInt(timestampMs));
    this.#entries.view.setInt32(at + 8, Number(offset - this.#baseOffset));
  }

  /** An offset from which on to look for the first record at or after `timestampMs`. */
  offsetBefore(timestampMs: number): bigint {
    const index = this.#entries.lastWhere((at) => this.#timestampMs(at) < timestampMs);
    return index < 0 ? this.#baseOffset : this.#baseOffset + BigInt(this.#relativeOffset(index));
  }

  #timestampMs(index: number): number {
    return Number(this.#entries.view.getBigInt64(index * entryBytes));
  }

  #relativeOffset(index: number): number {
    return this.#entries.view.getInt32(index * entryBytes + 8);
  }
}
