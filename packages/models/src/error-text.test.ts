import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APICallError } from '@ai-sdk/provider';
import { ThroughlineError } from '@throughline/event';
import { RetryError } from 'ai';
import { errorText } from './error-text.ts';

const call = (statusCode: number | undefined, message: string): APICallError =>
  new APICallError({
    message,
    url: 'https://user:pass@api.example/v1?key=secret',
    requestBodyValues: { messages: ['a private prompt'] },
    ...(statusCode === undefined ? {} : { statusCode }),
  });

test('a coded error keeps its code', () => {
  assert.equal(errorText(new ThroughlineError('DOCS_UNREADABLE', 'no folder')), 'DOCS_UNREADABLE: no folder');
});

test("errors of any AI SDK provider get a model's code, and neither prompt nor key is in the text", () => {
  assert.equal(errorText(call(401, 'bad key')), 'MODEL_REFUSED: https://api.example answered 401: bad key');
  assert.equal(
    errorText(call(undefined, 'connect ECONNREFUSED')),
    'MODEL_UNREACHABLE: https://api.example: connect ECONNREFUSED',
  );
  const retried = new RetryError({ message: 'x', reason: 'maxRetriesExceeded', errors: [call(503, 'busy')] });
  assert.match(errorText(retried), /^MODEL_UNREACHABLE: .*busy/);
});

test("what the handler's own code threw is FUNCTION_ERROR, on one line and not too long", () => {
  assert.equal(errorText(new TypeError('x is\nnot a function')), 'FUNCTION_ERROR: x is not a function');
  assert.equal(errorText('text'), 'FUNCTION_ERROR: text');
  assert.equal(errorText(undefined), 'FUNCTION_ERROR: the handler threw something that is no error');
  assert.ok(errorText(new Error('x'.repeat(10_000))).length < 400);
});
