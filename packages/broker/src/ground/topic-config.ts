// What a topic can be told in our own API, the bounds of it, and what each is called in Kafka.
import { ThroughlineError } from '@throughline/event';
import { recordBytesMaxLimit, segmentBytesMax, segmentBytesMin } from '../defaults.ts';

/**
 * What an acknowledgement means:
 *   `memory`  kept in this process. Survives a clean close; a killed process loses what was not written behind yet.
 *   `os`      handed to the operating system. Survives kill -9 of the process; a power cut may take the last seconds.
 *   `fsync`   synced to the disk. Survives a power cut.
 */
export type Durability = 'memory' | 'os' | 'fsync';

/** Whose time the records of a topic carry: the producer's, or that of the append (`message.timestamp.type`). */
export type TimestampType = 'CreateTime' | 'LogAppendTime';

export interface TopicConfig {
  readonly durability: Durability;
  /** Records older than this may be removed; null keeps them for ever. */
  readonly retentionMs: number | null;
  /** A partition above this many bytes loses its oldest segments; null keeps all. */
  readonly retentionBytes: number | null;
  /** A segment is closed at this size. */
  readonly segmentBytes: number;
  /** A segment is closed when the next record is this much younger than its first, in milliseconds; null for never. */
  readonly segmentMs: number | null;
  /** The largest record batch accepted. */
  readonly recordBytesMax: number;
  readonly timestampType: TimestampType;
  /** How much older than now a record's own timestamp may be, in milliseconds; null for any age. */
  readonly timestampBeforeMaxMs: number | null;
  /** How far ahead of now a record's own timestamp may be, in milliseconds; null for any. */
  readonly timestampAfterMaxMs: number | null;
  /** Each record has a key, of which the last record counts. Nothing is compacted yet: all of them are kept. */
  readonly isCompacted: boolean;
}

interface Property {
  /** Kafka's name. */
  readonly name: string;
  /** The value as text; undefined for one that it cannot have. */
  readonly toText: (value: unknown) => string | undefined;
  readonly wanted: string;
}

const properties: Readonly<Record<keyof TopicConfig, Property>> = {
  durability: choice('durability', ['memory', 'os', 'fsync']),
  retentionMs: bound('retention.ms', '-1', 0),
  retentionBytes: bound('retention.bytes', '-1', 0),
  segmentBytes: integer('segment.bytes', segmentBytesMin, segmentBytesMax),
  segmentMs: bound('segment.ms', '9223372036854775807', 1),
  recordBytesMax: integer('max.message.bytes', 1, recordBytesMaxLimit),
  timestampType: choice('message.timestamp.type', ['CreateTime', 'LogAppendTime']),
  timestampBeforeMaxMs: bound('message.timestamp.before.max.ms', '9223372036854775807', 0),
  timestampAfterMaxMs: bound('message.timestamp.after.max.ms', '9223372036854775807', 0),
  isCompacted: {
    name: 'cleanup.policy',
    wanted: 'true or false',
    toText: (value) => (value === true ? 'compact' : value === false ? 'delete' : undefined),
  },
};

/** The least that Kafka lets a topic say; for less it has a setting of its own. */
const kafkaSegmentBytesMin = 1024 * 1024;

/**
 * The config by Kafka's names; what is undefined is left out, and null is said where a setting must go for another to hold.
 *
 * @throws ThroughlineError INVALID_ARGUMENT for an unknown property or a value out of its bounds
 * @example settingsOf({ retentionMs: null }) // Map { 'retention.ms' => '-1' }
 */
export function settingsOf(config: Partial<TopicConfig>): ReadonlyMap<string, string | null> {
  const settings = new Map<string, string | null>();
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined) continue;
    const property = Object.hasOwn(properties, key) ? properties[key as keyof TopicConfig] : undefined;
    const text = property?.toText(value);
    if (property === undefined || text === undefined) {
      const wanted = property?.wanted ?? `one of ${Object.keys(properties).join(', ')}`;
      const message = `${key} is ${JSON.stringify(value)}, wanted ${wanted}`;
      throw new ThroughlineError('INVALID_ARGUMENT', message, { details: { name: key } });
    }
    const isSmallSegment = key === 'segmentBytes' && Number(text) < kafkaSegmentBytesMin;
    settings.set(isSmallSegment ? 'internal.segment.bytes' : property.name, text);
    if (key === 'segmentBytes' && !isSmallSegment) settings.set('internal.segment.bytes', null);
  }
  return settings;
}

function choice(name: string, values: readonly string[]): Property {
  return {
    name,
    wanted: values.join(' or '),
    toText: (value) => (typeof value === 'string' && values.includes(value) ? value : undefined),
  };
}

function integer(name: string, min: number, max: number): Property {
  const isInside = (value: unknown): value is number =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
  return {
    name,
    wanted: `a whole number from ${min} to ${max}`,
    toText: (value) => (isInside(value) ? String(value) : undefined),
  };
}

/** A number that may be null for "no bound". */
function bound(name: string, none: string, min: number): Property {
  const number = integer(name, min, Number.MAX_SAFE_INTEGER);
  return {
    name,
    wanted: `${number.wanted}, or null`,
    toText: (value) => (value === null ? none : number.toText(value)),
  };
}
