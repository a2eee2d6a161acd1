// A fetch whose wire can be pulled out: what is under way fails as it does when a network goes, and for a moment nothing
// new gets through. For the break-it menu; the client that uses it knows nothing of it.

export interface CuttableFetch {
  readonly fetch: typeof fetch;
  /** Fails everything under way, and everything that is begun within `forMs`. */
  cut(forMs: number): void;
}

export function cuttableFetch(inner: typeof fetch, nowMs: () => number): CuttableFetch {
  let wire = new AbortController();
  let cutUntilMs = -Infinity;
  return {
    async fetch(input, init) {
      if (nowMs() < cutUntilMs) throw new TypeError('the connection is cut (break-it menu)');
      const signal = init?.signal ? AbortSignal.any([init.signal, wire.signal]) : wire.signal;
      return await inner(input, { ...init, signal });
    },
    cut(forMs) {
      cutUntilMs = nowMs() + forMs;
      wire.abort(new TypeError('the connection is cut (break-it menu)'));
      wire = new AbortController();
    },
  };
}
