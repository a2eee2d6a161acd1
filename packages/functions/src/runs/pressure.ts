// Back-pressure from several sides: whoever writes waits as long as one of them is full.

export class Pressure {
  readonly #high = new Set<string>();
  #waiting: PromiseWithResolvers<void> | undefined;

  /** `side` is full, or has room again. */
  set(side: string, isHigh: boolean): void {
    if (isHigh) this.#high.add(side);
    else if (this.#high.delete(side) && this.#high.size === 0) {
      this.#waiting?.resolve();
      this.#waiting = undefined;
    }
  }

  /** What to wait for before more is written; undefined when there is room. */
  wait(): Promise<void> | undefined {
    if (this.#high.size === 0) return undefined;
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }
}
