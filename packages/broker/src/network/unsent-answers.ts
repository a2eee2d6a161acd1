// The bytes of all answers that have been written and that the network has not taken, bounded over all connections: of ten
// thousand topics one answer to Metadata has a MiB, and each connection may ask for it and not read.
//
// Nobody waits for room, or connections that do not read would hold up those that do. Whoever has stood still for longest
// is closed instead, until the others fit. Records of Fetch answers have a bound of their own below this one, and get smaller
// before anybody is closed (response-memory.ts).

export interface UnsentHolder {
  /** Its answers are dropped, because others have come further since it last did. */
  closeUnread(unsentBytes: number): void;
}

export class UnsentAnswers {
  readonly #bytesMax: number;
  #usedBytes = 0;
  /** Who holds how much; who has stood still for longest first. */
  readonly #held = new Map<UnsentHolder, number>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** An answer has been written to `holder`. One that is larger than the bound is let through alone. */
  add(holder: UnsentHolder, bytes: number): void {
    this.#usedBytes += bytes;
    this.#held.set(holder, (this.#held.get(holder) ?? 0) + bytes);
    for (const [stillest, itsBytes] of this.#held) {
      if (this.#usedBytes <= this.#bytesMax || stillest === holder) return;
      this.#forget(stillest, itsBytes);
      stillest.closeUnread(itsBytes);
    }
  }

  /** The network has taken an answer, or never will. */
  remove(holder: UnsentHolder, bytes: number): void {
    const heldBytes = this.#held.get(holder);
    // It has been closed for it.
    if (heldBytes === undefined) return;
    this.#forget(holder, bytes);
    if (heldBytes > bytes) this.#held.set(holder, heldBytes - bytes);
  }

  #forget(holder: UnsentHolder, bytes: number): void {
    this.#usedBytes -= bytes;
    this.#held.delete(holder);
  }
}
