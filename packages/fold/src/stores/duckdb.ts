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
import { ThroughlineError } from '@throughline/event';
import {
  checkNext,
  checkpointColumns,
  checkpointFromRow,
  checkpointToRow,
  fenced,
  type Checkpoint,
  type CheckpointRow,
  type FoldStore,
} from '../store.ts';
import { checkName } from './duckdb-columns.ts';
import { checkTable, TableSet, type DuckDbState, type DuckDbStoreOptions } from './duckdb-tables.ts';

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
        if (version > formatVersion)
          throw new ThroughlineError('DATA_FORMAT_UNSUPPORTED', `${database.path} has format ${version}`, {
            details: { path: database.path, version, supportedVersion: formatVersion },
          });
        await connection.run(createCheckpoints);
        if (version < formatVersion) for (const step of upgrade) await connection.run(step);
        const found = await connection.runAndReadAll(readCheckpoint, { name });
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
          checkNext(expected, next);
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
const formatVersion = 2;
const createFormat = `create table if not exists _throughline_format as select ${formatVersion} as version`;
const createCheckpoints = `create table if not exists _throughline_checkpoints (name varchar primary key, topic varchar not null,
  topic_id varchar not null, code_version varchar not null, fencing_epoch integer not null, offsets varchar not null,
  marks varchar not null, last_epochs varchar not null, skipped_records double not null, damaged_records double default 0)`;
/**
 * From format 1, which has no leader epochs, and from before damage was counted no count of it. A program of that time would
 * move the offsets and leave the epochs behind: it must not open the file any more.
 */
const upgrade = [
  'alter table _throughline_checkpoints add column if not exists damaged_records double default 0',
  "alter table _throughline_checkpoints add column if not exists last_epochs varchar default '[]'",
  `update _throughline_format set version = ${formatVersion}`,
];
const readCheckpoint = `select ${checkpointColumns.join(', ')} from _throughline_checkpoints where name = $name`;
const insertCheckpoint = `insert into _throughline_checkpoints (${checkpointColumns.join(', ')})
  values (${checkpointColumns.map((column) => `$${column}`).join(', ')})`;
/**
 * It leaves `name` alone. An update that sets a column of an index is a delete and an insert to DuckDB, and when the commit of
 * those cannot be written (a full disk), DuckDB 1.5 meets its own row on the way back and ends the process with SIGABRT.
 */
const updateCheckpoint = `update _throughline_checkpoints
  set ${checkpointColumns.flatMap((column) => (column === 'name' ? [] : [`${column} = $${column}`])).join(', ')}
  where name = $name and topic_id = $was_topic_id and code_version = $was_code_version
    and fencing_epoch = $was_fencing_epoch and offsets = $was_offsets`;

/** The compare-and-swap: an update that finds the expected checkpoint, or nothing. */
async function writeCheckpoint(
  connection: DuckDBConnection,
  expected: Checkpoint | undefined,
  next: Checkpoint,
): Promise<void> {
  const row = checkpointToRow(next);
  if (expected === undefined) {
    const found = await connection.runAndReadAll(readCheckpoint, { name: row.name });
    if (found.currentRowCount > 0) throw fenced(next.name, expected);
    await connection.run(insertCheckpoint, row);
    return;
  }
  const was = checkpointToRow(expected);
  const result = await connection.run(updateCheckpoint, {
    ...row,
    was_topic_id: was.topic_id,
    was_code_version: was.code_version,
    was_fencing_epoch: was.fencing_epoch,
    was_offsets: was.offsets,
  });
  if (result.rowsChanged !== 1) throw fenced(next.name, expected);
}
