// Topic `conversations` is an ordinary topic: anybody can put records into it. What is no event is skipped by every fold,
// counted where status shows it, and hurts nobody who comes after.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { conversationStream, systemClock, systemRandom, ulids, utf8 } from '@throughline/event';
import { partitionFor } from '@throughline/log';
import { postQuestion, uiChunks } from '../support/chat.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { turnsOf } from '../support/turns.ts';

const newId = ulids(systemClock, systemRandom);
const partitionCount = 4;
let server: TestServer;

before(async () => {
  server = await startServer({ app: 'test/support/faults' });
});
after(() => server.dispose());

interface ForeignRecord {
  readonly key?: string;
  readonly value: string | null;
  readonly partition?: number;
  readonly headers?: readonly { readonly key: string; readonly value: string | null }[];
}

function headersOf(fields: Readonly<Record<string, string | null>>): { key: string; value: string | null }[] {
  return Object.entries(fields).map(([key, value]) => ({ key, value }));
}

/** An event as a foreign client writes it. */
function event(type: string, stream: string, payload: unknown, numbers: Record<string, string> = {}): ForeignRecord {
  const headers = headersOf({ 'tl-type': type, 'tl-id': newId(), 'tl-stream': stream, ...numbers });
  return { key: stream, value: JSON.stringify(payload), headers };
}

async function produce(...records: ForeignRecord[]): Promise<void> {
  const response = await fetch(`${server.url}/v1/topics/conversations/records`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ records }),
  });
  assert.equal(response.status, 201, await response.text());
}

/** The text of the answer. */
async function ask(conversationId: string, messageId: string, question: string): Promise<string> {
  let said = '';
  for await (const chunk of uiChunks(await postQuestion(server.url, conversationId, messageId, question))) {
    assert.notEqual(chunk.type, 'error', chunk.errorText);
    said += chunk.delta ?? '';
  }
  return said;
}

interface Status {
  readonly topics: readonly { readonly partitions: readonly { readonly highWatermark: string }[] }[];
  readonly folds: readonly {
    readonly name: string;
    readonly offsets: readonly string[];
    readonly skippedRecords: number;
  }[];
}

/** By fold: the records that it has skipped, as status shows them, when all have read everything. */
async function skippedRecords(): Promise<Record<string, number>> {
  for (;;) {
    const { topics, folds } = (await (await fetch(`${server.url}/v1/status`)).json()) as Status;
    const ends = topics[0]?.partitions.map(({ highWatermark }) => highWatermark).join();
    if (folds.every(({ offsets }) => offsets.join() === ends))
      return Object.fromEntries(folds.map((fold) => [fold.name, fold.skippedRecords]));
    await pause(10);
  }
}

const victim = 'victim';
const stream = conversationStream(victim);
const renamed = { title: 'renamed by a stranger' };
const question = { messageId: 'm', parentId: null, role: 'user', parts: [] };
const chunkNumbers = { 'tl-run': 'nobody', 'tl-attempt': '1', 'tl-seq': '0' };
const deepJson = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
const rubbish: Readonly<Record<string, ForeignRecord>> = {
  'without anything': { value: null },
  'without headers': { key: stream, value: 'rubbish' },
  'without a value': { ...event('conversation-renamed', stream, renamed), value: null },
  'whose type is null': { ...event('conversation-renamed', stream, renamed), headers: headersOf({ 'tl-type': null }) },
  'whose id is no ULID': {
    ...event('conversation-renamed', stream, renamed),
    headers: headersOf({ 'tl-type': 'conversation-renamed', 'tl-stream': stream, 'tl-id': 'mine' }),
  },
  'whose key is another stream': { ...event('conversation-renamed', stream, renamed), key: 'conversations/other' },
  'on another partition than its key says': {
    ...event('conversation-renamed', stream, renamed),
    partition: (partitionFor(utf8(stream), partitionCount) + 1) % partitionCount,
  },
  'of an unknown type': event('nonsense', stream, {}),
  'of a type that every object has': event('constructor', stream, {}),
  'of a stream that is no conversation': event('message-created', 'conversations/../x', question),
  'of a stream of something else': event('message-created', 'other/x', question),
  'whose attempt is no number': event(
    'chunk',
    stream,
    { chunks: [{ type: 'x' }] },
    { ...chunkNumbers, 'tl-attempt': '-1' },
  ),
  'that lacks its seq': event('chunk', stream, { chunks: [{ type: 'x' }] }, { 'tl-run': 'nobody', 'tl-attempt': '1' }),
  'whose payload does not fit': event('message-created', stream, { messageId: '../..', role: 'admin' }),
  'nested 20,000 deep': {
    ...event('message-created', stream, {}),
    value: `{"messageId":"deep","parentId":null,"role":"user","parts":[{"type":"text","text":${deepJson}}]}`,
  },
  'of a megabyte of letters': { key: stream, value: 'x'.repeat(1_000_000) },
};

