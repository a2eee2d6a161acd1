// Time as something that is handed in. Nothing below the top floor reads the machine's clock or sets a timer by
// itself, so that a test can run a minute of leases, retention and long polls in no time and in a known order.

export interface Timer {
  /** Stops the timer; does nothing when it has fired. */
  cancel(): void;
}

export interface Clock {
  /** Wall time in milliseconds since 1970 (UTC). It can jump; use it for timestamps only. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, never going back; use it for durations and time-outs. */
  monotonicMs(): number;
  /** Calls `action` once, `delayMs` from now. A timer does not keep the process alive. */
  after(delayMs: number, action: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const handle = setTimeout(action, delayMs);
    // A browser's handle is a number; Node's would otherwise hold a stopping process open.
    if (typeof handle === 'object') (handle as { unref(): void }).unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/**
 * Resolves after `delayMs`, or as soon as `signal` aborts: for whoever looks at the signal next in any case.
 *
 * @example while (!signal.aborted) await delayOrAbort(systemClock, 10, signal)
 */
export function delayOrAbort(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/**
 * Resolves after `delayMs`, or rejects with the signal's reason as soon as `signal` aborts.
 *
 * @example await delay(systemClock, 10)
 */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
