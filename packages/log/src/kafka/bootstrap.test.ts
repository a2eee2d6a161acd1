import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { parseBootstrap } from './bootstrap.ts';

test('addresses are read with and without a scheme, one or several, names and IPv6', () => {
  const local = { host: '127.0.0.1', port: 9092 };
  for (const text of ['kafka://127.0.0.1:9092', '127.0.0.1:9092', 'kafka://127.0.0.1', 'kafka://127.0.0.1:9092/']) {
    assert.deepEqual(parseBootstrap(text), [local], text);
  }
  assert.deepEqual(parseBootstrap('kafka://a:1, b.example:2,[::1]:3'), [
    { host: 'a', port: 1 },
    { host: 'b.example', port: 2 },
    { host: '::1', port: 3 },
  ]);
});

test('what is no address is rejected in its own words', () => {
  for (const text of ['', 'kafka://', 'a:0', 'a:70000', 'a:b', 'http://a:1', 'a:1,', 'user@a:1']) {
    assert.throws(
      () => parseBootstrap(text),
      (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT') && error.message.includes(JSON.stringify(text)),
      text,
    );
  }
});
