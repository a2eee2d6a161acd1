// In which order runs come to the invoker of their function, and what becomes of those that get no environment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyConversation, seededRandom, type Run } from '@throughline/event';
import { functionDefaults, runsAheadMax } from '../defaults.ts';
import type { InvocationRequest, InvocationSink, Settlement } from '../invoker/invocation-contract.ts';
import { throttled } from '../invoker/invocation-errors.ts';
import type { RunAttempt } from './run-attempt.ts';
import { RunStarter } from './run-starter.ts';
import { runEntry, type RunEntry } from './run-table.ts';

interface Handed {
  readonly request: InvocationRequest;
  readonly sink: InvocationSink;
  readonly signal: AbortSignal;
}

function open() {
  const handed: Handed[] = [];
  const begun: string[] = [];
  const notStarted: string[] = [];
  const config = { name: 'f', entry: '/f.ts', env: {}, secrets: {}, ...functionDefaults };
  const starter = new RunStarter({
    config,
    random: seededRandom(1),
    invoker: {
      config,
      // It never settles by itself: the test tells the sinks.
      invoke(request, sink, signal) {
        handed.push({ request, sink, signal });
        return new Promise<Settlement>(() => {});
      },
    },
    begin(entry) {
      begun.push(entry.run.id);
      return { ended: () => {}, write: () => {} } as unknown as RunAttempt;
    },
    onNotStarted: (entry, error) => void notStarted.push(`${entry.run.id} ${error.code}`),
  });
  const start = (index: number): void =>
    handed[index]!.sink.started!({ environment: { id: 'e', pid: 1 }, isCold: false, billedMs: () => 0 });
  return { starter, handed, begun, notStarted, start };
}

test('an invoker without room is not asked for thousands, and asked again with the next run', () => {
  const { starter, handed, notStarted } = open();
  for (let index = 0; index < 5000; index++) starter.enqueue(entryOf(`r${index}`), false);
  const asked = handed.length;
  const full = (): void => handed.at(-1)!.sink.ended!({ error: throttled('full') } as Settlement);
  // All that it has are rejected, as is what it is handed next.
  for (let index = 0; index < asked; index++) handed[index]!.sink.ended!({ error: throttled('full') } as Settlement);
  assert.equal(handed.length, asked);
  starter.enqueue(entryOf('r0 again'), false);
  assert.equal(handed.length, 2 * asked);
  full();
  assert.equal(starter.backlogCount, 5001 - 2 * asked);
  assert.equal(notStarted.length, asked + 1);
});

const entryOf = (id: string): RunEntry => runEntry(emptyConversation('c'), { id } as Run, undefined);

test('a few runs are handed over ahead, the others follow in their order as those start', () => {
  const { starter, handed, begun, start } = open();
  const entries = Array.from({ length: 40 }, (_, index) => entryOf(`r${index}`));
  for (const entry of entries) starter.enqueue(entry, false);
  assert.deepEqual([handed.length, starter.backlogCount], [runsAheadMax, 40 - runsAheadMax]);
  for (let index = 0; index < 40; index++) start(index);
  assert.deepEqual(
    begun,
    entries.map(({ run }) => run.id),
  );
  assert.equal(starter.backlogCount, 0);
  assert.ok(entries.every(({ waiting }) => waiting === undefined));
});

test('an interrupted run is handed over at once, as urgent, past those that wait', () => {
  const { starter, handed } = open();
  for (let index = 0; index < 40; index++) starter.enqueue(entryOf(`r${index}`), false);
  starter.enqueue(entryOf('resumed'), true);
  assert.equal(handed.length, runsAheadMax + 1);
  assert.deepEqual([handed[0]?.request.isUrgent, handed.at(-1)?.request.isUrgent], [false, true]);
});

test('a run that gives its place up is not handed over, or is taken out again', () => {
  const { starter, handed, notStarted } = open();
  const entries = Array.from({ length: 20 }, (_, index) => entryOf(`r${index}`));
  for (const entry of entries) starter.enqueue(entry, false);
  entries[18]!.waiting!.abort();
  assert.equal(starter.backlogCount, 3);
  entries[0]!.waiting!.abort();
  assert.equal(handed[0]?.signal.aborted, true);
  handed[0].sink.ended!({ error: throttled('as it was cancelled') } as Settlement);
  assert.deepEqual(notStarted, []);
  assert.equal(handed.length, runsAheadMax + 1, 'the next one has its place');
});

test('a run that the invoker has no room for is told to the keeper, and can be enqueued again', () => {
  const { starter, handed, notStarted, begun, start } = open();
  const entry = entryOf('r');
  starter.enqueue(entry, false);
  handed[0]!.sink.ended!({ error: throttled('full') } as Settlement);
  assert.deepEqual(notStarted, ['r THROTTLED']);
  assert.equal(entry.waiting, undefined);
  starter.enqueue(entry, false);
  start(1);
  assert.deepEqual(begun, ['r']);
});
