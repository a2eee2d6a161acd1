import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTooDeep, jsonDepthMax } from './json-depth.ts';

function nested(depth: number, [open, close] = ['[', ']']): string {
  return open.repeat(depth) + (open === '[' ? '' : '0') + close.repeat(depth);
}

function isRejected(text: string): boolean {
  return isTooDeep(JSON.parse(text), text.length);
}

test('what is nested as deeply as may be is taken, one level more is not', () => {
  assert.equal(isRejected(nested(jsonDepthMax)), false);
  assert.equal(isRejected(nested(jsonDepthMax + 1)), true);
  assert.equal(isRejected(nested(jsonDepthMax, ['{"a":', '}'])), false);
  assert.equal(isRejected(nested(jsonDepthMax + 1, ['{"a":', '}'])), true);
});

test('what is wide is not deep', () => {
  assert.equal(isRejected(JSON.stringify(Array.from({ length: 10_000 }, (_, index) => ({ index })))), false);
});

test('what is taken can be written and cloned, and what is rejected needs no deep stack to be judged', () => {
  const value: unknown = JSON.parse(nested(jsonDepthMax));
  assert.deepEqual(structuredClone(JSON.parse(JSON.stringify(value))), value);
  assert.equal(isRejected(nested(1_000_000)), true);
});
