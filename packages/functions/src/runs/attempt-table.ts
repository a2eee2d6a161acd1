// How an attempt at a run goes on: its states, each with what it needs and no more, and one table that says for every state
// and everything that can happen what follows and what is to be done. The table does nothing itself: run-attempt.ts does
// what the steps say, in their order, once the new state holds.
//
//   claiming            `attempt-started` is on its way to the log, the function is at work; its output is held
//   claiming-ended      the same, and how the run is to end is known
//   catching-up         the claim was read back and counts; what stands of the reply is read, to be compared with
//   catching-up-ended   the same, and how the run is to end is known
//   owning              output is appended as it comes
//   ended               the record that ends the run is on its way to the log
//   over                handed to the next attempt, lost to another supervisor, or given up
//
// The claim decides: output reaches the log only after the log itself has said that this attempt owns the run.
import type { Run, ThroughlineError, UiChunk } from '@throughline/event';
import { Comparison } from './comparison.ts';
import { endingOf, failed, type Ending, type Outcome } from './run-ending.ts';
import { terminalOf } from './ui-chunks.ts';
import type { ParsedChunk } from './ui-stream-parser.ts';

export type AttemptState =
  | { readonly phase: 'claiming'; readonly held: ParsedChunk[] }
  | {
      readonly phase: 'claiming-ended';
      readonly held: readonly ParsedChunk[];
      readonly ending: Ending;
      /** The handler has come to this end itself, so what is held has to be compared with what stands. */
      readonly isComplete: boolean;
    }
  | { readonly phase: 'catching-up'; readonly held: ParsedChunk[] }
  | { readonly phase: 'catching-up-ended'; readonly held: readonly ParsedChunk[]; readonly ending: Ending }
  /** `comparison`: with what stood when it began; none where nothing stood. */
  | { readonly phase: 'owning'; readonly comparison: Comparison | undefined }
  | { readonly phase: 'ended'; readonly outcome: Outcome }
  | { readonly phase: 'over' };
export type Phase = AttemptState['phase'];

export type AttemptEvent =
  /** The function has said something; `problem` is why it is no reply. */
  | { readonly type: 'output'; readonly chunks: readonly ParsedChunk[]; readonly problem: string | undefined }
  /** Its invocation has settled. */
  | { readonly type: 'settled'; readonly ending: Ending }
  /** The claim was read back at `offset` and counts. */
  | { readonly type: 'won'; readonly run: Run; readonly offset: bigint }
  /** What stands of the reply has been read. */
  | { readonly type: 'standing'; readonly chunks: readonly UiChunk[] }
  /** The run is to end without waiting for the handler: Stop was pressed, or the run goes on elsewhere. */
  | { readonly type: 'end-asked'; readonly outcome: Outcome }
  /** Another supervisor owns the run, or somebody ended it: nothing more of this attempt counts. */
  | { readonly type: 'lost' }
  /** The log does not count what this attempt appends: only another attempt can go on. */
  | { readonly type: 'broken' }
  /** The log has rejected chunks, or the end of the run, for good. */
  | { readonly type: 'append-failed'; readonly error: ThroughlineError }
  /** The log has rejected the claim or the last word, or what stands could not be read. */
  | { readonly type: 'log-failed'; readonly error: ThroughlineError };

export type AttemptStep =
  | { readonly do: 'take-run'; readonly run: Run }
  | { readonly do: 'read-standing'; readonly run: Run; readonly endOffset: bigint }
  /** The reply was complete: what it cost is in what stands. */
  | { readonly do: 'adopt'; readonly standing: readonly UiChunk[] }
  /** From here on what is pushed is appended. */
  | { readonly do: 'open' }
  | { readonly do: 'push'; readonly chunks: readonly ParsedChunk[] }
  /** End the run, and claim a sibling in the same append. */
  | { readonly do: 'move' }
  /** Append what is left together with the end of the run. */
  | { readonly do: 'end' }
  /** Append what is left: the next attempt carries on from there. */
  | { readonly do: 'flush' }
  /** Append nothing any more; what waits is dropped. */
  | { readonly do: 'close' }
  /** Append the end of the run by itself, in place of what the log rejected. */
  | { readonly do: 'last-word'; readonly outcome: Outcome }
  /** Tell the function that nobody waits any more. */
  | { readonly do: 'cancel' }
  | { readonly do: 'report'; readonly error: ThroughlineError }
  /** Tell the keeper. `ended`: the end is on its way; `retry`: another attempt should try; `abandoned`: the run is
   *  somebody else's, or the log rejects it; `end-rejected`: the end that was on its way does not count. */
  | { readonly do: 'tell'; readonly how: AttemptNews };
