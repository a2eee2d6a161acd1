import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Clock } from './clock.ts';
import { integerBetween, seededRandom, type Random } from './random.ts';
import { isUlid, ulids, ulidTimeMs } from './ulid.ts';

const clockOf = (nowMs: () => number): Clock => ({ nowMs, monotonicMs: nowMs, after: () => ({ cancel: () => {} }) });
const timeMax = 2 ** 48 - 1;

test('ids of one generator are distinct and sort in the order of their making, even when the clock jumps back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: timeMax }), { minLength: 1, maxLength: 50 }),
      fc.nat(),
      (times, seed) => {
        let index = 0;
        const ulid = ulids(
          clockOf(() => times[index++]!),
          seededRandom(seed),
        );
        const ids = times.map(ulid);
        assert.ok(ids.every(isUlid));
        assert.deepEqual([...new Set(ids)].sort(), ids);
      },
    ),
  );
});

test('an id tells the time at which it was made', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: timeMax }), (timeMs) => {
      assert.equal(
        ulidTimeMs(
          ulids(
            clockOf(() => timeMs),
            seededRandom(1),
          )(),
        ),
        timeMs,
      );
    }),
  );
});

test('ids of one millisecond stay in order across a carry', () => {
  const highest: Random = { float: () => 0, bytes: (length) => new Uint8Array(length).fill(31).with(0, 0) };
  const ulid = ulids(
    clockOf(() => 1),
    highest,
  );
  assert.ok(ulid() < ulid());
});

test('only the canonical form is a ULID', () => {
  assert.equal(isUlid('01ARZ3NDEKTSV4RRFFQ69G5FAV'), true);
  for (const value of [
    '01arz3ndektsv4rrffq69g5fav',
    '81ARZ3NDEKTSV4RRFFQ69G5FAV',
    '01ARZ3NDEKTSV4RRFFQ69G5FA',
    'ILOU' + '0'.repeat(22),
    7,
    null,
  ])
    assert.equal(isUlid(value), false);
});

test('a seed repeats, and a number between two bounds stays between them', () => {
  const [one, other] = [seededRandom(7), seededRandom(7)];
  assert.deepEqual([...one.bytes(8)], [...other.bytes(8)]);
  fc.assert(
    fc.property(fc.integer({ min: -50, max: 50 }), fc.nat(50), fc.nat(), (min, span, seed) => {
      const value = integerBetween(seededRandom(seed), min, min + span);
      assert.ok(Number.isInteger(value) && value >= min && value <= min + span);
    }),
  );
});
