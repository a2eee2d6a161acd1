// Runs the example's function, as it stands, against a local server that speaks OpenAI's chat completions.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';

type Handler = (event: unknown, stream: PassThrough, context: unknown) => Promise<void>;

test("the example's answer is what the model server said, as a UI message stream with tokens and cost", async (t) => {
  const bodies: { messages: { role: string; content: string }[]; model: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => (body += bytes));
    request.on('end', () => {
      bodies.push(JSON.parse(body));
      const chunk = (delta: object, finish_reason: string | null = null): string =>
        `data: ${JSON.stringify({ id: 'c', model: 'qwen3', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
      const usage = { prompt_tokens: 1_000_000, completion_tokens: 1_000_000 };
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ role: 'assistant', content: 'From ' }) + chunk({ content: 'afar.' }) + chunk({}, 'stop'));
      response.end(`data: ${JSON.stringify({ id: 'c', choices: [], usage })}\n\ndata: [DONE]\n\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());

  const { default: config } = await import('./throughline.config.ts');
  Object.assign(process.env, config.functions['answer']?.environment, {
    THROUGHLINE_MODEL: config.model,
    THROUGHLINE_MODEL_ID: config.modelId,
    THROUGHLINE_MODEL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
  });
  Object.assign(globalThis, { awslambda: { streamifyResponse: (handler: Handler) => handler } });
  const { handler } = (await import('./answer.ts')) as unknown as { handler: Handler };

  const stream = new PassThrough();
  const messages = [{ id: 'q', role: 'user', parts: [{ type: 'text', text: 'Where from?' }] }];
  await handler({ messages, replyId: 'reply' }, stream, { signal: new AbortController().signal });
  const chunks = String(stream.read())
    .split('\n\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)) as { type: string; delta?: string });

  assert.equal(chunks.map((chunk) => chunk.delta ?? '').join(''), 'From afar.');
  assert.deepEqual(chunks[0], { type: 'start', messageId: 'reply' });
  assert.deepEqual(chunks.at(-1), {
    type: 'finish',
    finishReason: 'stop',
    messageMetadata: {
      model: 'qwen3',
      usage: { inputTokens: 1_000_000, outputTokens: 1_000_000, reasoningTokens: 0, cachedInputTokens: 0 },
      costUsd: 0,
    },
  });
  assert.equal(bodies[0]?.model, 'qwen3');
  assert.equal(bodies[0]?.messages.at(-1)?.content, 'Where from?');
});
