// Walks through every row of the table of an attempt: each state, each thing that can happen in it, what follows and what
// is done, in this order. A row of the table that is not here fails the last test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError, type Run, type UiChunk } from '@throughline/event';
import { attemptTable, transition, type AttemptEvent, type AttemptState, type Phase } from './attempt-table.ts';
import { Comparison } from './comparison.ts';
import type { ParsedChunk } from './ui-stream-parser.ts';

const parsed = (...chunks: UiChunk[]): ParsedChunk[] => chunks.map((chunk) => ({ chunk, bytes: 10 }));
const text = (delta: string): UiChunk => ({ type: 'text-delta', id: 't', delta });
const start: UiChunk = { type: 'text-start', id: 't' };
const run = (nextSeq: number): Run => ({ id: 'run', nextSeq }) as Run;

const stopped = { outcome: 'stopped' } as const;
const done = { outcome: 'done' } as const;
const hello = (): ParsedChunk[] => parsed(start, text('hello'));
const standing = [start, text('hel')];

/** A state of each kind, and of some kinds several. */
const states = {
  claiming: (): AttemptState => ({ phase: 'claiming', held: hello() }),
  'claiming, nothing held': (): AttemptState => ({ phase: 'claiming', held: [] }),
  'claiming-ended, done': (): AttemptState => ({
    phase: 'claiming-ended',
    held: hello(),
    ending: done,
    isComplete: true,
  }),
  'claiming-ended, stopped': (): AttemptState => ({
    phase: 'claiming-ended',
    held: hello(),
    ending: stopped,
    isComplete: false,
  }),
  'claiming-ended, died': (): AttemptState => ({
    phase: 'claiming-ended',
    held: hello(),
    ending: 'retry',
    isComplete: true,
  }),
  'catching-up': (): AttemptState => ({ phase: 'catching-up', held: hello() }),
  'catching-up-ended, done': (): AttemptState => ({ phase: 'catching-up-ended', held: hello(), ending: done }),
  'catching-up-ended, died': (): AttemptState => ({ phase: 'catching-up-ended', held: hello(), ending: 'retry' }),
  owning: (): AttemptState => ({ phase: 'owning', comparison: undefined }),
  'owning, comparing': (): AttemptState => ({ phase: 'owning', comparison: new Comparison(standing) }),
  ended: (): AttemptState => ({ phase: 'ended', outcome: done }),
  over: (): AttemptState => ({ phase: 'over' }),
};

const events = {
  output: { type: 'output', chunks: hello(), problem: undefined },
  'output that is no reply': { type: 'output', chunks: parsed(start), problem: 'rubbish' },
  'another text': { type: 'output', chunks: parsed(start, text('other'), text('wise')), problem: undefined },
  'another text that is no reply': { type: 'output', chunks: parsed(start, text('other')), problem: 'rubbish' },
  settled: { type: 'settled', ending: done },
  'settled, died': { type: 'settled', ending: 'retry' },
  'won, nothing stands': { type: 'won', run: run(0), offset: 7n },
  won: { type: 'won', run: run(2), offset: 7n },
  standing: { type: 'standing', chunks: standing },
  'standing, complete': { type: 'standing', chunks: [...standing, { type: 'finish' }] },
  'standing, another text': { type: 'standing', chunks: [start, text('bye')] },
  'end-asked': { type: 'end-asked', outcome: stopped },
  lost: { type: 'lost' },
  broken: { type: 'broken' },
  'append-failed': { type: 'append-failed', error: new ThroughlineError('PARTITION_OFFLINE', 'offline') },
  'append-failed, too large': { type: 'append-failed', error: new ThroughlineError('RECORD_TOO_LARGE', 'large') },
  'log-failed': { type: 'log-failed', error: new ThroughlineError('CLOSED', 'closed') },
} satisfies Record<string, AttemptEvent>;

type Row = readonly [from: keyof typeof states, on: keyof typeof events, to: string, does?: string];

