// Things that must not happen at the same time, one after the other.

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `action` when everything handed in before has ended, well or badly. */
  run<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action);
    // The next turn comes whether this one failed or not; whoever asked for this one hears of the failure.
    this.#last = turn.catch(() => {});
    return turn;
  }
}
