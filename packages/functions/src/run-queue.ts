// Runs that wait for a free environment of one function, in the order in which they are started. The queue itself is the
// log (a run waits there until its first `attempt-started`); this is only the order of what has been read from it.

export class RunQueue<Item> {
  /** Runs that were interrupted: somebody is reading them, so they go first. */
  #resumed: Item[] = [];
  #waiting: Item[] = [];
  #firstWaiting = 0;

  get length(): number {
    return this.#resumed.length + this.#waiting.length - this.#firstWaiting;
  }

  push(item: Item): void {
    this.#waiting.push(item);
  }

  pushResumed(item: Item): void {
    this.#resumed.push(item);
  }

  shift(): Item | undefined {
    const resumed = this.#resumed.shift();
    if (resumed !== undefined) return resumed;
    const item = this.#waiting[this.#firstWaiting];
    if (item === undefined) return undefined;
    this.#firstWaiting++;
    // Thousands may wait after a restart: taking them one by one must not move the rest each time.
    if (this.#firstWaiting > 512 && this.#firstWaiting * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#firstWaiting);
      this.#firstWaiting = 0;
    }
    return item;
  }

  unshift(item: Item): void {
    this.#resumed.unshift(item);
  }
}
