import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@throughline/event';
import { murmur2 } from './partitioner.ts';

// The cases of Kafka's own UtilsTest.testMurmur2.
const cases: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];
for (const [text, hash] of cases) {
  test(`murmur2 of ${JSON.stringify(text)} is what Kafka computes`, () => assert.equal(murmur2(utf8(text)), hash));
}
