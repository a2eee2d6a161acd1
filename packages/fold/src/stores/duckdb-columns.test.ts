import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { toCells, type Cell, type ColumnType } from './duckdb-columns.ts';

const int64Max = 2n ** 63n - 1n;
const rejected = Symbol('rejected');
const circle: Record<string, unknown> = {};
circle['self'] = circle;
/** Deeper than the stack of whoever writes it down. */
const deep = Array.from({ length: 100_000 }).reduce<unknown>((inner) => [inner], null);

/** Every type with what it takes at its edges, and what becomes of that. */
const cases: Readonly<Record<ColumnType, readonly (readonly [unknown, Cell | typeof rejected])[]>> = {
  BOOLEAN: [
    [true, true],
    [false, false],
    ['true', rejected],
    [1, rejected],
  ],
  INTEGER: [
    [2 ** 31 - 1, 2 ** 31 - 1],
    [-(2 ** 31), -(2 ** 31)],
    [2 ** 31, null],
    [-(2 ** 31) - 1, null],
    [-0, -0],
    [1.5, null],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    [Number.MAX_SAFE_INTEGER, null],
    ['1', rejected],
    [1n, rejected],
    [true, rejected],
  ],
  BIGINT: [
    [int64Max, int64Max],
    [-int64Max - 1n, -int64Max - 1n],
    [int64Max + 1n, null],
    [-int64Max - 2n, null],
    [2 ** 53 - 1, 2n ** 53n - 1n],
    [2 ** 53, null],
    [-(2 ** 53), null],
    [2n ** 53n + 1n, 2n ** 53n + 1n],
    [-0, 0n],
    [0.5, null],
    [Number.NaN, null],
    [Number.NEGATIVE_INFINITY, null],
    ['1', rejected],
    [new Date(0), rejected],
  ],
  DOUBLE: [
    [Number.NaN, Number.NaN],
    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    [-0, -0],
    [Number.MAX_VALUE, Number.MAX_VALUE],
    [Number.MIN_VALUE, Number.MIN_VALUE],
    [2 ** 53 + 2, 2 ** 53 + 2],
    [1n, rejected],
    ['1', rejected],
  ],
  VARCHAR: [
    ['', ''],
    ['a\0b', 'a\0b'],
    ['\ud800', '\ufffd'],
    ['x\udfffy', 'x\ufffdy'],
    ['\u{1f600}', '\u{1f600}'],
    ['x'.repeat(3_000_000), 'x'.repeat(3_000_000)],
    [1, rejected],
    [{}, rejected],
  ],
  TIMESTAMP: [
    [new Date(1), 1000n],
    [new Date(-1), -1000n],
    [new Date(8.64e15), 8_640_000_000_000_000_000n],
    [new Date(Number.NaN), null],
    [0, 0n],
    [1.9, 1000n],
    [-1, null],
    [-1n, null],
    [1_764_500_000_000n, 1_764_500_000_000_000n],
    [8.64e15, 8_640_000_000_000_000_000n],
    [8.64e15 + 1, null],
    [int64Max, null],
    [-int64Max - 1n, null],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    ['2026-01-01', rejected],
    [true, rejected],
  ],
  JSON: [
    ['a\0b', '"a\\u0000b"'],
    [{ '\ud800': ['\udc00\ud800', '\\ud800'] }, '{"\ufffd":["\ufffd\ufffd","\\\\ud800"]}'],
    [Number.NaN, 'null'],
    [-0, '0'],
    [1n, rejected],
    [circle, rejected],
    [deep, rejected],
    [() => 1, rejected],
    [Symbol('x'), rejected],
  ],
};

for (const [type, values] of Object.entries(cases) as [ColumnType, (typeof cases)[ColumnType]][]) {
  test(`a ${type} holds a value as it is, or null, or rejects one of another type`, () => {
    for (const [index, [value, expected]] of values.entries()) {
      const cellOf = (): Cell | undefined => toCells('t', [['c', type]], { c: value })[0];
      const what = `${type} ${index}: ${typeof value}`;
      if (expected === rejected) assert.throws(cellOf, (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT'), what);
      else assert.ok(Object.is(cellOf(), expected), what);
    }
    assert.deepEqual(toCells('t', [['c', type]], { c: undefined }), [null]);
    assert.deepEqual(toCells('t', [['c', type]], { c: null }), [null]);
  });
}
