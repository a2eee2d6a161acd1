// Each test talks to a real HTTP server on the loopback interface that fails in one way.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ThroughlineError, type ErrorCode } from '@throughline/event';
import { generateText, streamText } from 'ai';
import { errorText } from '../error-text.ts';
import { openAICompatibleModel, type OpenAICompatibleModelOptions } from './model.ts';

type Answer = (response: ServerResponse, request: IncomingMessage, count: number) => unknown;

async function serve(t: TestContext, answer: Answer): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    request.resume();
    requests.push(request);
    answer(response, request, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, requests };
}

const chunk = (delta: object, rest: object = {}): string =>
  `data: ${JSON.stringify({ id: 'c', created: 1, model: 'm', choices: [{ index: 0, delta, ...rest }] })}\n\n`;
const hello = chunk({ role: 'assistant', content: 'Hel' }) + chunk({ content: 'lo' });
const stop = chunk({}, { finish_reason: 'stop' });
const usage = `data: ${JSON.stringify({ id: 'c', choices: [], usage: { prompt_tokens: 7, completion_tokens: 2 } })}\n\n`;
const done = 'data: [DONE]\n\n';

function stream(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' });
}

/** Everything that a page would get: the text, and the text of the error chunk. */
async function ask(options: Partial<OpenAICompatibleModelOptions> & { url: string }) {
  const model = openAICompatibleModel({ modelId: 'm', timeoutMs: 5000, ...options });
  const result = streamText({ model, prompt: 'Hi', onError: () => {} });
  let text = '';
  let error: string | undefined;
  let finishReason: string | undefined;
  for await (const part of result.toUIMessageStream({ onError: errorText })) {
    if (part.type === 'text-delta') text += part.delta;
    if (part.type === 'error') error = part.errorText;
    if (part.type === 'finish') finishReason = part.finishReason;
  }
  return { text, error, finishReason, code: error?.split(': ', 1)[0] };
}

test('an answer arrives with its text, its usage and its key in the request', async (t) => {
  const { url, requests } = await serve(t, (response) => stream(response).end(hello + stop + usage + done));
  const model = openAICompatibleModel({ url, modelId: 'm', apiKey: 'secret' });
  const result = streamText({ model, prompt: 'Hi' });
  assert.equal(await result.text, 'Hello');
  assert.equal((await result.usage).inputTokens, 7);
  assert.equal((await result.usage).outputTokens, 2);
  assert.equal(await result.finishReason, 'stop');
  assert.equal(requests[0]?.headers.authorization, 'Bearer secret');
  assert.equal(requests[0]?.url, '/v1/chat/completions');
});

test('[DONE] without a finish reason is a complete answer', async (t) => {
  const { url } = await serve(t, (response) => stream(response).end(hello + done));
  assert.deepEqual(await ask({ url }), { text: 'Hello', error: undefined, finishReason: 'other', code: undefined });
});

test('a finish reason without [DONE] is a complete answer', async (t) => {
  const { url } = await serve(t, (response) => stream(response).end(hello + stop));
  assert.equal((await ask({ url })).finishReason, 'stop');
});

test('a connection that ends cleanly without either is MODEL_CUT, and the text so far stays', async (t) => {
  const { url, requests } = await serve(t, (response) => stream(response).end(hello));
  const { text, code } = await ask({ url });
  assert.deepEqual({ text, code }, { text: 'Hello', code: 'MODEL_CUT' });
  assert.equal(requests.length, 1, 'nothing is asked again once a token has been shown');
});

test('a connection that breaks in mid-stream is MODEL_CUT', async (t) => {
  const { url, requests } = await serve(t, (response) => {
    stream(response).write(hello, () => setImmediate(() => response.destroy()));
  });
  const { text, code } = await ask({ url });
  assert.deepEqual({ text, code }, { text: 'Hello', code: 'MODEL_CUT' });
  assert.equal(requests.length, 1);
});

test('a cut before the first token is tried once more', async (t) => {
  const { url, requests } = await serve(t, (response, _request, count) => {
    if (count > 1) return stream(response).end(hello + stop + done);
    stream(response).flushHeaders();
    return setImmediate(() => response.destroy());
  });
  assert.equal((await ask({ url })).text, 'Hello');
  assert.equal(requests.length, 2);
});

test('an empty answer is tried once more, then MODEL_CUT', async (t) => {
  const { url, requests } = await serve(t, (response) => stream(response).end());
  assert.equal((await ask({ url })).code, 'MODEL_CUT');
  assert.equal(requests.length, 2);
});

test('a server that is down is MODEL_UNREACHABLE after one retry', async (t) => {
  const { url } = await serve(t, () => {});
  const closed = url.replace(/:\d+/, ':1');
  const { code, error } = await ask({ url: closed });
  assert.equal(code, 'MODEL_UNREACHABLE');
  assert.match(error ?? '', /127\.0\.0\.1:1/);
});

test('a server that accepts and says nothing is MODEL_TIMED_OUT', async (t) => {
  const { url, requests } = await serve(t, () => {});
  assert.equal((await ask({ url, timeoutMs: 60 })).code, 'MODEL_TIMED_OUT');
  assert.equal(requests.length, 1, 'who waited long is not made to wait twice');
});

