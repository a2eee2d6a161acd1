// What a topic can be told, and the bounds of it.
import { ThroughlineError } from '@throughline/event';
import { recordBytesMaxLimit, segmentBytesMax, segmentBytesMin, topicConfigDefaults } from './defaults.ts';

/**
 * What an acknowledgement means:
 *   `memory`  kept in this process. Survives a clean close; a killed process loses what was not written behind yet.
 *   `os`      handed to the operating system. Survives kill -9 of the process; a power cut may take the last seconds.
 *   `fsync`   synced to the disk. Survives a power cut.
 */
export type Durability = 'memory' | 'os' | 'fsync';

export interface TopicConfig {
  readonly durability: Durability;
  /** Records older than this may be removed; null keeps them for ever. */
  readonly retentionMs: number | null;
  /** A partition above this many bytes loses its oldest segments; null keeps all. */
  readonly retentionBytes: number | null;
  /** A segment is closed at this size. */
  readonly segmentBytes: number;
  /** The largest record batch accepted. */
  readonly recordBytesMax: number;
}

/**
 * Fills a config up with what stands in `base`.
 *
 * @throws ThroughlineError INVALID_ARGUMENT for a value out of its bounds
 */
export function topicConfigFrom(
  config: Partial<TopicConfig> = {},
  base: TopicConfig = topicConfigDefaults,
): TopicConfig {
  const {
    durability = base.durability,
    retentionMs = base.retentionMs,
    retentionBytes = base.retentionBytes,
    segmentBytes = base.segmentBytes,
    recordBytesMax = base.recordBytesMax,
  } = config;
  if (durability !== 'memory' && durability !== 'os' && durability !== 'fsync') {
    throw refused('durability', durability, 'memory, os or fsync');
  }
  if (retentionMs !== null) requireInteger('retentionMs', retentionMs, 0, Number.MAX_SAFE_INTEGER);
  if (retentionBytes !== null) requireInteger('retentionBytes', retentionBytes, 0, Number.MAX_SAFE_INTEGER);
  requireInteger('segmentBytes', segmentBytes, segmentBytesMin, segmentBytesMax);
  requireInteger('recordBytesMax', recordBytesMax, 1, recordBytesMaxLimit);
  return { durability, retentionMs, retentionBytes, segmentBytes, recordBytesMax };
}

function requireInteger(name: string, value: unknown, min: number, max: number): void {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw refused(name, value, `a whole number from ${min} to ${max}`);
  }
}

function refused(name: string, value: unknown, wanted: string): ThroughlineError {
  return new ThroughlineError('INVALID_ARGUMENT', `${name} is ${JSON.stringify(value)}, wanted ${wanted}`, {
    details: { name },
  });
}
