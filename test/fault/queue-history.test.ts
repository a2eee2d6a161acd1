// The checker of queues is right about a history that keeps every promise, kills among them, and finds each defect that is planted
// into one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queueProblems, type QueueHistory, type QueueNote } from './queue-history.ts';

const begin = (id: string, life: number, ...messages: readonly (readonly [string, number])[]): QueueNote => ({
  at: 'begin',
  id,
  life,
  pid: life * 10 + Number(id),
  messages: messages.map(([body, count]) => ({ body, count })),
});
const end = (id: string, ...failed: readonly string[]): QueueNote => ({ at: 'end', id, failed });

/** `b` is bad; process 72 is killed with `c`, and the server with it before it has heard of `d`. */
const right: QueueHistory = {
  maxReceiveCount: 2,
  killed: new Set([72]),
  sent: ['a', 'b', 'c', 'd'],
  notes: [
    begin('1', 7, ['a', 1], ['b', 1]),
    end('1', 'b'),
    begin('2', 7, ['c', 1]),
    begin('3', 7, ['d', 1]),
    end('3'),
    begin('4', 8, ['b', 2], ['d', 2]),
    end('4', 'b'),
    begin('5', 8, ['c', 2]),
    end('5'),
  ],
  letters: [{ body: 'b', receives: 2 }],
};

test('a right history has no problem', () => {
  assert.deepEqual(queueProblems(right), []);
});

const planted: readonly (readonly [string, Partial<QueueHistory>, RegExp])[] = [
  ['a message that nobody has done', { sent: [...right.sent, 'e'] }, /^lost: e$/],
  ['a dead letter that is missing', { letters: [] }, /^lost: b$/],
  [
    'a message that comes again though it was done and nothing was killed',
    { notes: [...right.notes, begin('6', 8, ['c', 3])], maxReceiveCount: 3, letters: [{ body: 'b', receives: 3 }] },
    /^doubled: c was handed out again/,
  ],
  [
    'a dead letter of what was done',
    { letters: [...right.letters, { body: 'c', receives: 2 }] },
    /^doubled: c is a dead letter/,
  ],
  [
    'a count that begins again after a kill',
    { notes: right.notes.map((note) => (note.id === '5' && note.at === 'begin' ? begin('5', 8, ['c', 1]) : note)) },
    /^counted too low: c/,
  ],
  ['a message that is received too often', { maxReceiveCount: 1 }, /^too often: /],
  ['a dead letter before its time', { letters: [{ body: 'b', receives: 1 }] }, /^given up early: b/],
  ['a dead letter that is there again and again', { letters: Array(3).fill(right.letters[0]) }, /^letters: b has 3/],
];
for (const [what, change, says] of planted) {
  test(`found: ${what}`, () => {
    assert.match(queueProblems({ ...right, ...change })[0] ?? 'nothing was found', says);
  });
}