export type AttemptNews = 'ended' | 'retry' | 'abandoned' | 'end-rejected';

export interface Transition {
  readonly next: AttemptState;
  readonly steps: readonly AttemptStep[];
}

type StateOf<P extends Phase> = Extract<AttemptState, { phase: P }>;
type EventOf<T extends AttemptEvent['type']> = Extract<AttemptEvent, { type: T }>;
type Row<P extends Phase> = {
  readonly [T in AttemptEvent['type']]: (state: StateOf<P>, event: EventOf<T>) => Transition;
};

const cancel: AttemptStep = { do: 'cancel' };
const close: AttemptStep = { do: 'close' };
const open: AttemptStep = { do: 'open' };
const over: AttemptState = { phase: 'over' };

const stay = (next: AttemptState): Transition => ({ next, steps: [] });

function giveUp(how: 'retry' | 'abandoned', ...before: readonly AttemptStep[]): Transition {
  return { next: over, steps: [...before, close, cancel, { do: 'tell', how }] };
}
const lost = (): Transition => giveUp('abandoned');
const broken = (): Transition => giveUp('retry');
const logFailed = (_: AttemptState, { error }: { readonly error: ThroughlineError }): Transition =>
  giveUp('abandoned', { do: 'report', error });
const endRejected = (_: AttemptState, { error }: { readonly error: ThroughlineError }): Transition => ({
  next: over,
  steps: [{ do: 'report', error }, close, { do: 'tell', how: 'end-rejected' }],
});

/** Ends the run as `ending` says, with what has been pushed. */
function conclude(ending: Ending, before: readonly AttemptStep[], ...behind: readonly AttemptStep[]): Transition {
  if (ending === 'retry') return giveUp('retry', ...before, { do: 'flush' });
  return {
    next: { phase: 'ended', outcome: ending },
    steps: [...before, { do: 'end' }, ...behind, { do: 'tell', how: 'ended' }],
  };
}

const notAReply = (problem: string): Outcome => failed('FUNCTION_OUTPUT_INVALID', problem);

/** What is too large for the log once is too large for it each time: the run ends, instead of being tried again. */
const tooLarge = (error: ThroughlineError): Outcome =>
  failed('FUNCTION_OUTPUT_INVALID', `a chunk does not fit into a record: ${error.message}`);

/** Appends `chunks`, compared with what stands. */
function take(comparison: Comparison | undefined, chunks: readonly ParsedChunk[], before: AttemptStep[]): Transition {
  if (comparison === undefined) {
    if (chunks.length > 0) before.push({ do: 'push', chunks });
    return { next: { phase: 'owning', comparison }, steps: before };
  }
  const append: ParsedChunk[] = [];
  for (const [index, parsed] of chunks.entries()) {
    const step = comparison.feed(parsed);
    if ('diverged' in step) {
      // The new text contradicts what stands: the run ends, and a sibling beside it gets the whole of the new text.
      const held = [...step.diverged, ...chunks.slice(index + 1)];
      return { next: { phase: 'claiming', held }, steps: [...before, { do: 'move' }] };
    }
    append.push(...step.append);
  }
  if (append.length > 0) before.push({ do: 'push', chunks: append });
  return { next: { phase: 'owning', comparison }, steps: before };
}

/** The run ends as `outcome` says, whatever the handler does. */
function endAsked(state: AttemptState, outcome: Outcome, before: readonly AttemptStep[] = []): Transition {
  if (state.phase === 'claiming') {
    const next = { phase: 'claiming-ended', held: state.held, ending: outcome, isComplete: false } as const;
    return { next, steps: [...before, cancel] };
  }
  return conclude(outcome, before, cancel);
}

/** What stands has been read: a complete reply only lacks its end; any other is carried on. */
function compare(held: readonly ParsedChunk[], standing: readonly UiChunk[]): Transition {
  const terminal = standing.find((chunk) => terminalOf(chunk) !== undefined);
  if (terminal !== undefined) return conclude(endingOf(terminal), [{ do: 'adopt', standing }, open], cancel);
  return take(new Comparison(standing), held, [open]);
}

