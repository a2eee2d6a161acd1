import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { OffsetIndex } from './offset-index.ts';
import { TimeIndex } from './time-index.ts';

test('an offset index has the bytes that Apache Kafka writes', () => {
  const index = new OffsetIndex(1000n);
  index.add(1063n, 4163);
  index.add(1127n, 8326);
  assert.equal(Buffer.from(index.bytes).toString('hex'), '0000003f000010430000007f00002086');
});

test('a time index has the bytes that Apache Kafka writes, and notes only what is larger', () => {
  const index = new TimeIndex(1000n);
  index.add(1_700_000_000_000, 1063n);
  index.add(1_700_000_000_000, 1127n);
  index.add(1_699_999_999_999, 1200n);
  assert.equal(Buffer.from(index.bytes).toString('hex'), '0000018bcfe568000000003f');
});

const steps = fc.array(
  fc.record({ offset: fc.integer({ min: 1, max: 500 }), position: fc.integer({ min: 1, max: 9000 }) }),
  {
    maxLength: 600,
  },
);

test('an offset index finds the last entry at or before an offset, before and after it has been stored', () => {
  fc.assert(
    fc.property(steps, fc.bigInt({ min: 0n, max: 300_000n }), (grown, target) => {
      const index = new OffsetIndex(100n);
      const entries: { lastOffset: bigint; position: number }[] = [];
      let lastOffset = 99n;
      let position = 0;
      for (const step of grown) {
        lastOffset += BigInt(step.offset);
        position += step.position;
        entries.push({ lastOffset, position });
        index.add(lastOffset, position);
      }
      const offset = 100n + target;
      const expected = entries.findLast((entry) => entry.lastOffset <= offset) ?? {
        position: 0,
        lastOffset: undefined,
      };
      const stored = OffsetIndex.fromFile(100n, index.bytes.slice(), position + 1);
      assert.deepEqual(index.lookUp(offset), expected);
      assert.deepEqual(stored?.lookUp(offset), expected);
    }),
  );
});

test('a time index leads to or before the first record at a time', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 300 }), fc.nat(1001), (timestamps, target) => {
      const index = new TimeIndex(0n);
      for (const [offset, timestampMs] of timestamps.entries()) index.add(timestampMs, BigInt(offset));
      const first = timestamps.findIndex((timestampMs) => timestampMs >= target);
      const from = Number(index.offsetBefore(target));
      assert.ok(first < 0 || from <= first);
      const stored = TimeIndex.fromFile(0n, index.bytes.slice(), BigInt(timestamps.length));
      assert.equal(stored?.offsetBefore(target), BigInt(from));
    }),
  );
});

for (const [what, bytes] of [
  ['torn', new Uint8Array(11)],
  ['all zeros', new Uint8Array(24)],
] as const) {
  test(`an index file that is ${what} is not taken for an index`, () => {
    assert.equal(OffsetIndex.fromFile(0n, bytes, 1000), undefined);
    assert.equal(TimeIndex.fromFile(0n, bytes, 1000n), undefined);
  });
}

test('an index file that points beyond its log is not taken for an index', () => {
  const index = new OffsetIndex(0n);
  index.add(10n, 4000);
  assert.equal(OffsetIndex.fromFile(0n, index.bytes, 4000), undefined);
  const times = new TimeIndex(0n);
  times.add(5, 10n);
  assert.equal(TimeIndex.fromFile(0n, times.bytes, 10n), undefined);
});
