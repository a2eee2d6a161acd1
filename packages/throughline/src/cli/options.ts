// Options as commander hands them over (text, or absent), narrowed once.
import { ThroughlineError } from '@throughline/event';

export function textOption(options: Record<string, unknown>, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** @throws ThroughlineError INVALID_ARGUMENT when it is no whole number of at least 0 */
export function countOption(options: Record<string, unknown>, name: string): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new ThroughlineError('INVALID_ARGUMENT', `--${name}: ${text} is no whole number`);
  return Number(text);
}

/**
 * A point in time: ISO 8601, or milliseconds since 1970.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function timeOption(options: Record<string, unknown>, name: string): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const timeMs = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(timeMs))
    throw new ThroughlineError('INVALID_ARGUMENT', `--${name}: ${text} is no time (ISO 8601 or ms)`);
  return timeMs;
}
