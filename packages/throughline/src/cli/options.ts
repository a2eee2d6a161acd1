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

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** A setting of a server is CONFIG_INVALID, as where `dev` has it; any other value is an argument. */
  readonly code: 'CONFIG_INVALID' | 'INVALID_ARGUMENT';
}

/** What numbers the flags of all commands take. */
const bounds = {
  kafkaPort: { min: 0, max: 65_535, code: 'CONFIG_INVALID' },
  advertisedPort: { min: 1, max: 65_535, code: 'CONFIG_INVALID' },
  /** How many there may be is the broker's to say. */
  nodes: { min: 0, max: Number.MAX_SAFE_INTEGER, code: 'CONFIG_INVALID' },
  limit: { min: 0, max: Number.MAX_SAFE_INTEGER, code: 'INVALID_ARGUMENT' },
  /** A partition is an int32 of the Kafka protocol. */
  partition: { min: 0, max: 2 ** 31 - 1, code: 'INVALID_ARGUMENT' },
  /** How many a topic may have is said where it is made. */
  partitions: { min: 0, max: Number.MAX_SAFE_INTEGER, code: 'INVALID_ARGUMENT' },
  /** Letters a second: a wait of a millisecond is the shortest that there is. */
  rate: { min: 1, max: 1000, code: 'INVALID_ARGUMENT' },
  toOffset: { min: 0, max: Number.MAX_SAFE_INTEGER, code: 'INVALID_ARGUMENT' },
} as const satisfies Readonly<Record<string, Bounds>>;

/** @throws ThroughlineError CONFIG_INVALID or INVALID_ARGUMENT when it is no whole number within the bounds of the flag */
export function countOption(options: Options, name: keyof typeof bounds): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const { min, max, code } = bounds[name];
  const value = /^\d{1,16}$/.test(text) ? Number(text) : undefined;
  if (value !== undefined && value >= min && value <= max) return value;
  const wanted = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new ThroughlineError(code, `${flagOf(name)}: ${JSON.stringify(text)} is no whole number ${wanted}`);
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
