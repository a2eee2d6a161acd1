// Which pages ("tabs") over one storage are alive, so that what a page has left behind is taken over and what another page
// is still working on is left to it. A page with messages to send holds a Web Lock of its own name; the browser frees it
// when the page is gone, however it went. A page that waits for nothing holds no lock, because a lock keeps a page out of
// the browser's back/forward cache.
//
// Source: https://www.w3.org/TR/web-locks/. Where there are no locks every other page counts as gone. That costs a message
// that is sent by two pages, with the same ids, which the gateway answers once (docs/PROTOCOL.md).
import type { Logger } from '@throughline/event';

/** The part of the browser's LockManager that is used. */
export interface TabLocks {
  request(
    name: string,
    options: { readonly signal?: AbortSignal },
    callback: () => Promise<void> | void,
  ): Promise<unknown>;
}

export class Tabs {
  /** Name of this page. */
  readonly id: string;
  readonly #locks: TabLocks | undefined;
  readonly #logger: Logger;
  #holderCount = 0;
  #release: () => void = () => {};

  constructor(id: string, locks: TabLocks | undefined, logger: Logger) {
    this.id = id;
    this.#locks = locks;
    this.#logger = logger;
  }

  /** Says that this page is alive until the returned function is called. */
  hold(): () => void {
    if (this.#holderCount++ === 0 && this.#locks !== undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#release = resolve;
      this.#locks.request(nameOf(this.id), {}, () => promise).catch((error: unknown) => this.#failed(error));
    }
    let isHeld = true;
    return () => {
      if (isHeld && --this.#holderCount === 0) this.#release();
      isHeld = false;
    };
  }

  /**
   * Calls `act` once page `id` is gone or has nothing to send any more, while no other page can do the same; at once, but
   * never within this call, where it is gone already. `signal` ends the wait.
   */
  whenGone(id: string, signal: AbortSignal, act: () => void): void {
    const actNow = (): void => {
      if (!signal.aborted) act();
    };
    if (this.#locks === undefined) return queueMicrotask(actNow);
    this.#locks.request(nameOf(id), { signal }, actNow).catch((error: unknown) => {
      if (signal.aborted) return;
      this.#failed(error);
      actNow();
    });
  }

  /** A page may not use locks, for instance in a frame whose origin is opaque. */
  #failed(error: unknown): void {
    this.#logger.warn({ message: String(error) }, 'the page cannot use locks');
  }
}

function nameOf(id: string): string {
  return `throughline/tab/${id}`;
}
