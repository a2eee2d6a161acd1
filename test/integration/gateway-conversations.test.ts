// The conversation endpoints: list, snapshot, events from an offset on, and what people write beside messages; over a log that
// other writers write to, a gateway that restarts, and readers that are slow.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import {
  conversationFromSnapshot,
  emptyConversation,
  eventFromJson,
  reduceConversation,
  snapshotOf,
  toRecord,
  utf8,
} from '@throughline/event';
import { createGateway, type Gateway, type Listener } from '@throughline/gateway';
import { partitionFor } from '@throughline/log';
import { sseEvents } from '../support/chat.ts';
import { scriptedGateway, type ScriptedGateway, type ScriptedRun } from '../support/scripted-gateway.ts';

let scripted: ScriptedGateway;
let listener: Listener;
let dir: string;
before(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'throughline-conversations-'));
  scripted = await scriptedGateway();
  listener = await scripted.gateway.listen({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  await scripted.close();
  rmSync(dir, { recursive: true, force: true });
});

async function ask(id: string, messageId: string, text = 'Hi?'): Promise<ScriptedRun> {
  const message = { id: messageId, role: 'user', parts: [{ type: 'text', text }] };
  const response = await fetch(`${listener.url}/api/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ id, messages: [message] }),
  });
  assert.equal(response.status, 202);
  return scripted.nextRun();
}

async function getJson<T>(address: string): Promise<T> {
  const response = await fetch(listener.url + address);
  assert.equal(response.status, 200, address);
  return (await response.json()) as T;
}

function write(id: string, type: string, payload: unknown, eventId = scripted.ulid()): Promise<Response> {
  return fetch(`${listener.url}/v1/conversations/${id}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: eventId, type, payload }),
  });
}

interface Page {
  readonly conversations: {
    readonly id: string;
    readonly title: string;
    readonly isRunning: boolean;
    readonly isArchived: boolean;
    readonly offset: string;
  }[];
  readonly next: string | null;
}
const list = (query = ''): Promise<Page> => getJson<Page>(`/v1/conversations?${query}`);
const snapshot = (id: string) => getJson<{ conversation: unknown; offset: string }>(`/v1/conversations/${id}`);

type Sse = { id: string; event: string; data: string };
/** Opens the events of a conversation; `until` reads on to an event that fits. */
async function openEvents(id: string, headers: Record<string, string> = {}, query = '') {
  const stop = new AbortController();
  const response = await fetch(`${listener.url}/v1/conversations/${id}/events${query}`, {
    headers,
    signal: stop.signal,
  });
  assert.equal(response.status, 200);
  const events = sseEvents(response);
  return {
    close: () => stop.abort(),
    async until(fits: (event: Sse) => boolean): Promise<Sse[]> {
      const seen: Sse[] = [];
      for (;;) {
        const { done, value } = await events.next();
        if (done === true) throw new Error('the stream ended');
        seen.push(value);
        if (fits(value)) return seen;
      }
    },
  };
}
const isEvent = (type: string) => (event: Sse) => event.event === 'event' && event.data.includes(`"type":"${type}"`);

describe('the list', () => {
  test('has a line per conversation, the newest change first, in pages', async () => {
    for (const id of ['l1', 'l2', 'l3']) await (await ask(id, `q-${id}`, `question of ${id}`)).end({ outcome: 'done' });
    await write('l1', 'conversation-renamed', { title: 'renamed' });
    const first = await list('limit=2');
    assert.deepEqual(
      first.conversations.map(({ id, title }) => [id, title]),
      [
        ['l1', 'renamed'],
        ['l3', 'question of l3'],
      ],
    );
    const second = await list(`limit=2&after=${first.next}`);
    assert.deepEqual(
      second.conversations.map(({ id, isRunning }) => [id, isRunning]),
      [['l2', false]],
    );
    assert.equal(second.next, null);
  });

  test('says what is running: from the request to the end that counts', async () => {
    const run = await ask('running', 'q-running');
    const isRunning = async (): Promise<boolean | undefined> =>
      (await list()).conversations.find(({ id }) => id === 'running')?.isRunning;
    assert.equal(await isRunning(), true);
    await run.start();
    await run.start();
    run.attempt = 1;
    await run.end({ outcome: 'failed' });
    assert.equal(await isRunning(), true, 'the end of a fenced attempt does not count');
    run.attempt = 2;
    await run.end({ outcome: 'done' });
    assert.equal(await isRunning(), false);
  });

  test('leaves out what is archived, unless asked, and what is deleted, always', async () => {
    for (const id of ['kept', 'archived', 'deleted']) await (await ask(id, `q-${id}`)).end({ outcome: 'done' });
    await write('archived', 'conversation-archived', { archived: true });
    await write('deleted', 'conversation-deleted', {});
    const ids = async (query: string): Promise<string[]> =>
      (await list(query)).conversations
        .map(({ id }) => id)
        .filter((id) => ['kept', 'archived', 'deleted'].includes(id));
    assert.deepEqual(await ids(''), ['kept']);
    assert.deepEqual(await ids('archived=true'), ['archived']);
    assert.equal((await fetch(`${listener.url}/v1/conversations/deleted`)).status, 404);
  });
});

