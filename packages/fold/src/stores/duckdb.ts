// A fold's state as tables of a DuckDB file: rows go in by the appender, and rows, carried state and checkpoint commit in
// one transaction. Several folds may share a file; each has its own tables and its own row of `_throughline_checkpoints`.
//
// Beside its rows a fold carries state from record to record, one small JSON value per key (the stream path, say). Only
// what the records of a batch ask for is fetched, before the batch is reduced; only what changed is written, with the
// rows. So a state may be far larger than memory, and a reducer stays synchronous.
//
// A replay folds into tables `<name>__replay`, which take the place of the present ones in one transaction. A kill in the
// middle leaves them behind; the next replay begins by dropping them.
import type { DuckDBConnection } from '@duckdb/node-api';
import { fromUtf8, ThroughlineError, type LogRecord } from '@throughline/event';
import { defaults } from '../defaults.ts';
import {
  assertForward,
  checkpointFromRow,
  checkpointToRow,
  fenced,
  type Checkpoint,
  type CheckpointRow,
  type FoldStore,
} from '../store.ts';
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
  /** Adds a row to `table`. @throws ThroughlineError INVALID_ARGUMENT when a value does not fit */
  readonly insert: (table: string, row: Row) => void;
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

/**
 * Makes a store that keeps rows in tables of a DuckDB file.
 *
 * @throws ThroughlineError INVALID_ARGUMENT when a table, a column or a key is not as it may be
 * @example
 * const words = { name: 'words', columns: { word: 'VARCHAR', said: 'BIGINT' }, key: ['word'] } as const;
 * duckdbStore({ database: new DuckDbDatabase({ path: 'tables.duckdb' }), tables: [words], initial: () => ({ said: 0 }) })
 */
