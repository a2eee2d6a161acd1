// Randomness as something that is handed in: the machine's in production, a seeded one in tests, so that a failing
// round can be replayed from its printed seed.

export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  float(): number;
}

/** Asked of the machine at once: a call for 16 bytes costs a system call, and each request has its id. */
const pooledBytes = 1024;
let pool = new Uint8Array(0);

/** The machine's randomness (Web Crypto, in browsers and Node alike). */
export const systemRandom: Random = {
  bytes(length) {
    if (length > pooledBytes / 4) return crypto.getRandomValues(new Uint8Array(length));
    if (length > pool.length) pool = crypto.getRandomValues(new Uint8Array(pooledBytes));
    // What is given out is nobody else's: a copy, and the pool goes on behind it.
    const bytes = pool.slice(0, length);
    pool = pool.subarray(length);
    return bytes;
  },
  float: () => Math.random(),
};

/**
 * Randomness that repeats for a seed (mulberry32, Tommy Ettinger 2017); not for secrets.
 *
 * @example seededRandom(7).float() === seededRandom(7).float() // true
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const float = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { float, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(float() * 256)) };
}

/** An integer in [min, max], both included. */
export function integerBetween(random: Random, min: number, max: number): number {
  return min + Math.floor(random.float() * (max - min + 1));
}
