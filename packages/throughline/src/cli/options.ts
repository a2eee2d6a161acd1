// Options as commander hands them over (text, or absent), narrowed once.
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
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
    throw new ThroughlineError('INVALID_ARGUMENT', `--${name}: ${JSON.stringify(text)} is no whole number`);
  return Number(text);
}

/** What an option that may be given several times was given. */
export function listOption(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/**
 * A point in time: ISO 8601, or milliseconds since 1970.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function timeOption(options: Options, name: string): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const timeMs = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(timeMs) || timeMs < 0)
    throw new ThroughlineError('INVALID_ARGUMENT', `--${name}: ${JSON.stringify(text)} is no time (ISO 8601 or ms)`);
  return timeMs;
}

/** The data folder of the server that is meant: flag, environment or default. */
export function dataDirOption(options: Options): string {
  return path.resolve(
    textOption(options, 'dataDir') ?? (process.env[environmentNames.dataDir] || undefined) ?? defaultDataDir,
  );
}
