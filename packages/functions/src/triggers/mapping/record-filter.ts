// Filters of a mapping: a record is handed on when one of them matches what it holds, decoded. A value, a key or data that is JSON
// is looked into, else it is text. What matches none is passed, and its offset with it.
//
//   kafka     { topic, partition, offset, timestamp, key, value, headers: { name: text } }
//   stream    { partitionKey, approximateArrivalTimestamp, data }
//
// Source: AWS Lambda developer guide, "Control which events Lambda sends to your function".
import { fromUtf8, isTooDeep, type LogRecord } from '@throughline/event';
import { compilePattern } from '../event-pattern.ts';

export interface FilterConfig {
  readonly type: 'kafka' | 'stream';
  readonly filters: readonly unknown[];
}

export type RecordFilter = (record: LogRecord) => boolean;

/**
 * @param path where the filters stand, for messages
 * @returns undefined where every record is handed on
 * @throws ThroughlineError CONFIG_INVALID
 */
export function compileFilters({ type, filters }: FilterConfig, path = 'filters'): RecordFilter | undefined {
  if (filters.length === 0) return undefined;
  const patterns = filters.map((filter, index) => compilePattern(filter, `${path}[${index}]`));
  const shown = type === 'kafka' ? kafkaView : streamView;
  return (record) => {
    const view = shown(record);
    return patterns.some((matches) => matches(view));
  };
}

function kafkaView({ topic, partition, offset, timestampMs, key, value, headers }: LogRecord): object {
  const texts = Object.fromEntries(headers.map((header) => [header.key, decoded(header.value)]));
  return {
    topic,
    partition,
    offset: Number(offset),
    timestamp: timestampMs,
    key: decoded(key),
    value: decoded(value),
    headers: texts,
  };
}

function streamView({ timestampMs, key, value }: LogRecord): object {
  return {
    partitionKey: key === null ? '' : fromUtf8(key),
    approximateArrivalTimestamp: timestampMs / 1000,
    data: decoded(value),
  };
}

/** What is not there has no value; bytes that are no JSON are text. */
function decoded(bytes: Uint8Array | null): unknown {
  if (bytes === null) return undefined;
  const text = fromUtf8(bytes);
  try {
    const value = JSON.parse(text) as unknown;
    return isTooDeep(value, text.length) ? text : value;
  } catch {
    return text;
  }
}
