// The fencing rule of a run, in the one place where it stands (docs/PROTOCOL.md §4). Every reader of topic
// `conversations` (browser, gateway, supervisor, pipeline) asks this reducer whether a record of a run counts. The log's
// total order per partition makes them all agree, on any Kafka:
//
//   * `attempt-started{n}` counts when n is one more than the attempt so far; it fences every attempt below n. Of two
//     supervisors that start the same n, the first in log order owns the run, and the other finds itself fenced.
//   * `chunk{n, seq}` counts when n is the attempt that owns the run and seq is the next one. A lower seq is a duplicate;
//     a higher one is a gap, which voids the rest of that attempt. seq goes on across attempts.
//   * the first `run-ended` counts, and nothing of the run after it.
import type { PlacedEvent } from './events.ts';
import type { RecordPosition } from './record.ts';

export type RunPhase = 'waiting' | 'running' | 'ended';
export type RunOutcome = 'done' | 'stopped' | 'failed' | 'superseded';

export interface Attempt {
  readonly attempt: number;
  readonly environment: { readonly id: string; readonly pid: number };
  readonly owner: string;
  readonly keep: number;
  readonly startedMs: number;
  /** Decimal offset of its `attempt-started`. */
  readonly offset: string;
  /**
   * When the first and the last of its chunks that count were written; absent before the first. From one attempt's last
   * chunk to the next one's first is what a reader waited for: the cost of a kill.
   */
  firstChunkMs?: number;
  lastChunkMs?: number;
}

/** The state of a run; plain data, so that it can be stored as JSON. */
export interface Run {
  readonly id: string;
  readonly stream: string;
  /** The partition that its records are in. */
  readonly partition: number;
  /** The user message that it answers. */
  readonly messageId: string;
  readonly replyId: string;
  readonly function: string;
  readonly model: string | undefined;
  readonly settings: Readonly<Record<string, unknown>> | undefined;
  readonly supersedes: string | undefined;
  readonly requestedMs: number;
  /** Decimal offset of its `run-requested`. */
  readonly requestedOffset: string;
  phase: RunPhase;
  /** The attempt that owns the run; 0 before the first. */
  attempt: number;
  owner: string | undefined;
  /** The owner's lease ends then unless it writes again. */
  leaseUntilMs: number;
  leaseMs: number;
  /** The seq that the next chunk record must have: how many stand. */
  nextSeq: number;
  /** The owning attempt left a gap; nothing more of it counts. */
  isBroken: boolean;
  isStopRequested: boolean;
  readonly attempts: Attempt[];
  /** Records of this run that did not count. */
  droppedRecords: number;
  outcome: RunOutcome | undefined;
  ended: RunEnd | undefined;
}
export interface RunEnd {
  readonly atMs: number;
  readonly offset: string;
  readonly usage?: {
    inputTokens?: number;
    outputTokens?: number;
    reasoningTokens?: number;
    cachedInputTokens?: number;
  };
  readonly model?: string;
  readonly costUsd?: number;
  readonly error?: { code: string; message: string; remedy?: string };
  readonly supersededBy?: string;
  readonly durationMs?: number;
  readonly billedMs?: number;
}

/** Whether a record of a run counts, and if not, why. */
export type RunVerdict = 'counts' | 'duplicate' | 'fenced' | 'gap' | 'ended';

type EventOfType<T extends PlacedEvent['type']> = Extract<PlacedEvent, { type: T }>;

/** The run that a `run-requested` begins. */
export function runFrom(event: EventOfType<'run-requested'>): Run {
  return {
    id: event.run,
    stream: event.stream,
    partition: event.at.partition,
    messageId: event.payload.messageId,
    replyId: event.payload.replyId,
    function: event.payload.function,
    model: event.payload.model,
    settings: event.payload.settings,
    supersedes: event.payload.supersedes,
    requestedMs: event.at.timestampMs,
    requestedOffset: String(event.at.offset),
    phase: 'waiting',
    attempt: 0,
    owner: undefined,
    leaseUntilMs: 0,
    leaseMs: 0,
    nextSeq: 0,
    isBroken: false,
    isStopRequested: false,
    attempts: [],
    droppedRecords: 0,
    outcome: undefined,
    ended: undefined,
  };
}

/**
 * Applies one later event of `run` (same `tl-run`) to it, in log order.
 *
 * @returns 'counts', or why the event changes nothing; everything that does not count is dropped by every reader alike
 */
export function reduceRun(run: Run, event: PlacedEvent): RunVerdict {
  const verdict = judge(run, event);
  if (verdict !== 'counts') {
    run.droppedRecords++;
    return verdict;
  }
  switch (event.type) {
    case 'attempt-started':
      startAttempt(run, event);
      break;
    case 'chunk':
      run.nextSeq++;
      renew(run, event.at);
      markChunk(run.attempts.at(-1), event.at.timestampMs);
      break;
    case 'lease-renewed':
    case 'tool-approval-requested':
      renew(run, event.at);
      break;
    case 'stop-requested':
      run.isStopRequested = true;
      break;
    case 'run-ended':
      end(run, event);
      break;
  }
  return 'counts';
}

function judge(run: Run, event: PlacedEvent): RunVerdict {
  if (run.phase === 'ended') return 'ended';
  switch (event.type) {
    case 'run-requested':
      return 'duplicate';
    case 'attempt-started':
      if (event.attempt <= run.attempt) return 'fenced';
      return event.attempt === run.attempt + 1 ? 'counts' : 'gap';
    case 'chunk':
      if (event.attempt !== run.attempt) return event.attempt < run.attempt ? 'fenced' : 'gap';
      if (event.seq < run.nextSeq) return 'duplicate';
      if (event.seq > run.nextSeq) run.isBroken = true;
      return run.isBroken ? 'gap' : 'counts';
    case 'lease-renewed':
    case 'tool-approval-requested':
    case 'run-ended':
      return event.attempt < run.attempt ? 'fenced' : 'counts';
    case 'stop-requested':
      return run.isStopRequested ? 'duplicate' : 'counts';
    default:
      return 'counts';
  }
}

function startAttempt(run: Run, event: EventOfType<'attempt-started'>): void {
  run.phase = 'running';
  run.attempt = event.attempt;
  run.owner = event.payload.owner;
  run.leaseMs = event.payload.leaseMs;
  run.isBroken = false;
  renew(run, event.at);
  run.attempts.push({
    attempt: event.attempt,
    environment: event.payload.environment,
    owner: event.payload.owner,
    keep: event.payload.keep,
    startedMs: event.at.timestampMs,
    offset: String(event.at.offset),
  });
}

function markChunk(attempt: Attempt | undefined, atMs: number): void {
  if (attempt === undefined) return;
  attempt.firstChunkMs ??= atMs;
  attempt.lastChunkMs = atMs;
}

function renew(run: Run, at: RecordPosition & { timestampMs: number }): void {
  run.leaseUntilMs = at.timestampMs + run.leaseMs;
}

function end(run: Run, event: EventOfType<'run-ended'>): void {
  const { outcome, ...rest } = event.payload;
  run.phase = 'ended';
  run.outcome = outcome;
  run.ended = { ...rest, atMs: event.at.timestampMs, offset: String(event.at.offset) };
}
