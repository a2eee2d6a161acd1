import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { announce } from './announce.ts';
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

test('people read lines, programs read one JSON line for each message', (t) => {
  let out = '';
  let err = '';
  t.mock.method(process.stdout, 'write', (text: string) => ((out += text), true));
  t.mock.method(process.stderr, 'write', (text: string) => ((err += text), true));
  const said = (message: ServerMessage, isJson: boolean): readonly string[] => {
    [out, err] = ['', ''];
    announce(message, isJson);
    return [out, err];
  };
  const all = [
    said({ ...ready, dataDir: '/data\u001b[2J' }, false),
    said(failed, false),
    said({ type: 'progress', text: 'Waiting …' }, false),
    said({ type: 'crashing' }, false),
    said(ready, true),
    said(failed, true),
  ];
  t.mock.restoreAll();
  const [[lines = '', none] = [], ...others] = all;
  assert.match(lines, /^Throughline is ready\n {2}page +http:\/\/127\.0\.0\.1:4437\/\n/);
  assert.match(lines, / {2}data folder +\/data\\u001b\[2J\n.*\n {2}started in +813 ms/);
  assert.equal(none, '');
  assert.deepEqual(others, [
    ['', 'throughline: in use [PORT_IN_USE] Stop it.\n'],
    ['', 'Waiting …\n'],
    ['', ''],
    [`${JSON.stringify(ready)}\n`, ''],
    [`${JSON.stringify(failed)}\n`, ''],
  ]);
});
