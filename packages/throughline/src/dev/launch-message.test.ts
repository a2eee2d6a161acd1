import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { announcement } from './announce.ts';
import { serverMessage, type ServerMessage } from './launch-message.ts';

const ready: ServerMessage = {
  type: 'ready',
  http: 'http://127.0.0.1:4437',
  httpPort: 4437,
  kafka: null,
  log: 'embedded',
  dataDir: '/data',
  answersBy: 'the docs model',
  startedMs: 812.6,
};
const failed: ServerMessage = {
  type: 'failed',
  error: { code: 'PORT_IN_USE', message: 'in\n use', remedy: 'Stop it.', retriable: false },
};

test('what the server sends is what the launcher reads', () => {
  for (const message of [ready, failed, { type: 'progress', text: 'x' }, { type: 'crashing' }])
    assert.deepEqual(serverMessage(JSON.parse(JSON.stringify(message))), message);
});

test('a message of an unknown type is left alone, a broken one of a known type is a defect', () => {
  for (const raw of [undefined, null, 1, 'ready', {}, { type: 'other' }, { type: 'toString' }])
    assert.equal(serverMessage(raw), undefined);
  assert.throws(
    () => serverMessage({ type: 'progress' }),
    (error) => ThroughlineError.is(error, 'INTERNAL'),
  );
});

test('people read lines, programs read one JSON line for each message', () => {
  const { out = '', err } = announcement(ready, false);
  assert.match(out, /^Throughline is ready\n {2}page +http:\/\/127\.0\.0\.1:4437\/\n/);
  assert.match(out, / {2}data folder +\/data\n.*\n {2}started in +813 ms/);
  assert.equal(err, undefined);
  assert.deepEqual(announcement(failed, false), { err: 'throughline: in use [PORT_IN_USE] Stop it.\n' });
  assert.deepEqual(announcement({ type: 'progress', text: 'Waiting …' }, false), { err: 'Waiting …\n' });
  assert.deepEqual(announcement({ type: 'crashing' }, false), {});
  for (const message of [ready, failed])
    assert.deepEqual(announcement(message, true), { out: `${JSON.stringify(message)}\n` });
});
