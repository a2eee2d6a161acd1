import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageParts, reduceParts, type UiChunk } from '@throughline/event';
import * as fc from 'fast-check';
import { CarryOn } from './carry-on.ts';

/** A part of a reply, before it is cut into chunks and named. */
type Part =
  | { readonly kind: 'text' | 'reasoning'; readonly text: string }
  | { readonly kind: 'tool'; readonly input: string; readonly output: number }
  | { readonly kind: 'source'; readonly url: string }
  | { readonly kind: 'data'; readonly value: number }
  | { readonly kind: 'step' };

const partArbitrary: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ kind: fc.constantFrom('text' as const, 'reasoning' as const), text: fc.string({ maxLength: 12 }) }),
  fc.record({ kind: fc.constant('tool' as const), input: fc.string({ maxLength: 8 }), output: fc.nat(5) }),
  fc.record({ kind: fc.constant('source' as const), url: fc.webUrl() }),
  fc.record({ kind: fc.constant('data' as const), value: fc.nat(5) }),
  fc.constant({ kind: 'step' as const }),
);
const replyArbitrary = fc.array(partArbitrary, { maxLength: 6 });
/** How a generation cuts its deltas: lengths, used in turn. */
const cutsArbitrary = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });

/** The chunks of one generation of a reply, with ids of its own. */
function generate(parts: readonly Part[], generation: string, cuts: readonly number[]): UiChunk[] {
  const chunks: UiChunk[] = [{ type: 'start', messageId: `reply-${generation}` }, { type: 'start-step' }];
  let cutIndex = 0;
  const deltas = (text: string, chunkOf: (piece: string) => UiChunk): void => {
    for (let start = 0; start < text.length;) {
      const end = start + cuts[cutIndex++ % cuts.length]!;
      chunks.push(chunkOf(text.slice(start, end)));
      start = end;
    }
  };
  parts.forEach((part, index) => {
    const id = `${generation}-${index}`;
    if (part.kind === 'text' || part.kind === 'reasoning') {
      chunks.push({ type: `${part.kind}-start`, id });
      deltas(part.text, (delta) => ({ type: `${part.kind}-delta`, id, delta }));
      chunks.push({ type: `${part.kind}-end`, id });
    } else if (part.kind === 'tool') {
      const toolCallId = id;
      chunks.push({ type: 'tool-input-start', toolCallId, toolName: 'search' });
      deltas(part.input, (inputTextDelta) => ({ type: 'tool-input-delta', toolCallId, inputTextDelta }));
      chunks.push({ type: 'tool-input-available', toolCallId, toolName: 'search', input: { q: part.input } });
      chunks.push({ type: 'tool-output-available', toolCallId, output: { found: part.output } });
    } else if (part.kind === 'source') chunks.push({ type: 'source-url', sourceId: id, url: part.url });
    else if (part.kind === 'data') {
      chunks.push({ type: 'data-progress', data: { generation }, transient: true });
      chunks.push({ type: 'data-note', id, data: { value: part.value } });
    } else chunks.push({ type: 'finish-step' }, { type: 'start-step' });
  });
  chunks.push({ type: 'finish-step' }, { type: 'finish', messageMetadata: { generation } });
  return chunks;
}

/** The first part of a generation: some chunks, the last of them possibly cut in its text. */
function prefix(chunks: readonly UiChunk[], chunkCount: number, textLength: number): UiChunk[] {
  const kept = chunks.slice(0, chunkCount);
  const last = kept.at(-1);
  for (const field of ['delta', 'inputTextDelta']) {
    const text = last?.[field];
    if (last !== undefined && typeof text === 'string')
      kept[kept.length - 1] = { ...last, [field]: text.slice(0, textLength) };
  }
  return kept;
}

function carry(standing: readonly UiChunk[], chunks: readonly UiChunk[]): UiChunk[] | 'diverged' {
  const carryOn = new CarryOn(standing);
  const output: UiChunk[] = [];
  for (const chunk of chunks) {
    const step = carryOn.feed(chunk);
    if (step === 'diverged') return 'diverged';
    output.push(...step);
  }
  return carryOn.end() === 'diverged' ? 'diverged' : output;
}

/** What a reader sees: the parts, without the names of things. */
function seen(chunks: readonly UiChunk[]): unknown {
  const message = messageParts();
  for (const chunk of chunks) reduceParts(message, chunk);
  assert.equal(message.ignoredChunks, 0, 'each delta has its part');
  return message.parts.map((part) => {
    const { id: _id, toolCallId: _toolCallId, sourceId: _sourceId, ...rest } = part;
    return rest;
  });
}

test('what stands and what is carried on together show exactly what one generation shows, wherever it was cut', () => {
  fc.assert(
    fc.property(
      replyArbitrary,
      cutsArbitrary,
      cutsArbitrary,
      fc.nat(80),
      fc.nat(5),
      (parts, cuts, newCuts, chunkCount, textLength) => {
        const former = generate(parts, 'a', cuts);
        // A finished reply is not generated again.
        const standing = prefix(former, Math.min(chunkCount, former.length - 1), textLength);
        const output = carry(standing, generate(parts, 'b', newCuts));
        assert.notEqual(output, 'diverged');
        assert.deepEqual(seen([...standing, ...(output as UiChunk[])]), seen(former));
      },
    ),
    { numRuns: 500 },
  );
});

