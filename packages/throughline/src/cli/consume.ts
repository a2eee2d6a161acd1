// `throughline consume TOPIC`: one record per line. With --json each line is the record as JSON, so that it can be piped.
import * as z from 'zod';
import { consumeRecordsMax } from '../defaults.ts';
import { connect } from './api-client.ts';
import { countOption, textOption, timeOption } from './options.ts';

const recordSchema = z.looseObject({
  partition: z.int(),
  offset: z.string(),
  timestampMs: z.number(),
  key: z.string().nullable(),
  value: z.string().nullable(),
  headers: z.array(z.object({ key: z.string(), value: z.string().nullable() })),
});

export async function run(options: Record<string, unknown>, [topic = '']: string[]): Promise<void> {
  const api = connect(textOption(options, 'dataDir'));
  const query = new URLSearchParams();
  const partition = countOption(options, 'partition');
  const timeMs = timeOption(options, 'time');
  const limit = countOption(options, 'limit');
  if (partition !== undefined) query.set('partition', String(partition));
  if (timeMs !== undefined) query.set('timeMs', String(timeMs));
  else query.set('offset', textOption(options, 'offset') ?? 'earliest');
  if (options['follow'] === true) query.set('follow', 'true');
  if (limit !== undefined || options['follow'] !== true) query.set('limit', String(limit ?? consumeRecordsMax));

  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  try {
    for await (const line of api.lines(
      `/v1/topics/${encodeURIComponent(topic)}/records?${query.toString()}`,
      stop.signal,
    )) {
      if (line.trim() !== '') process.stdout.write(`${options['json'] === true ? line : readable(line)}\n`);
    }
  } catch (error) {
    // Interrupted by the user: that is how a followed topic ends.
    if (!stop.signal.aborted) throw error;
  }
}

function readable(line: string): string {
  const record = recordSchema.parse(JSON.parse(line));
  const type = record.headers.find(({ key }) => key === 'tl-type')?.value ?? '';
  const time = new Date(record.timestampMs).toISOString();
  return [`${record.partition}@${record.offset}`, time, record.key ?? '-', type, record.value ?? 'null']
    .filter(Boolean)
    .join('  ');
}
