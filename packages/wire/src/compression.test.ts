import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { compress, decompress } from './compression.ts';

for (const codec of ['gzip', 'zstd'] as const) {
  test(`what ${codec} would unpack beyond the limit is rejected`, () => {
    const bomb = compress(codec, new Uint8Array(1_000_000));
    assert.ok(bomb.length < 5_000);
    assert.equal(decompress(codec, bomb, 1_000_000).length, 1_000_000);
    assert.throws(
      () => decompress(codec, bomb, 999_999),
      (error) => ThroughlineError.is(error, 'INVALID_RECORD'),
    );
  });

  test(`bytes that are no ${codec} data are INVALID_RECORD with the cause kept`, () => {
    assert.throws(
      () => decompress(codec, Uint8Array.of(1, 2, 3), 100),
      (error) => ThroughlineError.is(error, 'INVALID_RECORD') && error.cause instanceof Error,
    );
  });
}
