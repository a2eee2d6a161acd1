// The event of a bus: what a record of topic `bus.<name>` says, in EventBridge's shape. A record is an event, or an entry of
// PutEvents (names with capitals, and the detail as text); what an event has and the record lacks is filled in.
// Source: Amazon EventBridge API reference, PutEventsRequestEntry; user guide, "Events".
import { fromUtf8, isTooDeep, type LogRecord } from '@throughline/event';
import { namedUuid } from '../named-uuid.ts';

export interface BusEvent {
  readonly version: string;
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly unknown[];
  readonly detail: unknown;
}

/** @returns undefined for a record that is no event: no JSON object, or one without source, detail-type and detail */
export function busEventOf(record: LogRecord): BusEvent | undefined {
  const entry = objectOf(record.value === null ? '' : fromUtf8(record.value));
  if (entry === undefined) return undefined;
  const source = entry['source'] ?? entry['Source'];
  const detailType = entry['detail-type'] ?? entry['DetailType'];
  const detail = entry['detail'] ?? (typeof entry['Detail'] === 'string' ? objectOf(entry['Detail']) : entry['Detail']);
  if (typeof source !== 'string' || typeof detailType !== 'string' || !isObject(detail)) return undefined;
  const text = (name: string, otherwise: string): string => {
    const value = entry[name];
    return typeof value === 'string' ? value : otherwise;
  };
  const resources = entry['resources'] ?? entry['Resources'];
  return {
    version: text('version', '0'),
    id: text('id', placeId(record)),
    'detail-type': detailType,
    source,
    account: text('account', '000000000000'),
    time: text('time', text('Time', timeOf(record.timestampMs))),
    region: text('region', 'us-east-1'),
    resources: Array.isArray(resources) ? resources : [],
    detail,
  };
}

/**
 * Names a record by its place, and by its time: a topic that is made again has other records in the same places.
 */
export function placeId(
  { topic, partition, offset, timestampMs }: Pick<LogRecord, 'topic' | 'partition' | 'offset' | 'timestampMs'>,
  whose = '',
): string {
  return namedUuid(`${topic}\n${partition}\n${offset}\n${timestampMs}\n${whose}`);
}

export function busTopic(bus: string): string {
  return `bus.${bus}`;
}

/** AWS's name of a bus; region and account are placeholders, as a function's are. */
export function busArn(bus: string): string {
  return `arn:aws:events:us-east-1:000000000000:event-bus/${bus}`;
}

/** A time that is none is 1970: whoever wrote it gave no other. */
function timeOf(timestampMs: number): string {
  const time = new Date(timestampMs);
  return `${(Number.isNaN(time.getTime()) ? new Date(0) : time).toISOString().slice(0, 19)}Z`;
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) && !isTooDeep(value, text.length) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