describe('what people write', () => {
  test('is idempotent by id, and rejected where it makes no sense', async () => {
    const run = await ask('written', 'q-written');
    await run.end({ outcome: 'done' });
    const id = scripted.ulid();
    const answers = await Promise.all(
      [1, 2, 3].map(() => write('written', 'feedback-given', { messageId: run.replyId, value: 'up' }, id)),
    );
    const offsets = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as { offset: string }).offset),
    );
    assert.equal(new Set(offsets).size, 1);
    const statuses = [
      await write('written', 'feedback-given', { messageId: 'unknown', value: 'up' }),
      await write('written', 'feedback-given', { messageId: run.replyId, value: 'sideways' }),
      await write('written', 'run-ended', { outcome: 'done' }),
      await write('written', 'conversation-renamed', { title: 'x' }, 'no-ulid'),
      await write('nowhere', 'conversation-renamed', { title: 'x' }),
    ].map(({ status }) => status);
    assert.deepEqual(statuses, [400, 400, 400, 400, 404]);
  });
});

describe('the events of a conversation', () => {
  test('give with a snapshot and its offset the same state as the whole log', async () => {
    const run = await ask('folded', 'q-folded');
    await run.start();
    await run.open();
    await run.text('before ');
    const { conversation, offset } = await snapshot('folded');
    const folded = conversationFromSnapshot(conversation);
    const events = await openEvents('folded', {}, `?offset=${offset}`);
    await run.text('after');
    await run.finish();
    const seen = await events.until(isEvent('run-ended'));
    for (const { event, data } of seen)
      if (event === 'event') reduceConversation(folded, eventFromJson(JSON.parse(data)));
    events.close();
    assert.deepEqual(JSON.parse(JSON.stringify(snapshotOf(folded))), (await snapshot('folded')).conversation);
  });

  test('go on from the last id, with nothing twice and nothing missing, and say when they are live', async () => {
    const run = await ask('cut', 'q-cut');
    await run.start();
    await run.open();
    const first = await openEvents('cut');
    const begin = await first.until(({ event }) => event === 'caught-up');
    assert.deepEqual(
      begin.filter(({ event }) => event === 'event').map(({ data }) => (JSON.parse(data) as { type: string }).type),
      ['conversation-created', 'message-created', 'run-requested', 'attempt-started', 'chunk'],
    );
    first.close();
    for (const delta of ['a', 'b', 'c']) await run.text(delta);
    const again = await openEvents('cut', { 'last-event-id': begin.at(-1)?.id ?? '' });
    const missed = await again.until(({ event }) => event === 'caught-up');
    await run.finish();
    const rest = await again.until(isEvent('run-ended'));
    again.close();
    const seqs = [...missed, ...rest]
      .filter(({ event }) => event === 'event')
      .map(({ data }) => (JSON.parse(data) as { seq?: number }).seq)
      .filter((seq) => seq !== undefined);
    assert.deepEqual(seqs, [1, 2, 3, 4]);
  });

  test('bring the changed lines of the list, of every conversation', async () => {
    await ask('watching', 'q-watching');
    const events = await openEvents('watching');
    await events.until(({ event }) => event === 'caught-up');
    await ask('elsewhere', 'q-elsewhere', 'asked elsewhere');
    const [line] = (await events.until(({ event, data }) => event === 'summary' && data.includes('elsewhere'))).slice(
      -1,
    );
    const { title, isRunning } = JSON.parse(line?.data ?? '') as { title: string; isRunning: boolean };
    assert.deepEqual([title, isRunning], ['asked elsewhere', true]);
    events.close();
  });

  test('of another incarnation of the log, or of no offset at all, are rejected', async () => {
    await ask('tokens', 'q-tokens');
    const { offset } = await snapshot('tokens');
    const status = async (token: string): Promise<number> =>
      (await fetch(`${listener.url}/v1/conversations/tokens/events?offset=${token}`)).status;
    assert.equal(await status(`ffffffff${offset.slice(8)}`), 416);
    assert.equal(await status(offset.replace(/_\d/, '_9')), 416, 'beyond the end');
    assert.equal(await status('7'), 400);
  });

  test('reach a slow reader whole, while a quick one does not wait for it', async () => {
    const run = await ask('slow', 'q-slow');
    await run.start();
    await run.open();
    const slow = await paused('/v1/conversations/slow/events');
    const quick = await openEvents('slow');
    const piece = 'x'.repeat(32 * 1024);
    for (let index = 0; index < 100; index++) await run.text(piece);
    await run.finish();
    await quick.until(isEvent('run-ended'));
    quick.close();
    const conversation = emptyConversation('slow');
    for await (const { event, data } of sseEvents(new Response(Readable.toWeb(slow) as ReadableStream<Uint8Array>))) {
      if (event === 'event') reduceConversation(conversation, eventFromJson(JSON.parse(data)));
      if (conversation.runs.get(run.id)?.phase === 'ended') break;
    }
    const parts = conversation.messages.get(run.replyId)?.parts ?? [];
    assert.equal(String(parts.find(({ type }) => type === 'text')?.['text']).length, 100 * piece.length);
  });

  function paused(address: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(listener.url + address, (response) => {
        response.pause();
        resolve(response);
      });
      request.on('error', reject);
      request.end();
    });
  }
});

