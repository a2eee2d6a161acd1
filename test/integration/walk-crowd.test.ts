// Many at once, one thing while another is going on, and replies of unusual shape, through a real server.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readUIMessageStream, type UIMessage, type UIMessageChunk } from 'ai';
import { postQuestion, uiChunks } from '../support/chat.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { turnsOf } from '../support/turns.ts';

let server: TestServer;
before(async () => {
  server = await startServer({ app: 'test/support/faults' });
});
after(() => server.dispose());

/** What the function of the test application speaks. */
function words(count: number): string {
  return Array.from({ length: count }, (_, index) => `word${index} `).join('');
}

interface Reply {
  readonly text: string;
  readonly last: string;
  readonly error: string | undefined;
}

/** Reads a reply; `onText` sees the text so far. */
async function read(response: Response, onText: (text: string) => void = () => {}): Promise<Reply> {
  assert.equal(response.status, 200, response.ok ? '' : await response.text());
  let text = '';
  let last = '';
  let error: string | undefined;
  for await (const chunk of uiChunks(response)) {
    if (chunk.type === 'text-delta') onText((text += chunk.delta ?? ''));
    if (chunk.type === 'error') error = chunk.errorText;
    last = chunk.type;
  }
  return { text, last, error };
}

async function ask(id: string, question: string, messageId = `${id}-q`): Promise<Reply> {
  return read(await postQuestion(server.url, id, messageId, question));
}

function post(path: string, body?: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(server.url + path, {
    method: 'POST',
    ...(body === undefined ? {} : { headers, body: JSON.stringify(body) }),
  });
}

interface Snapshot {
  readonly messages: readonly { readonly id: string; readonly role: string; readonly parentId: string | null }[];
  readonly runs: readonly {
    readonly id: string;
    readonly outcome?: string;
    readonly attempts: readonly { readonly environment: { readonly id: string; readonly pid: number } }[];
  }[];
}

async function conversationOf(id: string): Promise<Snapshot> {
  const response = await fetch(`${server.url}/v1/conversations/${id}`);
  return ((await response.json()) as { conversation: Snapshot }).conversation;
}

async function until(claim: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > endMs) assert.fail(`never: ${claim}`);
    await pause(5);
  }
}

/**
 * Kills the process of the newest attempt, as soon as that is one that was not killed yet. One kill can cost two attempts:
 * the next one may have been given to the same process just before.
 */
async function killFunctionOf(id: string, killed: Set<string>): Promise<void> {
  let environment: { readonly id: string; readonly pid: number } | undefined;
  await until('another attempt has begun', async () => {
    environment = (await conversationOf(id)).runs.at(-1)?.attempts.at(-1)?.environment;
    return environment !== undefined && !killed.has(environment.id);
  });
  killed.add(environment!.id);
  process.kill(environment!.pid, 'SIGKILL');
}

describe('many at once', () => {
  test('50 conversations end exactly, each with its row', async () => {
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) => ask(`crowd${index}`, `words ${20 + index} 5`)),
    );
    for (const [index, reply] of replies.entries())
      assert.deepEqual(reply, { text: words(20 + index), last: 'finish', error: undefined });
    for (let index = 0; index < 50; index += 7) await turnsOf(server.url, `crowd${index}`, 1);
  });

  test('two questions of one conversation are answered side by side, each below its own', async () => {
    await ask('parallel', 'words 1 1');
    const [first, second] = await Promise.all([
      ask('parallel', 'words 30 5', 'first'),
      ask('parallel', 'words 20 5', 'second'),
    ]);
    assert.deepEqual([first.text, second.text], [words(30), words(20)]);
    const { messages } = await conversationOf('parallel');
    for (const question of ['first', 'second'])
      assert.equal(messages.filter(({ parentId, role }) => parentId === question && role === 'assistant').length, 1);
  });

  test('the same question posted ten times at once makes one message, one run and ten equal streams', async () => {
    const replies = await Promise.all(Array.from({ length: 10 }, () => ask('same', 'words 10 5')));
    for (const { text } of replies) assert.equal(text, words(10));
    const { messages, runs } = await conversationOf('same');
    assert.deepEqual([messages.length, runs.length], [2, 1]);
  });
});

