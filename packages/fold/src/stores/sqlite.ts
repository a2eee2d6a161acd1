// A fold's state as tables of an SQLite file (node:sqlite): one file, one fold. Rows and checkpoint commit in one SQLite
// transaction, so that the file is right after a kill at any moment.
//
// The journal is a WAL with synchronous=NORMAL: a killed process loses nothing; a power cut may lose the newest
// transactions but never breaks the file (sqlite.org/pragma.html#pragma_synchronous). That is enough, because rows and
// checkpoint are lost together: the fold takes those records from the log again.
//
// A replay is one long transaction on the writing connection: readers have a connection of their own and see the state
// before it until it commits (snapshot isolation of the WAL), and a kill in the middle leaves the state before it.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { systemClock, ThroughlineError, type Clock } from '@throughline/event';
import { defaults } from '../defaults.ts';
import {
  checkNext,
  checkpointColumns,
  checkpointFromRow,
  checkpointToRow,
  fenced,
  isSameCheckpoint,
  type Checkpoint,
  type CheckpointRow,
  type FoldStore,
} from '../store.ts';
import { whenFree } from './busy.ts';

/** What a reducer or a reader works with: an open connection and its prepared statements. */
export interface SqliteState {
  readonly database: DatabaseSync;
  /** The prepared statement of `sql`, made once per connection. */
  readonly prepare: (sql: string) => StatementSync;
}

export interface SqliteStore extends FoldStore<SqliteState> {
  /**
   * Reads the committed state on a connection that cannot write.
   *
   * @throws ThroughlineError CLOSED before the fold has opened the store, and after it closed it
   */
  read<Result>(query: (state: SqliteState) => Result): Result;
}

export interface SqliteStoreOptions {
  /** The file; its folder must be there. */
  readonly path: string;
  /** Makes the tables of an empty state. */
  readonly initial: (database: DatabaseSync) => void;
  /** For the waits while another program has the file locked. */
  readonly clock?: Clock;
}

// "TLFO" in SQLite's application_id marks the file as a fold's, user_version is the version of our own table.
const applicationId = 0x544c464f;
const formatVersion = 2;
const createCheckpointTable = `create table if not exists _throughline_checkpoint (
  only_row integer primary key check (only_row = 1), name text not null, topic text not null, topic_id text not null,
  code_version text not null, fencing_epoch integer not null, offsets text not null, marks text not null,
  last_epochs text not null, skipped_records integer not null,
  damaged_records integer not null default 0
) strict`;
const writeCheckpoint = `insert or replace into _throughline_checkpoint (only_row, ${checkpointColumns.join(', ')})
  values (1, ${checkpointColumns.map((column) => `$${column}`).join(', ')})`;
const readCheckpoint = `select ${checkpointColumns.join(', ')} from _throughline_checkpoint`;

