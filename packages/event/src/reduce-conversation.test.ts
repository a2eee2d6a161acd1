import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { conversationFromSnapshot, snapshotOf } from './conversation-snapshot.ts';
import { pathTo, siblingsOf, visiblePath } from './conversation-tree.ts';
import { narrowEvent, type PlacedEvent } from './events.ts';
import { textOf } from './message-parts.ts';
import {
  emptyConversation,
  reduceConversation,
  toUiMessage,
  type Change,
  type Conversation,
} from './reduce-conversation.ts';

type Draft = { type: string; payload: unknown; run?: string; attempt?: number; seq?: number };

function place(drafts: readonly Draft[], stream = 'conversations/c1'): PlacedEvent[] {
  return drafts.map((draft, index) =>
    narrowEvent({
      ...draft,
      id: '01J00000000000000000000000',
      stream,
      // Offsets of one conversation have gaps: other conversations share the partition.
      at: { topic: 'conversations', partition: 1, offset: BigInt(index * 3), timestampMs: 1_000 + index },
    }),
  );
}

function fold(events: readonly PlacedEvent[], conversation = emptyConversation('c1')): Conversation {
  for (const event of events) reduceConversation(conversation, event);
  return conversation;
}

/** A JSON value: what a client would get. */
function snapshot(conversation: Conversation): unknown {
  return JSON.parse(JSON.stringify(snapshotOf(conversation)));
}

const message = (messageId: string, parentId: string | null, text = messageId): Draft => ({
  type: 'message-created',
  payload: { messageId, parentId, role: 'user', parts: [{ type: 'text', text }] },
});
const requested = (run: string, messageId: string, more: object = {}): Draft => ({
  type: 'run-requested',
  run,
  payload: { messageId, replyId: `${run}-reply`, function: 'answer', ...more },
});
const started = (run: string, attempt = 1): Draft => ({
  type: 'attempt-started',
  run,
  attempt,
  payload: { function: 'answer', environment: { id: 'e', pid: 1 }, owner: `s${attempt}`, leaseMs: 1_000, keep: 0 },
});
const chunk = (run: string, seq: number, text: string, attempt = 1): Draft => ({
  type: 'chunk',
  run,
  attempt,
  seq,
  payload: {
    chunks: [...(seq === 0 ? [{ type: 'text-start', id: 't' }] : []), { type: 'text-delta', id: 't', delta: text }],
  },
});
const ended = (run: string, outcome: string, more: object = {}, attempt = 1): Draft => ({
  type: 'run-ended',
  run,
  attempt,
  payload: { outcome, ...more },
});
const selected = (messageId: string): Draft => ({ type: 'branch-selected', payload: { messageId } });
const ids = (conversation: Conversation): string[] => visiblePath(conversation).map(({ id }) => id);
const textIn = (conversation: Conversation, id: string): string => textOf(conversation.messages.get(id)?.parts ?? []);

