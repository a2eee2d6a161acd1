// `--to-time 1796040000` was 21 January 1970, `2026-11-30T10:00` was local time, `2026-11-31` was 1 December, `2026` was two
// seconds after 1970.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from './errors.ts';
import { isTime, parseInstant, parseMilliseconds, timestampJson, timestampText } from './instant.ts';

test('ISO 8601 is taken exactly as it is written, in UTC where it names no zone', () => {
  for (const [text, iso] of [
    ['2026-11-30T10:00:00Z', '2026-11-30T10:00:00.000Z'],
    ['2026-11-30T10:00:00.123456Z', '2026-11-30T10:00:00.123Z'],
    ['2026-11-30T10:00:00,5z', '2026-11-30T10:00:00.500Z'],
    ['2026-11-30T10:00', '2026-11-30T10:00:00.000Z'],
    ['2026-11-30 10:00', '2026-11-30T10:00:00.000Z'],
    ['2026-11-30', '2026-11-30T00:00:00.000Z'],
    ['2026-11-30T10:00+02:00', '2026-11-30T08:00:00.000Z'],
    ['2026-11-30T23:30-0130', '2026-12-01T01:00:00.000Z'],
    ['2026-11-30T10:00+05', '2026-11-30T05:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['1970-01-01', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ] as const) {
    assert.equal(new Date(parseInstant(text, 'time')).toISOString(), iso, text);
  }
});

test('milliseconds are taken where they can be no other unit', () => {
  for (const ms of [0, 100_000_000_000, 1_764_500_000_000, 253_402_300_799_999]) {
    assert.equal(parseInstant(String(ms), 'time'), ms);
    assert.equal(parseMilliseconds(String(ms), 'time'), ms);
  }
  assert.throws(
    () => parseInstant('1796040000', '--to-time'),
    /--to-time: .*if these are seconds, write 1796040000000/,
  );
});

test('everything else is rejected with what to write', () => {
  const texts = [
    '',
    ' ',
    'noon',
    'now',
    '-1',
    '+1',
    '1e12',
    '1.5',
    '0x10',
    'NaN',
    'Infinity',
    '１７６４５０００００００００',
    '2026',
    '1',
    '1796040000',
    '17645000000',
    '1764500000000000',
    '1764500000000000000',
    '9'.repeat(30),
    '2026-11',
    '2026-W48',
    '2026-11-31',
    '2026-02-29',
    '2026-00-10',
    '2026-13-01',
    '2026-11-00',
    '20261130',
    '2026-11-30T',
    '2026-11-30T10',
    '2026-11-30T24:00',
    '2026-11-30T10:60',
    '2026-11-30T10:00:60Z',
    '2026-11-30Z',
    '2026-11-30T10:00:00 02:00',
    '2026-11-30T10:00 CET',
    '2026-11-30T10:00+24:00',
    '2026-11-30T10:00+02:60',
    '11/30/2026',
    '30.11.2026',
    'Mon, 30 Nov 2026 10:00:00 GMT',
    '1969-12-31',
    '1970-01-01T00:00+01:00',
    '-002026-11-30',
    '2026-11-30T10:00Z ',
    ' 2026-11-30',
    '2026-11-30\n',
  ];
  for (const text of texts) {
    assert.throws(
      () => parseInstant(text, 'time'),
      (error) =>
        ThroughlineError.is(error, 'INVALID_ARGUMENT') && error.message.startsWith(`time: ${JSON.stringify(text)}`),
      text,
    );
  }
  for (const text of ['2026-11-30T10:00Z', '', '-1', '1.5', '2026'])
    assert.throws(() => parseMilliseconds(text, 'timeMs'), /timeMs/);
});

test('a timestamp that is no time is shown as its number, and none of its digits is lost', () => {
  assert.equal(timestampText(1_764_500_000_000), '2025-11-30T10:53:20.000Z');
  assert.equal(timestampText(8.64e15), '+275760-09-13T00:00:00.000Z');
  for (const none of [-1, 8.64e15 + 1, Number.MAX_SAFE_INTEGER]) {
    assert.ok(!isTime(none));
    assert.equal(timestampText(none), String(none));
  }
  const exactTimestampMs = 1_764_500_000_000_000_001n;
  assert.equal(timestampJson({ timestampMs: Number(exactTimestampMs), exactTimestampMs }), '1764500000000000001');
  assert.equal(timestampText('1764500000000000001'), '1764500000000000001');
  assert.equal(timestampJson({ timestampMs: 5 }), 5);
});
