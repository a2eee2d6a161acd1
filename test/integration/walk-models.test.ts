// A model server and everything it can do wrong, seen from outside: through a real server that was started with
// `--model openai-compatible`, in the reply, the conversation and the table of turns.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ErrorCode } from '@throughline/event';
import { postQuestion, uiChunks } from '../support/chat.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { turnsOf } from '../support/turns.ts';

const key = 'sk-of-the-test';
const timeoutMs = 2000;
let modelServer: Server;
let server: TestServer;
/** What the model server was asked, by question. */
const asked = new Map<string, { body: Record<string, unknown>; headers: IncomingMessage['headers'] }[]>();
/** Questions whose request the server has closed before it was answered. */
const disconnected = new Set<string>();

before(async () => {
  modelServer = createServer((request, response) => void answer(request, response));
  modelServer.listen(0, '127.0.0.1');
  await once(modelServer, 'listening');
  const { port } = modelServer.address() as AddressInfo;
  server = await startServer({
    app: 'examples/ask-docs',
    flags: ['--model', 'openai-compatible', '--model-url', `http://127.0.0.1:${port}/v1`, '--model-id', 'tiny'],
    environment: { THROUGHLINE_MODEL_KEY: key, THROUGHLINE_MODEL_TIMEOUT_MS: String(timeoutMs) },
  });
});
after(async () => {
  modelServer.closeAllConnections();
  modelServer.close();
  await server.dispose();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = JSON.parse(await text(request)) as Record<string, unknown>;
  const messages = body['messages'] as { role: string; content: string }[];
  const question = messages.at(-1)?.content ?? '';
  asked.set(question, [...(asked.get(question) ?? []), { body, headers: request.headers }]);
  response.on('close', () => response.writableFinished || disconnected.add(question));
  await behave(question, request, response);
}

async function behave(question: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const stream = (): ServerResponse => response.writeHead(200, { 'content-type': 'text/event-stream' });
  switch (question) {
    case 'works':
      stream().write(chunk({ role: 'assistant', content: 'Hello' }));
      await pause(20);
      response.end(chunk({ content: ', you.' }) + stop + usage + done);
      break;
    case 'silent':
      break;
    case 'silent after a word':
      stream().write(chunk({ content: 'Hello' }));
      break;
    case 'slow':
      stream();
      for (let word = 0; word < 4; word++) {
        response.write(chunk({ content: `${word} ` }));
        await pause(timeoutMs / 2);
      }
      response.end(stop + usage + done);
      break;
    case 'for ever':
      stream();
      while (!response.destroyed) {
        response.write(chunk({ content: 'on ' }));
        await pause(10);
      }
      break;
    case 'cut':
      stream().write(chunk({ content: 'Hello' }), () => setImmediate(() => response.destroy()));
      break;
    case 'ended in the middle':
      stream().end(chunk({ content: 'Hello' }));
      break;
    case 'rubbish':
      stream().end('data: {"choices": [\n\n');
      break;
    case 'a web page':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>welcome</html>');
      break;
    case 'unauthorized':
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: `no such key: ${request.headers.authorization}` } }));
      break;
    default:
      response.writeHead(500).end();
  }
}

function chunk(delta: object, rest: object = {}): string {
  return `data: ${JSON.stringify({ id: 'c', created: 1, model: 'tiny', choices: [{ index: 0, delta, ...rest }] })}\n\n`;
}
const stop = chunk({}, { finish_reason: 'stop' });
const usage = `data: ${JSON.stringify({ id: 'c', choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } })}\n\n`;
const done = 'data: [DONE]\n\n';

let count = 0;
/** Asks; returns what a page would have: the text, the error and the id. */
async function ask(question: string) {
  const id = `models${++count}`;
  let said = '';
  let error: string | undefined;
  let last = '';
  for await (const part of uiChunks(await postQuestion(server.url, id, `${id}-q`, question))) {
    said += part.type === 'text-delta' ? (part.delta ?? '') : '';
    if (part.type === 'error') error = part.errorText;
    last = part.type;
  }
  return { id, said, error, last };
}

