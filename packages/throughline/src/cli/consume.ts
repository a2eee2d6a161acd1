// `throughline consume TOPIC`: one record per line, in five columns that are always there: where it is, its time, key, event
// type and value. With --json each line is the record as JSON, so that it can be piped.
import { ThroughlineError, timestampText } from '@throughline/event';
import * as z from 'zod';
import { consumeRecordsMax } from '../defaults.ts';
import { textForm } from '../terminal/foreign-text.ts';
import type { ApiClient } from './api-client.ts';
import { withTopics } from './cluster.ts';
import { countOption, textOption, timeOption, type Options } from './options.ts';
import { countText, printJsonText, printLine, say } from '../terminal/output.ts';

const recordSchema = z.looseObject({
  partition: z.int(),
  offset: z.string(),
  timestampMs: z.union([z.number(), z.string()]),
  key: z.string().nullable(),
  value: z.string().nullable(),
  headers: z.array(z.object({ key: z.string(), value: z.string().nullable() })),
});

/** A range that cannot be read. */
const damageSchema = z.object({
  error: z.looseObject({
    partition: z.int(),
    offset: z.string(),
    nextOffset: z.string(),
    code: z.string(),
    message: z.string(),
  }),
});

/** What has become of a topic that is followed. */
const noticeSchema = z.object({ error: z.looseObject({ code: z.string(), message: z.string() }) });

export function run(options: Options, [topic = '']: readonly string[]): Promise<void> {
  return withTopics(options, (api) => consume(api, options, topic));
}

async function consume(api: ApiClient, options: Options, topic: string): Promise<void> {
  const isFollowing = options['follow'] === true;
  const timeMs = timeOption(options, 'time');
  // A time without a zone is somebody's local time, perhaps: what it was taken for is said.
  if (timeMs !== undefined) say(`records from ${timestampText(timeMs)} (UTC) on`);
  const limit = countOption(options, 'limit') ?? (isFollowing ? Infinity : consumeRecordsMax);
  const query = queryOf(options, timeMs, limit, isFollowing);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  let count = 0;
  try {
    for await (const line of api.lines(`/v1/topics/${encodeURIComponent(topic)}/records?${query}`, stop.signal)) {
      if (options['json'] === true) printJsonText(line);
      else printLine(readable(line));
      if (!isNotice(line)) count++;
    }
  } catch (error) {
    // Interrupted by the user: that is how a followed topic ends.
    if (stop.signal.aborted) return;
    throw error;
  }
  if (isFollowing && count < limit && !stop.signal.aborted)
    throw new ThroughlineError('SERVER_UNREACHABLE', `${api.name} has stopped after ${countText(count, 'record')}`);
  if (!isFollowing && count === consumeRecordsMax && limit === consumeRecordsMax)
    say(`the first ${count} records; --limit takes more, --offset and --time begin later`);
}

/** @throws ThroughlineError INVALID_ARGUMENT */
function queryOf(options: Options, timeMs: number | undefined, limit: number, isFollowing: boolean): string {
  const query = new URLSearchParams();
  const partition = countOption(options, 'partition');
  const offset = textOption(options, 'offset');
  if (timeMs !== undefined && offset !== undefined)
    throw new ThroughlineError('INVALID_ARGUMENT', '--time and --offset: give one of them');
  if (partition !== undefined) query.set('partition', String(partition));
  if (timeMs !== undefined) query.set('timeMs', String(timeMs));
  else query.set('offset', offset ?? 'earliest');
  if (isFollowing) query.set('follow', 'true');
  if (limit !== Infinity) query.set('limit', String(limit));
  return query.toString();
}

function isNotice(line: string): boolean {
  if (!line.startsWith('{"error"')) return false;
  const value: unknown = JSON.parse(line);
  return noticeSchema.safeParse(value).success && !damageSchema.safeParse(value).success;
}

function readable(line: string): string {
  const value: unknown = JSON.parse(line);
  const damage = damageSchema.safeParse(value);
  if (damage.success) {
    const { partition, offset, nextOffset, code, message } = damage.data.error;
    return `${partition}@${offset}  ${code}: ${message}; goes on at ${nextOffset}`;
  }
  const notice = noticeSchema.safeParse(value);
  if (notice.success) return `-  ${notice.data.error.code}: ${notice.data.error.message}`;
  const record = recordSchema.parse(value);
  const type = record.headers.find(({ key }) => key === 'tl-type');
  return [
    `${record.partition}@${record.offset}`,
    timestampText(record.timestampMs),
    textForm(record.key),
    // A record that carries no event has none.
    type === undefined ? '-' : textForm(type.value),
    textForm(record.value, { isLast: true }),
  ].join('  ');
}