/** `to`: the state with what matters of it. `does`: the steps, those that append with what they append. */
const rows: readonly Row[] = [
  ['claiming', 'output', 'claiming hello hello'],
  ['claiming', 'output that is no reply', 'claiming-ended hello failed cut', 'cancel'],
  ['claiming', 'settled', 'claiming-ended hello done complete'],
  ['claiming', 'settled, died', 'claiming-ended hello retry complete'],
  ['claiming', 'won, nothing stands', 'owning', 'take-run, open, push hello'],
  ['claiming, nothing held', 'won, nothing stands', 'owning', 'take-run, open'],
  ['claiming', 'won', 'catching-up hello', 'take-run, read-standing'],
  ['claiming', 'standing', 'claiming hello'],
  ['claiming', 'end-asked', 'claiming-ended hello stopped cut', 'cancel'],
  ['claiming', 'lost', 'over', 'close, cancel, tell abandoned'],
  ['claiming', 'broken', 'over', 'close, cancel, tell retry'],
  ['claiming', 'append-failed', 'over', 'report, close, cancel, tell abandoned'],
  ['claiming', 'log-failed', 'over', 'report, close, cancel, tell abandoned'],

  ['claiming-ended, done', 'output', 'claiming-ended hello done complete'],
  ['claiming-ended, done', 'settled, died', 'claiming-ended hello done complete'],
  ['claiming-ended, done', 'won, nothing stands', 'ended done', 'take-run, open, push hello, end, tell ended'],
  ['claiming-ended, done', 'won', 'catching-up-ended hello done', 'take-run, read-standing'],
  [
    'claiming-ended, died',
    'won, nothing stands',
    'over',
    'take-run, open, push hello, flush, close, cancel, tell retry',
  ],
  ['claiming-ended, stopped', 'won, nothing stands', 'ended stopped', 'take-run, open, push hello, end, tell ended'],
  ['claiming-ended, stopped', 'won', 'ended stopped', 'take-run, open, end, tell ended'],
  ['claiming-ended, done', 'standing', 'claiming-ended hello done complete'],
  ['claiming-ended, done', 'end-asked', 'claiming-ended hello done complete'],
  ['claiming-ended, done', 'lost', 'over', 'close, cancel, tell abandoned'],
  ['claiming-ended, done', 'broken', 'over', 'close, cancel, tell retry'],
  ['claiming-ended, done', 'append-failed', 'over', 'report, close, cancel, tell abandoned'],
  ['claiming-ended, done', 'log-failed', 'over', 'report, close, cancel, tell abandoned'],

  ['catching-up', 'output', 'catching-up hello hello'],
  ['catching-up', 'output that is no reply', 'ended failed', 'open, end, cancel, tell ended'],
  ['catching-up', 'settled', 'catching-up-ended hello done'],
  ['catching-up', 'settled, died', 'catching-up-ended hello retry'],
  ['catching-up', 'won', 'catching-up hello'],
  ['catching-up', 'standing', 'owning', 'open, push lo'],
  ['catching-up', 'standing, complete', 'ended done', 'adopt, open, end, cancel, tell ended'],
  ['catching-up', 'standing, another text', 'claiming hello', 'open, move'],
  ['catching-up', 'end-asked', 'ended stopped', 'open, end, cancel, tell ended'],
  ['catching-up', 'lost', 'over', 'close, cancel, tell abandoned'],
  ['catching-up', 'broken', 'over', 'close, cancel, tell retry'],
  ['catching-up', 'append-failed', 'over', 'report, close, cancel, tell abandoned'],
  ['catching-up', 'log-failed', 'over', 'report, close, cancel, tell abandoned'],

  ['catching-up-ended, done', 'output', 'catching-up-ended hello done'],
  ['catching-up-ended, done', 'settled, died', 'catching-up-ended hello done'],
  ['catching-up-ended, done', 'won', 'catching-up-ended hello done'],
  ['catching-up-ended, done', 'standing', 'ended done', 'open, push lo, end, tell ended'],
  ['catching-up-ended, died', 'standing', 'over', 'open, push lo, flush, close, cancel, tell retry'],
  ['catching-up-ended, died', 'standing, complete', 'ended done', 'adopt, open, end, cancel, tell ended'],
  ['catching-up-ended, done', 'standing, another text', 'claiming-ended hello done complete', 'open, move'],
  ['catching-up-ended, done', 'end-asked', 'catching-up-ended hello done'],
  ['catching-up-ended, done', 'lost', 'over', 'close, cancel, tell abandoned'],
  ['catching-up-ended, done', 'broken', 'over', 'close, cancel, tell retry'],
  ['catching-up-ended, done', 'append-failed', 'over', 'report, close, cancel, tell abandoned'],
  ['catching-up-ended, done', 'log-failed', 'over', 'report, close, cancel, tell abandoned'],

  ['owning', 'output', 'owning', 'push hello'],
  ['owning', 'output that is no reply', 'ended failed', 'push , end, cancel, tell ended'],
  ['owning, comparing', 'output', 'owning', 'push lo'],
  ['owning, comparing', 'another text', 'claiming otherwise', 'move'],
  ['owning, comparing', 'another text that is no reply', 'claiming-ended other failed cut', 'move, cancel'],
  ['owning', 'settled', 'ended done', 'end, tell ended'],
  ['owning', 'settled, died', 'over', 'flush, close, cancel, tell retry'],
  ['owning', 'won', 'owning'],
  ['owning', 'standing', 'owning'],
  ['owning', 'end-asked', 'ended stopped', 'end, cancel, tell ended'],
  ['owning', 'lost', 'over', 'close, cancel, tell abandoned'],
  ['owning', 'broken', 'over', 'close, cancel, tell retry'],
  ['owning', 'append-failed', 'over', 'report, close, cancel, tell abandoned'],
  ['owning', 'append-failed, too large', 'ended failed', 'last-word failed, cancel, tell ended'],
  ['owning', 'log-failed', 'over', 'report, close, cancel, tell abandoned'],

  ['ended', 'output', 'ended done'],
  ['ended', 'settled', 'ended done'],
  ['ended', 'won', 'ended done'],
  ['ended', 'standing', 'ended done'],
  ['ended', 'end-asked', 'ended done'],
  ['ended', 'lost', 'over', 'close, tell end-rejected'],
  ['ended', 'broken', 'ended done'],
  ['ended', 'append-failed', 'over', 'report, close, tell end-rejected'],
  ['ended', 'append-failed, too large', 'ended failed', 'last-word failed'],
  ['ended', 'log-failed', 'over', 'report, close, tell end-rejected'],

  ['over', 'output', 'over'],
  ['over', 'settled', 'over'],
  ['over', 'won', 'over'],
  ['over', 'standing', 'over'],
  ['over', 'end-asked', 'over'],
  ['over', 'lost', 'over'],
  ['over', 'broken', 'over'],
  ['over', 'append-failed', 'over'],
  ['over', 'log-failed', 'over'],
];

