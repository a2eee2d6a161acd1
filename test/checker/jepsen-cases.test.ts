// Single cases, most of them after the unit tests of jepsen.tests.kafka: what may be concluded from uncertain operations, and what not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnomalyClass } from './anomalies.ts';
import { checkHistory } from './check-history.ts';
import type { Action, MicroOperation, Operation, Outcome, Send } from './history.ts';

/** `[offset, value]` of partition 0; only a value where the offset is unknown. */
type Pair = number | readonly [number, number];

function sends(...pairs: readonly Pair[]): Send[] {
  return pairs.map((pair) => {
    if (typeof pair === 'number') return { kind: 'send', partition: 0, value: pair };
    return { kind: 'send', partition: 0, offset: pair[0], value: pair[1] };
  });
}

function seen(partition: number, ...pairs: readonly (readonly [number, number])[]): MicroOperation {
  return { kind: 'poll', records: pairs.map(([offset, value]) => ({ partition, offset, value })) };
}

/** An operation that nothing else overlaps. */
function done(process: number, type: Outcome, action: Action): Operation[] {
  return [
    { process, type: 'invoke', ...action },
    { process, type, ...action },
  ];
}

function send(process: number, type: Outcome, ...pairs: readonly Pair[]): Operation[] {
  return done(process, type, { f: 'send', value: sends(...pairs) });
}

function poll(process: number, ...pairs: readonly (readonly [number, number])[]): Operation[] {
  return done(process, 'ok', { f: 'poll', value: [seen(0, ...pairs)] });
}

function classesOf(...operations: readonly (readonly Operation[])[]): AnomalyClass[] {
  return [...checkHistory(operations.flat()).classes].sort();
}

test('a value seen at an offset makes every acknowledged value before it due', () => {
  const history = [send(1, 'info', 3), send(0, 'ok', [0, 1]), send(0, 'ok', [1, 2], [3, 4])];
  assert.deepEqual(classesOf(...history, poll(0, [2, 3])), ['lost-write', 'unseen']);
  assert.deepEqual(checkHistory([...history, poll(0, [2, 3])].flat()).count('lost-write'), 2);
});

test('a value that another one took the place of is lost, though its offset was seen', () => {
  const found = classesOf(send(0, 'ok', [0, 1]), send(1, 'ok', [0, 2], [2, 3]), poll(2, [0, 2], [2, 3]));
  assert.deepEqual(found, ['inconsistent-offsets', 'lost-write']);
});

test('a send that nobody knows the end of proves nothing: it is neither lost nor in conflict', () => {
  assert.deepEqual(classesOf(send(0, 'info', [0, 1]), send(1, 'ok', [0, 2]), poll(2, [0, 2])), []);
  assert.deepEqual(classesOf(send(0, 'info', 1), send(1, 'ok', [5, 2]), poll(2, [5, 2])), []);
  assert.deepEqual(
    classesOf(
      [{ process: 0, type: 'invoke', f: 'send', value: sends(1) }],
      send(1, 'ok', [1, 2]),
      poll(2, [0, 1], [1, 2]),
    ),
    [],
  );
});

test('an uncertain transaction counts as a whole once one of its records was seen', () => {
  const transaction = done(0, 'info', {
    f: 'txn',
    value: [...sends(1), { kind: 'send', partition: 1, offset: 0, value: 2 }],
  });
  const later = done(1, 'info', { f: 'send', value: [{ kind: 'send', partition: 1, value: 3 }] });
  const pollOfPartition1 = done(3, 'ok', { f: 'poll', value: [seen(1, [1, 3])] });
  assert.deepEqual(classesOf(transaction, later, pollOfPartition1), []);
  assert.deepEqual(classesOf(transaction, later, poll(2, [0, 1]), pollOfPartition1), ['lost-write']);
});

test('a process may skip offsets that nobody has ever seen', () => {
  assert.deepEqual(classesOf(send(0, 'info', 1, 2), poll(1, [0, 1]), poll(1, [7, 2])), []);
});

