// Records of any topic over HTTP, for the command line and for curl: read as JSON lines, written one or many at a time.
//
//   GET  /v1/topics/:topic/records?partition=&offset=earliest|latest|N|&timeMs=&limit=&follow=true|&waitMs=
//        `follow` goes on for ever; `waitMs` (a long-poll read) waits that long for the first records and ends with them;
//        one line per record: {"partition","offset","timestampMs","key","value","headers":[{"key","value"}]}
//        and one for each range that cannot be read: {"error":{"code","message","topic","partition","offset","nextOffset",…}}
//        and, while it follows, for what becomes of the topic (without offsets): UNKNOWN_TOPIC when it is deleted,
//        FOLD_LOG_CHANGED before the first record of one that was made again, FOLD_BEHIND_LOG when records are gone unseen
//   POST /v1/topics/:topic/records  {"records":[{"key"?,"value","headers"?,"partition"?}]} → {"acks":[{"partition","offset","timestampMs"}]}
//
// Keys and values are shown as UTF-8 text; bytes that are none become U+FFFD. A timestamp that a JSON number would not hold
// exactly is text.
import {
  array,
  fromUtf8,
  nullable,
  number,
  object,
  optional,
  string,
  ThroughlineError,
  timestampJson,
  utf8,
  type Clock,
  type LogRecord,
  type OutputOf,
  type ProducerRecord,
} from '@throughline/event';
import { readOn, type Damage, type TopicDescription } from '@throughline/log';
import * as defaults from '../defaults.ts';
import { jsonResponse } from '../http/error-response.ts';
import { checkParameters, countParameter, flagParameter, timeParameter } from '../http/query.ts';
import { readJson } from '../http/request-body.ts';
import type { NodeBindings } from '../http/sse.ts';
import { follow, type Line } from './follow.ts';
import type { LogApiContext } from './log-api-context.ts';

const recordSchema = object({
  key: optional(nullable(string())),
  // A tombstone is asked for by name: a record whose value was forgotten, or spelled wrong, is none.
  value: nullable(string()),
  headers: optional(array(object({ key: string({ lengthMax: 256 }), value: nullable(string()) }))),
  partition: optional(number({ min: 0, integer: true })),
});
const produceSchema = object({ records: array(recordSchema, { lengthMin: 1 }) });

/**
 * Appends records to a topic.
 *
 * @throws ThroughlineError UNKNOWN_TOPIC, RECORD_TOO_LARGE, OUT_OF_DISK, PARTITION_OFFLINE, INVALID_ARGUMENT
 */
export async function produceRecords(context: LogApiContext, topic: string, request: Request): Promise<Response> {
  const { records } = await readJson(request, produceSchema, context.bodyBytesMax);
  return jsonResponse({ acks: await context.log.append(topic, records.map(toProducerRecord)) }, 201);
}

/**
 * Reads or follows a topic.
 *
 * @throws ThroughlineError UNKNOWN_TOPIC, OFFSET_OUT_OF_RANGE, INVALID_ARGUMENT
 */
export async function consumeRecords(
  context: LogApiContext,
  topic: string,
  request: Request,
  env: NodeBindings | undefined,
): Promise<Response> {
  const { log } = context;
  const url = new URL(request.url);
  checkParameters(url, ['partition', 'offset', 'timeMs', 'limit', 'follow', 'waitMs']);
  const description = await log.admin.describeTopic(topic);
  const partitions = partitionsOf(url, description);
  const starts = await startsOf(context, url, description, partitions);
  const isFollowing = flagParameter(url, 'follow');
  const limit = countParameter(url, 'limit', {
    default: isFollowing ? Number.MAX_SAFE_INTEGER : defaults.recordsLimit,
    max: 1_000_000,
  });
  const waitMs = waitOf(url, context.longPollMs);
  if (request.method === 'HEAD') return new Response(null, { headers: lineHeaders });
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, context.closing]);
  const { clock, logger } = context;
  const followed = (): AsyncGenerator<readonly Line[]> =>
    follow({ log, description, partitions, starts, signal, clock, logger });
  let pages: AsyncGenerator<readonly Line[]>;
  if (isFollowing) pages = followed();
  else if (waitMs !== undefined) pages = first(followed(), context.clock, waitMs, stop);
  else pages = readOnce(context, description, partitions, starts);
  const cut = (error: unknown): void => {
    context.logger.error({ topic, reason: String(error) }, 'records could not be read on');
    env?.outgoing?.destroy();
  };
  return new Response(lines(pages, limit, stop, cut), { headers: lineHeaders });
}

const lineHeaders = {
  'content-type': 'application/jsonl; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
};

/** The pages as a body: the next one is read when the reader has taken the last. A body that cannot go on is cut. */
function lines(
  pages: AsyncGenerator<readonly Line[]>,
  limit: number,
  stop: AbortController,
  cut: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  let left = limit;
  let isCancelled = false;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = left > 0 ? await pages.next() : { done: true, value: undefined };
        // A reader that has left has closed the body, and takes nothing more.
        if (isCancelled) return;
        if (done === true || value === undefined) {
          stop.abort();
          controller.close();
          return;
        }
        const taken = value.slice(0, left);
        left -= taken.filter((line) => !('notice' in line)).length;
        controller.enqueue(utf8(taken.map((record) => `${JSON.stringify(lineJson(record))}\n`).join('')));
      } catch (error) {
        cut(error);
        controller.error(error);
      }
    },
    async cancel() {
      isCancelled = true;
      stop.abort();
      await pages.return(undefined);
    },
  });
}

