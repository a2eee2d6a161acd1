import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReadBuffers } from './read-buffers.ts';

test('what is given back is used again, and what is not stays with whoever has it', () => {
  const buffers = new ReadBuffers();
  const first = buffers.take(1024 * 1024);
  const second = buffers.take(100_000);
  assert.notEqual(first.buffer, second.buffer);
  buffers.give(first.subarray(10, 20));
  assert.equal(buffers.take(500_000).buffer, first.buffer);
});

test('nothing is given twice, and nothing that came from elsewhere', () => {
  const buffers = new ReadBuffers();
  const taken = buffers.take(1024 * 1024);
  buffers.give(taken);
  buffers.give(taken);
  const [one, other] = [buffers.take(1024 * 1024), buffers.take(1024 * 1024)];
  assert.notEqual(one.buffer, other.buffer);
  const foreign = new Uint8Array(1024 * 1024);
  buffers.give(foreign);
  assert.notEqual(buffers.take(1024 * 1024).buffer, foreign.buffer);
});

test('reads that are very small or very large get memory of their own', () => {
  const buffers = new ReadBuffers();
  for (const byteCount of [100, 5_000_000]) {
    const taken = buffers.take(byteCount);
    assert.equal(taken.length, byteCount);
    buffers.give(taken);
    assert.notEqual(buffers.take(byteCount).buffer, taken.buffer);
  }
});
