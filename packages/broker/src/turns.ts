// Things that must not happen at the same time, one after the other.

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `action` when everything handed in before has ended, well or badly. */
  run<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
