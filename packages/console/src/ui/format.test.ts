import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cost, counted, duration, when } from './format.ts';

test('a duration is read in the unit that fits it', () => {
  assert.deepEqual([0, 840.4, 3_240, 9_960, 59_400, 65_000].map(duration), [
    '0 ms',
    '840 ms',
    '3.2 s',
    '10 s',
    '59 s',
    '1 min 5 s',
  ]);
});

test('a cost keeps the digits that say something', () => {
  assert.deepEqual([0, 0.00001, 0.0042, 1.2].map(cost), ['$0', '< $0.0001', '$0.0042', '$1.20']);
});

test('a time is told by its distance', () => {
  const nowMs = new Date(2026, 10, 23, 15, 0).getTime();
  assert.equal(when(nowMs - 1_000, nowMs), 'just now');
  assert.equal(when(nowMs - 300_000, nowMs), '5 min ago');
  for (const none of [-1, 1_764_500_000_000_000_000]) assert.equal(when(none, nowMs), String(none));
  assert.match(when(nowMs - 2 * 3_600_000, nowMs), /1/);
});

test('one thing has no plural', () => {
  assert.equal(counted(1, 'attempt'), '1 attempt');
  assert.equal(counted(0, 'attempt'), '0 attempts');
});
