// What the runs of a function need to be told, beside what its invoker is.
import type { Clock } from '@throughline/event';
import { appendRetriesMax, appendRetryMs, limits } from '../defaults.ts';
import type { ChunkAppenderOptions } from './chunk-appender.ts';

export interface RunConfig {
  /** Tries of one run. */
  readonly attemptsMax: number;
  /** A run whose owner has written nothing for this long may be taken over. */
  readonly leaseMs: number;
  /** Chunks that come within it share a record. */
  readonly chunkWindowMs: number;
  /** A record is closed early at this many bytes of chunks. */
  readonly chunkBytesMax: number;
}

/** How the chunks of a run are put into records. */
export function appendingOf(config: RunConfig, clock: Clock): Omit<ChunkAppenderOptions, 'onPressure' | 'onFailed'> {
  return {
    clock,
    windowMs: config.chunkWindowMs,
    bytesMax: config.chunkBytesMax,
    recordBytesMax: limits.recordBytesMax,
    pendingBytesMax: limits.pendingBytesMax,
    retryMs: appendRetryMs,
    retriesMax: appendRetriesMax,
  };
}
