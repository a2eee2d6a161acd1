// Parameters of a query string, narrowed.
import { ThroughlineError } from '@throughline/event';

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
