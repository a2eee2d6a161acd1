// What a user writes: a table, the topic that it comes from, and how events become rows. The engine (pipeline.ts) makes it
// a fold into DuckDB and adds to each row where it came from:
//
//   source_topic, source_partition, source_offset   the record that the row was made at
//   source_index                                    0, 1, … among the rows of one record
//   source_time                                     the record's timestamp; null where that is no time
import { fromUtf8, isTime, ThroughlineError, type LogRecord } from '@throughline/event';
import {
  checkName,
  codeVersionOf,
  type Columns,
  type ColumnType,
  type DuckDbState,
  type DuckDbTable,
} from '@throughline/fold';
import type { TopicSource } from './topic.ts';

export interface TableOptions<Input, State, C extends Columns> {
  readonly from: TopicSource<Input>;
  /** Column names (lower case) and their DuckDB types, in order. */
  readonly columns: C;
  /** Columns that tell rows apart: a row replaces the one with the same key. Without it every row is added. */
  readonly key?: NoInfer<readonly (keyof C & string)[]>;
  /**
   * What the code of `rows` is, counted up by hand when it leans on code elsewhere. Where absent, a hash of its source.
   * Another version (or other columns, or another source) folds the table again from the first record.
   */
  readonly version?: string;
  /** A fresh state to carry from event to event of one key (of one conversation); a JSON value, stored with the rows. */
  readonly state?: () => State;
  /**
   * The rows of an event, if any; changes `state` in place. It must depend on nothing but its arguments, so that a replay
   * gives the same table. It throws INVALID_EVENT, before it changes anything, for an event to be skipped and counted. An
   * event with a row that does not fit the columns (a value of another type, an unknown column, no value for the key) is
   * skipped and counted as well: none of its rows is added, and the state keeps what it has seen of it.
   */
  readonly rows: (event: Input, state: State) => RowOf<C> | readonly RowOf<C>[] | undefined | void;
}

interface TypeOfColumn {
  BOOLEAN: boolean;
  INTEGER: number;
  /** A number beyond 2^53 is not exact and becomes null; hand in `at.exactTimestampMs ?? at.timestampMs` for a time. */
  BIGINT: number | bigint;
  DOUBLE: number;
  VARCHAR: string;
  /** A Date, or milliseconds since 1970; a number that is no time (-1, or beyond a Date) becomes null. */
  TIMESTAMP: Date | number | bigint;
  JSON: unknown;
}
/** A row of these columns; one that is left out is null. */
export type RowOf<C extends Columns> = { readonly [Name in keyof C]?: TypeOfColumn[C[Name]] | null | undefined };

/** A table as the engine takes it. */
export interface TableDefinition {
  readonly name: string;
  readonly topic: string;
  /** The columns as declared. */
  readonly columns: Columns;
  /** With the columns that say where a row came from. */
  readonly stored: DuckDbTable;
  readonly codeVersion: string;
  /** See `TopicSource.isKeyed`. */
  readonly isKeyed: boolean;
  readonly initial: () => unknown;
  readonly reduce: (state: DuckDbState<unknown>, record: LogRecord) => void;
}

export const sourceColumns = {
  source_topic: 'VARCHAR',
  source_partition: 'INTEGER',
  source_offset: 'BIGINT',
  source_index: 'INTEGER',
  source_time: 'TIMESTAMP',
} as const satisfies Columns;

/** Counted up when the engine stores something else for the same definition. */
const engineVersion = 3;
const columnTypes: readonly ColumnType[] = ['BOOLEAN', 'INTEGER', 'BIGINT', 'DOUBLE', 'VARCHAR', 'TIMESTAMP', 'JSON'];

/**
 * Declares a table that is kept from a topic: each record reaches it exactly once, whatever is killed in between.
 *
 * @throws ThroughlineError INVALID_ARGUMENT when a name, a type or the key is not as it may be
 * @example
 * export const feedback = table('feedback', {
 *   from: topic('conversations', { events: ['feedback-given'] }),
 *   columns: { message_id: 'VARCHAR', value: 'VARCHAR' },
 *   key: ['message_id'],
 *   rows: ({ payload }) => ({ message_id: payload.messageId, value: payload.value }),
 * });
 */
export function table<Input, const C extends Columns, State = undefined>(
  name: string,
  options: TableOptions<Input, State, C>,
): TableDefinition {
  const { from, columns, key, rows, state, version } = options;
  checkName('table', name);
  for (const [column, type] of Object.entries(columns)) {
    if (column.startsWith('source'))
      throw new ThroughlineError(
        'INVALID_ARGUMENT',
        `table ${name}: columns named source… are the engine's: ${column}`,
      );
    if (!columnTypes.includes(type))
      throw new ThroughlineError(
        'INVALID_ARGUMENT',
        `table ${name}: ${column} is ${type}, not one of ${columnTypes.join(', ')}`,
      );
  }
  const stored: DuckDbTable = {
    name,
    columns: { ...columns, ...sourceColumns },
    ...(key === undefined ? {} : { key }),
  };
  return {
    name,
    topic: from.topic,
    columns,
    stored,
    codeVersion: codeVersionOf(engineVersion, columns, key ?? null, from.topic, from.settings, version ?? rows),
    isKeyed: from.isKeyed,
    initial: () => state?.() ?? null,
    reduce: ({ carried, carry, insert }, record) => {
      const input = from.decode(record);
      if (input === undefined) return;
      const carriedKey = record.key === null ? '' : fromUtf8(record.key);
      const before = state === undefined ? null : carried(carriedKey);
      const made = rows(input, before as State);
      if (state !== undefined) carry(carriedKey, before);
      if (made === undefined) return;
      const source = sourceOf(record);
      const list = (Array.isArray(made) ? made : [made]) as readonly RowOf<C>[];
      try {
        insert(
          name,
          list.map((row, index) => ({ ...row, ...source, source_index: index })),
        );
      } catch (error) {
        // Rows are made from what a record brings: one that is odd must not keep all others from the table.
        if (!ThroughlineError.is(error, 'INVALID_ARGUMENT')) throw error;
        throw new ThroughlineError('INVALID_EVENT', error.message, { cause: error });
      }
    },
  };
}

function sourceOf({ topic, partition, offset, timestampMs }: LogRecord): Record<string, unknown> {
  const source_time = isTime(timestampMs) ? timestampMs : null;
  return { source_topic: topic, source_partition: partition, source_offset: offset, source_time };
}
