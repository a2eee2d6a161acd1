// Where reads of a segment have ended: whoever reads on in order begins there, without a look into the index.

/** Readers remembered per segment; the longest unseen is forgotten first. */
const countMax = 64;

export class PositionHints {
  readonly #positions = new Map<bigint, number>();

  /** The position of the batch that begins at `offset`, if a read has ended there. */
  get(offset: bigint): number | undefined {
    return this.#positions.get(offset);
  }

  note(offset: bigint, position: number): void {
    this.#positions.delete(offset);
    this.#positions.set(offset, position);
    if (this.#positions.size <= countMax) return;
    const [oldest] = this.#positions.keys();
    if (oldest !== undefined) this.#positions.delete(oldest);
  }

  clear(): void {
    this.#positions.clear();
  }
}