export const attemptTable: { readonly [P in Phase]: Row<P> } = {
  claiming: {
    output(state, { chunks, problem }) {
      state.held.push(...chunks);
      return problem === undefined ? stay(state) : endAsked(state, notAReply(problem));
    },
    settled: ({ held }, { ending }) => stay({ phase: 'claiming-ended', held, ending, isComplete: true }),
    won({ held }, { run, offset }) {
      const taken = { do: 'take-run', run } as const;
      if (run.nextSeq === 0) return take(undefined, held, [taken, open]);
      const steps: AttemptStep[] = [taken, { do: 'read-standing', run, endOffset: offset }];
      return { next: { phase: 'catching-up', held }, steps };
    },
    standing: stay,
    'end-asked': (state, { outcome }) => endAsked(state, outcome),
    lost,
    broken,
    'append-failed': logFailed,
    'log-failed': logFailed,
  },
  'claiming-ended': {
    output: stay,
    settled: stay,
    won({ held, ending, isComplete }, { run, offset }) {
      const taken = { do: 'take-run', run } as const;
      if (run.nextSeq === 0) return conclude(ending, take(undefined, held, [taken, open]).steps);
      // Nobody waits for what is held any more, and it has not been compared with what stands.
      if (!isComplete) return conclude(ending, [taken, open]);
      const steps: AttemptStep[] = [taken, { do: 'read-standing', run, endOffset: offset }];
      return { next: { phase: 'catching-up-ended', held, ending }, steps };
    },
    standing: stay,
    'end-asked': stay,
    lost,
    broken,
    'append-failed': logFailed,
    'log-failed': logFailed,
  },
  'catching-up': {
    output(state, { chunks, problem }) {
      state.held.push(...chunks);
      return problem === undefined ? stay(state) : endAsked(state, notAReply(problem), [open]);
    },
    settled: ({ held }, { ending }) => stay({ phase: 'catching-up-ended', held, ending }),
    won: stay,
    standing: ({ held }, { chunks }) => compare(held, chunks),
    'end-asked': (state, { outcome }) => endAsked(state, outcome, [open]),
    lost,
    broken,
    'append-failed': logFailed,
    'log-failed': logFailed,
  },
  'catching-up-ended': {
    output: stay,
    settled: stay,
    won: stay,
    standing({ held, ending }, { chunks }) {
      const { next, steps } = compare(held, chunks);
      if (next.phase === 'owning') return conclude(ending, steps);
      if (next.phase !== 'claiming') return { next, steps };
      return { next: { ...next, phase: 'claiming-ended', ending, isComplete: true }, steps };
    },
    'end-asked': stay,
    lost,
    broken,
    'append-failed': logFailed,
    'log-failed': logFailed,
  },
  owning: {
    output({ comparison }, { chunks, problem }) {
      const { next, steps } = take(comparison, chunks, []);
      return problem === undefined ? { next, steps } : endAsked(next, notAReply(problem), steps);
    },
    settled: (_, { ending }) => conclude(ending, []),
    won: stay,
    standing: stay,
    'end-asked': (state, { outcome }) => endAsked(state, outcome),
    lost,
    broken,
    'append-failed'(state, { error }) {
      if (error.code !== 'RECORD_TOO_LARGE') return logFailed(state, { error });
      const outcome = tooLarge(error);
      const steps: AttemptStep[] = [{ do: 'last-word', outcome }, cancel, { do: 'tell', how: 'ended' }];
      return { next: { phase: 'ended', outcome }, steps };
    },
    'log-failed': logFailed,
  },
  ended: {
    output: stay,
    settled: stay,
    won: stay,
    standing: stay,
    'end-asked': stay,
    // Somebody else has taken the run before its end was there: that end does not count, and the run is open.
    lost: () => ({ next: over, steps: [close, { do: 'tell', how: 'end-rejected' }] }),
    broken: stay,
    'append-failed'(state, { error }) {
      if (error.code !== 'RECORD_TOO_LARGE') return endRejected(state, { error });
      // Its end was in the very record that was rejected.
      const outcome = tooLarge(error);
      return { next: { phase: 'ended', outcome }, steps: [{ do: 'last-word', outcome }] };
    },
    'log-failed': endRejected,
  },
  over: {
    output: stay,
    settled: stay,
    won: stay,
    standing: stay,
    'end-asked': stay,
    lost: stay,
    broken: stay,
    'append-failed': stay,
    'log-failed': stay,
  },
};

/** What follows when `event` happens in `state`. */
export function transition(state: AttemptState, event: AttemptEvent): Transition {
  // The table has a function for each pair; TypeScript cannot follow two unions at once.
  const follow = attemptTable[state.phase][event.type] as (state: AttemptState, event: AttemptEvent) => Transition;
  return follow(state, event);
}
