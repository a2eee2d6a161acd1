import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextSequence, sequenceAfter } from './sequences.ts';

test('sequences begin again at 0 after 2^31 - 1', () => {
  assert.deepEqual(
    [sequenceAfter(9, 3), sequenceAfter(2 ** 31 - 2, 1), sequenceAfter(2 ** 31 - 2, 3)],
    [12, 2 ** 31 - 1, 1],
  );
  assert.deepEqual([nextSequence(-1), nextSequence(0), nextSequence(2 ** 31 - 1)], [0, 1, 0]);
});
