// A handler for tests: it writes a UI message stream as the AI SDK does, word by word, and does what the question asks.
//   "words 20 5"     20 words, 5 ms apart
//   "gate <file> 3"  3 words, once the file is there
//   "fault <name>"   what can go wrong in a function, by name
//
// INVOCATIONS_FILE names a file to which it adds a line for each of its invocations: `<run> <attempt>`.
import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LambdaContext, ResponseStream } from '../src/index.ts';

interface Event {
  readonly attempt: number;
  readonly runId: string;
  readonly messages: readonly { readonly role: string; readonly parts: readonly { readonly text?: string }[] }[];
}

export const handler = awslambda.streamifyResponse(
  async (event: Event, stream: ResponseStream, context: LambdaContext): Promise<unknown> => {
    const question = event.messages.at(-1)?.parts[0]?.text ?? '';
    const [verb = '', ...words] = question.split(' ');
    const invocationsFile = process.env['INVOCATIONS_FILE'];
    if (invocationsFile !== undefined) appendFileSync(invocationsFile, `${event.runId} ${event.attempt}\n`);
    const write = (chunk: unknown): Promise<void> => writeChunk(stream, chunk);
    const speak = async (count: number, paceMs: number, prefix = 'word'): Promise<void> => {
      const id = `text-${event.attempt}`;
      await write({ type: 'start' });
      await write({ type: 'start-step' });
      await write({ type: 'text-start', id });
      for (let index = 0; index < count; index++) {
        if (paceMs > 0) await sleep(paceMs, undefined, { signal: context.signal });
        await write({ type: 'text-delta', id, delta: `${prefix}${index} ` });
      }
      await write({ type: 'text-end', id });
    };
    const finish = async (): Promise<void> => {
      const usage = { inputTokens: 3, outputTokens: 7 };
      await write({ type: 'finish-step' });
      await write({ type: 'finish', messageMetadata: { model: 'test-model', usage, costUsd: 0.5 } });
      stream.end('data: [DONE]\n\n');
    };
    if (verb === 'words') {
      await speak(Number(words[0]), Number(words[1] ?? 0));
      await finish();
    } else if (verb === 'gate') {
      while (!existsSync(words[0] ?? '')) await sleep(20, undefined, { signal: context.signal });
      await speak(Number(words[1]), 0);
      await finish();
    } else if (verb === 'vary') {
      // Another text with each attempt.
      await speak(Number(words[0]), Number(words[1] ?? 0), event.attempt === 1 ? 'first' : 'second');
      await finish();
    } else if (verb === 'halves') {
      // Faces, each in two deltas: a surrogate pair that is cut in its middle.
      await write({ type: 'start' });
      await write({ type: 'text-start', id: 'faces' });
      for (let index = 0; index < Number(words[0]); index++) {
        for (const half of '😀') {
          await sleep(Number(words[1] ?? 0), undefined, { signal: context.signal });
          await write({ type: 'text-delta', id: 'faces', delta: half.charAt(0) });
          await write({ type: 'text-delta', id: 'faces', delta: half.charAt(1) });
        }
      }
      await write({ type: 'text-end', id: 'faces' });
      await finish();
    } else if (verb === 'parts') {
      await parts(Number(words[0]), Number(words[1] ?? 0), { write, event });
      await finish();
    } else if (verb === 'echo') {
      await write({ type: 'start' });
      await write({ type: 'text-start', id: 'echo' });
      await write({ type: 'text-delta', id: 'echo', delta: JSON.stringify(event) });
      await write({ type: 'text-delta', id: 'echo', delta: `\n${JSON.stringify(process.env)}` });
      await write({ type: 'text-delta', id: 'echo', delta: `\n${JSON.stringify(contextFields(context))}` });
      await write({ type: 'text-end', id: 'echo' });
      await finish();
    } else if (verb === 'fault') await fault(words[0] ?? '', { write, speak, finish, stream, event });
    return undefined;
  },
);

/** A reply of every kind of part, with names made anew by each attempt, as models do. */
async function parts(count: number, paceMs: number, { write, event }: Pick<Tools, 'write' | 'event'>): Promise<void> {
  const name = (what: string): string => `${what}-${event.attempt}-${process.pid}`;
  await write({ type: 'start' });
  await write({ type: 'start-step' });
  await write({ type: 'reasoning-start', id: name('thought') });
  for (let index = 0; index < count; index++) {
    await sleep(paceMs);
    await write({ type: 'reasoning-delta', id: name('thought'), delta: `thought${index} ` });
  }
  await write({ type: 'reasoning-end', id: name('thought') });
  const toolCallId = name('call');
  await write({ type: 'tool-input-start', toolCallId, toolName: 'search' });
  for (let index = 0; index < count; index++) {
    await sleep(paceMs);
    await write({ type: 'tool-input-delta', toolCallId, inputTextDelta: index === 0 ? '{"q":"a' : 'a' });
  }
  await write({ type: 'tool-input-delta', toolCallId, inputTextDelta: '"}' });
  const input = { q: 'a'.repeat(count) };
  await write({ type: 'tool-input-available', toolCallId, toolName: 'search', input });
  await sleep(paceMs * 3);
  await write({ type: 'tool-output-available', toolCallId, output: { found: count } });
  await write({ type: 'finish-step' });
  await write({ type: 'start-step' });
  await write({ type: 'source-url', sourceId: name('source'), url: 'https://example.com/', title: 'A source' });
  await write({ type: 'data-progress', id: name('data'), data: { percent: 50 } });
  await write({ type: 'text-start', id: name('text') });
  for (let index = 0; index < count; index++) {
    await sleep(paceMs);
    await write({ type: 'text-delta', id: name('text'), delta: `word${index} ` });
  }
  await write({ type: 'text-end', id: name('text') });
}

