// The entries of an index of a segment: all of one size, one behind the other, grown by appending. In memory they are the
// file's own bytes, so loading and storing are copies, and a look-up is a binary search. What the columns mean is the
// matter of each index (offset-index.ts, time-index.ts).

export class IndexEntries {
  readonly #entryBytes: number;
  #bytes: Uint8Array;
  #view: DataView;
  #count: number;

  private constructor(entryBytes: number, bytes: Uint8Array, count: number) {
    this.#entryBytes = entryBytes;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#count = count;
  }

  /** None yet, with room for `capacity` before it grows. */
  static empty(entryBytes: number, capacity: number): IndexEntries {
    return new IndexEntries(entryBytes, new Uint8Array(capacity * entryBytes), 0);
  }

  /** Those of a file; undefined when it does not end with a whole one (a torn write). */
  static of(entryBytes: number, file: Uint8Array): IndexEntries | undefined {
    return file.length % entryBytes === 0 ? new IndexEntries(entryBytes, file, file.length / entryBytes) : undefined;
  }

  get count(): number {
    return this.#count;
  }

  /** What the file holds. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count * this.#entryBytes);
  }

  /** Where the columns are read from and written to; another one after `append`. */
  get view(): DataView {
    return this.#view;
  }

  /** Makes room for one more, and says where in the view it begins. */
  append(): number {
    const at = this.#count * this.#entryBytes;
    if (at === this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#entryBytes, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#count++;
    return at;
  }

  /** The last entry for which `holds`, given that it holds for a first part of them and for none after; -1 for none. */
  lastWhere(holds: (index: number) => boolean): number {
    let low = -1;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (holds(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
