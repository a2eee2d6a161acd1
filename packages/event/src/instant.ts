// Times as text. A record's timestamp is an int64 of milliseconds since 1970 that its producer chose (Kafka's magic 2): most
// are times, but any number can be there, and -1 is Kafka's NO_TIMESTAMP. A number of JavaScript holds it exactly up to 2^53,
// and a Date up to 8.64e15 (ECMA-262 §21.4.1.1), so that what is outside of either is handled here, once for everybody.
import { ThroughlineError } from './errors.ts';
import type { RecordTime } from './record.ts';

/** The range of a Date, in milliseconds. */
const dateMsMax = 8.64e15;
/** What a bare number must be to be taken for milliseconds: from 1973-03-03, which is above the seconds of the next 3000 years … */
const plausibleMsMin = 100_000_000_000;
/** … to the end of the year 9999, which is below the microseconds of 1978. */
const plausibleMsMax = 253_402_300_799_999;

/** Whether a timestamp is a time that a Date can hold. */
export function isTime(timestampMs: number): boolean {
  return timestampMs !== -1 && Math.abs(timestampMs) <= dateMsMax;
}

/** A record's timestamp as JSON: a number, or its digits as text where a JSON number would be read inexactly. */
export function timestampJson({ timestampMs, exactTimestampMs }: RecordTime): number | string {
  return exactTimestampMs === undefined ? timestampMs : String(exactTimestampMs);
}

/** What `timestampJson` has made, for people: ISO 8601 in UTC, or the number where it is no time. */
export function timestampText(timestamp: number | string): string {
  return typeof timestamp === 'number' && isTime(timestamp) ? new Date(timestamp).toISOString() : String(timestamp);
}

const iso8601 =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:Z|([+-])(\d\d):?(\d\d)?)?)?$/i;

/**
 * The milliseconds since 1970 that a text means: ISO 8601 (a date, or date and time with `Z` or an offset; without either it is
 * UTC), or milliseconds since 1970. Seconds and microseconds are told by their size, as no record that matters here is from
 * before 1973 or after 9999; 0 is taken, as it is the same in every unit.
 *
 * @param name what the text is, for the message
 * @throws ThroughlineError INVALID_ARGUMENT, with what to write instead
 * @example parseInstant('2026-11-30T10:00+02:00', '--to-time') // Date.UTC(2026, 10, 30, 8)
 */
export function parseInstant(text: string, name: string): number {
  if (/^\d+$/.test(text)) return parseMilliseconds(text, name);
  const found = iso8601.exec(text);
  const shown = JSON.stringify(text);
  if (found === null) {
    const expected = 'expected ISO 8601 such as 2026-11-30T10:00:00Z, or milliseconds since 1970';
    throw new ThroughlineError('INVALID_ARGUMENT', `${name}: ${shown} is no time; ${expected}`);
  }
  const field = (index: number): number => Number(found[index] ?? 0);
  const [year, month, day, hour, minute, second] = [field(1), field(2), field(3), field(4), field(5), field(6)];
  const milliseconds = Number((found[7] ?? '').padEnd(3, '0').slice(0, 3));
  const [offsetHours, offsetMinutes] = [field(9), field(10)];
  // A Date would make 1 December of 31 November.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isOnCalendar = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isOnCalendar) throw new ThroughlineError('INVALID_ARGUMENT', `${name}: ${shown}: the calendar has no such day`);
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) {
    throw new ThroughlineError('INVALID_ARGUMENT', `${name}: ${shown}: the clock has no such time`);
  }
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000 * (found[8] === '-' ? -1 : 1);
  const instantMs = date.setUTCHours(hour, minute, second, milliseconds) - offsetMs;
  if (instantMs >= 0) return instantMs;
  throw new ThroughlineError('INVALID_ARGUMENT', `${name}: ${shown} is before 1970, where the log's time begins`);
}

/**
 * A count of milliseconds since 1970.
 *
 * @throws ThroughlineError INVALID_ARGUMENT for what is none, or must be of another unit
 */
export function parseMilliseconds(text: string, name: string): number {
  const shown = JSON.stringify(text);
  if (!/^\d+$/.test(text)) {
    throw new ThroughlineError('INVALID_ARGUMENT', `${name}: ${shown}: expected milliseconds since 1970`);
  }
  const timeMs = Number(text);
  if (timeMs === 0 || (timeMs >= plausibleMsMin && timeMs <= plausibleMsMax)) return timeMs;
  const asSeconds = timeMs * 1000;
  const advice =
    asSeconds >= plausibleMsMin && asSeconds <= plausibleMsMax
      ? `if these are seconds, write ${asSeconds}`
      : 'expected 12 to 15 digits';
  throw new ThroughlineError('INVALID_ARGUMENT', `${name}: ${shown} is not in milliseconds since 1970; ${advice}`);
}
