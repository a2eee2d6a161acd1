// The runs that have not ended, as one supervisor sees them.
import type { Conversation, Run } from '@throughline/event';
import type { RunAttempt } from './run-attempt.ts';

export interface RunEntry {
  readonly conversation: Conversation;
  /** As folded; it changes as the log is read. */
  readonly run: Run;
  /** Our attempt at it, from its claim until its end has been read back. */
  attempt: RunAttempt | undefined;
  /** Its place among the runs that wait for an environment; aborting it gives the place up. */
  waiting: AbortController | undefined;
  /** Its end is on the way to the log. */
  isEnding: boolean;
  /** Not tried again before this time: the log rejected a record of it. */
  notBeforeMs: number;
  /** How many of our own attempts died with their process. */
  deaths: number;
  /** What our own attempts were billed, by their number. */
  readonly billedMs: Map<number, number>;
}

export function runEntry(conversation: Conversation, run: Run, attempt: RunAttempt | undefined): RunEntry {
  return {
    conversation,
    run,
    attempt,
    waiting: undefined,
    isEnding: false,
    notBeforeMs: 0,
    deaths: 0,
    billedMs: new Map(),
  };
}

/** Runs are told apart by stream and id: nobody but their own conversation can mean them. */
export function keyOf(stream: string, runId: string): string {
  return `${stream}\0${runId}`;
}

/**
 * Tries of the runs that `run` took over from. A function that dies again and again and says something else each time
 * would otherwise make siblings without end. The first attempt of a sibling is the last one of the run before it.
 */
export function triesBefore({ runs }: Conversation, run: Run): number {
  let tries = 0;
  const seen = new Set([run.id]);
  for (let id = run.supersedes; id !== undefined && !seen.has(id); id = runs.get(id)?.supersedes) {
    seen.add(id);
    tries += Math.max(0, (runs.get(id)?.attempt ?? 1) - 1);
  }
  return tries;
}

/** What the attempts before `endAttempt` were billed: as measured here, or else from what they left on the log. */
export function billedBefore(entry: RunEntry | undefined, endAttempt: number): number {
  let sumMs = 0;
  for (const { attempt, startedMs, lastChunkMs } of entry?.run.attempts ?? []) {
    if (attempt >= endAttempt) continue;
    sumMs += entry?.billedMs.get(attempt) ?? Math.max(0, (lastChunkMs ?? startedMs) - startedMs);
  }
  return sumMs;
}