export function duckdbStore<Carried>(options: DuckDbStoreOptions<Carried>): FoldStore<DuckDbState<Carried>> {
  const { database } = options;
  for (const table of options.tables) checkTable(table);
  let foldName = '';
  let isFresh = false;
  let tables: TableSet<Carried> | undefined;

  const opened = (): TableSet<Carried> => {
    if (tables === undefined) throw new ThroughlineError('CLOSED', `the store ${database.path} is not open`);
    return tables;
  };

  return {
    async open(name) {
      checkName('fold', name);
      foldName = name;
      tables = new TableSet(options, name, '');
      const row = await database.write(async (connection) => {
        await connection.run(createFormat);
        const format = await connection.runAndReadAll('select version from _throughline_format');
        const version = Number(format.getRowsJS()[0]?.[0]);
        if (version !== formatVersion)
          throw new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${database.path} has format ${version}`, {
            details: { path: database.path, version, supportedVersion: formatVersion },
          });
        await connection.run(createCheckpoints);
        const found = await connection.runAndReadAll(readCheckpoint, [name]);
        return found.getRowObjectsJS()[0];
      });
      isFresh = row === undefined;
      return row === undefined ? undefined : checkpointFromRow(row as unknown as CheckpointRow);
    },
    async prepare(records) {
      await opened().fetch(records);
    },
    async transaction(expected, work) {
      const set = opened();
      try {
        await database.write(async (connection, library) => {
          if (isFresh) await set.create(connection);
          const { next } = work(set.state);
          assertForward(expected, next);
          await set.flush(connection, library);
          await writeCheckpoint(connection, expected, next);
        });
        isFresh = false;
        set.kept();
      } catch (error) {
        // What the reducer changed in memory is not what is stored: fetch it anew.
        set.forget();
        throw error;
      }
    },
    async rebuild() {
      const fresh = new TableSet(options, foldName, '__replay');
      await database.write(async (connection) => {
        await fresh.drop(connection);
        await fresh.create(connection);
      });
      return {
        prepare: (records) => fresh.fetch(records),
        async apply(work) {
          await database.write(async (connection, library) => {
            work(fresh.state);
            await fresh.flush(connection, library);
          });
          fresh.kept();
        },
        async swap(expected, next) {
          await database.write(async (connection) => {
            await opened().drop(connection);
            await fresh.takePlace(connection);
            await writeCheckpoint(connection, expected, next);
          });
          opened().forget();
        },
        discard: () => database.write((connection) => fresh.drop(connection)),
      };
    },
    // The database may be shared; whoever made it closes it.
    async close() {
      tables = undefined;
    },
  };
}

/** The version of our own tables in the file. */
const formatVersion = 1;
const createFormat = `create table if not exists _throughline_format as select ${formatVersion} as version`;
const createCheckpoints = `create table if not exists _throughline_checkpoints (name varchar primary key, topic varchar not null,
  topic_id varchar not null, code_version varchar not null, fencing_epoch integer not null, offsets varchar not null,
  marks varchar not null, skipped_records double not null)`;
const readCheckpoint = `select name, topic, topic_id, code_version, fencing_epoch, offsets, marks, skipped_records
  from _throughline_checkpoints where name = $1`;

/** The compare-and-swap: an update that finds the expected checkpoint, or nothing. */
async function writeCheckpoint(
  connection: DuckDBConnection,
  expected: Checkpoint | undefined,
  next: Checkpoint,
): Promise<void> {
  const row = Object.values(checkpointToRow(next)) as (string | number)[];
  if (expected === undefined) {
    const found = await connection.runAndReadAll(readCheckpoint, [next.name]);
    if (found.currentRowCount > 0) throw fenced(next.name, expected);
    await connection.run('insert into _throughline_checkpoints values ($1, $2, $3, $4, $5, $6, $7, $8)', row);
    return;
  }
  const was = checkpointToRow(expected);
  const result = await connection.run(
    `update _throughline_checkpoints set topic = $2, topic_id = $3, code_version = $4, fencing_epoch = $5, offsets = $6,
       marks = $7, skipped_records = $8
     where name = $1 and topic_id = $9 and code_version = $10 and fencing_epoch = $11 and offsets = $12`,
    [...row, was.topic_id, was.code_version, was.fencing_epoch, was.offsets],
  );
  if (result.rowsChanged !== 1) throw fenced(next.name, expected);
}

interface Pending {
  readonly name: string;
  readonly stored: string;
  readonly columns: readonly (readonly [string, ColumnType])[];
  readonly keyIndexes: readonly number[];
  readonly rows: Cell[][];
  /** The temporary table for rows with a key is there. */
  isStaged: boolean;
}

/** The tables of one fold, or of its replay (`suffix`): rows on their way in, and a cache of the carried state. */
class TableSet<Carried> {
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
          { name, stored: name + suffix, columns: Object.entries(columns), keyIndexes, rows: [], isStaged: false },
        ];
      }),
    );
    this.state = {
      insert: (table, row) => {
        const pending = this.#pending.get(table);
        if (pending === undefined) throw new ThroughlineError('UNKNOWN_TABLE', `the fold has no table ${table}`);
        const cells = toCells(table, pending.columns, row);
        if (pending.keyIndexes.some((index) => cells[index] === null))
          throw new ThroughlineError('INVALID_ARGUMENT', `${table}: a row has no value for its key`);
        pending.rows.push(cells);
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
      await (pending.keyIndexes.length === 0
        ? append(connection, library, pending.stored, pending.columns, pending.rows)
        : upsert(connection, library, pending));
      pending.rows.length = 0;
    }
    if (this.#changed.size === 0) return;
    const { listValue, LIST, VARCHAR } = library;
    const keys = [...this.#changed];
    const values = keys.map((key) => JSON.stringify(this.#carried.get(key)));
    await connection.run(
      `insert or replace into "${this.#carriedTable}" select unnest($1), unnest($2)`,
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
      pending.isStaged = false;
    }
  }
}

async function append(
  connection: DuckDBConnection,
  { DuckDBTimestampValue }: DuckDbLibrary,
  table: string,
  columns: Pending['columns'],
  rows: readonly Cell[][],
): Promise<void> {
  const timestamp = (microseconds: bigint): InstanceType<typeof DuckDBTimestampValue> =>
    new DuckDBTimestampValue(microseconds);
  const appender = await connection.createAppender(table);
  try {
    for (const row of rows) {
      for (const [index, [, type]] of columns.entries()) appendCell(appender, type, row[index] ?? null, timestamp);
      appender.endRow();
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
}

/** Rows with a key: the newest of each key, by way of a temporary table, in the place of what is there. */
async function upsert(connection: DuckDBConnection, library: DuckDbLibrary, pending: Pending): Promise<void> {
  const { stored, columns, keyIndexes, rows } = pending;
  const newest = new Map<string, Cell[]>();
  for (const row of rows) {
    newest.set(JSON.stringify(keyIndexes.map((index) => String(row[index]))), row);
  }
  const staging = `${stored}__staging`;
  if (!pending.isStaged)
    await connection.run(`create or replace temporary table "${staging}" as from "${stored}" limit 0`);
  pending.isStaged = true;
  await append(connection, library, staging, columns, [...newest.values()]);
  await connection.run(`insert or replace into "${stored}" from temp."${staging}"`);
  await connection.run(`delete from temp."${staging}"`);
}

function checkTable({ name, columns, key = [] }: DuckDbTable): void {
  checkName('table', name);
  const names = Object.keys(columns);
  for (const column of names) checkName(`column of ${name}`, column);
  if (names.length === 0) throw new ThroughlineError('INVALID_ARGUMENT', `table ${name}: it has no column`);
  for (const column of key)
    if (!names.includes(column))
      throw new ThroughlineError('INVALID_ARGUMENT', `table ${name}: its key names no column: ${column}`);
}

function keyOf(record: LogRecord): string {
  return record.key === null ? '' : fromUtf8(record.key);
}
