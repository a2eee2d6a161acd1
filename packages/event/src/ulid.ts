// ULIDs (github.com/ulid/spec): 48 bits of time in milliseconds and 80 random bits as 26 characters of Crockford's
// base 32, so that ids sort by the time they were made. Within one millisecond a generator adds one to the random part,
// which keeps the ids of one process in the order of their making.
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const timeLength = 10;
const randomLength = 16;
const pattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Tells whether `value` is a ULID in its canonical, upper-case form. */
export function isUlid(value: unknown): value is string {
  return typeof value === 'string' && pattern.test(value);
}

/**
 * Makes a generator of ULIDs.
 *
 * @example const ulid = ulids(systemClock, systemRandom); ulid() < ulid() // true
 */
export function ulids(clock: Clock, random: Random): () => string {
  let lastMs = -1;
  let digits: number[] = [];
  return () => {
    const nowMs = clock.nowMs();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      digits = Array.from(random.bytes(randomLength), (byte) => byte & 31);
    } else {
      // The same millisecond, or a clock that jumped back: stay on the last time and count on.
      increment(digits);
    }
    return encodeTime(lastMs) + digits.map((digit) => alphabet[digit]).join('');
  };
}

/** The time in milliseconds that a ULID was made at. */
export function ulidTimeMs(ulid: string): number {
  let timeMs = 0;
  for (const character of ulid.slice(0, timeLength)) timeMs = timeMs * 32 + alphabet.indexOf(character);
  return timeMs;
}

function encodeTime(timeMs: number): string {
  let rest = timeMs;
  let text = '';
  for (let i = 0; i < timeLength; i++) {
    text = alphabet[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function increment(digits: number[]): void {
  for (let i = digits.length - 1; i >= 0; i--) {
    const digit = digits[i] ?? 0;
    if (digit < 31) {
      digits[i] = digit + 1;
      return;
    }
    digits[i] = 0;
  }
}