/** The first page of `pages`, or nothing when it does not come in time. */
async function* first(
  pages: AsyncGenerator<readonly Line[]>,
  clock: Clock,
  waitMs: number,
  stop: AbortController,
): AsyncGenerator<readonly Line[]> {
  const timer = clock.after(waitMs, () => stop.abort());
  try {
    const { done, value } = await pages.next();
    if (done !== true) yield value;
  } finally {
    timer.cancel();
    await pages.return(undefined);
  }
}

/** Everything up to where each partition ended when the request came, partition by partition. */
async function* readOnce(
  { log }: LogApiContext,
  { topic, partitions: described }: TopicDescription,
  partitions: readonly number[],
  starts: readonly bigint[],
): AsyncGenerator<readonly Line[]> {
  for (const partition of partitions) {
    const end = described[partition]?.highWatermark ?? 0n;
    let offset = starts[partition] ?? 0n;
    while (offset < end) {
      const damages: Damage[] = [];
      const request = { topic, partition, offset, bytesMax: defaults.readBytes };
      const { records, nextOffset } = await readOn(log, request, (damage) => damages.push(damage));
      if (nextOffset <= offset) break;
      if (damages.length > 0) yield damages;
      if (records.length > 0) yield records.filter((record) => record.offset < end);
      offset = nextOffset;
    }
  }
}

function waitOf(url: URL, waitMsMax: number): number | undefined {
  const text = url.searchParams.get('waitMs');
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new ThroughlineError('INVALID_ARGUMENT', 'waitMs: expected milliseconds');
  return Math.min(Number(text), waitMsMax);
}

function partitionsOf(url: URL, { topic, partitions }: TopicDescription): number[] {
  const text = url.searchParams.get('partition');
  if (text === null) return partitions.map(({ partition }) => partition);
  if (!/^\d{1,6}$/.test(text)) throw new ThroughlineError('INVALID_ARGUMENT', 'partition: expected a whole number');
  if (partitions[Number(text)] === undefined) throw new ThroughlineError('UNKNOWN_TOPIC', `${topic}-${text}`);
  return [Number(text)];
}

/** Index = partition: where to start. */
async function startsOf(
  { log }: LogApiContext,
  url: URL,
  { topic, partitions: described }: TopicDescription,
  partitions: readonly number[],
): Promise<bigint[]> {
  const starts = described.map(({ logStartOffset }) => logStartOffset);
  const timeMs = timeParameter(url, 'timeMs');
  const offsetText = url.searchParams.get('offset') ?? 'earliest';
  if (timeMs !== undefined && url.searchParams.has('offset'))
    throw new ThroughlineError('INVALID_ARGUMENT', 'timeMs and offset: give one of them');
  for (const partition of partitions) {
    const { logStartOffset, highWatermark } = described[partition]!;
    if (timeMs !== undefined) starts[partition] = await log.admin.offsetForTime(topic, partition, timeMs);
    else if (offsetText === 'latest') starts[partition] = highWatermark;
    else if (offsetText !== 'earliest') {
      starts[partition] = numericStart(offsetText, partitions, logStartOffset, highWatermark);
    }
  }
  return starts;
}

function numericStart(text: string, partitions: readonly number[], first: bigint, end: bigint): bigint {
  if (!/^\d{1,19}$/.test(text))
    throw new ThroughlineError('INVALID_ARGUMENT', 'offset: expected earliest, latest or a number');
  if (partitions.length > 1) {
    throw new ThroughlineError('INVALID_ARGUMENT', 'offset: a number is of one partition; name the partition as well');
  }
  const offset = BigInt(text);
  if (offset >= first && offset <= end) return offset;
  throw new ThroughlineError('OFFSET_OUT_OF_RANGE', `offset ${text} is not between ${first} and ${end}`, {
    details: { logStartOffset: String(first), highWatermark: String(end) },
  });
}

function toProducerRecord(record: OutputOf<typeof recordSchema>): ProducerRecord {
  const { key, value, headers, partition } = record;
  return {
    key: bytesOf(key),
    value: bytesOf(value),
    headers: (headers ?? []).map((header) => ({ key: wellFormed(header.key), value: bytesOf(header.value) })),
    ...(partition === undefined ? {} : { partition }),
  };
}

function lineJson(line: Line): unknown {
  if ('notice' in line) return { error: line.notice.toJSON() };
  if (!('error' in line)) return recordJson(line);
  const { topic, partition, offset, nextOffset, error } = line;
  return { error: { ...error.toJSON(), topic, partition, offset: String(offset), nextOffset: String(nextOffset) } };
}

function recordJson(record: LogRecord): unknown {
  const { partition, offset, key, value, headers } = record;
  return {
    partition,
    offset: String(offset),
    timestampMs: timestampJson(record),
    key: textOf(key),
    value: textOf(value),
    headers: headers.map((header) => ({ key: header.key, value: textOf(header.value) })),
  };
}

function bytesOf(text: string | null | undefined): Uint8Array | null {
  return text === null || text === undefined ? null : utf8(wellFormed(text));
}

/** Half a surrogate pair would become U+FFFD, and something else be on the log than was sent. */
function wellFormed(text: string): string {
  if (text.isWellFormed()) return text;
  throw new ThroughlineError('INVALID_ARGUMENT', 'records: a text has half of a surrogate pair, which is no UTF-8');
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : fromUtf8(bytes);
}
