// A promise that somebody waits for later, perhaps some turns after it has failed.

/**
 * Keeps a failure from counting as unhandled until it is met: whoever awaits `promise` later gets it all the same. Only for
 * promises that are kept to be awaited, never to drop a failure.
 *
 * @returns the same promise
 * @example const starting = markHandled(start()); …; await starting
 */
export function markHandled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {
    // It stays in `promise`, for whoever awaits that.
  });
  return promise;
}
