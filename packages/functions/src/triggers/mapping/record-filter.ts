// Filters of a mapping: a record is handed on when one of them matches what it holds, decoded. A value, a key or data that is JSON
// is looked into, else it is text. What matches none is passed, and its offset with it.
// Source: AWS Lambda developer guide, "Control which events Lambda sends to your function".
import { ThroughlineError, type LogRecord } from '@throughline/event';

export interface FilterConfig {
  readonly type: 'kafka' | 'stream';
  readonly filters: readonly unknown[];
}

export type RecordFilter = (record: LogRecord) => boolean;

/**
 * @returns undefined where every record is handed on
 * @throws ThroughlineError CONFIG_INVALID
 */
export function compileFilters({ filters }: FilterConfig): RecordFilter | undefined {
  if (filters.length === 0) return undefined;
  throw new ThroughlineError('NOT_BUILT_YET', 'filters come in a later version');
}
