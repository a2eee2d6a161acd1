// What a browser shares between the pages of one origin, in memory: Storage and Web Locks, as far as this package uses them.
import type { OutboxStorage } from './client-environment.ts';
import type { TabLocks } from './tabs.ts';

export class MemoryStorage implements OutboxStorage {
  readonly items = new Map<string, string>();

  get length(): number {
    return this.items.size;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }
}

export class MemoryLocks implements TabLocks {
  /** By name, the end of the last request for it. */
  readonly #ends = new Map<string, Promise<void>>();

  async request(
    name: string,
    { signal }: { readonly signal?: AbortSignal },
    callback: () => Promise<void> | void,
  ): Promise<unknown> {
    const before = this.#ends.get(name);
    const { promise: end, resolve } = Promise.withResolvers<void>();
    this.#ends.set(name, end);
    await before;
    try {
      signal?.throwIfAborted();
      return await callback();
    } finally {
      resolve();
    }
  }
}
