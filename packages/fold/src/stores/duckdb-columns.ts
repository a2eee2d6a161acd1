// The column types that a table of a fold may have, and the one way from a JavaScript value into each. A value is checked
// where the reducer hands it in, so that a wrong one is blamed on its record, and never cast: DuckDB would turn "12" into
// 12 and 1.5 into 2 without a word.
import type { DuckDBAppender, DuckDBTimestampValue } from '@duckdb/node-api';
import { isTime, ThroughlineError } from '@throughline/event';

export type ColumnType = 'BOOLEAN' | 'INTEGER' | 'BIGINT' | 'DOUBLE' | 'VARCHAR' | 'TIMESTAMP' | 'JSON';

/** Column name to type, in the order of the table. */
export type Columns = Readonly<Record<string, ColumnType>>;

/** What a reducer may hand in: a TIMESTAMP is a Date or milliseconds since 1970, JSON is anything that can be JSON. */
export type ColumnValue = unknown;

/** A row as a reducer hands it in; a column that is missing is null. */
export type Row = Readonly<Record<string, ColumnValue>>;

/** A checked value, ready for the appender of its column. */
export type Cell = boolean | number | bigint | string | null;

const namePattern = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * Rejects a name that would have to be quoted, or that is one of ours.
 *
 * @throws ThroughlineError INVALID_ARGUMENT
 */
export function checkName(what: string, name: string): void {
  if (!namePattern.test(name) || name.includes('__'))
    throw new ThroughlineError(
      'INVALID_ARGUMENT',
      `${what} ${JSON.stringify(name)}: expected lower-case letters, digits and single underscores, a letter first, at most 63`,
    );
}

/**
 * The cells of `row` in the order of `columns`.
 *
 * @throws ThroughlineError INVALID_ARGUMENT when a value does not fit its column, or a column is unknown
 */
export function toCells(table: string, columns: readonly (readonly [string, ColumnType])[], row: Row): Cell[] {
  let found = 0;
  const cells = columns.map(([name, type]) => {
    const value = row[name];
    if (Object.hasOwn(row, name)) found++;
    return value === undefined || value === null ? null : toCell(table, name, type, value);
  });
  if (found < Object.keys(row).length) {
    const unknown = Object.keys(row).find((name) => columns.every(([column]) => column !== name));
    throw new ThroughlineError('INVALID_ARGUMENT', `${table}: no column ${JSON.stringify(unknown)}`);
  }
  return cells;
}

function toCell(table: string, name: string, type: ColumnType, value: unknown): Cell {
  switch (type) {
    case 'BOOLEAN':
      if (typeof value === 'boolean') return value;
      break;
    case 'INTEGER':
      if (typeof value === 'number' && value === (value | 0)) return value;
      break;
    case 'BIGINT':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
      if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return value;
      break;
    case 'DOUBLE':
      if (typeof value === 'number') return value;
      break;
    case 'VARCHAR':
      if (typeof value === 'string') return value;
      break;
    case 'TIMESTAMP': {
      if (value instanceof Date && !Number.isNaN(value.getTime())) return BigInt(value.getTime()) * 1000n;
      // A producer may give a record any number for its time: one that is none must not stop the table.
      if (typeof value === 'number' && Number.isFinite(value))
        return isTime(value) ? BigInt(Math.trunc(value)) * 1000n : null;
      break;
    }
    case 'JSON': {
      const text = JSON.stringify(value) as string | undefined;
      if (text !== undefined) return text;
      break;
    }
  }
  throw new ThroughlineError('INVALID_ARGUMENT', `${table}.${name}: ${typeof value} is no ${type}`);
}

/** Appends one cell; `timestamp` makes DuckDB's own value of microseconds. */
export function appendCell(
  appender: DuckDBAppender,
  type: ColumnType,
  cell: Cell,
  timestamp: (microseconds: bigint) => DuckDBTimestampValue,
): void {
  if (cell === null) appender.appendNull();
  else if (type === 'BOOLEAN') appender.appendBoolean(cell as boolean);
  else if (type === 'INTEGER') appender.appendInteger(cell as number);
  else if (type === 'BIGINT') appender.appendBigInt(cell as bigint);
  else if (type === 'DOUBLE') appender.appendDouble(cell as number);
  else if (type === 'TIMESTAMP') appender.appendTimestamp(timestamp(cell as bigint));
  else appender.appendVarchar(cell as string);
}
