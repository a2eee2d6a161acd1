// What is merged and what is not, by example; that the message stays the same is for test/conformance/ai-sdk-replay.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UiChunk } from '@throughline/event';
import { compactChunks } from './compact-chunks.ts';

const delta = (id: string, text: string): UiChunk => ({ type: 'text-delta', id, delta: text });

test('deltas of texts that grow side by side are merged into one each, in the place of the first', () => {
  const chunks = [delta('1', 'a'), delta('2', 'x'), delta('1', 'b'), delta('2', 'y')];
  assert.deepEqual(compactChunks(chunks), [delta('1', 'ab'), delta('2', 'xy')]);
});

test('a text that begins again under the same id keeps its own delta', () => {
  const start: UiChunk = { type: 'text-start', id: '1' };
  const chunks = [start, delta('1', 'a'), start, delta('1', 'b')];
  assert.deepEqual(compactChunks(chunks), chunks);
});

test('nothing is merged across a step that is taken back', () => {
  const chunks = [delta('1', 'a'), { type: 'reset-step' }, delta('1', 'b')];
  assert.deepEqual(compactChunks(chunks), chunks);
});

test('of data with one id the last value stays, of progress notes the last', () => {
  const data = (id: string, value: number): UiChunk => ({ type: 'data-step', id, data: value });
  const note = (value: number): UiChunk => ({ type: 'data-note', data: value, transient: true });
  assert.deepEqual(compactChunks([data('a', 1), note(1), data('b', 2), note(2), data('a', 3)]), [
    data('a', 3),
    note(2),
    data('b', 2),
  ]);
});

test('a merged delta has the newest metadata of the merged ones', () => {
  const chunks = [{ ...delta('1', 'a'), providerMetadata: { p: { n: 1 } } }, delta('1', 'b')];
  assert.deepEqual(compactChunks(chunks), [{ ...delta('1', 'ab'), providerMetadata: { p: { n: 1 } } }]);
});

test('chunks that are not of the shape they claim, or of an unknown type, are passed on as they are', () => {
  const chunks = [
    { type: 'text-delta', id: '1', delta: 7 },
    { type: 'text-delta', id: '1', delta: null },
    { type: 'new' },
  ];
  assert.deepEqual(compactChunks(chunks), chunks);
});
