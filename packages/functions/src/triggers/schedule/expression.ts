// When a schedule fires, in the three forms of AWS:
//
//   rate(5 minutes)                              each multiple of it since 1970, so that all servers have the same times
//   cron(0 8 ? * MON-FRI *)                      minutes hours day-of-month month day-of-week year; 1 is Sunday
//   at(2026-12-01T10:00:00)                      once
//
// `cron` and `at` are read in a time zone. On the day that a clock is put forward, a time that is left out fires when the clock
// has passed it; on the day that it is put back, a time that comes twice fires the first time.
// Source: Amazon EventBridge Scheduler user guide, "Schedule types"; the calendar is croner's.
import { Cron } from 'croner';
import { ThroughlineError } from '@throughline/event';

export interface Schedule {
  /** The first time after `afterMs`, both in milliseconds since 1970; undefined when there is none. */
  next(afterMs: number): number | undefined;
}

const unitMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * Reads an expression.
 *
 * @param path where it stands, for messages
 * @throws ThroughlineError CONFIG_INVALID
 * @example readSchedule('rate(5 minutes)', 'UTC', 'triggers[0]').next(Date.now())
 */
export function readSchedule(expression: string, timezone: string, path: string): Schedule {
  const [, form, inner = ''] = /^\s*(rate|cron|at)\((.*)\)\s*$/.exec(expression) ?? [];
  checkTimezone(timezone, path);
  if (form === 'rate') return rate(inner, path);
  if (form === 'cron') return cron(inner, timezone, path);
  if (form === 'at') return at(inner, timezone, path);
  throw invalid(
    path,
    `${JSON.stringify(expression)} is none of rate(5 minutes), cron(0 8 * * ? *), at(2026-12-01T10:00:00)`,
  );
}

function rate(inner: string, path: string): Schedule {
  const [, count = '', unit = ''] = /^\s*(\d{1,9})\s+(minute|hour|day)s?\s*$/.exec(inner) ?? [];
  const periodMs = Number(count) * (unitMs[unit] ?? 0);
  if (periodMs === 0) throw invalid(path, `rate(${inner}): expected a number above 0 and minutes, hours or days`);
  return { next: (afterMs) => (Math.floor(afterMs / periodMs) + 1) * periodMs };
}

function cron(inner: string, timezone: string, path: string): Schedule {
  const fields = inner.trim().split(/\s+/);
  if (fields.length !== 6) {
    throw invalid(path, `cron(${inner}): expected six fields: minutes hours day-of-month month day-of-week year`);
  }
  if ((fields[2] === '?') === (fields[4] === '?')) {
    throw invalid(path, `cron(${inner}): exactly one of day-of-month and day-of-week must be ?`);
  }
  // AWS has no seconds, and its ? is any day.
  const pattern = ['0', ...fields.map((field) => (field === '?' ? '*' : field))].join(' ');
  return calendar(
    pattern,
    { timezone, mode: '7-part', alternativeWeekdays: true, sloppyRanges: true },
    `cron(${inner})`,
    path,
  );
}

function at(inner: string, timezone: string, path: string): Schedule {
  const text = inner.trim();
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) {
    throw invalid(path, `at(${inner}): expected a time like 2026-12-01T10:00:00, without a zone`);
  }
  return calendar(text, { timezone }, `at(${inner})`, path);
}

function calendar(
  pattern: string,
  options: ConstructorParameters<typeof Cron>[1],
  called: string,
  path: string,
): Schedule {
  let times: Cron;
  try {
    times = new Cron(pattern, { ...(options as object), paused: true });
  } catch (error) {
    throw invalid(path, `${called}: ${(error as Error).message}`);
  }
  return { next: (afterMs) => times.nextRun(new Date(afterMs))?.getTime() };
}

function checkTimezone(timezone: string, path: string): void {
  try {
    Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw invalid(path, `there is no time zone ${JSON.stringify(timezone)}; one is Europe/Berlin`);
  }
}

function invalid(path: string, message: string): ThroughlineError {
  return new ThroughlineError('CONFIG_INVALID', `${path}: ${message}`);
}
