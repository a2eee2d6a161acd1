// The tables of one fold in a DuckDB file: rows on their way in, and the carried state of the keys at hand.
import type { DuckDBConnection } from '@duckdb/node-api';
import { fromUtf8, ThroughlineError, type LogRecord } from '@throughline/event';
import { defaults } from '../defaults.ts';
import {
  appendCell,
  checkName,
  toCells,
  type Cell,
  type Columns,
  type ColumnType,
  type Row,
} from './duckdb-columns.ts';
import type { DuckDbDatabase, DuckDbLibrary } from './duckdb-database.ts';

export interface DuckDbTable {
  readonly name: string;
  readonly columns: Columns;
  /** Columns that tell rows apart: a row replaces the one with the same key. Without a key every row is added. */
  readonly key?: readonly string[];
}

/** What a reducer works with. */
export interface DuckDbState<Carried> {
  /**
   * Adds a row, or several: all or none.
   *
   * @throws ThroughlineError INVALID_ARGUMENT when a value is of another type than its column, a column is unknown, or a key
   *   has no value
   */
  readonly insert: (table: string, rows: Row | readonly Row[]) => void;
  /** The state carried under the key of a record of this batch, or a fresh one. Change it, then `carry` it. */
  readonly carried: (key: string) => Carried;
  /** Keeps `value` under `key`; a JSON value. */
  readonly carry: (key: string, value: Carried) => void;
}

export interface DuckDbStoreOptions<Carried> {
  readonly database: DuckDbDatabase;
  readonly tables: readonly DuckDbTable[];
  /** A fresh carried state. */
  readonly initial: () => Carried;
  /** The key under which a record's state is carried: its record key as text where absent. */
  readonly carryKey?: (record: LogRecord) => string;
}

/** @throws ThroughlineError INVALID_ARGUMENT */
export function checkTable({ name, columns, key = [] }: DuckDbTable): void {
  checkName('table', name);
  const names = Object.keys(columns);
  for (const column of names) checkName(`column of ${name}`, column);
  if (names.length === 0) throw new ThroughlineError('INVALID_ARGUMENT', `table ${name}: it has no column`);
  for (const column of key)
    if (!names.includes(column))
      throw new ThroughlineError('INVALID_ARGUMENT', `table ${name}: its key names no column: ${column}`);
}

/** For each column of the stored table, in its order: the type, and where among the cells of a row its value is. */
type Layout = readonly (readonly [ColumnType, number])[];

interface Pending {
  readonly name: string;
  readonly stored: string;
  readonly columns: readonly (readonly [string, ColumnType])[];
  readonly keyIndexes: readonly number[];
  readonly key: readonly string[];
  readonly rows: Cell[][];
  /** Where the cells of a row go; undefined before the file was asked. */
  layout: Layout | undefined;
  /** The temporary table for rows with a key is there. */
  isStaged: boolean;
}

/** The tables of one fold, or of its replay (`suffix`): rows on their way in, and a cache of the carried state. */
export class TableSet<Carried> {
  readonly state: DuckDbState<Carried>;
  readonly #options: DuckDbStoreOptions<Carried>;
  readonly #pending: ReadonlyMap<string, Pending>;
  readonly #carriedTable: string;
  readonly #carriedName: string;
  readonly #carried = new Map<string, Carried>();
  readonly #changed = new Set<string>();

