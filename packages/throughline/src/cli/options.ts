// Options as commander hands them over (text, or absent), narrowed once.
import path from 'node:path';
import { parseInstant, ThroughlineError } from '@throughline/event';
import { dataDir as defaultDataDir } from '../defaults.ts';
import { environmentNames } from '../settings.ts';

/** What a verb gets: its options by name. */
export type Options = Readonly<Record<string, unknown>>;

export function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** @throws ThroughlineError INVALID_ARGUMENT when it is no whole number of at least 0 */
export function countOption(options: Options, name: string): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw new ThroughlineError('INVALID_ARGUMENT', `${flagOf(name)}: ${JSON.stringify(text)} is no whole number`);
  return Number(text);
}

/**
 * What an option `name=value`, which may be given several times, was given.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function namedValues(
  options: Options,
  name: string,
): readonly { readonly name: string; readonly value: string }[] {
  const given = options[name];
  if (!Array.isArray(given)) return [];
  return given.map((item: unknown) => {
    const text = String(item);
    const at = text.indexOf('=');
    if (at < 1) throw new ThroughlineError('INVALID_ARGUMENT', `${flagOf(name)} ${text}: expected name=value`);
    return { name: text.slice(0, at), value: text.slice(at + 1) };
  });
}

/**
 * A point in time: ISO 8601, in UTC where it names no zone, or milliseconds since 1970.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function timeOption(options: Options, name: string): number | undefined {
  const text = textOption(options, name);
  return text === undefined ? undefined : parseInstant(text, flagOf(name));
}

/** The flag of an option: `--to-time` of `toTime`. */
function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The data folder of the server that is meant: flag, environment or default. */
export function dataDirOption(options: Options): string {
  return path.resolve(
    textOption(options, 'dataDir') ?? (process.env[environmentNames.dataDir] || undefined) ?? defaultDataDir,
  );
}
