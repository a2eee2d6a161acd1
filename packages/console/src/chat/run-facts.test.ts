import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reduceRun, runFrom, type PlacedEvent, type Run } from '@throughline/event';
import { attemptsOf, durationOf, offsetsOf, stateOf } from './run-facts.ts';

const id = '01JABCDEFGHJKMNPQRSTVWXYZ0';
let offset = 14n;
function placed(atMs: number, type: string, headers: object, payload: object): PlacedEvent {
  const at = { topic: 'conversations', partition: 2, offset: offset++, timestampMs: atMs };
  return { type, id, stream: 'conversations/c', run: 'r', ...headers, payload, at } as unknown as PlacedEvent;
}
const started = (atMs: number, attempt: number, keep: number): PlacedEvent =>
  placed(
    atMs,
    'attempt-started',
    { attempt },
    {
      function: 'answer',
      environment: { id: `e${attempt}`, pid: 4000 + attempt },
      owner: 's',
      leaseMs: 5_000,
      keep,
    },
  );
const chunk = (atMs: number, attempt: number, seq: number): PlacedEvent =>
  placed(atMs, 'chunk', { attempt, seq }, { chunks: [{ type: 'text-delta', id: '1', delta: 'x' }] });

function killedOnce(): Run {
  offset = 14n;
  const run = runFrom(
    placed(1_000, 'run-requested', {}, { messageId: 'm', replyId: 'a', function: 'answer' }) as Parameters<
      typeof runFrom
    >[0],
  );
  for (const event of [
    started(1_010, 1, 0),
    chunk(1_020, 1, 0),
    chunk(1_100, 1, 1),
    started(1_300, 2, 2),
    chunk(1_440, 2, 2),
  ])
    assert.equal(reduceRun(run, event), 'counts');
  return run;
}

test('the cost of a kill runs from the last chunk of one attempt to the first of the next', () => {
  const [first, second] = attemptsOf(killedOnce());
  assert.equal(first?.gapMs, undefined);
  assert.equal(first?.isOwner, false);
  assert.deepEqual(second, { attempt: 2, pid: 4002, offset: '18', keptChunks: 2, isOwner: true, gapMs: 340 });
});

test('an attempt that never wrote is measured from its start', () => {
  offset = 0n;
  const run = runFrom(
    placed(0, 'run-requested', {}, { messageId: 'm', replyId: 'a', function: 'answer' }) as Parameters<
      typeof runFrom
    >[0],
  );
  for (const event of [started(10, 1, 0), started(200, 2, 0), chunk(250, 2, 0)]) reduceRun(run, event);
  assert.equal(attemptsOf(run)[1]?.gapMs, 240);
});

test('offsets are named as a Kafka tool names them, open-ended while the run goes on', () => {
  const run = killedOnce();
  assert.equal(offsetsOf(run), 'conversations-2@14–');
  assert.equal(stateOf(run), 'running');
  assert.equal(durationOf(run, 2_010), 1_000);
  reduceRun(run, placed(2_500, 'run-ended', { attempt: 2 }, { outcome: 'done', durationMs: 1_490 }));
  assert.equal(offsetsOf(run), 'conversations-2@14–20');
  assert.equal(stateOf(run), 'done');
  assert.equal(durationOf(run, 99_999), 1_490);
});