test('a process must not skip what another one saw or wrote, unless it gave the partition up meanwhile', () => {
  const sent = send(0, 'ok', [0, 1], [1, 2], [2, 3]);
  const other = poll(2, [0, 1], [1, 2], [2, 3]);
  const assign = (...value: readonly number[]): Operation[] => done(1, 'ok', { f: 'assign', value });
  assert.deepEqual(classesOf(sent, other, poll(1, [0, 1]), poll(1, [2, 3])), ['poll-skip']);
  assert.deepEqual(classesOf(sent, other, poll(1, [0, 1]), assign(0, 1), poll(1, [2, 3])), ['poll-skip']);
  assert.deepEqual(classesOf(sent, other, poll(1, [0, 1]), assign(1), assign(0), poll(1, [2, 3])), []);
});

test('a poll that failed moves nothing: the next one begins where it began', () => {
  const sent = send(0, 'ok', [0, 1], [1, 2], [2, 3]);
  const failed = done(1, 'fail', { f: 'txn', value: [seen(0, [1, 2], [2, 3])] });
  assert.deepEqual(classesOf(sent, poll(1, [0, 1]), failed, poll(1, [1, 2], [2, 3])), []);
  const other = poll(2, [0, 1], [1, 2], [2, 3]);
  assert.deepEqual(classesOf(sent, other, poll(1, [0, 1]), failed, poll(1)), []);
  const beyond = done(1, 'fail', { f: 'txn', value: [seen(0, [2, 3])] });
  assert.deepEqual(classesOf(sent, other, poll(1, [0, 1]), beyond), ['poll-skip']);
});

test('a value that turns up in another partition was not sent there', () => {
  const elsewhere = done(1, 'ok', { f: 'poll', value: [seen(1, [0, 1])] });
  assert.deepEqual(classesOf(send(0, 'info', 1), elsewhere), ['unsent-read']);
});

test('sends of one operation have outcomes of their own', () => {
  const [first, second] = sends([0, 1], 2) as [Send, Send];
  const mixed = done(0, 'info', {
    f: 'send',
    value: [
      { ...first, outcome: 'ok' },
      { ...second, outcome: 'fail' },
    ],
  });
  assert.deepEqual(classesOf(mixed, poll(1, [0, 1])), []);
  assert.deepEqual(classesOf(mixed, poll(1, [0, 1], [1, 2])), ['aborted-read']);
  assert.deepEqual(classesOf(mixed), ['unseen']);
});

test('records that were sent at the same time may land in either order', () => {
  const one: Operation = { process: 0, type: 'invoke', f: 'send', value: sends(1) };
  const both = [one, ...send(1, 'ok', [1, 2]), { ...one, type: 'ok' as const, value: sends([0, 1]) }];
  assert.deepEqual(classesOf(both, poll(2, [0, 1], [1, 2])), []);
  assert.deepEqual(classesOf(send(1, 'ok', [1, 2]), send(0, 'ok', [0, 1]), poll(2, [0, 1], [1, 2])), [
    'realtime-nonmonotonic-send',
  ]);
});

test('a commit that began before another one was acknowledged may have happened before it', () => {
  const commit = (process: number, type: Operation['type'], offset: number): Operation => {
    return { process, type, f: 'commit', value: { group: 'g', generation: 1, offsets: new Map([[0, offset]]) } };
  };
  const overlapping = [commit(0, 'invoke', 3), commit(1, 'invoke', 5), commit(1, 'ok', 5), commit(0, 'ok', 3)];
  assert.deepEqual(classesOf(overlapping), []);
  const inOrder = [commit(1, 'invoke', 5), commit(1, 'ok', 5), commit(0, 'invoke', 3), commit(0, 'ok', 3)];
  assert.deepEqual(classesOf(inOrder), ['nonmonotonic-commit']);
});