test('a question, its run and its chunks become a path of two messages', () => {
  const conversation = fold(
    place([
      message('m1', null, 'Hi?'),
      requested('r1', 'm1'),
      started('r1'),
      chunk('r1', 0, 'Hel'),
      chunk('r1', 1, 'lo'),
    ]),
  );
  assert.deepEqual(visiblePath(conversation).map(toUiMessage), [
    { id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hi?' }] },
    { id: 'r1-reply', role: 'assistant', parts: [{ type: 'text', text: 'Hello', state: 'streaming' }] },
  ]);
  assert.deepEqual([...conversation.liveRunIds], ['r1']);
});

test('what a Change names is what changed', () => {
  const conversation = emptyConversation('c1');
  const changes: Change[] = place([
    { type: 'conversation-created', payload: { title: 'T' } },
    message('m1', null),
    requested('r1', 'm1'),
    started('r1'),
    chunk('r1', 0, 'a'),
    chunk('r1', 0, 'a'),
    { type: 'stop-requested', run: 'r1', payload: {} },
    ended('r1', 'stopped'),
    { type: 'feedback-given', payload: { messageId: 'm1', value: 'up' } },
    { type: 'feedback-given', payload: { messageId: 'unknown', value: 'up' } },
    chunk('unheard-of', 0, 'x'),
  ]).map((event) => reduceConversation(conversation, event));
  assert.deepEqual(changes, [
    { verdict: 'counts', isConversation: true },
    { verdict: 'counts', messageId: 'm1', isStructural: true },
    { verdict: 'counts', runId: 'r1', messageId: 'r1-reply', isStructural: true },
    { verdict: 'counts', runId: 'r1' },
    { verdict: 'counts', runId: 'r1', messageId: 'r1-reply' },
    { verdict: 'duplicate', runId: 'r1' },
    { verdict: 'counts', runId: 'r1' },
    { verdict: 'counts', runId: 'r1', messageId: 'r1-reply' },
    { verdict: 'counts', messageId: 'm1' },
    { verdict: 'counts' },
    { verdict: 'fenced' },
  ]);
});

test('a message with a known id is a duplicate and leaves the first as it is', () => {
  const conversation = fold(place([message('m1', null, 'first'), message('m1', null, 'second')]));
  assert.equal(textIn(conversation, 'm1'), 'first');
  assert.deepEqual(conversation.rootIds, ['m1']);
});

test('a message whose parent is unknown, or itself, starts a root', () => {
  const conversation = fold(place([message('m1', null), message('m2', 'nobody'), message('m3', 'm3')]));
  assert.deepEqual(conversation.rootIds, ['m1', 'm2', 'm3']);
  assert.equal(conversation.messages.get('m2')?.parentId, null);
});

test('the newest sibling is shown until another is selected, and a new one is shown again', () => {
  const events = place([
    message('m1', null),
    message('a', 'm1'),
    message('b', 'm1'),
    message('b2', 'b'),
    selected('a'),
    message('c', 'm1'),
    selected('b'),
    selected('unknown'),
  ]);
  const shown: string[][] = [];
  const conversation = emptyConversation('c1');
  for (const event of events) {
    reduceConversation(conversation, event);
    shown.push(ids(conversation));
  }
  assert.deepEqual(shown.slice(3), [
    ['m1', 'b', 'b2'],
    ['m1', 'a'],
    ['m1', 'c'],
    ['m1', 'b', 'b2'],
    ['m1', 'b', 'b2'],
  ]);
  assert.deepEqual(siblingsOf(conversation, 'a'), ['a', 'b', 'c']);
  assert.deepEqual(siblingsOf(conversation, 'unknown'), []);
  assert.deepEqual(
    pathTo(conversation, 'b2').map(({ id }) => id),
    ['m1', 'b', 'b2'],
  );
  assert.deepEqual(pathTo(conversation, 'unknown'), []);
});

test('selecting a message deep in another branch shows the whole way to it', () => {
  const conversation = fold(
    place([
      message('m1', null),
      message('a', 'm1'),
      message('a1', 'a'),
      message('a2', 'a'),
      message('n1', null),
      selected('a1'),
    ]),
  );
  assert.deepEqual(ids(conversation), ['m1', 'a', 'a1']);
});

test('a superseded run keeps its text, and the run that took over is shown, even where the first was selected by hand', () => {
  const before = [
    message('m1', null),
    requested('r1', 'm1'),
    started('r1'),
    chunk('r1', 0, 'kept'),
    requested('r0', 'm1'),
    selected('r1-reply'),
  ];
  const takeOver = [requested('r2', 'm1', { supersedes: 'r1' }), ended('r1', 'superseded', { supersededBy: 'r2' })];
  for (const order of [takeOver, [takeOver[1]!, takeOver[0]!]]) {
    const conversation = fold(place([...before, ...order, started('r2'), chunk('r2', 0, 'new')]));
    assert.deepEqual(ids(conversation), ['m1', 'r2-reply']);
    assert.equal(textIn(conversation, 'r1-reply'), 'kept');
    assert.deepEqual(siblingsOf(conversation, 'r1-reply'), ['r1-reply', 'r0-reply', 'r2-reply']);
  }
});

test('chunks of a fenced attempt change nothing, and the next attempt goes on in the same part', () => {
  const conversation = fold(
    place([
      message('m1', null),
      requested('r1', 'm1'),
      started('r1'),
      chunk('r1', 0, 'one '),
      started('r1', 2),
      chunk('r1', 1, 'zombie', 1),
      chunk('r1', 1, 'two', 2),
      ended('r1', 'failed', {}, 1),
      ended('r1', 'done', {}, 2),
      chunk('r1', 2, 'late', 2),
    ]),
  );
  assert.deepEqual(conversation.messages.get('r1-reply')?.parts, [{ type: 'text', text: 'one two', state: 'done' }]);
  assert.equal(conversation.runs.get('r1')?.droppedRecords, 3);
  assert.equal(conversation.liveRunIds.size, 0);
});

test('a run whose reply id is taken is followed, and writes into no message of others', () => {
  const conversation = fold(
    place([
      message('m1', null),
      message('r1-reply', 'm1', 'mine'),
      requested('r1', 'm1'),
      started('r1'),
      chunk('r1', 0, 'theirs'),
    ]),
  );
  assert.equal(textIn(conversation, 'r1-reply'), 'mine');
  assert.equal(conversation.runs.get('r1')?.nextSeq, 1);
});

test('answers of people to tool calls reach the call', () => {
  const conversation = fold(
    place([
      message('m1', null),
      requested('r1', 'm1'),
      started('r1'),
      {
        type: 'chunk',
        run: 'r1',
        attempt: 1,
        seq: 0,
        payload: {
          chunks: [
            { type: 'tool-input-available', toolCallId: 'c', toolName: 't', input: {} },
            { type: 'tool-approval-request', toolCallId: 'c', approvalId: 'a' },
          ],
        },
      },
      { type: 'tool-approval-answered', run: 'r1', payload: { approvalId: 'a', approved: true } },
      { type: 'tool-output', run: 'r1', payload: { toolCallId: 'c', output: 7 } },
    ]),
  );
  assert.deepEqual(conversation.messages.get('r1-reply')?.parts, [
    {
      type: 'tool-t',
      toolCallId: 'c',
      state: 'output-available',
      input: {},
      approval: { id: 'a', approved: true },
      output: 7,
    },
  ]);
});

test('an event of another conversation changes nothing', () => {
  const conversation = fold(place([message('m1', null)]));
  const before = snapshot(conversation);
  const [foreign] = place([message('x', null), message('y', null)], 'conversations/c2').slice(1);
  assert.deepEqual(reduceConversation(conversation, foreign!), { verdict: 'foreign' });
  assert.deepEqual(snapshot(conversation), before);
});

test('what is no snapshot is rejected with the place of what is wrong', () => {
  const good = snapshot(fold(place([message('m1', null)]))) as { messages: object[] };
  for (const bad of [
    undefined,
    [],
    {},
    { ...good, version: 0 },
    { ...good, lastOffset: 'x' },
    { ...good, messages: [{ id: 7 }] },
  ])
    assert.throws(() => conversationFromSnapshot(bad), { code: 'INVALID_ARGUMENT' });
});

test('a snapshot that was tampered with gives a tree without cycles and parts in their bounds', () => {
  const conversation = conversationFromSnapshot({
    ...(snapshot(emptyConversation('c1')) as object),
    selectedIds: { '': 'nobody', b: 'a', zz: 'nobody' },
    messages: [
      { id: 'a', parentId: 'b', role: 'user', parts: [], createdMs: 1 },
      {
        id: 'b',
        parentId: 'a',
        role: 'assistant',
        parts: [],
        createdMs: 1,
        runId: 'r',
        open: { texts: { t: 9 }, reasonings: {}, toolInputs: {}, stepStart: 9 },
      },
      { id: 'a', parentId: null, role: 'user', parts: [], createdMs: 1 },
    ],
  });
  assert.deepEqual(ids(conversation), ['a', 'b']);
  assert.equal(conversation.messages.get('b')?.openTexts.size, 0);
});

// ── properties: any log of a few messages and runs, with everything that can be wrong in it ──

const someId = fc.constantFrom('m1', 'm2', 'm3', 'r1-reply', 'r2-reply', 'nobody');
const someRun = fc.constantFrom('r1', 'r2', 'r3');
const number = fc.nat(4);
const draft: fc.Arbitrary<Draft> = fc.oneof(
  fc.tuple(someId, fc.option(someId)).map(([id, parent]) => message(id, parent)),
  fc.tuple(someRun, someId).map(([run, id]) => requested(run, id)),
  fc.tuple(someRun, fc.integer({ min: 1, max: 3 })).map(([run, attempt]) => started(run, attempt)),
  {
    weight: 4,
    arbitrary: fc
      .tuple(someRun, number, fc.string({ maxLength: 3 }), fc.integer({ min: 1, max: 3 }))
      .map(([run, seq, text, attempt]) => chunk(run, seq, text, attempt)),
  },
  fc
    .tuple(
      someRun,
      fc.constantFrom('done', 'failed', 'stopped', 'superseded'),
      fc.option(someRun, { nil: undefined }),
      number,
    )
    .map(([run, outcome, supersededBy, attempt]) =>
      ended(run, outcome, supersededBy === undefined ? {} : { supersededBy }, attempt),
    ),
  someId.map(selected),
  fc
    .tuple(someId, fc.constantFrom('up', 'down', 'none'))
    .map(([messageId, value]) => ({ type: 'feedback-given', payload: { messageId, value } })),
  someRun.map((run) => ({ type: 'stop-requested', run, payload: {} })),
  fc.constant({ type: 'conversation-renamed', payload: { title: 'T' } }),
  fc
    .tuple(
      someRun,
      fc.array(
        fc.record({
          type: fc.constantFrom(
            'start-step',
            'reset-step',
            'text-start',
            'text-end',
            'reasoning-start',
            'tool-input-start',
            'tool-input-delta',
            'tool-output-available',
            'rubbish',
          ),
          id: fc.constant('t'),
          toolCallId: fc.constant('c'),
          toolName: fc.constant('n'),
          inputTextDelta: fc.constant('{"a":1'),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    )
    .map(([run, chunks]) => ({ type: 'chunk', run, attempt: 1, seq: 0, payload: { chunks } })),
);
const logs = fc.array(draft, { maxLength: 40 }).map((drafts) => place(drafts));

test('any log folds without throwing, to a tree in which every message is reached once', () => {
  fc.assert(
    fc.property(logs, (log) => {
      const conversation = fold(log);
      const reached = new Set<string>();
      const walk = (children: readonly string[]): void => {
        for (const id of children) {
          assert.ok(!reached.has(id));
          reached.add(id);
          walk(conversation.messages.get(id)?.childIds ?? []);
        }
      };
      walk(conversation.rootIds);
      assert.equal(reached.size, conversation.messages.size);
      assert.equal(conversation.messages.size === 0, visiblePath(conversation).length === 0);
    }),
  );
});

test('any duplication and overlap of what was read gives the same state', () => {
  fc.assert(
    fc.property(logs, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 5 }), (log, overlaps) => {
      const conversation = emptyConversation('c1');
      let end = 0;
      for (const [back, forward] of overlaps) {
        // Another connection: it begins anywhere before the end of what was read, and goes on from there.
        const from = back % (end + 1);
        end = Math.max(end, from + (forward % (log.length + 1)));
        fold(log.slice(from, end), conversation);
      }
      fold(log, conversation);
      assert.deepEqual(snapshot(conversation), snapshot(fold(log)));
    }),
  );
});

test('a snapshot taken anywhere, and the log after it, give what the whole log gives', () => {
  fc.assert(
    fc.property(logs, fc.nat(), (log, cut) => {
      const at = cut % (log.length + 1);
      const restored = conversationFromSnapshot(snapshot(fold(log.slice(0, at))));
      // The tail may begin too early, as after a reconnect.
      fold(log.slice(Math.max(0, at - 2)), restored);
      assert.deepEqual(snapshot(restored), snapshot(fold(log)));
    }),
    { numRuns: 300 },
  );
});
