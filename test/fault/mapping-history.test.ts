// The checker of mappings is right about a history that keeps every promise, kills among them, and finds each defect that is planted
// into one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mappingProblems, type MappingHistory, type Note, type Place } from './mapping-history.ts';

const at = (...offsets: readonly number[]): Place[] => offsets.map((offset) => ({ partition: 0, offset }));
const begin = (id: string, life: number, ...offsets: readonly number[]): Note => ({
  at: 'begin',
  id,
  life,
  pid: life * 10,
  records: at(...offsets),
});
const end = (id: string, failedIndex = -1): Note => ({ at: 'end', id, failedIndex });

/** Key a has records 0, 1, 3; b has 2 and 4. Record 1 is bad; the first life is killed while record 2 is worked on. */
const right: MappingHistory = {
  attemptsMax: 2,
  killed: new Set(),
  produced: [
    { partition: 0, offset: 0, key: 'a' },
    { partition: 0, offset: 1, key: 'a' },
    { partition: 0, offset: 2, key: 'b' },
    { partition: 0, offset: 3, key: 'a' },
    { partition: 0, offset: 4, key: 'b' },
  ],
  notes: [
    begin('1', 7, 0, 1),
    end('1', 1),
    begin('2', 7, 2),
    begin('3', 7, 1),
    end('3', 0),
    begin('4', 8, 1),
    end('4', 0),
    begin('5', 8, 2, 4),
    end('5'),
    begin('6', 8, 1, 3),
    end('6', 0),
    begin('7', 8, 3),
    end('7'),
  ],
  letters: at(1),
};

test('a history that keeps every promise has no problem', () => {
  assert.deepEqual(mappingProblems(right), []);
  const again = { ...right, letters: at(1, 1) };
  assert.deepEqual(
    mappingProblems(again),
    [],
    'killed between dead letter and commit: both lives had used its attempts up',
  );
});

test('the last attempt of a record that was given up may have been killed: the record behind it goes on', () => {
  const notes = [
    begin('1', 7, 0),
    end('1'),
    begin('2', 7, 1),
    end('2', 0),
    { ...begin('3', 7, 1), pid: 71 },
    begin('4', 7, 3),
    end('4'),
  ];
  const others = [begin('5', 7, 2, 4), end('5')];
  const history = { ...right, notes: [...notes, ...others], killed: new Set([71]) };
  assert.deepEqual(mappingProblems(history), []);
  const later = notes.map((note) => (note.at === 'begin' && note.id === '4' ? { ...note, life: 8 } : note));
  assert.deepEqual(mappingProblems({ ...history, notes: [...later, ...others] }), [], 'in the next life of the server');
  const alive = mappingProblems({ ...history, killed: new Set() });
  assert.match(alive.join(), /out of order: 0@3/, 'one that runs still has not been given up');
  const early = mappingProblems({ ...history, attemptsMax: 3 });
  assert.match(early.join(), /out of order: 0@3/, 'one that had attempts left is not passed');
});

test('a process that was killed between two batches may have had the next one', () => {
  const notes = [begin('1', 7, 0), end('1'), { ...begin('2', 7, 1), pid: 71 }, end('2', 0), begin('3', 7, 3), end('3')];
  const history = { ...right, notes: [...notes, begin('4', 7, 2, 4), end('4')] };
  assert.deepEqual(mappingProblems({ ...history, killed: new Set([71]) }), []);
  assert.match(mappingProblems({ ...history, killed: new Set([72]) }).join(), /given up early: 0@1/);
});

for (const [what, found, planted] of [
  [
    'a record that nobody has done',
    /lost: 0@4/,
    { notes: right.notes.map((note) => (note.at === 'begin' && note.id === '5' ? { ...note, records: at(2) } : note)) },
  ],
  ['a dead letter that is missing', /lost: 0@1/, { letters: [] }],
  ['a dead letter that nothing explains', /doubled: 0@1/, { letters: at(1, 1, 1) }],
  ['a dead letter of a record that had attempts left', /given up early: 0@2/, { letters: at(1, 2) }],
  ['a record that overtakes another of its key', /out of order: 0@3/, { notes: [begin('0', 7, 3), ...right.notes] }],
  [
    'one attempt too many',
    /too many attempts: 0@1/,
    { notes: [...right.notes.slice(0, -2), begin('x', 8, 1), end('x', 0), ...right.notes.slice(-2)] },
  ],
  ['a batch that was given up without its end', /lost: 0@2/, { notes: right.notes.filter((note) => note.id !== '5') }],
] as const) {
  test(`it finds ${what}`, () => {
    const problems = mappingProblems({ ...right, ...planted });
    assert.ok(
      problems.some((problem) => found.test(problem)),
      problems.join('\n') || 'nothing was found',
    );
  });
}
