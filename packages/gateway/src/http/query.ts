// Parameters of a query string, narrowed.
import { parseMilliseconds, ThroughlineError } from '@throughline/event';

/**
 * Rejects a query with a parameter that nobody would read, or with one twice: its sender would believe that it was heard.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function checkParameters(url: URL, names: readonly string[]): void {
  for (const name of url.searchParams.keys()) {
    if (!names.includes(name)) {
      const known = names.length === 0 ? 'none is taken here' : `expected one of ${names.join(', ')}`;
      throw new ThroughlineError('INVALID_ARGUMENT', `${name}: there is no such parameter; ${known}`);
    }
    if (url.searchParams.getAll(name).length > 1) {
      throw new ThroughlineError('INVALID_ARGUMENT', `${name}: give it once`);
    }
  }
}

/**
 * A whole number from 1 to `max`.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function countParameter(
  url: URL,
  name: string,
  limits: { readonly default: number; readonly max: number },
): number {
  const text = url.searchParams.get(name);
  if (text === null) return limits.default;
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < 1 || value > limits.max) {
    throw new ThroughlineError('INVALID_ARGUMENT', `${name}: expected a whole number from 1 to ${limits.max}`);
  }
  return value;
}

/**
 * Milliseconds since 1970.
 *
 * @throws ThroughlineError INVALID_ARGUMENT for what is none, or must be of another unit
 */
export function timeParameter(url: URL, name: string): number | undefined {
  const text = url.searchParams.get(name);
  return text === null ? undefined : parseMilliseconds(text, name);
}

/**
 * `true` or `false`; false where absent.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function flagParameter(url: URL, name: string): boolean {
  const text = url.searchParams.get(name);
  if (text !== null && text !== 'true' && text !== 'false') {
    throw new ThroughlineError('INVALID_ARGUMENT', `${name}: expected true or false`);
  }
  return text === 'true';
}