describe('one thing while another is going on', () => {
  test('a reply is generated again while it is written: both end, as siblings', async () => {
    const id = 'again';
    const first = read(await postQuestion(server.url, id, 'q', 'words 40 5'));
    const messages = [{ id: 'q', role: 'user', parts: [{ type: 'text', text: 'words 40 5' }] }];
    const second = read(await post('/api/chat', { id, trigger: 'regenerate-message', messages }));
    assert.deepEqual([(await first).text, (await second).text], [words(40), words(40)]);
    const { messages: all } = await conversationOf(id);
    assert.equal(all.filter(({ parentId }) => parentId === 'q').length, 2);
    await turnsOf(server.url, id, 2);
  });

  test('a conversation is deleted while it is answered: the run is stopped, and it is gone', async () => {
    const id = 'deleted';
    let shown = '';
    const reply = read(await postQuestion(server.url, id, 'q', 'words 2000 5'), (text) => (shown = text));
    await until('something is shown', () => shown.length > 50);
    const response = await post(`/v1/conversations/${id}/events`, {
      id: '01J00000000000000000000000',
      type: 'conversation-deleted',
      payload: {},
    });
    assert.equal(response.status, 202);
    assert.equal((await reply).last, 'abort');
    assert.equal((await fetch(`${server.url}/v1/conversations/${id}`)).status, 404);
    assert.equal((await postQuestion(server.url, id, 'q2', 'words 1 1')).status, 404);
    assert.equal((await turnsOf(server.url, id, 1))[0]?.['outcome'], 'stopped');
  });

  test('stop after the end changes nothing, and stop of nothing is not found', async () => {
    await ask('over', 'words 3 1');
    const response = await post('/api/chat/over/stop');
    assert.deepEqual([response.status, await response.json()], [202, { conversationId: 'over', runIds: [] }]);
    assert.equal((await turnsOf(server.url, 'over', 1))[0]?.['outcome'], 'done');
    assert.equal((await post('/api/chat/never/stop')).status, 404);
  });

  test('a run that waits for a free process can be stopped; those around it are answered', async () => {
    // 8 processes of 16 invocations each: 128 run until the gate opens, and the others wait.
    const gate = path.join(server.dataDir, 'gate');
    const busy = Array.from({ length: 128 }, (_, index) => ask(`busy${index}`, `gate ${gate} 3`));
    const running = async (): Promise<{ running: number; queued: number }> => {
      const response = await fetch(`${server.url}/v1/status`);
      const { functions } = (await response.json()) as { functions: { running: number; queued: number }[] };
      return functions[0]!;
    };
    await until('all processes are full', async () => (await running()).running === 128);
    const waiting = ask('waiting', 'words 3 1');
    const next = ask('next', 'words 3 1');
    await until('it waits', async () => (await running()).queued === 2);
    const response = await post('/api/chat/waiting/stop');
    assert.equal(response.status, 202);
    assert.deepEqual(await waiting, { text: '', last: 'abort', error: undefined });
    const { runs } = await conversationOf('waiting');
    assert.deepEqual([runs[0]?.outcome, runs[0]?.attempts.length], ['stopped', 0]);
    writeFileSync(gate, '');
    assert.deepEqual([(await next).text, (await next).last], [words(3), 'finish']);
    for (const reply of await Promise.all(busy)) assert.equal(reply.text, words(3));
    const [row] = await turnsOf(server.url, 'waiting', 1);
    assert.deepEqual([row?.['outcome'], row?.['attempts']], ['stopped', 0]);
  });
});

describe('a reply of unusual shape', () => {
  test('5,000 chunks at full speed arrive whole', async () => {
    assert.deepEqual(await ask('long', 'words 5000 0'), { text: words(5000), last: 'finish', error: undefined });
  });

  test('of 13 MB arrives whole', async () => {
    const { text, last } = await ask('flood', 'fault flood');
    assert.deepEqual([text.length, last], [200 * 64 * 1024, 'finish']);
  });

  test('of nothing ends', async () => {
    assert.deepEqual(await ask('empty', 'words 0 0'), { text: '', last: 'finish', error: undefined });
  });

  test('with surrogate pairs that are cut in two stays whole across kills', async () => {
    let shown = '';
    const reply = read(await postQuestion(server.url, 'faces', 'q', 'halves 40 60'), (text) => (shown = text));
    const killed = new Set<string>();
    for (const length of [5, 24, 51]) {
      await until('more faces', () => shown.length >= length);
      await killFunctionOf('faces', killed);
    }
    assert.deepEqual(await reply, { text: '😀'.repeat(40), last: 'finish', error: undefined });
    assert.ok((await conversationOf('faces')).runs[0]!.attempts.length > 3);
  });

  test('with reasoning, a tool, sources and data is one message across kills in each of its parts', async () => {
    const response = await postQuestion(server.url, 'parts', 'q', 'parts 10 100');
    let message: UIMessage | undefined;
    let isRead = false;
    const reading = (async () => {
      const stream = Readable.toWeb(Readable.from(uiChunks(response))) as ReadableStream<UIMessageChunk>;
      for await (const state of readUIMessageStream({ stream })) message = state;
      isRead = true;
    })();
    const count = (type: string): number => message?.parts.filter((part) => part.type === type).length ?? 0;
    const stages: readonly [string, () => boolean][] = [
      ['it thinks', () => count('reasoning') === 1],
      ['it calls a tool', () => count('tool-search') === 1],
      ['the tool has answered', () => count('step-start') === 2],
      ['it speaks', () => count('text') === 1],
    ];
    const killed = new Set<string>();
    for (const [claim, condition] of stages) {
      await until(claim, () => condition() || isRead);
      await pause(20);
      await killFunctionOf('parts', killed);
    }
    await reading;
    const shape = (parts: UIMessage['parts'] = []): unknown[] =>
      parts.map((part) => {
        if (part.type === 'text' || part.type === 'reasoning') return [part.type, part.text];
        if (part.type === 'tool-search' && 'input' in part) return [part.type, part.state, part.input, part.output];
        if (part.type === 'data-progress') return [part.type, part.data];
        return part.type;
      });
    assert.deepEqual(shape(message?.parts), [
      'step-start',
      ['reasoning', Array.from({ length: 10 }, (_, index) => `thought${index} `).join('')],
      ['tool-search', 'output-available', { q: 'aaaaaaaaaa' }, { found: 10 }],
      'step-start',
      'source-url',
      ['data-progress', { percent: 50 }],
      ['text', words(10)],
    ]);
    const { runs } = await conversationOf('parts');
    assert.deepEqual([runs.length, runs[0]?.outcome], [1, 'done']);
    assert.ok(runs[0]!.attempts.length > stages.length);
  });
});
