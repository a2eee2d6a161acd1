// Subscribers by key.

export class Listeners {
  readonly #byKey = new Map<string, Set<() => void>>();
  #count = 0;
  readonly #onCount: (count: number) => void;

  /** `onCount` hears how many there are whenever that changes. */
  constructor(onCount: (count: number) => void = () => {}) {
    this.#onCount = onCount;
  }

  get count(): number {
    return this.#count;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  /** Adds a subscriber; the same function may subscribe twice, and each subscription ends by itself. */
  add(key: string, listener: () => void): () => void {
    const own = (): void => listener();
    const listeners = this.#byKey.get(key);
    if (listeners === undefined) this.#byKey.set(key, new Set([own]));
    else listeners.add(own);
    this.#onCount(++this.#count);
    let isSubscribed = true;
    return () => {
      if (!isSubscribed) return;
      isSubscribed = false;
      const set = this.#byKey.get(key);
      set?.delete(own);
      if (set?.size === 0) this.#byKey.delete(key);
      this.#onCount(--this.#count);
    };
  }

  notify(key: string): void {
    const listeners = this.#byKey.get(key);
    if (listeners === undefined) return;
    // A listener may unsubscribe itself or others: those who were there when it happened are told.
    for (const listener of Array.from(listeners)) {
      try {
        listener();
      } catch (error) {
        // A defect of one subscriber is reported as what it is, an uncaught error, and keeps nothing from the others.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
