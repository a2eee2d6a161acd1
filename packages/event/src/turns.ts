// Things that must not happen at the same time, one after the other.
import { markHandled } from './mark-handled.ts';

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Runs `action` when everything handed in before has ended, well or badly; a failure is for whoever handed it in.
   *
   * @example await turns.run(() => store.put(topic))
   */
  run<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action, action);
    this.#last = markHandled(turn);
    return turn;
  }
}
