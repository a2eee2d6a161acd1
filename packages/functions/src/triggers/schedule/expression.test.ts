// The examples of AWS's pages on rate, cron and at, the days on which clocks are put forward and back, and what is rejected.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { readSchedule } from './expression.ts';

function timesOf(expression: string, from: string, count: number, timezone = 'UTC'): string[] {
  const schedule = readSchedule(expression, timezone, 'triggers[0]');
  const times: string[] = [];
  for (let time = schedule.next(Date.parse(from)); time !== undefined && times.length < count;) {
    times.push(new Date(time).toISOString().slice(0, 16));
    time = schedule.next(time);
  }
  return times;
}

const cases: readonly [expression: string, from: string, times: readonly string[], timezone?: string][] = [
  ['rate(1 minute)', '2026-12-01T10:00:00Z', ['2026-12-01T10:01', '2026-12-01T10:02']],
  ['rate(5 minutes)', '2026-12-01T10:03:20Z', ['2026-12-01T10:05', '2026-12-01T10:10']],
  ['rate(1 day)', '2026-12-01T10:03:20Z', ['2026-12-02T00:00', '2026-12-03T00:00']],
  ['cron(0 10 * * ? *)', '2026-12-01T10:00:00Z', ['2026-12-02T10:00', '2026-12-03T10:00']],
  ['cron(15 12 * * ? *)', '2026-12-01T10:00:00Z', ['2026-12-01T12:15', '2026-12-02T12:15']],
  // 4 December 2026 is a Friday.
  ['cron(0 18 ? * MON-FRI *)', '2026-12-04T17:00:00Z', ['2026-12-04T18:00', '2026-12-07T18:00']],
  ['cron(0 18 ? * 2-6 *)', '2026-12-04T17:00:00Z', ['2026-12-04T18:00', '2026-12-07T18:00']],
  ['cron(0 8 1 * ? *)', '2026-12-04T17:00:00Z', ['2027-01-01T08:00', '2027-02-01T08:00']],
  ['cron(0/15 * * * ? *)', '2026-12-04T17:10:00Z', ['2026-12-04T17:15', '2026-12-04T17:30']],
  ['cron(0/10 * ? * MON-FRI *)', '2026-12-04T23:55:00Z', ['2026-12-07T00:00', '2026-12-07T00:10']],
  ['cron(0/5 8-17 ? * MON-FRI *)', '2026-12-04T17:55:00Z', ['2026-12-07T08:00', '2026-12-07T08:05']],
  ['cron(0 9 ? * 2#1 *)', '2026-12-04T00:00:00Z', ['2026-12-07T09:00', '2027-01-04T09:00']],
  ['cron(0 9 L * ? *)', '2026-12-04T00:00:00Z', ['2026-12-31T09:00', '2027-01-31T09:00']],
  ['cron(15 10 ? * 6L 2026-2027)', '2026-12-04T00:00:00Z', ['2026-12-25T10:15', '2027-01-29T10:15']],
  ['cron(0 0 1 1 ? 2028)', '2026-12-04T00:00:00Z', ['2028-01-01T00:00']],
  ['at(2026-12-01T10:00:00)', '2026-12-01T09:00:00Z', ['2026-12-01T10:00']],
  ['at(2026-12-01T10:00:00)', '2026-12-01T09:00:00Z', ['2026-12-01T15:00'], 'America/New_York'],
  ['at(2026-12-01T10:00:00)', '2026-12-01T10:00:00Z', []],
  // Berlin: on 28 March 2027 two o'clock is three o'clock; on 25 October 2026 three o'clock is two o'clock.
  ['cron(30 2 * * ? *)', '2027-03-27T12:00:00Z', ['2027-03-28T01:30', '2027-03-29T00:30'], 'Europe/Berlin'],
  ['cron(30 2 * * ? *)', '2026-10-24T12:00:00Z', ['2026-10-25T00:30', '2026-10-26T01:30'], 'Europe/Berlin'],
];
for (const [expression, from, times, timezone] of cases) {
  test(`${expression} after ${from}${timezone === undefined ? '' : ` in ${timezone}`}`, () => {
    assert.deepEqual(timesOf(expression, from, 2, timezone), times);
  });
}

for (const expression of [
  '',
  'rate(0 minutes)',
  'rate(5 seconds)',
  'rate(minutes)',
  'cron(0 10 * * *)',
  'cron(0 10 * * * *)',
  'cron(0 10 ? * ? *)',
  'cron(61 10 * * ? *)',
  'cron(0 10 * 13 ? *)',
  'at(2026-12-01)',
  'at(2026-13-41T10:00:00)',
  'every 5 minutes',
]) {
  test(`rejects ${JSON.stringify(expression)}`, () => {
    assert.throws(
      () => readSchedule(expression, 'UTC', 'triggers[0]'),
      (error) => ThroughlineError.is(error, 'CONFIG_INVALID') && error.message.startsWith('triggers[0]: '),
    );
  });
}

test('rejects a time zone that is none', () => {
  assert.throws(
    () => readSchedule('rate(1 minute)', 'Mars/Olympus', 'triggers[0]'),
    (error) => ThroughlineError.is(error, 'CONFIG_INVALID'),
  );
});
