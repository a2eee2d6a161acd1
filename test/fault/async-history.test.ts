// The checker of asynchronous invocations is right about a history that keeps every promise, kills among them, and finds each defect
// that is planted into one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asyncProblems, type AsyncHistory, type Note } from './async-history.ts';

const begin = (id: string, life: number): Note => ({ at: 'begin', id, life, pid: life * 10 });
const end = (id: string, isDone: boolean): Note => ({ at: 'end', id, pid: 0, isDone });

/** `bad` fails each time; the first life is killed while it runs, and before what became of `good` was kept. */
const right: AsyncHistory = {
  attemptsMax: 3,
  sent: [
    { id: 'good', isAccepted: true },
    { id: 'bad', isAccepted: true },
    { id: 'unsure', isAccepted: false },
  ],
  notes: [
    begin('good', 7),
    end('good', true),
    begin('bad', 7),
    end('bad', false),
    begin('bad', 7),
    begin('good', 8),
    end('good', true),
    begin('bad', 8),
    end('bad', false),
    begin('bad', 8),
    end('bad', false),
  ],
  letters: ['bad'],
  killed: [],
};

test('a history that keeps every promise has no problem', () => {
  assert.deepEqual(asyncProblems(right), []);
  assert.deepEqual(asyncProblems({ ...right, letters: ['bad', 'bad'] }), [], 'killed between dead letter and outcome');
});

test('an attempt that was killed before it could note anything counts, and no other does', () => {
  const notes = right.notes.filter(({ id }) => id !== 'bad');
  const begin = (pid: number): Note => ({ at: 'begin', id: 'bad', life: 1, pid });
  const end = (pid: number): Note => ({ at: 'end', id: 'bad', pid, isDone: false });
  const missing = right.attemptsMax - 1;
  const tries = Array.from({ length: missing }, (_, index) => [begin(900 + index), end(900 + index)]).flat();
  const history = { ...right, notes: [...notes, ...tries], letters: ['bad'] };
  assert.deepEqual(asyncProblems({ ...history, killed: [900] }), []);
  assert.match(asyncProblems({ ...history, killed: [] }).join(), /given up early: bad/);
});

for (const [what, found, planted] of [
  ['an event that was never called', /^lost: good/, { notes: right.notes.filter(({ id }) => id !== 'good') }],
  ['a dead letter that is missing', /^no dead letter: bad/, { letters: [] }],
  ['an event that was given up early', /^given up early: good/, { letters: ['bad', 'good'] }],
  ['an event that is called again and again', /^retried beyond: bad/, { notes: [...right.notes, begin('bad', 8)] }],
  ['a dead letter that is doubled', /^doubled: bad/, { letters: ['bad', 'bad', 'bad'] }],
  ['an event that is called again after it was done', /^doubled: good/, { notes: [...right.notes, end('good', true)] }],
  ['an event that nobody has sent', /^not accepted: who/, { notes: [...right.notes, begin('who', 8)] }],
] as const) {
  test(`${what} is found`, () => {
    const problems = asyncProblems({ ...right, ...planted });
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', found);
  });
}