const spoken = (chunks: readonly ParsedChunk[]): string =>
  chunks.map(({ chunk }) => (typeof chunk['delta'] === 'string' ? chunk['delta'] : '')).join('');

function describe(state: AttemptState): string {
  const words: string[] = [state.phase];
  // Two times "hello" is said as two words.
  if ('held' in state) words.push(spoken(state.held).replaceAll('hellohello', 'hello hello'));
  if ('ending' in state) words.push(state.ending === 'retry' ? 'retry' : state.ending.outcome);
  if ('isComplete' in state) words.push(state.isComplete ? 'complete' : 'cut');
  if ('outcome' in state) words.push(state.outcome.outcome);
  return words.join(' ');
}

for (const [from, on, to, does = ''] of rows) {
  test(`${from}: on ${on}, ${to}${does === '' ? '' : `; ${does}`}`, () => {
    const { next, steps } = transition(states[from](), events[on]);
    assert.equal(describe(next), to);
    const done = steps.map((step) => {
      if (step.do === 'push') return `push ${spoken(step.chunks)}`;
      if (step.do === 'tell') return `tell ${step.how}`;
      return step.do === 'last-word' ? `last-word ${step.outcome.outcome}` : step.do;
    });
    assert.equal(done.join(', '), does);
  });
}

test('no row of the table is left out', () => {
  const walked = new Set(rows.map(([from, on]) => `${states[from]().phase}: ${events[on].type}`));
  const all = Object.entries(attemptTable).flatMap(([phase, row]) => Object.keys(row).map((on) => `${phase}: ${on}`));
  assert.deepEqual([...walked].sort(), all.sort());
  assert.equal(all.length, 7 * 9);
  assert.ok(Object.keys(attemptTable).every((phase) => rows.some(([, , to]) => to.split(' ')[0] === (phase as Phase))));
});
