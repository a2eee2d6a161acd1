// What a filter of a mapping sees of a record: JSON where there is JSON, else text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError, utf8, type LogRecord } from '@throughline/event';
import { compileFilters } from './record-filter.ts';

function record(value: string | null, key: string | null = null, headers: readonly [string, string][] = []): LogRecord {
  const bytes = (text: string | null): Uint8Array | null => (text === null ? null : utf8(text));
  return {
    topic: 'jobs',
    partition: 1,
    offset: 7n,
    timestampMs: 1000,
    key: bytes(key),
    value: bytes(value),
    headers: headers.map(([name, text]) => ({ key: name, value: utf8(text) })),
  };
}

test('a record passes when one filter matches its value, key, headers or place', () => {
  const passes = compileFilters({
    type: 'kafka',
    filters: [
      { value: { kind: ['a'] } },
      { key: ['k'] },
      { headers: { h: ['x'] } },
      { offset: [{ numeric: ['>', 9] }] },
    ],
  })!;
  assert.equal(passes(record('{"kind":"a"}')), true);
  assert.equal(passes(record('{"kind":"b"}')), false);
  assert.equal(passes(record('kind a')), false);
  assert.equal(passes(record(null, 'k')), true);
  assert.equal(passes(record('{"kind":"b"}', null, [['h', 'x']])), true);
});

test('text, numbers and nothing are values like others', () => {
  const passes = compileFilters({ type: 'kafka', filters: [{ value: ['plain', 3, { exists: false }] }] })!;
  assert.deepEqual(
    ['plain', '3', null, '"plain"', 'other'].map((value) => passes(record(value))),
    [true, true, true, true, false],
  );
});

test('a stream is filtered by its data and partition key', () => {
  const passes = compileFilters({ type: 'stream', filters: [{ data: { a: [1] }, partitionKey: ['k'] }] })!;
  assert.equal(passes(record('{"a":1}', 'k')), true);
  assert.equal(passes(record('{"a":1}', 'l')), false);
});

test('a value that is nested thousands of levels is text, and harms nobody', () => {
  const passes = compileFilters({ type: 'kafka', filters: [{ value: [{ prefix: '[[' }] }] })!;
  assert.equal(passes(record('['.repeat(100_000) + ']'.repeat(100_000))), true);
});

test('a filter that is no pattern is rejected by its place', () => {
  assert.throws(
    () => compileFilters({ type: 'kafka', filters: [{ value: ['a'] }, { value: 'a' }] }),
    (error) => ThroughlineError.is(error, 'CONFIG_INVALID') && error.message.startsWith('filters[1].value: '),
  );
});
