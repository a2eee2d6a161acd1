import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { countOption, dataDirOption, textOption, timeOption } from './options.ts';

const isInvalid = (error: unknown): boolean => ThroughlineError.is(error, 'INVALID_ARGUMENT');

test('an option that is not given is undefined', () => {
  assert.equal(textOption({}, 'limit'), undefined);
  assert.equal(countOption({}, 'limit'), undefined);
  assert.equal(timeOption({}, 'time'), undefined);
  assert.equal(textOption({ json: true }, 'json'), undefined);
});

test('a count is a whole number of at least 0', () => {
  assert.equal(countOption({ limit: '0' }, 'limit'), 0);
  assert.equal(countOption({ limit: '1000' }, 'limit'), 1000);
  for (const limit of ['', '-1', '1.5', '1e3', '0x1', 'many', '9'.repeat(16)])
    assert.throws(() => countOption({ limit }, 'limit'), isInvalid, limit);
});

test('a number has the bounds of its flag, and the message names them', () => {
  for (const name of ['kafkaPort', 'advertisedPort'] as const) {
    assert.equal(countOption({ [name]: '65535' }, name), 65_535);
    for (const port of ['65536', '99999999'])
      assert.throws(
        () => countOption({ [name]: port }, name),
        (error) => ThroughlineError.is(error, 'CONFIG_INVALID') && error.message.includes('to 65535'),
      );
  }
  assert.throws(() => countOption({ advertisedPort: '0' }, 'advertisedPort'), /--advertised-port: "0" .* 1 to 65535/);
  assert.throws(() => countOption({ partition: '2147483648' }, 'partition'), isInvalid);
});

test('a time is ISO 8601 or milliseconds since 1970, and the message names the flag', () => {
  assert.throws(() => timeOption({ toTime: 'noon' }, 'toTime'), /--to-time: "noon"/);
  assert.equal(timeOption({ time: '0' }, 'time'), 0);
  assert.equal(timeOption({ time: '1764000000000' }, 'time'), 1_764_000_000_000);
  assert.equal(timeOption({ time: '2026-11-23T10:00:00Z' }, 'time'), Date.UTC(2026, 10, 23, 10));
  assert.equal(timeOption({ time: '2026-11-23T10:00:00+02:00' }, 'time'), Date.UTC(2026, 10, 23, 8));
  for (const time of ['', 'noon', '1969-01-01', '9'.repeat(16)])
    assert.throws(() => timeOption({ time }, 'time'), isInvalid, time);
});

test('the data folder is the flag, else the variable, else .throughline of the working directory', (t) => {
  const before = process.env['THROUGHLINE_DATA_DIR'];
  t.after(() => {
    if (before === undefined) delete process.env['THROUGHLINE_DATA_DIR'];
    else process.env['THROUGHLINE_DATA_DIR'] = before;
  });
  process.env['THROUGHLINE_DATA_DIR'] = '/variable';
  assert.equal(dataDirOption({ dataDir: '/flag' }), '/flag');
  assert.equal(dataDirOption({}), '/variable');
  process.env['THROUGHLINE_DATA_DIR'] = '';
  assert.equal(dataDirOption({}), path.resolve('.throughline'));
});
