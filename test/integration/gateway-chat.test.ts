// The chat endpoints as any HTTP client sees them: what is on the log and when, what a retry does, what a reader gets in the
// middle and after the end. The AI SDK's own client is tested in test/conformance/ai-sdk.test.ts.
import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { errorTable, eventFromRecord, ThroughlineError, toRecord, type PlacedEvent } from '@throughline/event';
import type { Listener } from '@throughline/gateway';
import { scriptedGateway, type ScriptedGateway, type ScriptedRun } from '../support/scripted-gateway.ts';
import { sseEvents, uiChunks, type Chunk } from '../support/chat.ts';

let scripted: ScriptedGateway;
let listener: Listener;
let count = 0;

before(async () => {
  scripted = await scriptedGateway();
  listener = await scripted.gateway.listen({ host: '127.0.0.1', port: 0 });
});
after(() => scripted.close());

interface Ask {
  readonly id?: string;
  readonly messageId?: string;
  readonly text?: string;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

function ask({
  id = `c${++count}`,
  messageId = `m${++count}`,
  text = 'Hi?',
  more = {},
  headers = {},
  signal,
}: Ask = {}) {
  const body = {
    id,
    trigger: 'submit-message',
    messages: [{ id: messageId, role: 'user', parts: [{ type: 'text', text }] }],
    ...more,
  };
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
  return fetch(`${listener.url}/api/chat`, signal === undefined ? init : { ...init, signal });
}

interface Receipt {
  readonly conversationId: string;
  readonly messageId: string;
  readonly runId: string;
  readonly replyId: string;
  readonly offset: string;
}
async function askJson(options: Ask): Promise<Receipt> {
  const response = await ask({ ...options, headers: { accept: 'application/json' } });
  assert.equal(response.status, 202);
  return (await response.json()) as Receipt;
}

async function all(response: Response): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of uiChunks(response)) chunks.push(chunk);
  return chunks;
}

const text = (chunks: readonly Chunk[]): string => chunks.map(({ delta }) => delta ?? '').join('');

/** The events of a conversation, straight from the log. */
async function eventsOf(id: string): Promise<PlacedEvent[]> {
  const found: PlacedEvent[] = [];
  for (const { partition } of (await scripted.log.admin.describeTopic('conversations')).partitions) {
    const { records } = await scripted.log.read({ topic: 'conversations', partition, offset: 0n });
    found.push(...records.map(eventFromRecord).filter(({ stream }) => stream === `conversations/${id}`));
  }
  return found;
}

async function reply(run: ScriptedRun, ...deltas: string[]): Promise<void> {
  await run.start();
  await run.open();
  for (const delta of deltas) await run.text(delta);
  await run.finish();
}

