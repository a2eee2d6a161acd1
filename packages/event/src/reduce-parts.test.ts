import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readUIMessageStream, type UIMessageChunk } from 'ai';
import * as fc from 'fast-check';
import { messageParts, toUiPart } from './message-parts.ts';
import { parsePartialJson } from './partial-json.ts';
import { reduceParts } from './reduce-parts.ts';
import type { UiChunk } from './run-events.ts';

/** What the AI SDK's own reader makes of the chunks; undefined fields are none. */
async function oracle(chunks: readonly UiChunk[]): Promise<{ parts: unknown; metadata: unknown }> {
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      // A last chunk that always writes, so that the reader shows the state after everything before it.
      for (const chunk of [...chunks, { type: 'message-metadata', messageMetadata: { end: 1 } }]) {
        controller.enqueue(structuredClone(chunk) as unknown as UIMessageChunk);
      }
      controller.close();
    },
  });
  let last: { parts: unknown; metadata?: unknown } = { parts: [] };
  for await (const message of readUIMessageStream({
    stream,
    terminateOnError: true,
    onError: (error) => {
      if (!(error instanceof Error && error.message === 'expected')) throw error;
    },
  }))
    last = message;
  return json({ parts: last.parts, metadata: last.metadata });
}

function ours(chunks: readonly UiChunk[]): { parts: unknown; metadata: unknown } {
  const message = messageParts();
  for (const chunk of chunks) reduceParts(message, chunk);
  reduceParts(message, { type: 'message-metadata', messageMetadata: { end: 1 } });
  assert.equal(message.ignoredChunks, 0);
  return json({ parts: message.parts.map(toUiPart), metadata: message.metadata });
}

function json<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

// ── streams as a model writes them: blocks with a start, deltas and an end, interleaved, in steps ──

const providerMetadata = fc.option(fc.constantFrom({ openai: { itemId: 'a' } }, { anthropic: { signature: 's' } }), {
  nil: undefined,
});
const jsonInput = fc
  .dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
  .filter((value) => isReadAlike(JSON.stringify(value)));