/**
 * Makes a store that keeps the state in an SQLite file of its own.
 *
 * @example sqliteStore({ path: 'folds/words.db', initial: (db) => db.exec('create table words (word text primary key, count int)') })
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  const { path, initial, clock = systemClock } = options;
  let writer: SqliteState | undefined;
  let reader: SqliteState | undefined;

  const writing = (): SqliteState => {
    if (writer === undefined) throw new ThroughlineError('CLOSED', `the store ${path} is not open`);
    return writer;
  };
  const stored = (state: SqliteState): Checkpoint | undefined => {
    const row = state.prepare(readCheckpoint).get();
    return row === undefined ? undefined : checkpointFromRow(row as unknown as CheckpointRow);
  };
  const store = (state: SqliteState, next: Checkpoint): void => {
    state.prepare(writeCheckpoint).run(checkpointToRow(next));
  };
  // The write lock is taken at the beginning: what is compared cannot change before what is swapped.
  const begin = (state: SqliteState, expected: Checkpoint | undefined): void => {
    state.database.exec('begin immediate');
    if (!isSameCheckpoint(stored(state), expected)) throw fenced(expected?.name ?? path, expected);
  };
  const rollback = (state: SqliteState): void => {
    if (state.database.isTransaction) state.database.exec('rollback');
  };

  return {
    async open(name) {
      if (path === ':memory:')
        throw new ThroughlineError('INVALID_ARGUMENT', 'an SQLite fold needs a file; use memoryStore for memory');
      return whenFree(clock, defaults.storeOpenWaitMs, () =>
        mapErrors(path, () => {
          writer ??= openWriter(path, initial);
          reader ??= connect(path, true);
          const checkpoint = stored(writer);
          if (checkpoint !== undefined && checkpoint.name !== name)
            throw new ThroughlineError(
              'INVALID_ARGUMENT',
              `${path} is the file of fold ${checkpoint.name}, not ${name}`,
            );
          return checkpoint;
        }),
      );
    },
    async transaction(expected, work) {
      const failed = await whenFree(clock, defaults.storeBusyWaitMs, () => {
        const state = writing();
        try {
          mapErrors(path, () => begin(state, expected));
        } catch (error) {
          rollback(state);
          throw error;
        }
        // From here on nothing is tried again: a reducer may have changed more than the state.
        try {
          mapErrors(path, () => {
            const { next } = work(state);
            checkNext(expected, next);
            store(state, next);
            state.database.exec('commit');
          });
          return undefined;
        } catch (error) {
          rollback(state);
          return { error };
        }
      });
      if (failed !== undefined) throw failed.error;
    },
    async rebuild() {
      const state = writing();
      const guarded = (step: () => void): void =>
        mapErrors(path, () => {
          try {
            step();
          } catch (error) {
            rollback(state);
            throw error;
          }
        });
      await whenFree(clock, defaults.storeBusyWaitMs, () =>
        guarded(() => {
          state.database.exec('begin immediate');
          dropEverything(state.database);
          initial(state.database);
        }),
      );
      return {
        async apply(work) {
          guarded(() => void work(state));
        },
        async swap(expected, next) {
          guarded(() => {
            if (!isSameCheckpoint(stored(state), expected)) throw fenced(next.name, expected);
            store(state, next);
            state.database.exec('commit');
          });
        },
        async discard() {
          rollback(state);
        },
      };
    },
    read(query) {
      if (reader === undefined) throw new ThroughlineError('CLOSED', `the store ${path} is not open`);
      const from = reader;
      return mapErrors(path, () => query(from));
    },
    async close() {
      reader?.database.close();
      if (writer !== undefined) {
        rollback(writer);
        writer.database.close();
      }
      reader = undefined;
      writer = undefined;
    },
  };
}

function openWriter(path: string, initial: (database: DatabaseSync) => void): SqliteState {
  const state = connect(path, false);
  const { database } = state;
  try {
    database.exec('pragma journal_mode = wal; pragma synchronous = normal');
    database.exec('begin immediate');
    const version = pragma(database, 'user_version');
    const marker = pragma(database, 'application_id');
    const isEmpty = database.prepare('select count(*) as n from sqlite_schema').get()?.['n'] === 0;
    if (isEmpty) {
      database.exec(`pragma application_id = ${applicationId}; pragma user_version = ${formatVersion}`);
      database.exec(createCheckpointTable);
      initial(database);
    } else if (marker !== applicationId || version > formatVersion) {
      throw new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${path} is no fold of this version`, {
        details: { path, version, supportedVersion: formatVersion },
      });
    } else if (version < formatVersion) {
      upgrade(database);
    }
    database.exec('commit');
    return state;
  } catch (error) {
    database.close();
    throw error;
  }
}

function connect(path: string, readOnly: boolean): SqliteState {
  const database = new DatabaseSync(path, {
    readOnly,
    timeout: readOnly ? defaults.sqliteReadBusyWaitMs : defaults.sqliteBusyWaitMs,
  });
  const statements = new Map<string, StatementSync>();
  return {
    database,
    prepare(sql) {
      let statement = statements.get(sql);
      if (statement === undefined) {
        if (statements.size >= defaults.sqliteStatementsMax) statements.clear();
        statement = database.prepare(sql);
        statements.set(sql, statement);
      }
      return statement;
    },
  };
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`pragma ${name}`).get()?.[name]);
}

/**
 * Brings a file of format 1 to the present one. It lacks the leader epochs, and from before damage was counted its count; a
 * program of that time would move the offsets and leave the epochs behind, so that it must not open the file any more.
 */
function upgrade(database: DatabaseSync): void {
  const columns = database.prepare("select name from pragma_table_info('_throughline_checkpoint')").all();
  const has = (column: string): boolean => columns.some(({ name }) => name === column);
  if (!has('damaged_records'))
    database.exec('alter table _throughline_checkpoint add column damaged_records integer not null default 0');
  if (!has('last_epochs'))
    database.exec("alter table _throughline_checkpoint add column last_epochs text not null default '[]'");
  database.exec(`pragma user_version = ${formatVersion}`);
}

/** Drops all tables, views and triggers but our own. Virtual tables go first: their shadow tables go with them. */
function dropEverything(database: DatabaseSync): void {
  database.exec('pragma defer_foreign_keys = on');
  const next = database.prepare(`select type, name from sqlite_schema
    where type in ('table', 'view', 'trigger') and name not like 'sqlite\\_%' escape '\\' and name <> '_throughline_checkpoint'
    order by sql like 'create virtual table%' desc, type = 'table' limit 1`);
  for (let row = next.get(); row !== undefined; row = next.get())
    database.exec(`drop ${String(row['type'])} "${String(row['name']).replaceAll('"', '""')}"`);
}

/** SQLite's result codes (sqlite.org/rescode.html) as codes of our table. */
function mapErrors<Result>(path: string, step: () => Result): Result {
  try {
    return step();
  } catch (error) {
    const code = sqliteCode(error) ?? sqliteCode((error as { cause?: unknown } | undefined)?.cause);
    const because = { cause: error, details: { path } };
    const message = `${path}: ${error instanceof Error ? error.message : String(error)}`;
    // SQLITE_BUSY and SQLITE_LOCKED: somebody else holds the lock. It passes, and has moved no checkpoint yet.
    if (code === 5 || code === 6) throw new ThroughlineError('STORE_BUSY', message, because);
    if (code === 13) throw new ThroughlineError('OUT_OF_DISK', message, because);
    // SQLITE_IOERR: the disk fails, or somebody has removed the file that is open.
    if (code === 10) throw new ThroughlineError('DATA_DIR_LOST', message, because);
    // SQLITE_CORRUPT and SQLITE_NOTADB. The file is derived: without it the fold starts again from the log.
    if (code === 11 || code === 26)
      throw new ThroughlineError(
        'DATA_FORMAT_UNSUPPORTED',
        `${message}; remove it to fold again from the log`,
        because,
      );
    if (code === 14) throw new ThroughlineError('CONFIG_INVALID', message, because);
    throw error;
  }
}

function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  // The low byte is the primary code; the rest says more of the same.
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