/** The only run of a conversation, as anybody gets it. */
async function runOf(id: string) {
  const response = await fetch(`${server.url}/v1/conversations/${id}`);
  const { conversation } = (await response.json()) as {
    conversation: { runs: { outcome: string; ended: { error?: { code: string; remedy: string } } }[] };
  };
  assert.equal(conversation.runs.length, 1);
  return conversation.runs[0]!;
}

test('a model server that works streams through, with its model and usage in the table', async () => {
  const { id, said, error, last } = await ask('works');
  assert.deepEqual([said, error, last], ['Hello, you.', undefined, 'finish']);
  const [row] = await turnsOf(server.url, id, 1);
  assert.deepEqual(
    ['question', 'model', 'input_tokens', 'output_tokens', 'outcome', 'attempts', 'error_code'].map(
      (name) => row?.[name] ?? null,
    ),
    ['works', 'tiny', 7, 3, 'done', 1, null],
  );
  const [request] = asked.get('works') ?? [];
  assert.equal(request?.headers.authorization, `Bearer ${key}`);
  assert.equal(request.body['model'], 'tiny');
});

test('a slow model server is waited for as long as it says something', async () => {
  const { said, last } = await ask('slow');
  assert.deepEqual([said, last], ['0 1 2 3 ', 'finish']);
});

const faults: readonly [question: string, code: ErrorCode, said: string][] = [
  ['silent', 'MODEL_TIMED_OUT', ''],
  ['silent after a word', 'MODEL_TIMED_OUT', 'Hello'],
  ['cut', 'MODEL_CUT', 'Hello'],
  ['ended in the middle', 'MODEL_CUT', 'Hello'],
  ['rubbish', 'MODEL_OUTPUT_INVALID', ''],
  ['a web page', 'MODEL_OUTPUT_INVALID', ''],
  ['unauthorized', 'MODEL_REFUSED', ''],
];
for (const [question, code, expected] of faults) {
  test(`a model server that is ${question} ends the run ${code}, visibly`, () =>
    expectFailure(question, code, expected));
}

async function expectFailure(question: string, code: ErrorCode, expected: string): Promise<void> {
  const { id, said, error, last } = await ask(question);
  assert.equal(said, expected);
  assert.equal(last, 'error');
  assert.match(error ?? '', new RegExp(`^${code}: \\S.{10,}`), 'a person can read what happened');
  assert.doesNotMatch(error ?? '', new RegExp(key));
  const { outcome, ended } = await runOf(id);
  assert.deepEqual([outcome, ended.error?.code], ['failed', code]);
  assert.ok((ended.error?.remedy ?? '') !== '');
  const [row] = await turnsOf(server.url, id, 1);
  assert.deepEqual([row?.['outcome'], row?.['error_code'], row?.['attempts']], ['failed', code, 1]);
}

test('stop closes the request to the model server, and the text so far stays', async () => {
  const id = 'models-stop';
  const response = await postQuestion(server.url, id, `${id}-q`, 'for ever');
  let said = '';
  let last = '';
  let stopping: Promise<Response> | undefined;
  for await (const part of uiChunks(response)) {
    said += part.type === 'text-delta' ? (part.delta ?? '') : '';
    if (said.length > 30) stopping ??= fetch(`${server.url}/api/chat/${id}/stop`, { method: 'POST' });
    last = part.type;
  }
  assert.equal((await stopping)?.status, 202);
  assert.equal(last, 'abort');
  assert.match(said, /^(on )+$/);
  for (let tries = 0; tries < 200 && !disconnected.has('for ever'); tries++) await pause(10);
  assert.ok(disconnected.has('for ever'));
  assert.equal((await runOf(id)).outcome, 'stopped');
  assert.equal((await turnsOf(server.url, id, 1))[0]?.['outcome'], 'stopped');
});

test('a model server that is down ends the run MODEL_UNREACHABLE, visibly', async () => {
  modelServer.closeAllConnections();
  modelServer.close();
  await once(modelServer, 'close');
  await expectFailure('down', 'MODEL_UNREACHABLE', '');
});
