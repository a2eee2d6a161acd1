// What an attempt at a run needs of the supervisor, and what it tells it.
import type { Logger, RawEvent, Run, UiChunk } from '@throughline/event';
import type { ChunkAppenderOptions } from './chunk-appender.ts';
import type { RunAttempt } from './run-attempt.ts';

/** What an attempt needs of its supervisor. */
export interface AttemptHost {
  readonly owner: string;
  readonly attemptsMax: number;
  readonly leaseMs: number;
  readonly logger: Logger;
  readonly appending: Omit<ChunkAppenderOptions, 'onPressure' | 'onFailed'>;
  nowMs(): number;
  newId(): string;
  append(events: readonly RawEvent[]): Promise<unknown>;
  /** The chunks of `run` that count, from its request up to `endOffset`. */
  standingChunks(run: Run, endOffset: bigint): Promise<readonly UiChunk[]>;
  /** What earlier attempts of `run` were billed. */
  billedBefore(run: Run): number;
  /** The attempt goes on as attempt 1 of another run, which is being requested. */
  onMoved(attempt: RunAttempt, siblingId: string): void;
  /** The attempt is over; its end may still be on the way to the log. */
  onOver(attempt: RunAttempt, how: AttemptEnd): void;
  /** The log did not take the end of an attempt that is over. */
  onEndRefused(attempt: RunAttempt): void;
}

/** `retry`: its process died, another one should try. `abandoned`: the run is somebody else's, or the log refuses it. */
export type AttemptEnd = 'ended' | 'retry' | 'abandoned';
