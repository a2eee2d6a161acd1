// The values that subscribers hold, by key. A key whose source has changed is built again; where that gives the same, the
// old value stays and nobody is told.
import { isSameView } from './views.ts';
import type { Listeners } from './listeners.ts';

export class ViewCache {
  readonly #values = new Map<string, unknown>();
  readonly #build: (key: string, before: unknown) => unknown;
  readonly #listeners: Listeners;

  constructor(build: (key: string, before: unknown) => unknown, listeners: Listeners) {
    this.#build = build;
    this.#listeners = listeners;
  }

  get(key: string): unknown {
    if (!this.#values.has(key)) this.#values.set(key, this.#build(key, undefined));
    return this.#values.get(key);
  }

  /** Every key with a value. */
  keys(): string[] {
    return [...this.#values.keys()];
  }

  /** Builds `keys` again and then tells the subscribers of those that changed: nobody sees half of a change. */
  refresh(keys: Iterable<string>): void {
    const changed: string[] = [];
    for (const key of keys) {
      if (!this.#values.has(key)) continue;
      if (!this.#listeners.has(key)) {
        // Nobody looks: it is built when somebody does.
        this.#values.delete(key);
        continue;
      }
      const before = this.#values.get(key);
      const after = this.#build(key, before);
      if (isSameView(before, after)) continue;
      this.#values.set(key, after);
      changed.push(key);
    }
    for (const key of changed) this.#listeners.notify(key);
  }
}