interface Tools {
  readonly write: (chunk: unknown) => Promise<void>;
  readonly speak: (count: number, paceMs: number) => Promise<void>;
  readonly finish: () => Promise<void>;
  readonly stream: ResponseStream;
  readonly event: Event;
}

async function fault(name: string, { write, speak, finish, stream, event }: Tools): Promise<void> {
  switch (name) {
    case 'throw-before':
      throw new TypeError('before any output');
    case 'throw-during':
      await speak(3, 1);
      throw new Error('in the middle');
    case 'throw-after':
      await speak(3, 1);
      await finish();
      throw new Error('after the end');
    case 'throw-coded':
      throw Object.assign(new Error('the model server is away'), { code: 'MODEL_UNREACHABLE' });
    case 'throw-later':
      setTimeout(() => {
        throw new Error('where nobody catches it');
      }, 5);
      await speak(1000, 5);
      break;
    case 'reject-later':
      void Promise.reject(new Error('a promise nobody awaits'));
      await speak(1000, 5);
      break;
    case 'exit':
      await speak(3, 1);
      process.exit(7);
      break;
    case 'exit-once':
      if (event.attempt === 1) {
        setTimeout(() => process.exit(7), 15);
        await speak(1000, 5);
      }
      await speak(6, 1);
      await finish();
      break;
    case 'loop':
      await speak(3, 1);
      for (;;);
    case 'hang':
      await speak(3, 1);
      await new Promise(() => {});
      break;
    case 'leak-heap': {
      const kept: unknown[] = [];
      for (;;) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
    }
    case 'leak-buffers': {
      const kept: Buffer[] = [];
      for (;;) {
        kept.push(Buffer.alloc(8 * 1024 * 1024, 1));
        await sleep(5);
      }
    }
    case 'exit-vary':
      // Dies each time, and says something else each time.
      await write({ type: 'start' });
      await write({ type: 'text-start', id: 't' });
      await write({ type: 'text-delta', id: 't', delta: `${process.pid} ` });
      await sleep(30);
      process.exit(7);
      break;
    case 'flood':
      await write({ type: 'start' });
      await write({ type: 'text-start', id: 't' });
      for (let index = 0; index < 200; index++) {
        await write({ type: 'text-delta', id: 't', delta: 'x'.repeat(64 * 1024) });
        process.stdout.write(`wrote ${index}\n`);
      }
      await write({ type: 'text-end', id: 't' });
      await finish();
      break;
    case 'noise':
      process.stdout.write('noise on stdout\n');
      process.stderr.write('noise on stderr\n');
      for (let index = 0; index < 1000; index++) process.stdout.write(`line ${index}\n`);
      await speak(3, 1);
      await finish();
      break;
    case 'return-early':
      await speak(3, 1);
      break;
    case 'no-await':
      void speak(10, 1);
      break;
    case 'garbage':
      stream.write('this is no event stream\n\n');
      break;
    case 'bad-json':
      stream.write('data: {"type":\n\n');
      break;
    case 'half-event':
      stream.write('data: {"type":"start"}');
      break;
    case 'fd3': {
      const { writeSync } = await import('node:fs');
      writeSync(3, Buffer.alloc(64, 0xff));
      await sleep(10_000);
      break;
    }
    case 'error-chunk':
      await speak(2, 1);
      await write({ type: 'error', errorText: 'MODEL_CUT: the model server ended its answer' });
      stream.end('data: [DONE]\n\n');
      break;
    case 'plain-error-chunk':
      await write({ type: 'start' });
      await write({ type: 'error', errorText: 'something else' });
      stream.end();
      break;
    case 'abort-chunk':
      await speak(2, 1);
      await write({ type: 'abort' });
      stream.end();
      break;
    case 'throw-huge':
      throw new Error('x'.repeat(12 * 1024 * 1024));
    case 'error-chunk-huge':
      await speak(2, 1);
      await write({ type: 'error', errorText: `MODEL_REFUSED: ${'x'.repeat(700 * 1024)}` });
      stream.end('data: [DONE]\n\n');
      break;
    case 'wide-chunk':
      // Three bytes each: below the limit in characters, above it in bytes.
      await write({ type: 'text-delta', id: 'x', delta: '語'.repeat(300 * 1024) });
      break;
    case 'deep-chunk':
      stream.write(`data: {"type":"data-deep","data":${'['.repeat(20_000)}${']'.repeat(20_000)}}\n\n`);
      await finish();
      break;
    case 'growing-chunk':
      // 1e20 is written again as 100000000000000000000.
      await speak(3, 1);
      stream.write(`data: {"type":"data-numbers","data":[${'1e20,'.repeat(100_000)}0]}\n\n`);
      await finish();
      break;
    case 'huge-chunk':
      await write({ type: 'text-delta', id: 'x', delta: 'x'.repeat(900 * 1024) });
      break;
  }
}

function contextFields(context: LambdaContext): unknown {
  return {
    ...context,
    remainingMs: context.getRemainingTimeInMillis(),
    hasSignal: context.signal instanceof AbortSignal,
  };
}

function writeChunk(stream: ResponseStream, chunk: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(`data: ${JSON.stringify(chunk)}\n\n`, (error) => (error ? reject(error) : resolve()));
  });
}
