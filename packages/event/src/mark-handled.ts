// Promises that have more than one who waits: of a failure somebody is told, and only somebody.

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

/**
 * Waits for what others have asked for, who were told when it failed: undefined then, and where nobody has asked.
 *
 * @example const opened = await valueUnlessFailed(this.#opening); // whoever began to open it got the reason
 */
export async function valueUnlessFailed<Value>(asked: Promise<Value> | undefined): Promise<Value | undefined> {
  if (asked === undefined) return undefined;
  const [outcome] = await Promise.allSettled([asked]);
  return outcome.status === 'fulfilled' ? outcome.value : undefined;
}
