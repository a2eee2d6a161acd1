import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { narrowEvent, type PlacedEvent } from './events.ts';
import { reduceRun, runFrom, type Run } from './reduce-run.ts';

type Draft = { type: string; attempt?: number; seq?: number; payload?: unknown };

function place(drafts: readonly Draft[]): PlacedEvent[] {
  return drafts.map((draft, index) =>
    narrowEvent({
      payload: {},
      ...draft,
      run: 'r',
      id: '01J00000000000000000000000',
      stream: 'conversations/c',
      at: { topic: 'conversations', partition: 0, offset: BigInt(index), timestampMs: 1_000 * index },
    }),
  );
}

const requested: Draft = { type: 'run-requested', payload: { messageId: 'm', replyId: 'a', function: 'f' } };
const started = (attempt: number, owner = `s${attempt}`): Draft => ({
  type: 'attempt-started',
  attempt,
  payload: { function: 'f', environment: { id: 'e', pid: 1 }, owner, leaseMs: 5_000, keep: 0 },
});
const chunk = (attempt: number, seq: number, text = `${attempt}.${seq} `): Draft => ({
  type: 'chunk',
  attempt,
  seq,
  payload: { chunks: [{ type: 'text-delta', id: 't', delta: text }] },
});
const ended = (attempt: number, outcome = 'done'): Draft => ({ type: 'run-ended', attempt, payload: { outcome } });
const stop: Draft = { type: 'stop-requested' };
const renewed = (attempt: number): Draft => ({ type: 'lease-renewed', attempt, payload: { owner: 's' } });

/** The run after `drafts`, with what was said about each and the text that counts. */
function read(drafts: readonly Draft[]): { run: Run; verdicts: string[]; text: string; ends: number } {
  const [first, ...rest] = place([requested, ...drafts]);
  const run = runFrom(first as Extract<PlacedEvent, { type: 'run-requested' }>);
  const verdicts: string[] = [];
  let text = '';
  let ends = 0;
  for (const event of rest) {
    const verdict = reduceRun(run, event);
    verdicts.push(verdict);
    if (verdict !== 'counts') continue;
    if (event.type === 'chunk') text += event.payload.chunks.map((part) => part['delta']).join('');
    if (event.type === 'run-ended') ends++;
  }
  return { run, verdicts, text, ends };
}

const cases: readonly [claim: string, drafts: readonly Draft[], verdicts: readonly string[]][] = [
  ['chunks count in their order', [started(1), chunk(1, 0), chunk(1, 1)], ['counts', 'counts', 'counts']],
  [
    'a chunk that was there already is a duplicate',
    [started(1), chunk(1, 0), chunk(1, 0)],
    ['counts', 'counts', 'duplicate'],
  ],
  [
    'a chunk that comes too early is a gap and voids the rest of its attempt',
    [started(1), chunk(1, 0), chunk(1, 2), chunk(1, 1)],
    ['counts', 'counts', 'gap', 'gap'],
  ],
  [
    'the next attempt goes on where the gap was',
    [started(1), chunk(1, 0), chunk(1, 2), started(2), chunk(2, 1)],
    ['counts', 'counts', 'gap', 'counts', 'counts'],
  ],
  [
    'a later attempt fences the one before',
    [started(1), chunk(1, 0), started(2), chunk(1, 1), chunk(2, 1)],
    ['counts', 'counts', 'counts', 'fenced', 'counts'],
  ],
  [
    'of two supervisors that start the same attempt the first in log order owns it',
    [started(1, 'a'), started(1, 'b'), chunk(1, 0)],
    ['counts', 'fenced', 'counts'],
  ],
  ['an attempt cannot be left out', [started(2), started(1), started(3)], ['gap', 'counts', 'gap']],
  ['a chunk before the first attempt is a gap', [chunk(1, 0), started(1), chunk(1, 0)], ['gap', 'counts', 'counts']],
  [
    'the first end counts and nothing after it',
    [started(1), ended(1), chunk(1, 0), ended(1), started(2), stop],
    ['counts', 'counts', 'ended', 'ended', 'ended', 'ended'],
  ],
  ['a run that never began can end', [ended(0, 'failed')], ['counts']],
  [
    'the end of a fenced attempt does not count',
    [started(1), started(2), ended(1, 'failed'), ended(2)],
    ['counts', 'counts', 'fenced', 'counts'],
  ],
  ['asking twice to stop is a duplicate', [stop, stop, started(1)], ['counts', 'duplicate', 'counts']],
  [
    'a fenced owner cannot renew its lease',
    [started(1), renewed(1), started(2), renewed(1)],
    ['counts', 'counts', 'counts', 'fenced'],
  ],
  ['the same request again is a duplicate', [requested], ['duplicate']],
];
for (const [claim, drafts, verdicts] of cases) {
  test(claim, () => {
    const { run, verdicts: found } = read(drafts);
    assert.deepEqual(found, verdicts);
    assert.equal(run.droppedRecords, verdicts.filter((verdict) => verdict !== 'counts').length);
  });
}

