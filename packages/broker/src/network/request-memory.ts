// The bytes of all requests that are under way in a broker, bounded: a large request whose turn it is not yet stays in the
// network, and its connection is read on when others are answered (Kafka's queued.max.request.bytes).
//
// Small requests never wait: they are bounded by the count of connections, and a heartbeat must not stand behind a hundred
// MiB of records.

export class RequestMemory {
  readonly #bytesMax: number;
  readonly #smallBytes: number;
  /** Whoever waits, in the order that they came. */
  readonly #waiting = new Set<{ readonly bytes: number; readonly resume: () => void }>();
  #usedBytes = 0;

  constructor(limits: { readonly bytesMax: number; readonly smallBytes: number }) {
    this.#bytesMax = limits.bytesMax;
    this.#smallBytes = limits.smallBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Takes `bytes`, now or later.
   *
   * @returns undefined when they are taken; else what ends the waiting, while `resume` is called once they have been taken
   */
  take(bytes: number, resume: () => void): (() => void) | undefined {
    if (bytes <= this.#smallBytes || (this.#waiting.size === 0 && this.#hasRoom(bytes))) {
      this.#usedBytes += bytes;
      return undefined;
    }
    const waiter = { bytes, resume };
    this.#waiting.add(waiter);
    return () => this.#waiting.delete(waiter);
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    for (const waiter of this.#waiting) {
      if (!this.#hasRoom(waiter.bytes)) return;
      this.#waiting.delete(waiter);
      this.#usedBytes += waiter.bytes;
      waiter.resume();
    }
  }

  /** One that is larger than the bound is let in alone. */
  #hasRoom(bytes: number): boolean {
    return this.#usedBytes === 0 || this.#usedBytes + bytes <= this.#bytesMax;
  }
}
