// Invocations that wait for a free environment, in the order in which they start: urgent ones first, each kind in the
// order in which it came. It is bounded in number and in bytes; what waits can be taken out anywhere.

interface Waiting {
  readonly isUrgent: boolean;
  /** What it holds in memory while it waits. */
  readonly bytes: number;
}

export class InvocationQueue<Item extends Waiting> {
  readonly #lengthMax: number;
  readonly #bytesMax: number;
  readonly #urgent = new Set<Item>();
  readonly #others = new Set<Item>();
  #bytes = 0;

  constructor(lengthMax: number, bytesMax: number) {
    this.#lengthMax = lengthMax;
    this.#bytesMax = bytesMax;
  }

  get length(): number {
    return this.#urgent.size + this.#others.size;
  }

  /** Why there is no room for `bytes` more; undefined when there is. */
  problem(bytes: number): string | undefined {
    if (this.length >= this.#lengthMax) return `${this.length} invocations are waiting`;
    if (this.length > 0 && this.#bytes + bytes > this.#bytesMax) {
      return `the events that are waiting have ${this.#bytes} bytes`;
    }
    return undefined;
  }

  add(item: Item): void {
    (item.isUrgent ? this.#urgent : this.#others).add(item);
    this.#bytes += item.bytes;
  }

  /** The one that starts next; it stays until it is deleted. */
  first(): Item | undefined {
    for (const item of this.#urgent) return item;
    for (const item of this.#others) return item;
    return undefined;
  }

  delete(item: Item): boolean {
    const isFound = this.#urgent.delete(item) || this.#others.delete(item);
    if (isFound) this.#bytes -= item.bytes;
    return isFound;
  }

  [Symbol.iterator](): IterableIterator<Item> {
    return [...this.#urgent, ...this.#others].values();
  }
}
