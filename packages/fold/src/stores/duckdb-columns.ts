// The column types that a table of a fold may have, and the one way from a JavaScript value into each. A value is checked
// where the reducer hands it in, so that a wrong one is blamed on its record, and never cast: DuckDB would turn "12" into
// 12 and 1.5 into 2 without a word. A value of the right type that the column cannot hold exactly is null, because records
// bring any number; one of another type is rejected.
//
//   type       takes                    null instead of
//   BOOLEAN    boolean
//   INTEGER    number                   fractions, NaN, the infinities, what has no place in 32 bits
//   BIGINT     number, bigint           the same, numbers beyond 2^53 and bigints beyond 64 bits
//   DOUBLE     number                   nothing: NaN, the infinities and -0 are kept
//   VARCHAR    string                   nothing: a lone surrogate becomes U+FFFD
//   TIMESTAMP  Date, number, bigint     an invalid Date, a number that is no time (-1, beyond a Date, NaN)
//   JSON       anything with a JSON     nothing: a lone surrogate becomes U+FFFD
import type { DuckDBAppender, DuckDBTimestampValue } from '@duckdb/node-api';
import { isTime, ThroughlineError } from '@throughline/event';

export type ColumnType = 'BOOLEAN' | 'INTEGER' | 'BIGINT' | 'DOUBLE' | 'VARCHAR' | 'TIMESTAMP' | 'JSON';

/** Column name to type, in the order of the table. */
export type Columns = Readonly<Record<string, ColumnType>>;

/** What a reducer may hand in. Numbers of a TIMESTAMP are milliseconds since 1970. */
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
 * @throws ThroughlineError INVALID_ARGUMENT when a value is of another type than its column, or a column is unknown
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

/** The cell of a value: null where the column cannot hold it as it is. @throws where it is of another type */
function toCell(table: string, name: string, type: ColumnType, value: unknown): Cell {
  switch (type) {
    case 'BOOLEAN':
      if (typeof value === 'boolean') return value;
      break;
    case 'INTEGER':
      if (typeof value === 'number') return value === (value | 0) ? value : null;
      break;
    case 'BIGINT':
      // A number beyond 2^53 is not the one that somebody wrote; a bigint is.
      if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null;
      if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? value : null;
      break;
    case 'DOUBLE':
      if (typeof value === 'number') return value;
      break;
    case 'VARCHAR':
      // Stored as UTF-8, which has no lone surrogates: as here, so that equal texts are equal keys.
      if (typeof value === 'string') return value.toWellFormed();
      break;
    case 'TIMESTAMP':
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : BigInt(value.getTime()) * 1000n;
      if (typeof value === 'bigint' || typeof value === 'number')
        return isTime(Number(value)) ? BigInt(Math.trunc(Number(value))) * 1000n : null;
      break;
    case 'JSON':
      return toJson(table, name, value);
  }
  throw new ThroughlineError('INVALID_ARGUMENT', `${table}.${name}: ${typeof value} is no ${type}`);
}

function toJson(table: string, name: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value) as string | undefined;
  } catch (cause) {
    // A bigint, a circle, or deeper than the stack.
    throw new ThroughlineError('INVALID_ARGUMENT', `${table}.${name}: ${String(cause)}`, { cause });
  }
  if (text === undefined)
    throw new ThroughlineError('INVALID_ARGUMENT', `${table}.${name}: ${typeof value} is no JSON`);
  // DuckDB stores the escape of a lone surrogate and rejects every query that then reads the column.
  return text.replaceAll(/\\(?:(ud[89a-f][0-9a-f]{2})|.)/g, (escape, lone) => (lone === undefined ? escape : '\ufffd'));
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
