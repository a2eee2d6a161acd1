// What a run's strip says, worked out of the run as the log has it: no clock and no React in here.
import type { Attempt, Run } from '@throughline/event';

export type RunState = 'waiting' | 'running' | 'stopping' | 'done' | 'stopped' | 'failed' | 'superseded';

export function stateOf(run: Run): RunState {
  if (run.outcome !== undefined) return run.outcome;
  if (run.isStopRequested) return 'stopping';
  return run.phase === 'waiting' ? 'waiting' : 'running';
}

export const stateWords: Readonly<Record<RunState, string>> = {
  waiting: 'Waiting for a function',
  running: 'Writing',
  stopping: 'Stopping',
  done: 'Done',
  stopped: 'Stopped',
  failed: 'Failed',
  superseded: 'Superseded',
};

/** `conversations-2@14–31`: where the run's records are, as a Kafka tool would name them. */
export function offsetsOf(run: Run): string {
  const first = `conversations-${run.partition}@${run.requestedOffset}`;
  return run.ended === undefined ? `${first}–` : `${first}–${run.ended.offset}`;
}

export interface AttemptFacts {
  readonly attempt: number;
  readonly pid: number;
  readonly offset: string;
  /** Chunk records of earlier attempts that stand. */
  readonly keptChunks: number;
  readonly isOwner: boolean;
  /**
   * What the end of the attempt before cost the reader, in milliseconds: from its last sign of life on the log to this
   * one's first chunk. Undefined for the first attempt, and while nothing has come yet.
   */
  readonly gapMs: number | undefined;
}

export function attemptsOf(run: Run): AttemptFacts[] {
  return run.attempts.map((attempt, index) => ({
    attempt: attempt.attempt,
    pid: attempt.environment.pid,
    offset: attempt.offset,
    keptChunks: attempt.keep,
    isOwner: attempt.attempt === run.attempt,
    gapMs: gapBefore(run.attempts[index - 1], attempt),
  }));
}

function gapBefore(before: Attempt | undefined, attempt: Attempt): number | undefined {
  if (before === undefined || attempt.firstChunkMs === undefined) return undefined;
  return Math.max(0, attempt.firstChunkMs - (before.lastChunkMs ?? before.startedMs));
}

/** How long the run took, or has taken until `nowMs`; undefined before its first attempt. */
export function durationOf(run: Run, nowMs: number): number | undefined {
  if (run.ended?.durationMs !== undefined) return run.ended.durationMs;
  const startedMs = run.attempts[0]?.startedMs;
  if (startedMs === undefined) return undefined;
  return Math.max(0, (run.ended?.atMs ?? nowMs) - startedMs);
}