describe('other writers and other times', () => {
  test('records of another key, on another partition, or of no shape at all change no conversation', async () => {
    await ask('clean', 'q-clean');
    const before = await snapshot('clean');
    const own = partitionFor(utf8('conversations/clean'), 4);
    const rename = (stream: string) =>
      toRecord({ type: 'conversation-renamed', id: scripted.ulid(), stream, payload: { title: 'forged' } });
    await scripted.log.append('conversations', [
      { ...rename('conversations/clean'), partition: (own + 1) % 4 },
      { ...rename('conversations/clean'), key: utf8('conversations/other') },
      { ...rename('conversations/clean'), value: utf8('{"title":7}') },
      { ...rename('conversations/clean'), headers: [] },
      { ...rename('elsewhere/clean'), partition: own },
    ]);
    assert.deepEqual(await snapshot('clean'), before);
    assert.equal((await list()).conversations.find(({ id }) => id === 'clean')?.title, 'Hi?');
  });

  test('a gateway that starts again, or that lost its index, shows the same', async () => {
    const storePath = path.join(dir, 'restart.sqlite');
    const options = {
      log: scripted.log,
      topic: 'conversations',
      functionName: 'answer',
      tables: { list: async () => [], rows: async () => ({ rows: [] }), sql: async () => ({ columns: [], rows: [] }) },
      status: async () => ({}),
    };
    const expected = await list('limit=500');
    for (const restartPath of [storePath, storePath, path.join(dir, 'lost.sqlite')]) {
      const gateway = await createGateway({ ...options, storePath: restartPath });
      const page = (await (
        await gateway.fetch(new Request('http://localhost/v1/conversations?limit=500'))
      ).json()) as Page;
      assert.deepEqual(page, expected);
      for (const { id } of page.conversations) {
        const response = await gateway.fetch(new Request(`http://localhost/v1/conversations/${id}`));
        assert.deepEqual(await response.json(), await snapshot(id));
      }
      await gateway.close();
    }
  });

  test('an index of another log, or that is ahead of its own, is folded again and shows nothing of the old one', async () => {
    const storePath = path.join(dir, 'other-log.sqlite');
    const first = await scriptedGateway({ storePath });
    const question = { id: 'q', role: 'user', parts: [{ type: 'text', text: 'of the first log' }] };
    const post = (gateway: Gateway, body: unknown): Promise<Response> => {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      return gateway.fetch(
        new Request('http://localhost/api/chat', { method: 'POST', headers, body: JSON.stringify(body) }),
      );
    };
    for (const id of ['same', 'gone']) await post(first.gateway, { id, messages: [question] });
    await first.gateway.fetch(new Request('http://localhost/v1/conversations'));
    await first.close();
    const second = await scriptedGateway();
    const other = { ...question, parts: [{ type: 'text', text: 'of the second log' }] };
    await post(second.gateway, { id: 'same', messages: [other] });
    const gateway = await second.another({ storePath });
    // Asked at once, while the index may still be folded again.
    const same = (await (await gateway.fetch(new Request('http://localhost/v1/conversations/same'))).json()) as {
      conversation: { title: string };
    };
    assert.equal(same.conversation.title, 'of the second log');
    const page = (await (await gateway.fetch(new Request('http://localhost/v1/conversations'))).json()) as Page;
    assert.deepEqual(
      page.conversations.map(({ id, title }) => [id, title]),
      [['same', 'of the second log']],
    );
    await second.close();
  });
});