test('a server that falls silent in mid-stream is MODEL_TIMED_OUT, and the text so far stays', async (t) => {
  const { url } = await serve(t, (response) => stream(response).write(hello));
  const { text, code } = await ask({ url, timeoutMs: 60 });
  assert.deepEqual({ text, code }, { text: 'Hello', code: 'MODEL_TIMED_OUT' });
});

test('a slow server that keeps talking is not given up: every byte starts the wait anew', async (t) => {
  const { url } = await serve(t, (response) => {
    stream(response);
    let left = 12;
    const timer = setInterval(() => {
      if (left-- > 0) return response.write(': still thinking\n\n');
      clearInterval(timer);
      return response.end(hello + stop + done);
    }, 2);
  });
  let running = 0;
  let started = 0;
  const clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after: () => {
      running++;
      started++;
      return { cancel: () => void running-- };
    },
  };
  assert.equal((await ask({ url, clock })).text, 'Hello');
  assert.ok(started > 3, `${started} waits`);
  assert.ok(running <= 0, 'no timer is left behind');
});

const rejections: readonly [status: number, code: ErrorCode][] = [
  [400, 'MODEL_REFUSED'],
  [401, 'MODEL_REFUSED'],
  [404, 'MODEL_REFUSED'],
  [500, 'MODEL_REFUSED'],
  [503, 'MODEL_UNREACHABLE'],
];
for (const [status, expected] of rejections) {
  test(`status ${status} is ${expected} with the server's own words`, async (t) => {
    const { url, requests } = await serve(t, (response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: `no such\nmodel ${status}` } }));
    });
    const { code, error } = await ask({ url });
    assert.equal(code, expected);
    assert.match(error ?? '', new RegExp(`no such model ${status}`));
    assert.equal(requests.length, status >= 500 ? 2 : 1);
  });
}

test('a rejection never repeats the key', async (t) => {
  const { url } = await serve(t, (response, request) => {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message: `bad key ${request.headers.authorization}` } }));
  });
  const { error } = await ask({ url, apiKey: 'sk-very-secret' });
  assert.match(error ?? '', /\[key\]/);
  assert.doesNotMatch(error ?? '', /sk-very-secret/);
});

test('a long retry-after is not waited for', async (t) => {
  const { url, requests } = await serve(t, (response) => {
    response.writeHead(429, { 'retry-after': '3600', 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message: 'quota' } }));
  });
  assert.equal((await ask({ url })).code, 'MODEL_REFUSED');
  assert.equal(requests.length, 1);
});

const rubbish: Readonly<Record<string, Answer>> = {
  'a web page': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hi</html>'),
  'a stream of no JSON': (response) => stream(response).end('data: {"choices": [\n\n'),
  'JSON of another protocol': (response) => stream(response).end('data: {"hello": 1}\n\n' + done),
  'rubbish after a token': (response) => stream(response).end(`${hello}data: \u0000\u0001\n\n${done}`),
};
for (const [what, answer] of Object.entries(rubbish)) {
  test(`${what} is MODEL_OUTPUT_INVALID`, async (t) => {
    const { url } = await serve(t, answer);
    assert.equal((await ask({ url })).code, 'MODEL_OUTPUT_INVALID');
  });
}

test("an error object in the stream is MODEL_REFUSED with the server's own words", async (t) => {
  const { url } = await serve(t, (response) => stream(response).end('data: {"error":{"message":"out of memory"}}\n\n'));
  const { code, error } = await ask({ url });
  assert.equal(code, 'MODEL_REFUSED');
  assert.match(error ?? '', /out of memory/);
});

test('an abort reaches the server and is no error of the model', async (t) => {
  let closed: () => void = () => {};
  const isClosed = new Promise<void>((resolve) => (closed = resolve));
  const { url } = await serve(t, (response) => {
    response.on('close', closed);
    stream(response).write(hello);
  });
  const abort = new AbortController();
  const result = streamText({
    model: openAICompatibleModel({ url, modelId: 'm' }),
    prompt: 'Hi',
    abortSignal: abort.signal,
  });
  const types: string[] = [];
  for await (const part of result.toUIMessageStream({ onError: errorText })) {
    types.push(part.type);
    if (part.type === 'text-delta') abort.abort();
  }
  assert.ok(types.includes('abort'), types.join(' '));
  assert.ok(!types.includes('error'));
  await isClosed;
});

test('a call without streaming gets the same codes', async (t) => {
  const { url } = await serve(t, (response) => response.writeHead(200).end('rubbish'));
  const model = openAICompatibleModel({ url, modelId: 'm' });
  await assert.rejects(generateText({ model, prompt: 'Hi' }), (error) =>
    ThroughlineError.is(error, 'MODEL_OUTPUT_INVALID'),
  );
});

test('an address that is no http address is rejected at once', () => {
  for (const url of ['', 'localhost:11434', 'file:///etc/passwd']) {
    assert.throws(
      () => openAICompatibleModel({ url, modelId: 'm' }),
      (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT'),
    );
  }
});