  constructor(options: DuckDbStoreOptions<Carried>, foldName: string, suffix: string) {
    this.#options = options;
    this.#carriedName = `_throughline_carried_${foldName}`;
    this.#carriedTable = this.#carriedName + suffix;
    this.#pending = new Map(
      options.tables.map(({ name, columns, key = [] }) => {
        const names = Object.keys(columns);
        const keyIndexes = key.map((column) => names.indexOf(column));
        return [
          name,
          {
            name,
            stored: name + suffix,
            columns: Object.entries(columns),
            key,
            keyIndexes,
            rows: [],
            layout: undefined,
            isStaged: false,
          },
        ];
      }),
    );
    this.state = {
      insert: (table, rows) => {
        const pending = this.#pending.get(table);
        if (pending === undefined) throw new ThroughlineError('UNKNOWN_TABLE', `the fold has no table ${table}`);
        const checked = ((Array.isArray(rows) ? rows : [rows]) as readonly Row[]).map((row) => {
          const cells = toCells(table, pending.columns, row);
          if (pending.keyIndexes.some((index) => cells[index] === null))
            throw new ThroughlineError('INVALID_ARGUMENT', `${table}: a row has no value for its key`);
          return cells;
        });
        for (const cells of checked) pending.rows.push(cells);
      },
      carried: (key) => {
        const found = this.#carried.get(key);
        if (found !== undefined) return found;
        const fresh = options.initial();
        this.#carried.set(key, fresh);
        return fresh;
      },
      carry: (key, value) => {
        this.#carried.set(key, value);
        this.#changed.add(key);
      },
    };
  }

  async create(connection: DuckDBConnection): Promise<void> {
    for (const { name, columns, key } of this.#options.tables) {
      const list = Object.entries(columns).map(([column, type]) => `"${column}" ${type}`);
      if (key !== undefined) list.push(`primary key (${key.map((column) => `"${column}"`).join(', ')})`);
      await connection.run(`create table "${this.#pending.get(name)!.stored}" (${list.join(', ')})`);
    }
    await connection.run(`create table "${this.#carriedTable}" (key varchar primary key, value varchar not null)`);
  }

  async drop(connection: DuckDBConnection): Promise<void> {
    for (const { stored } of this.#pending.values()) await connection.run(`drop table if exists "${stored}"`);
    await connection.run(`drop table if exists "${this.#carriedTable}"`);
  }

  /** Renames the tables of a replay to those of the fold, which are dropped by then. */
  async takePlace(connection: DuckDBConnection): Promise<void> {
    for (const { name, stored } of this.#pending.values())
      await connection.run(`alter table "${stored}" rename to "${name}"`);
    await connection.run(`alter table "${this.#carriedTable}" rename to "${this.#carriedName}"`);
  }

  /** Brings the carried state of the records' keys into memory. */
  async fetch(records: readonly LogRecord[]): Promise<void> {
    const { database, carryKey = keyOf } = this.#options;
    const missing = new Set<string>();
    for (const record of records) {
      const key = carryKey(record);
      if (!this.#carried.has(key)) missing.add(key);
    }
    if (missing.size === 0) return;
    await database.write(async (connection, { listValue, LIST, VARCHAR }) => {
      const found = await connection.runAndReadAll(
        `select key, value from "${this.#carriedTable}" where key in (select unnest($1))`,
        [listValue([...missing])],
        [LIST(VARCHAR)],
      );
      for (const [key, value] of found.getRowsJS() as [string, string][])
        this.#carried.set(key, JSON.parse(value) as Carried);
    });
  }

  /** Writes the rows and the carried state that the reducer left, inside the transaction. */
  async flush(connection: DuckDBConnection, library: DuckDbLibrary): Promise<void> {
    for (const pending of this.#pending.values()) {
      if (pending.rows.length === 0) continue;
      pending.layout ??= await layoutOf(connection, pending);
      await (pending.keyIndexes.length === 0
        ? append(connection, library, pending.stored, pending.layout, pending.rows)
        : upsert(connection, library, pending, pending.layout));
      pending.rows.length = 0;
    }
    if (this.#changed.size === 0) return;
    const { listValue, LIST, VARCHAR } = library;
    const keys = [...this.#changed];
    const values = keys.map((key) => jsonOf(key, this.#carried.get(key)));
    await connection.run(
      `insert or replace into "${this.#carriedTable}" (key, value) select unnest($1), unnest($2)`,
      [listValue(keys), listValue(values)],
      [LIST(VARCHAR), LIST(VARCHAR)],
    );
  }

  /** After the commit: what is in memory is what is stored. */
  kept(): void {
    this.#changed.clear();
    if (this.#carried.size > defaults.duckDbCarriedInMemoryMax) this.#carried.clear();
  }

  /** After a failure or a swap: nothing in memory counts. */
  forget(): void {
    this.#changed.clear();
    this.#carried.clear();
    for (const pending of this.#pending.values()) {
      pending.rows.length = 0;
      pending.layout = undefined;
      pending.isStaged = false;
    }
  }
}

/**
 * How the cells of a row, which are in the order of the declaration, go into the stored table: an appender knows columns by
 * their place only, and a declaration may have been written down in another order since.
 *
 * @throws ThroughlineError FOLD_CODE_CHANGED when the stored table has other columns or another key
 */
async function layoutOf(connection: DuckDBConnection, { name, stored, columns, key }: Pending): Promise<Layout> {
  const found = await connection.runAndReadAll(storedColumns, { name: stored });
  const types = new Map(columns.map(([column, type], index) => [column, [type, index] as const]));
  const rows = found.getRowsJS() as [string, string, boolean][];
  const layout = rows.flatMap(([column, type, isKey]) => {
    const declared = types.get(column);
    return declared?.[0] === type && key.includes(column) === isKey ? [declared] : [];
  });
  if (layout.length !== rows.length || layout.length !== columns.length)
    throw new ThroughlineError(
      'FOLD_CODE_CHANGED',
      `table ${name} has other columns, or another key, than its definition: another code version folds it again`,
      { details: { table: name, stored: rows.map(([column, type]) => `${column} ${type}`) } },
    );
  return layout;
}

const storedColumns = `select column_name, data_type, list_contains(coalesce(
    (select any_value(constraint_column_names) from duckdb_constraints() as c
      where c.table_oid = t.table_oid and c.database_oid = t.database_oid and constraint_type = 'PRIMARY KEY'), []), column_name)
  from duckdb_columns() as t
  where database_name = current_database() and schema_name = 'main' and table_name = $name order by column_index`;

async function append(
  connection: DuckDBConnection,
  { DuckDBTimestampValue }: DuckDbLibrary,
  table: string,
  layout: Layout,
  rows: readonly Cell[][],
): Promise<void> {
  const timestamp = (microseconds: bigint): InstanceType<typeof DuckDBTimestampValue> =>
    new DuckDBTimestampValue(microseconds);
  const appender = await connection.createAppender(table);
  try {
    for (const row of rows) {
      for (const [type, index] of layout) appendCell(appender, type, row[index] ?? null, timestamp);
      appender.endRow();
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
}

/** Rows with a key: the newest of each key, by way of a temporary table, in the place of what is there. */
async function upsert(
  connection: DuckDBConnection,
  library: DuckDbLibrary,
  pending: Pending,
  layout: Layout,
): Promise<void> {
  const { stored, keyIndexes, rows } = pending;
  const newest = new Map<string, Cell[]>();
  for (const row of rows) {
    newest.set(JSON.stringify(keyIndexes.map((index) => String(row[index]))), row);
  }
  const staging = `${stored}__staging`;
  if (!pending.isStaged)
    await connection.run(`create or replace temporary table "${staging}" as from "${stored}" limit 0`);
  pending.isStaged = true;
  await append(connection, library, staging, layout, [...newest.values()]);
  await connection.run(`insert or replace into "${stored}" by name from temp."${staging}"`);
  await connection.run(`delete from temp."${staging}"`);
}

/** @throws ThroughlineError INVALID_ARGUMENT */
function jsonOf(key: string, carried: unknown): string {
  try {
    return JSON.stringify(carried);
  } catch (cause) {
    const message = `what is carried under key ${JSON.stringify(key)} is no JSON: ${String(cause)}`;
    throw new ThroughlineError('INVALID_ARGUMENT', message, { cause });
  }
}

function keyOf(record: LogRecord): string {
  return record.key === null ? '' : fromUtf8(record.key);
}
