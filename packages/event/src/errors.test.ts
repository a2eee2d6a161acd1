import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorTable, type ErrorCode } from './error-table.ts';
import { assert as claim, ThroughlineError } from './errors.ts';

test('an error carries what the table says of its code', () => {
  const error = new ThroughlineError('THROTTLED', 'too many', { details: { limit: 3 }, retryAfterMs: 500, cause: 'x' });
  assert.equal(error.httpStatus, 429);
  assert.equal(error.retriable, true);
  assert.equal(error.cause, 'x');
  assert.deepEqual(error.toJSON(), {
    code: 'THROTTLED',
    message: 'too many',
    remedy: errorTable.THROTTLED.remedy,
    retriable: true,
    retryAfterMs: 500,
    limit: 3,
  });
});

test('details cannot pretend to be another error', () => {
  const details = { code: 'INTERNAL', message: 'other', remedy: 'none', retriable: true };
  const body = new ThroughlineError('NOT_FOUND', 'mine', { details }).toJSON();
  assert.deepEqual([body.code, body.message, body.retriable], ['NOT_FOUND', 'mine', false]);
});

test('an error is recognised across copies of the package, by code where one is asked for', () => {
  const error = new ThroughlineError('NOT_FOUND', 'x');
  assert.equal(ThroughlineError.is(error), true);
  assert.equal(ThroughlineError.is(error, 'NOT_FOUND'), true);
  assert.equal(ThroughlineError.is(error, 'INTERNAL'), false);
  const copy = Object.assign(new Error('x'), { code: 'NOT_FOUND', [Symbol.for('throughline.error')]: true });
  assert.equal(ThroughlineError.is(copy, 'NOT_FOUND'), true);
  for (const value of [undefined, null, 'NOT_FOUND', { code: 'NOT_FOUND' }, new Error('x')])
    assert.equal(ThroughlineError.is(value), false);
});

test('what is thrown by others becomes INTERNAL with its cause, and ours stays as it is', () => {
  const cause = new TypeError('boom');
  assert.equal(ThroughlineError.from(cause).code, 'INTERNAL');
  assert.equal(ThroughlineError.from(cause).cause, cause);
  assert.equal(ThroughlineError.from('text').message, 'text');
  assert.equal(ThroughlineError.from({ toString: null }).message, '[object Object]');
  const own = new ThroughlineError('CLOSED', 'x');
  assert.equal(ThroughlineError.from(own), own);
  assert.throws(() => claim(false, 'one is two'), { code: 'INTERNAL', message: /one is two/ });
});

test('every code says what it means and what to do, with a status that fits who is at fault', () => {
  for (const [code, entry] of Object.entries(errorTable) as [ErrorCode, (typeof errorTable)[ErrorCode]][]) {
    assert.match(code, /^[A-Z][A-Z_]+$/);
    assert.ok(entry.httpStatus >= 400 && entry.httpStatus < 600, code);
    for (const sentence of [entry.meaning, entry.remedy]) assert.match(sentence, /^\S[\s\S]*[.;]$/, code);
  }
});