/** The AI SDK reads the beginning `1e+2` as 1, loses its way in names with escapes and rejects `__proto__`; ours does not. */
function isReadAlike(text: string): boolean {
  let isAlike = !text.includes('e+');
  JSON.parse(text, (name, value: unknown) => {
    if (/["\\]|__proto__|constructor/.test(name)) isAlike = false;
    return value;
  });
  return isAlike;
}

function split(text: string, cuts: readonly number[]): string[] {
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  return [...places, text.length].map((end, index) => text.slice(places[index - 1] ?? 0, end));
}

const textBlock = fc
  .record({
    kind: fc.constantFrom('text', 'reasoning'),
    deltas: fc.array(fc.string({ maxLength: 8 }), { maxLength: 6 }),
    metadata: providerMetadata,
    isEnded: fc.boolean(),
    citations: fc.boolean(),
  })
  .map(({ kind, deltas, metadata, isEnded, citations }) => (id: string): UiChunk[] => [
    { type: `${kind}-start`, id },
    ...deltas.map((delta, index) => ({
      type: `${kind}-delta`,
      id,
      delta,
      ...(index === 0 && metadata ? { providerMetadata: metadata } : {}),
    })),
    ...(isEnded
      ? [{ type: `${kind}-end`, id, ...(citations && kind === 'text' ? { citations: [{ start: 0, end: 1 }] } : {}) }]
      : []),
  ]);

const toolBlock = fc
  .record({
    input: jsonInput,
    cuts: fc.array(fc.nat(), { maxLength: 6 }),
    dynamic: fc.boolean(),
    isText: fc.boolean(),
    title: fc.option(fc.string({ maxLength: 4 }), { nil: undefined }),
    end: fc.constantFrom(
      'streaming',
      'available',
      'input-error',
      'output',
      'preliminary',
      'output-error',
      'denied',
      'approved',
    ),
    metadata: providerMetadata,
    shown: fc.nat(20),
  })
  .map(({ input, cuts, dynamic, isText, title, end, metadata, shown }) => (toolCallId: string): UiChunk[] => {
    const extra = {
      ...(dynamic ? { dynamic } : {}),
      ...(title === undefined ? {} : { title }),
      ...(metadata === undefined ? {} : { providerMetadata: metadata }),
    };
    const toolName = 'weather';
    const pieces = split(JSON.stringify(input), cuts).map((inputTextDelta) => ({
      type: 'tool-input-delta',
      toolCallId,
      inputTextDelta,
    }));
    const chunks: UiChunk[] = [
      { type: 'tool-input-start', toolCallId, toolName, ...extra, ...(isText ? { inputEncoding: 'text' } : {}) },
      ...(end === 'streaming' ? pieces.slice(0, shown) : pieces),
    ];
    if (end === 'streaming') return chunks;
    if (end === 'input-error')
      return [...chunks, { type: 'tool-input-error', toolCallId, toolName, input: 'x', errorText: 'bad', ...extra }];
    chunks.push({ type: 'tool-input-available', toolCallId, toolName, input, ...extra });
    if (end === 'available') return chunks;
    if (end === 'denied') chunks.push({ type: 'tool-output-denied', toolCallId });
    if (end === 'approved') {
      chunks.push({ type: 'tool-approval-request', approvalId: `a-${toolCallId}`, toolCallId, reason: 'why' });
      chunks.push({ type: 'tool-approval-response', approvalId: `a-${toolCallId}`, approved: true, reason: 'ok' });
    }
    if (end === 'preliminary')
      chunks.push({ type: 'tool-output-available', toolCallId, output: 'so far', preliminary: true });
    if (end === 'output-error') chunks.push({ type: 'tool-output-error', toolCallId, errorText: 'down' });
    if (end !== 'denied' && end !== 'output-error')
      chunks.push({ type: 'tool-output-available', toolCallId, output: { degrees: 7 }, providerExecuted: true });
    return chunks;
  });

const single = fc.constantFrom<UiChunk[]>(
  [{ type: 'source-url', sourceId: 's', url: 'https://example.com', title: 'T' }],
  [{ type: 'source-document', sourceId: 's', mediaType: 'text/plain', title: 'T', filename: 'f' }],
  [{ type: 'file', url: 'data:,x', mediaType: 'text/plain' }],
  [{ type: 'reasoning-file', url: 'data:,x', mediaType: 'text/plain', providerMetadata: { a: { b: 1 } } }],
  [{ type: 'custom', kind: 'a.b' }],
  [{ type: 'steering-message', id: 's1', parts: [{ type: 'text', text: 'wait' }] }],
  [
    { type: 'data-weather', id: 'd1', data: { a: 1 } },
    { type: 'data-weather', id: 'd1', data: { b: 2 } },
  ],
  [{ type: 'data-weather', data: 1 }],
  [{ type: 'data-weather', data: 1, transient: true }],
  [{ type: 'message-metadata', messageMetadata: { usage: { inputTokens: 1 }, list: [1] } }],
  [{ type: 'message-metadata', messageMetadata: { usage: { outputTokens: 2 }, list: [2, 3] } }],
);
const block = fc.oneof(
  { weight: 3, arbitrary: textBlock },
  { weight: 3, arbitrary: toolBlock },
  single.map((s) => () => s),
);
const step = fc.record({
  blocks: fc.array(block, { maxLength: 5 }),
  order: fc.array(fc.nat(), { maxLength: 40 }),
  isReset: fc.nat(9).map((n) => n === 0),
});
const streams = fc.array(step, { maxLength: 4 }).map((steps) => {
  const chunks: UiChunk[] = [{ type: 'start', messageId: 'm', messageMetadata: { model: 'x' } }];
  let id = 0;
  for (const { blocks, order, isReset } of steps) {
    chunks.push({ type: 'start-step' });
    const queues = blocks.map((make) => [...make(`id${id++}`)]);
    for (const pick of order) {
      const queue = queues[pick % Math.max(1, queues.length)];
      const next = queue?.shift();
      if (next !== undefined) chunks.push(next);
    }
    // A step that is reset loses what it has, and nothing may go on in it.
    if (isReset) chunks.push({ type: 'reset-step' });
    else for (const queue of queues) chunks.push(...queue);
    chunks.push({ type: 'finish-step' });
  }
  return [...chunks, { type: 'finish', finishReason: 'stop', messageMetadata: { costUsd: 0.1 } }];
});

test("any stream gives the parts and metadata that the AI SDK's own reader gives", async () => {
  await fc.assert(
    fc.asyncProperty(streams, fc.nat(), async (chunks, cut) => {
      const some = chunks.slice(0, 1 + (cut % chunks.length));
      assert.deepEqual(ours(some), await oracle(some));
    }),
    { numRuns: 300 },
  );
});

test('the oracle can tell a difference', async () => {
  const chunks = [
    { type: 'text-start', id: '1' },
    { type: 'text-delta', id: '1', delta: 'a' },
  ];
  assert.notDeepEqual(ours(chunks), await oracle([...chunks, { type: 'text-delta', id: '1', delta: 'b' }]));
});

test('an output that reaches back to a call of an earlier step changes that call', async () => {
  const chunks: UiChunk[] = [
    { type: 'start-step' },
    { type: 'tool-input-available', toolCallId: 'c', toolName: 't', input: {} },
    { type: 'start-step' },
    { type: 'tool-output-available', toolCallId: 'c', output: 1, toolMetadata: { a: 1 } },
  ];
  assert.deepEqual(ours(chunks), await oracle(chunks));
});

test('a chunk that does not fit changes nothing and is counted', () => {
  const message = messageParts();
  const misfits: unknown[] = [
    { type: 'text-delta', id: '1', delta: 'x' },
    { type: 'text-end', id: '1' },
    { type: 'reasoning-delta', id: '1', delta: 'x' },
    { type: 'tool-input-delta', toolCallId: 'c', inputTextDelta: 'x' },
    { type: 'tool-output-available', toolCallId: 'c', output: 1 },
    { type: 'tool-approval-response', approvalId: 'a', approved: true },
    { type: 'tool-input-start' },
    { type: 'tool-unheard-of' },
    { type: 'text-end', id: { toString: null } },
    { type: 'unheard-of' },
    { type: 7 },
    {},
  ];
  for (const chunk of misfits) assert.equal(reduceParts(message, chunk as UiChunk), 'nothing');
  assert.deepEqual(message.parts, []);
  assert.equal(message.ignoredChunks, misfits.length);
});

test('anything at all is taken without throwing', () => {
  const types = [
    'text-start',
    'text-delta',
    'text-end',
    'tool-input-start',
    'tool-input-delta',
    'tool-output-error',
    'data-x',
    'file',
    'reset-step',
    'start-step',
    'finish',
    'tool-approval-request',
  ];
  fc.assert(
    fc.property(
      fc.array(
        fc.record(
          {
            type: fc.constantFrom(...types),
            id: fc.jsonValue(),
            toolCallId: fc.jsonValue(),
            toolName: fc.jsonValue(),
            delta: fc.jsonValue(),
            inputTextDelta: fc.jsonValue(),
            messageMetadata: fc.jsonValue(),
          },
          { requiredKeys: ['type'] },
        ),
      ),
      (chunks) => {
        const message = messageParts();
        for (const chunk of chunks) reduceParts(message, chunk);
        message.parts.map(toUiPart);
      },
    ),
  );
});

test('a part that changes is another value, and the ones beside it stay the same', () => {
  const message = messageParts();
  reduceParts(message, { type: 'text-start', id: '1' });
  reduceParts(message, { type: 'text-start', id: '2' });
  const [first, second] = message.parts;
  assert.equal(reduceParts(message, { type: 'text-delta', id: '2', delta: 'x' }), 1);
  assert.equal(message.parts[0], first);
  assert.notEqual(message.parts[1], second);
  assert.equal(second?.['text'], '');
});

test('metadata cannot reach a prototype', () => {
  const message = messageParts();
  for (let round = 0; round < 2; round++) {
    const messageMetadata: unknown = JSON.parse('{"a":1,"__proto__":{"polluted":true},"constructor":{"x":1}}');
    reduceParts(message, { type: 'message-metadata', messageMetadata });
  }
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('the value of growing JSON text is that of its longest usable beginning', () => {
  const cases: [string, unknown][] = [
    ['', undefined],
    ['{', {}],
    ['{"a', {}],
    ['{"a"', {}],
    ['{"a":', {}],
    ['{"a":-', {}],
    ['{"a":12.', { a: 12 }],
    ['{"a":1e', { a: 1 }],
    ['{"a":tr', { a: true }],
    ['{"a":"x\\', { a: 'x' }],
    ['{"a":"x\\u00', { a: 'x' }],
    ['{"a":"x\\u00e9', { a: 'xé' }],
    ['{"a":[1,{"b":null},', { a: [1, { b: null }] }],
    ['{"a":{"b":"]}', { a: { b: ']}' } }],
    ['[1,2', [1, 2]],
    ['"abc', 'abc'],
    ['not json', undefined],
    ['{"a":nope}', undefined],
  ];
  for (const [text, value] of cases) assert.deepEqual(parsePartialJson(text), value, text);
});

test('any beginning of JSON text parses, and never to more than the whole', () => {
  fc.assert(
    fc.property(jsonInput, fc.nat(), (value, cut) => {
      const text = JSON.stringify(value);
      const part = parsePartialJson(text.slice(0, 1 + (cut % text.length)));
      assert.equal(typeof part, 'object');
      for (const name of Object.keys(part as object)) assert.ok(name in value);
    }),
  );
});