test('the lease runs from the last record of its owner', () => {
  const { run } = read([started(1), chunk(1, 0), renewed(1), chunk(1, 7)]);
  assert.equal(run.leaseUntilMs, 3_000 + 5_000);
});

test('attempts remember their owner, and when their first and last chunk that counts was written', () => {
  const { run } = read([started(1), chunk(1, 0), chunk(1, 1), started(2), chunk(1, 2), chunk(2, 2)]);
  assert.deepEqual(
    run.attempts.map(({ attempt, owner, firstChunkMs, lastChunkMs }) => [attempt, owner, firstChunkMs, lastChunkMs]),
    [
      [1, 's1', 2_000, 3_000],
      [2, 's2', 6_000, 6_000],
    ],
  );
});

/** What a supervisor writes: attempts, chunks in the order of their seq with repetitions, and at last an end. */
const supervisor = (name: string) =>
  fc
    .array(
      fc.record({
        attempt: fc.integer({ min: 1, max: 3 }),
        firstSeq: fc.nat(3),
        chunkCount: fc.nat(4),
        repeats: fc.boolean(),
        ends: fc.boolean(),
      }),
      { maxLength: 3 },
    )
    .map((turns) =>
      turns.flatMap(({ attempt, firstSeq, chunkCount, repeats, ends }) => {
        const chunks = Array.from({ length: chunkCount }, (_, index) =>
          chunk(attempt, firstSeq + index, `${name}${attempt}.${firstSeq + index} `),
        );
        return [started(attempt, name), ...chunks, ...(repeats ? chunks : []), ...(ends ? [ended(attempt)] : [])];
      }),
    );

test('however the records of two supervisors mingle, all readers accept the same text and at most one end', () => {
  fc.assert(
    fc.property(supervisor('a'), supervisor('b'), fc.array(fc.boolean()), fc.nat(), (one, other, picks, cut) => {
      const queues: readonly [Draft[], Draft[]] = [[...one], [...other]];
      const log: Draft[] = [];
      for (const pick of picks) {
        const next = (pick ? queues[0] : queues[1]).shift();
        if (next !== undefined) log.push(next);
      }
      log.push(...queues[0], ...queues[1]);
      const whole = read(log);
      assert.ok(whole.ends <= 1);
      assert.equal(whole.run.phase === 'ended', whole.ends === 1);
      // A reader that saw less accepted a beginning of the same text: nothing that was shown is ever taken back.
      const part = read(log.slice(0, cut % (log.length + 1)));
      assert.ok(whole.text.startsWith(part.text));
      assert.deepEqual(read(log), whole);
      // Each seq stands once, in its order.
      const seqs = whole.text
        .split(' ')
        .filter(Boolean)
        .map((word) => Number(word.split('.')[1]));
      assert.deepEqual(
        seqs,
        Array.from(seqs, (_, index) => index),
      );
      assert.equal(seqs.length, whole.run.nextSeq);
    }),
    { numRuns: 500 },
  );
});

test('a run is plain data: JSON and back, it goes on as before', () => {
  fc.assert(
    fc.property(supervisor('a'), fc.nat(), (drafts, cut) => {
      const at = cut % (drafts.length + 1);
      const { run } = read(drafts.slice(0, at));
      const restored = JSON.parse(JSON.stringify(run)) as Run;
      for (const event of place([requested, ...drafts]).slice(1 + at)) reduceRun(restored, event);
      assert.deepEqual(JSON.parse(JSON.stringify(restored)), JSON.parse(JSON.stringify(read(drafts).run)));
    }),
  );
});
