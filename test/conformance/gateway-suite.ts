// What the browser's core relies on in a gateway (docs/PROTOCOL.md §4 and §5): ids of a question, snapshots, events from an
// offset on, what people write beside messages, the list. The real gateway has to pass, and so has the one in memory that
// the tests of packages/state run against, or those tests would prove nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  conversationFromSnapshot,
  eventFromJson,
  reduceConversation,
  snapshotOf,
  systemClock,
  systemRandom,
  ulids,
  type Conversation,
} from '@throughline/event';
import { sseEvents } from '../support/chat.ts';

export interface GatewaySide {
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** Plays the supervisor for the run that was requested last: one attempt that writes `text` and ends `done`. */
  reply(conversationId: string, runId: string, text: string): Promise<void>;
}

interface Receipt {
  readonly conversationId: string;
  readonly messageId: string;
  readonly runId: string;
  readonly replyId: string;
}

const newId = ulids(systemClock, systemRandom);

export function gatewaySuite(name: string, side: () => GatewaySide): void {
  const post = (path: string, body: unknown): Promise<Response> =>
    side().fetch(path, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const get = (path: string): Promise<Response> => side().fetch(path, { headers: { accept: 'application/json' } });

  async function taken<Body>(answer: Promise<Response>, status = 202): Promise<Body> {
    const response = await answer;
    const text = await response.text();
    assert.equal(response.status, status, text);
    return JSON.parse(text) as Body;
  }

  async function rejected(answer: Promise<Response>, status: number, code: string): Promise<void> {
    const { error } = await taken<{ error: { code: string; message: string } }>(answer, status);
    assert.equal(error.code, code);
    assert.equal(typeof error.message, 'string');
  }

  const question = (id: string, messageId: string, more: object = {}, before: readonly object[] = []): object => ({
    id,
    trigger: 'submit-message',
    messages: [...before, { id: messageId, role: 'user', parts: [{ type: 'text', text: `question ${messageId}` }] }],
    ...more,
  });
  const ask = (id: string, messageId: string, more?: object, before?: readonly object[]): Promise<Receipt> =>
    taken<Receipt>(post('/api/chat', question(id, messageId, more, before)));
  const snapshot = (id: string): Promise<{ conversation: unknown; offset: string }> =>
    taken(get(`/v1/conversations/${id}`), 200);

  async function conversationOf(id: string): Promise<Conversation> {
    return conversationFromSnapshot((await snapshot(id)).conversation);
  }

  /** Events after `offset` up to `caught-up`, with their ids. */
  async function eventsFrom(
    id: string,
    offset: string,
  ): Promise<{ ids: string[]; conversationIs(c: Conversation): void }> {
    const stop = new AbortController();
    const response = await side().fetch(`/v1/conversations/${id}/events?offset=${encodeURIComponent(offset)}`, {
      headers: { accept: 'text/event-stream' },
      signal: stop.signal,
    });
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
    const found: { id: string; data: string }[] = [];
    for await (const { id: eventId, event, data } of sseEvents(response)) {
      if (event === 'caught-up') break;
      if (event === 'event') found.push({ id: eventId, data });
    }
    stop.abort();
    return {
      ids: found.map(({ id: eventId }) => eventId),
      conversationIs: (conversation) => {
        for (const { data } of found) reduceConversation(conversation, eventFromJson(JSON.parse(data)));
      },
    };
  }

  test(`${name}: a conversation that nobody has begun is unknown, and so are its events`, async () => {
    await rejected(get('/v1/conversations/nobody'), 404, 'UNKNOWN_CONVERSATION');
    await rejected(get('/v1/conversations/nobody/events'), 404, 'UNKNOWN_CONVERSATION');
    const renamed = { id: newId(), type: 'conversation-renamed', payload: { title: 'x' } };
    await rejected(post('/v1/conversations/nobody/events', renamed), 404, 'UNKNOWN_CONVERSATION');
  });

  test(`${name}: a question that is sent again has the same ids and one run`, async () => {
    const body = question('again', 'm1', { runId: newId() });
    const first = await taken<Receipt>(post('/api/chat', body));
    assert.deepEqual(
      [first.conversationId, first.messageId, first.runId],
      ['again', 'm1', (body as { runId: string }).runId],
    );
    const second = await taken<Receipt>(post('/api/chat', body));
    assert.deepEqual(second, first);
    const { messages, runs } = await conversationOf('again');
    assert.deepEqual([[...messages.keys()], [...runs.keys()]], [['m1', first.replyId], [first.runId]]);
  });

  test(`${name}: the next question goes below the message before it, an edit beside the one it replaces`, async () => {
    const first = await ask('tree', 'm1');
    const below = { id: first.replyId, role: 'assistant', parts: [] };
    await ask('tree', 'm2', {}, [below]);
    const edited = { id: 'm2', role: 'user', parts: [{ type: 'text', text: 'put otherwise' }] };
    const edit = await ask('tree', 'm2', { messageId: 'm2', messages: [below, edited] });
    const { messages } = await conversationOf('tree');
    assert.equal(messages.get('m2')?.parentId, first.replyId);
    assert.notEqual(edit.messageId, 'm2');
    assert.equal(messages.get(edit.messageId)?.parentId, first.replyId);
    assert.equal(messages.get(edit.replyId)?.parentId, edit.messageId);
  });

  test(`${name}: another answer to a question is a run of its own beside the first`, async () => {
    const first = await ask('again-please', 'm1');
    await side().reply('again-please', first.runId, 'one');
    const second = await ask('again-please', 'm1', { trigger: 'regenerate-message', messageId: first.replyId });
    assert.equal(second.messageId, 'm1');
    const { messages, runs } = await conversationOf('again-please');
    assert.equal(runs.size, 2);
    assert.equal(messages.get(second.replyId)?.parentId, messages.get(first.replyId)?.parentId);
  });

  test(`${name}: a snapshot and the events after its offset make the same conversation`, async () => {
    const { runId } = await ask('fold', 'm1');
    const before = await snapshot('fold');
    assert.match(before.offset, /^[0-9a-f]{8}_\d{20}_\d{6}$/);
    await side().reply('fold', runId, 'an answer');
    const events = await eventsFrom('fold', before.offset);
    const conversation = conversationFromSnapshot(before.conversation);
    events.conversationIs(conversation);
    const after = await snapshot('fold');
    assert.deepEqual(JSON.parse(JSON.stringify(snapshotOf(conversation))), after.conversation);
    assert.equal(events.ids.at(-1), after.offset);
    assert.deepEqual(events.ids, [...events.ids].sort());
    assert.deepEqual((await eventsFrom('fold', after.offset)).ids, []);
  });

  test(`${name}: an offset of another log, beyond its end, or none at all is rejected with its code`, async () => {
    await ask('offsets', 'm1');
    const { offset } = await snapshot('offsets');
    const at = (text: string): Promise<Response> => get(`/v1/conversations/offsets/events?offset=${text}`);
    await rejected(at(`00000000${offset.slice(8)}`), 416, 'OFFSET_OUT_OF_RANGE');
    await rejected(at(`${offset.slice(0, 9)}00000000000000999999_000000`), 416, 'OFFSET_OUT_OF_RANGE');
    await rejected(at('7'), 400, 'INVALID_ARGUMENT');
  });

  test(`${name}: Stop is an event of the run`, async () => {
    const { runId } = await ask('stopped', 'm1');
    await taken(post('/api/chat/stopped/stop', {}));
    assert.equal((await conversationOf('stopped')).runs.get(runId)?.isStopRequested, true);
  });

  test(`${name}: a name, the archive and a deletion show in the conversation and in the list`, async () => {
    await ask('listed', 'm1');
    const write = (type: string, payload: object): Promise<{ id: string }> =>
      taken(post('/v1/conversations/listed/events', { id: newId(), type, payload }));
    type Page = { conversations: Record<string, unknown>[]; next: string | null };
    const lines = async (query: string): Promise<Record<string, unknown>[]> => {
      const page = await taken<Page>(get(`/v1/conversations?limit=50${query}`), 200);
      return page.conversations.filter(({ id }) => id === 'listed');
    };
    await write('conversation-renamed', { title: 'Named' });
    assert.equal((await conversationOf('listed')).title, 'Named');
    const [line] = await lines('');
    assert.deepEqual(
      [
        line?.['title'],
        line?.['isArchived'],
        line?.['isRunning'],
        typeof line?.['createdMs'],
        typeof line?.['updatedMs'],
      ],
      ['Named', false, true, 'number', 'number'],
    );
    await write('conversation-archived', { archived: true });
    assert.deepEqual([(await lines('')).length, (await lines('&archived=true')).length], [0, 1]);
    await write('conversation-deleted', {});
    assert.deepEqual([(await lines('')).length, (await lines('&archived=true')).length], [0, 0]);
    await rejected(get('/v1/conversations/listed'), 404, 'UNKNOWN_CONVERSATION');
  });
}