test('records that are no events are skipped and counted by every fold, and the next question is answered', async () => {
  assert.equal(await ask(victim, 'q1', 'words 2 1'), 'word0 word1 ');
  const none = { functions: 0, 'gateway-conversations': 0, turns: 0 };
  assert.deepEqual(await skippedRecords(), none);
  let expected: Record<string, number> = none;
  for (const [what, record] of Object.entries(rubbish)) {
    await produce(record);
    expected = Object.fromEntries(Object.entries(expected).map(([fold, count]) => [fold, count + 1]));
    assert.deepEqual(await skippedRecords(), expected, `a record ${what}`);
  }
  assert.equal(await ask(victim, 'q2', 'words 3 1'), 'word0 word1 word2 ');
  const response = await fetch(`${server.url}/v1/conversations/${victim}`);
  const { conversation } = (await response.json()) as { conversation: { title: string; messages: unknown[] } };
  assert.deepEqual([conversation.title, conversation.messages.length], ['words 2 1', 4]);
  await turnsOf(server.url, victim, 2);
});

test('records on another partition than their key says cannot hide a conversation from the functions', async () => {
  const target = 'to-be-hidden';
  const key = conversationStream(target);
  const elsewhere = (partitionFor(utf8(key), partitionCount) + 1) % partitionCount;
  // Their offsets are far beyond those of the conversation, which would take its own events for old ones.
  await produce(
    ...Array.from({ length: 200 }, () => ({ ...event('conversation-renamed', key, renamed), partition: elsewhere })),
  );
  assert.equal(await ask(target, 'q1', 'words 2 1'), 'word0 word1 ');
  await turnsOf(server.url, target, 1);
});

test('a valid event of a stranger counts like any other', async () => {
  const key = conversationStream('of-a-stranger');
  const parts = [{ type: 'text', text: 'words 2 1' }];
  await produce(
    event('message-created', key, { messageId: 'm', parentId: null, role: 'user', parts }),
    event(
      'run-requested',
      key,
      { messageId: 'm', replyId: 'r', function: 'answer' },
      { 'tl-run': 'run-of-a-stranger' },
    ),
  );
  const [row] = await turnsOf(server.url, 'of-a-stranger', 1);
  assert.deepEqual([row?.['run_id'], row?.['outcome']], ['run-of-a-stranger', 'done']);
});

test('a run of a stranger that cannot be answered ends visibly: no message, no such function', async () => {
  const key = conversationStream('unanswerable');
  await produce(
    event('run-requested', key, { messageId: 'none', replyId: 'r1', function: 'answer' }, { 'tl-run': 'no-message' }),
    event('run-requested', key, { messageId: 'none', replyId: 'r2', function: 'nobody' }, { 'tl-run': 'no-function' }),
  );
  const rows = await turnsOf(server.url, 'unanswerable', 2);
  assert.deepEqual(
    new Map(rows.map((row) => [row['run_id'], row['error_code']])),
    new Map([
      ['no-message', 'INVALID_EVENT'],
      ['no-function', 'UNKNOWN_FUNCTION'],
    ]),
  );
});

test('a question that is nested 20,000 deep is rejected, and its conversation can be read', async () => {
  const response = await fetch(`${server.url}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"id":"deep","messages":[{"id":"m","role":"user","parts":[{"type":"text","text":"x","more":${deepJson}}]}]}`,
  });
  const { error } = (await response.json()) as { error: { code: string } };
  assert.deepEqual([response.status, error.code], [400, 'INVALID_ARGUMENT']);
  assert.equal(await ask('deep', 'm', 'words 1 1'), 'word0 ');
});