describe('asking', () => {
  test('puts the conversation, the question and the run on the log in one go, and answers with the stream of the run', async () => {
    const response = await ask({ id: 'first', text: 'What is a log?\nI wonder.' });
    const run = await scripted.nextRun();
    assert.deepEqual(
      (await eventsOf('first')).map(({ type, at }) => [type, Number(at.offset) - Number(run.request.at.offset)]),
      [
        ['conversation-created', -2],
        ['message-created', -1],
        ['run-requested', 0],
      ],
    );
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(response.headers.get('x-vercel-ai-ui-message-stream'), 'v1');
    assert.equal(response.headers.get('x-accel-buffering'), 'no');
    assert.match(response.headers.get('cache-control') ?? '', /no-cache/);
    await reply(run, 'A list', ' of events.');
    const chunks = await all(response);
    assert.deepEqual(
      chunks.map(({ type }) => type),
      ['start', 'start-step', 'text-start', 'text-delta', 'text-delta', 'text-end', 'finish-step', 'finish'],
    );
    assert.equal(chunks[0]?.messageId, run.replyId);
    assert.equal(text(chunks), 'A list of events.');
    const list = (await (await fetch(`${listener.url}/v1/conversations`)).json()) as {
      conversations: { title: string }[];
    };
    assert.equal(list.conversations[0]?.title, 'What is a log?');
  });

  test('is answered with 202 where JSON is accepted, and the conversation is in the list at once', async () => {
    const receipt = await askJson({
      id: 'json',
      messageId: 'question',
      more: { model: 'big', settings: { depth: 2 } },
    });
    const run = await scripted.nextRun();
    assert.deepEqual(
      { ...receipt, offset: '' },
      { conversationId: 'json', messageId: 'question', runId: run.id, replyId: run.replyId, offset: '' },
    );
    assert.match(receipt.offset, /^[0-9a-f]{8}_\d{20}_\d{6}$/);
    assert.deepEqual([run.request.payload.model, run.request.payload.settings], ['big', { depth: 2 }]);
    const list = (await (await fetch(`${listener.url}/v1/conversations`)).json()) as {
      conversations: { id: string; isRunning: boolean }[];
    };
    assert.deepEqual(
      list.conversations.filter(({ id }) => id === 'json').map(({ isRunning }) => isRunning),
      [true],
    );
  });

  test('twice with one message id makes one message and one run, at the same time and later', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => askJson({ id: 'twice', messageId: 'same' })));
    assert.equal(new Set(answers.map(({ runId }) => runId)).size, 1);
    const run = await scripted.nextRun();
    const streaming = ask({ id: 'twice', messageId: 'same' });
    await reply(run, 'once');
    assert.equal(text(await all(await streaming)), 'once');
    // The run is over: the retry reads it from the log.
    const late = await all(await ask({ id: 'twice', messageId: 'same' }));
    assert.equal(text(late), 'once');
    assert.equal(late.at(-1)?.type, 'finish');
    const types = (await eventsOf('twice')).map(({ type }) => type);
    assert.equal(types.filter((type) => type === 'message-created').length, 1);
    assert.equal(types.filter((type) => type === 'run-requested').length, 1);
  });

  test('again with a run id of its own: a retried regenerate makes one run', async () => {
    await askJson({ id: 'again', messageId: 'q' });
    await reply(await scripted.nextRun(), 'one');
    const more = { trigger: 'regenerate-message', runId: 'my-run' };
    const first = await askJson({ id: 'again', messageId: 'q', more });
    const second = await askJson({ id: 'again', messageId: 'q', more });
    assert.deepEqual(first, second);
    assert.equal(first.runId, 'my-run');
    await scripted.nextRun();
  });

  test('in a conversation that was deleted is rejected, and its runs are asked to stop', async () => {
    await askJson({ id: 'gone' });
    const run = await scripted.nextRun();
    const deleted = { id: scripted.ulid(), type: 'conversation-deleted', payload: {} };
    const response = await fetch(`${listener.url}/v1/conversations/gone/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(deleted),
    });
    assert.equal(response.status, 202);
    assert.equal((await ask({ id: 'gone' })).status, 404);
    assert.ok((await eventsOf('gone')).some((event) => event.type === 'stop-requested' && event.run === run.id));
  });

  test('more runs of a conversation than the limit are rejected until one ends', async () => {
    const runs: ScriptedRun[] = [];
    for (let index = 0; index < 16; index++) {
      await askJson({ id: 'busy', messageId: `busy${index}` });
      runs.push(await scripted.nextRun());
    }
    const rejected = await ask({ id: 'busy', messageId: 'one-more' });
    assert.equal(rejected.status, 429);
    assert.equal(rejected.headers.get('retry-after'), '1');
    await reply(runs[0]!, 'done');
    await askJson({ id: 'busy', messageId: 'one-more' });
    await scripted.nextRun();
  });

  test('takes over messages that the log does not know, in their order', async () => {
    const greeting = { id: 'greeting', role: 'assistant', parts: [{ type: 'text', text: 'How can I help?' }] };
    const question = { id: 'q-greeted', role: 'user', parts: [{ type: 'text', text: 'With a log.' }] };
    await askJson({ id: 'greeted', more: { messages: [greeting, question] } });
    await scripted.nextRun();
    const messages = (await eventsOf('greeted')).filter((event) => event.type === 'message-created');
    assert.deepEqual(
      messages.map(({ payload }) => [payload.messageId, payload.parentId]),
      [
        ['greeting', null],
        ['q-greeted', 'greeting'],
      ],
    );
  });

  test('is rejected with the own code of a log that cannot keep it, and nothing streams', async () => {
    for (const code of ['OUT_OF_DISK', 'PARTITION_OFFLINE', 'RECORD_TOO_LARGE'] as const) {
      scripted.log.append = () => Promise.reject(new ThroughlineError(code, 'rejected'));
      const response = await ask({ id: 'rejected' });
      assert.equal(response.status, errorTable[code].httpStatus);
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, code);
    }
    Reflect.deleteProperty(scripted.log, 'append');
    assert.equal((await fetch(`${listener.url}/v1/conversations/rejected`)).status, 404);
    await askJson({ id: 'rejected' });
    await scripted.nextRun();
  });

  test('a reader that goes away stops nothing', async () => {
    const leaving = new AbortController();
    const response = await ask({ id: 'left', signal: leaving.signal });
    const run = await scripted.nextRun();
    await run.start();
    await run.open();
    await run.text('half ');
    const chunks = uiChunks(response);
    await chunks.next();
    leaving.abort();
    await assert.rejects(async () => {
      for await (const _ of chunks);
    });
    await run.text('whole');
    await run.finish();
    const { conversation } = (await (await fetch(`${listener.url}/v1/conversations/left`)).json()) as {
      conversation: { messages: { parts: { text?: string }[] }[] };
    };
    assert.ok(JSON.stringify(conversation.messages.at(-1)?.parts).includes('half whole'));
    assert.ok(!(await eventsOf('left')).some(({ type }) => type === 'stop-requested'));
  });
});

describe('reading', () => {
  test('in the middle gets one delta for what stands, then live deltas, then the end', async () => {
    await askJson({ id: 'middle' });
    const run = await scripted.nextRun();
    await run.start();
    await run.open();
    for (let index = 0; index < 100; index++) await run.text(`${index} `);
    const response = await fetch(`${listener.url}/api/chat/middle/stream`);
    assert.equal(response.status, 200);
    await run.text('live');
    await run.finish();
    const chunks = await all(response);
    const deltas = chunks.filter(({ type }) => type === 'text-delta');
    assert.equal(deltas.length, 2);
    assert.equal(deltas[1]?.delta, 'live');
    assert.equal(text(chunks), `${Array.from({ length: 100 }, (_, index) => `${index} `).join('')}live`);
    assert.equal((await fetch(`${listener.url}/api/chat/middle/stream`)).status, 204);
  });

  test('with HEAD says whether something runs, and holds nothing open', async () => {
    await askJson({ id: 'head' });
    const run = await scripted.nextRun();
    const head = (): Promise<Response> => fetch(`${listener.url}/api/chat/head/stream`, { method: 'HEAD' });
    assert.equal((await head()).status, 200);
    await reply(run, 'x');
    await (await fetch(`${listener.url}/v1/conversations/head`)).text();
    assert.equal((await head()).status, 204);
  });

  test('on from an offset gets exactly the chunks after it, in mid-run and after the end', async () => {
    const response = await ask({ id: 'onward' });
    const run = await scripted.nextRun();
    await run.start();
    await run.open();
    await run.chunks({ type: 'text-delta', id: 't1', delta: 'a' }, { type: 'text-delta', id: 't1', delta: 'b' });
    const events = sseEvents(response);
    const ids: string[] = [];
    for await (const { id, data } of events) {
      if (data.includes('"delta"')) ids.push(id);
      if (ids.length === 2) break;
    }
    const [afterA = '', afterB = ''] = ids;
    assert.ok(afterA < afterB);
    const resumed = fetch(`${listener.url}/api/chat/onward/stream`, { headers: { 'last-event-id': afterA } });
    assert.equal((await resumed).status, 200);
    await run.text('c');
    await run.finish();
    const rest = await all(await resumed);
    assert.deepEqual(
      rest.map(({ type, delta }) => delta ?? type),
      ['b', 'c', 'text-end', 'finish-step', 'finish'],
    );
    const late = await fetch(`${listener.url}/api/chat/onward/stream?offset=${afterB}`);
    assert.deepEqual(
      (await all(late)).map(({ type, delta }) => delta ?? type),
      ['c', 'text-end', 'finish-step', 'finish'],
    );
    const end = (await eventsOf('onward')).at(-1)?.at.offset;
    const last = afterB.replace(/_\d{20}_.*/, `_${String(end).padStart(20, '0')}_000000`);
    assert.equal((await fetch(`${listener.url}/api/chat/onward/stream?offset=${last}`)).status, 204);
  });

  test('a run that was superseded before the reader came leads to the one that took over', async () => {
    const response = await ask({ id: 'over' });
    const run = await scripted.nextRun();
    await run.start();
    await run.open();
    await run.text('one way');
    const nextId = scripted.ulid();
    const request = { messageId: run.messageId, replyId: 'other-reply', function: 'answer', supersedes: run.id };
    await run.end({ outcome: 'superseded', supersededBy: nextId });
    await scripted.log.append('conversations', [
      toRecord({ type: 'run-requested', id: scripted.ulid(), stream: run.stream, run: nextId, payload: request }),
    ]);
    await reply(await scripted.nextRun(), 'another way');
    for (const chunks of [await all(response), await all(await ask({ id: 'over', more: { runId: run.id } }))]) {
      assert.deepEqual(
        chunks.filter(({ type }) => type === 'start').map(({ messageId }) => messageId),
        [run.replyId, 'other-reply'],
      );
      assert.equal(text(chunks), 'one wayanother way');
      // What was open is closed before the other reply begins.
      const types = chunks.map(({ type }) => type);
      assert.ok(types.indexOf('text-end') < types.lastIndexOf('start'));
      assert.equal(types.at(-1), 'finish');
    }
  });

  test('runs that supersede each other in a circle cut the reader off instead of feeding it for ever', async () => {
    await askJson({ id: 'circle' });
    const run = await scripted.nextRun();
    await run.start();
    await run.end({ outcome: 'superseded', supersededBy: run.id });
    await assert.rejects(all(await ask({ id: 'circle', more: { runId: run.id } })));
  });

  test('every outcome has its terminal chunk', async () => {
    const cases = [
      { end: { outcome: 'done' }, terminal: { type: 'finish' } },
      { end: { outcome: 'stopped' }, terminal: { type: 'abort', reason: 'stopped' } },
      {
        end: { outcome: 'failed', error: { code: 'MODEL_CUT', message: 'in mid-stream' } },
        terminal: { type: 'error', errorText: 'MODEL_CUT: in mid-stream' },
      },
      { end: { outcome: 'failed' }, terminal: { type: 'error', errorText: 'INTERNAL: the run failed' } },
    ] as const;
    for (const { end, terminal } of cases) {
      const response = await ask();
      const run = await scripted.nextRun();
      await run.start();
      await run.open();
      await run.end(end);
      const chunks = await all(response);
      assert.deepEqual(chunks.at(-1), terminal);
      assert.equal(chunks.at(-2)?.type, 'text-end');
    }
  });

  test('an error chunk of the function is not said twice', async () => {
    const response = await ask();
    const run = await scripted.nextRun();
    await run.start();
    await run.chunks({ type: 'error', errorText: 'MODEL_REFUSED: no' });
    await run.end({ outcome: 'failed', error: { code: 'MODEL_REFUSED', message: 'no' } });
    const chunks = await all(response);
    assert.deepEqual(
      chunks.map(({ type }) => type),
      ['start', 'error'],
    );
  });

  test('is the same from a gateway that was started later, and from one that has it in memory no more', async () => {
    await askJson({ id: 'cold' });
    const run = await scripted.nextRun();
    await run.start();
    await run.open();
    await run.text('written before, ');
    const later = await scripted.another({ cacheCountMax: 1 });
    // Another conversation, so that the first one leaves the memory of a gateway that holds but one.
    await later.fetch(new Request('http://localhost/v1/conversations/middle'));
    const response = await later.fetch(new Request('http://localhost/api/chat/cold/stream'));
    await later.fetch(new Request('http://localhost/v1/conversations/middle'));
    await run.text('and after');
    await run.finish();
    assert.equal(text(await all(response)), 'written before, and after');
  });
});

describe('a slow reader of a reply', () => {
  test('holds up nobody, and gets all of it when it goes on reading, in fewer pieces', async () => {
    const slow = await paused('slow');
    const run = await scripted.nextRun();
    const quick = fetch(`${listener.url}/api/chat/slow/stream`);
    await quick;
    await run.start();
    await run.open();
    const piece = 'x'.repeat(64 * 1024);
    for (let index = 0; index < 160; index++) await run.text(piece);
    await run.finish();
    assert.equal(text(await all(await quick)).length, 160 * piece.length);
    slow.resume();
    const chunks = await all(new Response(Readable.toWeb(slow) as ReadableStream<Uint8Array>));
    assert.equal(text(chunks).length, 160 * piece.length);
    assert.equal(chunks.at(-1)?.type, 'finish');
    assert.ok(chunks.length < 100, `${chunks.length} chunks`);
  });

  /** A reader that takes the headers and then nothing more. */
  function paused(id: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const request = httpRequest(`${listener.url}/api/chat`, { method: 'POST', headers }, (response) => {
        response.pause();
        resolve(response);
      });
      request.on('error', reject);
      const message = { id: 'slow-question', role: 'user', parts: [{ type: 'text', text: 'slow?' }] };
      request.end(JSON.stringify({ id, messages: [message] }));
    });
  }
});
