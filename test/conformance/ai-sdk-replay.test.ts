// A compacted replay must give the same UI message as the chunks that it was made of. The judge is the AI SDK's own reader
// (readUIMessageStream of ai 7.0.173), over random streams of every kind of chunk, cut at a random place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UiChunk } from '@throughline/event';
import { readUIMessageStream, type UIMessage, type UIMessageChunk } from 'ai';
import * as fc from 'fast-check';
import { compactChunks } from '../../packages/gateway/src/reply/compact-chunks.ts';

/** The message as the AI SDK has it after the last of `chunks`. */
async function messageOf(chunks: readonly UiChunk[]): Promise<UIMessage | undefined> {
  // A last chunk that always writes: some change the message without showing it.
  const all = [...chunks, { type: 'message-metadata', messageMetadata: { seen: true } }];
  const stream = new ReadableStream<UIMessageChunk>({
    start(controller) {
      for (const chunk of all) controller.enqueue(structuredClone(chunk) as unknown as UIMessageChunk);
      controller.close();
    },
  });
  let last: UIMessage | undefined;
  const errors: unknown[] = [];
  for await (const message of readUIMessageStream({ stream, onError: (error) => errors.push(error) })) last = message;
  assert.deepEqual(errors, [], `the stream is not valid: ${JSON.stringify(chunks)}`);
  return last;
}

const letters = fc.string({
  unit: fc.constantFrom('a', 'b', ' ', '"', '{', '}', ':', '1'),
  minLength: 1,
  maxLength: 4,
});
const metadata = fc.option(fc.constantFrom({ p: { a: 1 } }, { p: { b: 2 } }), { nil: undefined });
/** What the next chunk tries to be; the script below turns it into one that is valid at that place. */
const step = fc.record({
  kind: fc.constantFrom(
    ...(['text', 'text', 'text', 'reasoning', 'tool', 'tool', 'data', 'data', 'transient', 'source', 'file'] as const),
    ...(['metadata', 'start-step', 'finish-step', 'reset-step', 'end'] as const),
  ),
  id: fc.constantFrom('1', '2'),
  delta: letters,
  metadata,
  isDynamic: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A valid stream of chunks that follows `steps`. */
function script(steps: readonly Step[]): UiChunk[] {
  const chunks: UiChunk[] = [{ type: 'start', messageId: 'm' }, { type: 'start-step' }];
  const open = new Set<string>();
  const tools = new Map<string, 'input' | 'available' | 'done'>();
  let toolCount = 0;
  const withMetadata = (chunk: UiChunk, value: Step['metadata']): UiChunk =>
    value === undefined ? chunk : { ...chunk, providerMetadata: value };
  for (const { kind, id, delta, metadata: extra, isDynamic } of steps) {
    switch (kind) {
      case 'text':
      case 'reasoning':
        if (!open.has(kind + id)) {
          open.add(kind + id);
          chunks.push(withMetadata({ type: `${kind}-start`, id }, extra));
        }
        chunks.push(withMetadata({ type: `${kind}-delta`, id, delta }, extra));
        break;
      case 'end':
        for (const key of open)
          chunks.push(withMetadata({ type: `${key.slice(0, -1)}-end`, id: key.slice(-1) }, extra));
        open.clear();
        break;
      case 'tool': {
        const current = [...tools].find(([name, state]) => name.startsWith(id) && state !== 'done');
        if (current === undefined) {
          const toolCallId = `${id}-${toolCount++}`;
          tools.set(toolCallId, 'input');
          chunks.push({
            type: 'tool-input-start',
            toolCallId,
            toolName: 'search',
            ...(isDynamic ? { dynamic: true } : {}),
          });
          break;
        }
        const [toolCallId, state] = current;
        const started = chunks.findLast(
          (chunk) => chunk['toolCallId'] === toolCallId && chunk.type === 'tool-input-start',
        );
        const dynamic = started?.['dynamic'] === true ? { dynamic: true } : {};
        if (state === 'input' && delta.length > 1)
          chunks.push({ type: 'tool-input-delta', toolCallId, inputTextDelta: delta });
        else if (state === 'input') {
          tools.set(toolCallId, 'available');
          chunks.push({ type: 'tool-input-available', toolCallId, toolName: 'search', input: { delta }, ...dynamic });
        } else {
          if (delta.length === 1) tools.set(toolCallId, 'done');
          const preliminary = delta.length > 1 ? { preliminary: true } : {};
          chunks.push({ type: 'tool-output-available', toolCallId, output: delta, ...preliminary });
        }
        break;
      }
      case 'data':
        chunks.push({ type: 'data-note', data: { delta }, ...(isDynamic ? {} : { id }) });
        break;
      case 'transient':
        chunks.push({ type: 'data-progress', id, data: delta, transient: true });
        break;
      case 'source':
        chunks.push({ type: 'source-url', sourceId: id, url: `https://example.com/${id}` });
        break;
      case 'file':
        chunks.push({ type: 'file', url: 'data:,', mediaType: 'text/plain' });
        break;
      case 'metadata':
        chunks.push({ type: 'message-metadata', messageMetadata: { [delta]: id } });
        break;
      case 'start-step':
        // The input of a tool call does not go on in another step; the AI SDK's reader would make a second, broken part.
        for (const [toolCallId, state] of tools) if (state === 'input') tools.set(toolCallId, 'done');
        chunks.push({ type: 'start-step' });
        break;
      case 'finish-step':
        chunks.push({ type: 'finish-step' });
        break;
      case 'reset-step':
        // What it removes cannot be written to any more.
        open.clear();
        tools.clear();
        chunks.push({ type: 'reset-step' });
        break;
    }
  }
  return chunks;
}

test('a compacted replay gives the very message of the AI SDK reader, wherever the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (steps, share) => {
        const whole = script(steps);
        const chunks = whole.slice(0, Math.ceil(whole.length * share));
        const compacted = compactChunks(chunks);
        assert.ok(compacted.length <= chunks.length);
        assert.deepEqual(await messageOf(compacted), await messageOf(chunks));
      },
    ),
    { numRuns: 300 },
  );
});

test('a replay and the live chunks after it give the same message as all chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40, size: 'max' }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (steps, share) => {
        const chunks = script(steps);
        const cut = Math.ceil(chunks.length * share);
        const resumed = [...compactChunks(chunks.slice(0, cut)), ...chunks.slice(cut)];
        assert.deepEqual(await messageOf(resumed), await messageOf(chunks));
      },
    ),
    { numRuns: 100 },
  );
});

test('5,000 deltas become one', () => {
  const deltas = Array.from({ length: 5_000 }, (_, index): UiChunk => ({
    type: 'text-delta',
    id: '1',
    delta: `${index} `,
  }));
  const chunks = compactChunks([{ type: 'text-start', id: '1' }, ...deltas, { type: 'text-end', id: '1' }]);
  assert.equal(chunks.length, 3);
  assert.equal(chunks[1]?.['delta'], deltas.map((chunk) => chunk['delta']).join(''));
});
