// What has changed on the disk and is not known to be synced. It counts as unsynced until a sync that began after the change
// has ended well: whoever looks while a sync is under way must not take for certain what that one may still fail to keep.
import { assert, Turns } from '@throughline/event';

export class Unsynced {
  #changeCount = 0;
  #syncedCount = 0;
  /** Of two syncs at once the system may tell only one that it has failed. */
  readonly #syncs = new Turns();
  #isFailed = false;

  get isAny(): boolean {
    return this.#changeCount > this.#syncedCount;
  }

  /** Called when a change has been made: a sync that was under way with it may have missed it. */
  note(): void {
    this.#changeCount++;
  }

  /**
   * Runs `action`, which syncs, if there is anything to sync. When that has failed once it fails for whoever asks again: the
   * answer would prove nothing.
   */
  sync(action: () => Promise<void>): Promise<void> {
    return this.#syncs.run(async () => {
      assert(!this.#isFailed, 'nothing is synced again after a failure');
      const changeCount = this.#changeCount;
      if (changeCount === this.#syncedCount) return;
      this.#isFailed = true;
      await action();
      this.#isFailed = false;
      this.#syncedCount = changeCount;
    });
  }
}