test('a third generation carries on from the first two', () => {
  fc.assert(
    fc.property(replyArbitrary, cutsArbitrary, fc.nat(60), fc.nat(60), (parts, cuts, firstCount, secondCount) => {
      const first = generate(parts, 'a', cuts);
      const standing = prefix(first, Math.min(firstCount, first.length - 1), 2);
      const second = carry(standing, generate(parts, 'b', [2])) as UiChunk[];
      standing.push(...prefix(second, Math.min(secondCount, Math.max(0, second.length - 1)), 1));
      const third = carry(standing, generate(parts, 'c', [3]));
      assert.notEqual(third, 'diverged');
      assert.deepEqual(seen([...standing, ...(third as UiChunk[])]), seen(first));
    }),
    { numRuns: 300 },
  );
});

test('another text within what stands is a divergence, and nothing was put out before it', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 30 }), fc.nat(29), cutsArbitrary, (text, at, cuts) => {
      const index = at % text.length;
      const other = `${text.slice(0, index)}${text[index] === 'x' ? 'y' : 'x'}${text.slice(index + 1)}`;
      const standing = generate([{ kind: 'text', text }], 'a', [3]).slice(0, -3);
      assert.equal(carry(standing, generate([{ kind: 'text', text: other }], 'b', cuts)), 'diverged');
    }),
  );
});

const standingText: UiChunk[] = [
  { type: 'start' },
  { type: 'text-start', id: 'a' },
  { type: 'text-delta', id: 'a', delta: 'Hello wor' },
];

test('the remainder of a delta that crosses the end of what stands is put out under the name that stands', () => {
  const carryOn = new CarryOn(standingText);
  assert.deepEqual(carryOn.feed({ type: 'start' }), []);
  assert.deepEqual(carryOn.feed({ type: 'text-start', id: 'b' }), []);
  assert.deepEqual(carryOn.feed({ type: 'text-delta', id: 'b', delta: 'Hello ' }), []);
  assert.equal(carryOn.isThrough, false);
  assert.deepEqual(carryOn.feed({ type: 'text-delta', id: 'b', delta: 'world' }), [
    { type: 'text-delta', id: 'a', delta: 'ld' },
  ]);
  assert.equal(carryOn.isThrough, true);
  assert.deepEqual(carryOn.feed({ type: 'text-end', id: 'b' }), [{ type: 'text-end', id: 'a' }]);
});

test('a generation that ends earlier than what stands has diverged', () => {
  const carryOn = new CarryOn(standingText);
  carryOn.feed({ type: 'start' });
  carryOn.feed({ type: 'text-start', id: 'b' });
  carryOn.feed({ type: 'text-delta', id: 'b', delta: 'Hello' });
  assert.equal(carryOn.end(), 'diverged');
  assert.equal(carryOn.feed({ type: 'text-end', id: 'b' }), 'diverged');
});

test('a text that goes on where another part stands has diverged', () => {
  const standing = [...standingText, { type: 'text-end', id: 'a' }];
  const carryOn = new CarryOn(standing);
  carryOn.feed({ type: 'start' });
  carryOn.feed({ type: 'text-start', id: 'b' });
  assert.equal(carryOn.feed({ type: 'text-delta', id: 'b', delta: 'Hello world' }), 'diverged');
});

test('an error is put out wherever the attempt has come to', () => {
  const carryOn = new CarryOn(standingText);
  carryOn.feed({ type: 'start' });
  const error = { type: 'error', errorText: 'the model is away' };
  assert.deepEqual(carryOn.feed(error), [error]);
});

test('a tool that answers differently has diverged, and so has another tool', () => {
  const call = (toolCallId: string, toolName: string, output: unknown): UiChunk[] => [
    { type: 'tool-input-available', toolCallId, toolName, input: {} },
    { type: 'tool-output-available', toolCallId, output },
  ];
  assert.deepEqual(carry(call('a', 'time', 1), call('b', 'time', 1)), []);
  assert.equal(carry(call('a', 'time', 1), call('b', 'time', 2)), 'diverged');
  assert.equal(carry(call('a', 'time', 1), call('b', 'date', 1)), 'diverged');
});

test('two like tool calls whose answers come in the other order have diverged', () => {
  const calls = (first: string, second: string): UiChunk[] => [
    { type: 'tool-input-available', toolCallId: first, toolName: 'roll', input: {} },
    { type: 'tool-input-available', toolCallId: second, toolName: 'roll', input: {} },
  ];
  const standing = [...calls('a1', 'a2'), { type: 'tool-output-available', toolCallId: 'a1', output: 6 }];
  const next = (toolCallId: string): UiChunk[] => [
    ...calls('b1', 'b2'),
    { type: 'tool-output-available', toolCallId, output: 6 },
  ];
  assert.deepEqual(carry(standing, next('b1')), []);
  assert.equal(carry(standing, next('b2')), 'diverged');
});

test('a new part whose name is taken by one that stands gets another name', () => {
  const standing: UiChunk[] = [{ type: 'tool-input-available', toolCallId: 'call-2', toolName: 'roll', input: {} }];
  const carryOn = new CarryOn(standing);
  carryOn.feed({ type: 'tool-input-available', toolCallId: 'call-1', toolName: 'roll', input: {} });
  assert.deepEqual(carryOn.feed({ type: 'tool-input-start', toolCallId: 'call-2', toolName: 'roll' }), [
    { type: 'tool-input-start', toolCallId: 'call-2~2', toolName: 'roll' },
  ]);
  assert.deepEqual(carryOn.feed({ type: 'tool-output-available', toolCallId: 'call-1', output: 1 }), [
    { type: 'tool-output-available', toolCallId: 'call-2', output: 1 },
  ]);
});
