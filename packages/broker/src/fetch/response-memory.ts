// The record bytes of all Fetch answers that have been read and not sent, bounded over all connections: a crowd of consumers that
// each ask for as much as they may would otherwise hold as much each, for as long as their networks take.
//
// Nobody waits for it, or consumers that do not read their answers would hold up those that do: an answer gets smaller as the
// memory gets less, down to its first batch, which it always has (KIP-74). A connection has one answer at a time.

export class ResponseMemory {
  readonly #bytesMax: number;
  #usedBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes up to `bytes`. @returns how many there are, 0 where there are none */
  grant(bytes: number): number {
    const granted = Math.max(0, Math.min(bytes, this.#bytesMax - this.#usedBytes));
    this.#usedBytes += granted;
    return granted;
  }

  /** What was granted turned out to be `bytes`: fewer, or more for a first batch that is larger. */
  settle(granted: number, bytes: number): void {
    this.#usedBytes += bytes - granted;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
