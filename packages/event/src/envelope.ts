// The envelope: how an event is written as a record (docs/PROTOCOL.md §2).
//
//   key      the stream path, for instance `conversations/01J…` (UTF-8); it decides the partition, hence the order
//   value    the payload, JSON
//   headers  tl-type     event type, for instance `chunk`
//            tl-id       ULID minted by whoever creates the event: its idempotency key
//            tl-stream   the stream path again, for readers that look at headers only
//            tl-run tl-attempt tl-seq     on run events; decimal text
//            tl-epoch    fencing epoch of the writer, decimal text, where there is one
//            tl-actor    who wrote it, for instance `gateway` or `supervisor/01J…`
//
// The numbers of a run stand in headers so that a reader can fence and skip without parsing a payload.
import { ThroughlineError } from './errors.ts';
import { isTooDeep, jsonDepthMax } from './json-depth.ts';
import {
  fromUtf8,
  utf8,
  type LogRecord,
  type ProducerRecord,
  type RecordHeader,
  type RecordPosition,
  type RecordTime,
} from './record.ts';
import { isUlid } from './ulid.ts';

export interface EventHeaders {
  /** Event type. */
  readonly type: string;
  /** ULID, the idempotency key. */
  readonly id: string;
  /** Stream path. */
  readonly stream: string;
  readonly run?: string;
  readonly attempt?: number;
  readonly seq?: number;
  readonly epoch?: number;
  readonly actor?: string;
}

/** An event whose payload nobody has looked into yet. */
export interface RawEvent extends EventHeaders {
  readonly payload: unknown;
}

/** An event that is on the log. */
export type Placed<Event> = Event & { readonly at: RecordPosition & RecordTime };

/** The record that carries `event`; its partition follows from the stream path. */
export function toRecord(event: RawEvent): ProducerRecord {
  const headers: RecordHeader[] = [
    header('tl-type', event.type),
    header('tl-id', event.id),
    header('tl-stream', event.stream),
  ];
  if (event.run !== undefined) headers.push(header('tl-run', event.run));
  if (event.attempt !== undefined) headers.push(header('tl-attempt', String(event.attempt)));
  if (event.seq !== undefined) headers.push(header('tl-seq', String(event.seq)));
  if (event.epoch !== undefined) headers.push(header('tl-epoch', String(event.epoch)));
  if (event.actor !== undefined) headers.push(header('tl-actor', event.actor));
  return { key: utf8(event.stream), value: utf8(JSON.stringify(event.payload)), headers };
}

/**
 * The event that `record` carries, its payload parsed but not validated.
 *
 * @throws ThroughlineError INVALID_EVENT when headers are missing or malformed, or the value is no JSON
 */
export function fromRecord(record: LogRecord): Placed<RawEvent> {
  const found = new Map<string, string>();
  for (const { key, value } of record.headers)
    if (value !== null && key.startsWith('tl-')) found.set(key, fromUtf8(value));
  const type = found.get('tl-type');
  const id = found.get('tl-id');
  const stream = found.get('tl-stream');
  if (type === undefined || stream === undefined)
    throw invalid(record, 'the headers tl-type and tl-stream are required');
  if (!isUlid(id)) throw invalid(record, 'the header tl-id is no ULID');
  if (record.key === null || fromUtf8(record.key) !== stream) throw invalid(record, 'the key is not the stream path');
  const run = found.get('tl-run');
  const attempt = integer(record, found, 'tl-attempt');
  const seq = integer(record, found, 'tl-seq');
  const epoch = integer(record, found, 'tl-epoch');
  const actor = found.get('tl-actor');
  return {
    type,
    id,
    stream,
    ...(run === undefined ? {} : { run }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(seq === undefined ? {} : { seq }),
    ...(epoch === undefined ? {} : { epoch }),
    ...(actor === undefined ? {} : { actor }),
    payload: parsePayload(record),
    at: placeOf(record),
  };
}

/** Where and when a record is. */
function placeOf({ topic, partition, offset, timestampMs, exactTimestampMs }: LogRecord): RecordPosition & RecordTime {
  return exactTimestampMs === undefined
    ? { topic, partition, offset, timestampMs }
    : { topic, partition, offset, timestampMs, exactTimestampMs };
}

function header(key: string, text: string): RecordHeader {
  return { key, value: utf8(text) };
}

function integer(record: LogRecord, found: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = found.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text)) throw invalid(record, `the header ${name} is no whole number`);
  return value;
}

function parsePayload(record: LogRecord): unknown {
  if (record.value === null) throw invalid(record, 'the value is null');
  const text = fromUtf8(record.value);
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch (cause) {
    throw invalid(record, 'the value is no JSON', cause);
  }
  if (isTooDeep(payload, text.length)) throw invalid(record, `the value is nested deeper than ${jsonDepthMax}`);
  return payload;
}

function invalid(record: LogRecord, problem: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('INVALID_EVENT', `${record.topic}-${record.partition}@${record.offset}: ${problem}`, {
    cause,
  });
}
