import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fromUtf8, ThroughlineError, utf8, type LogRecord } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import {
  DuckDbDatabase,
  duckdbStore,
  fold,
  type DuckDbState,
  type DuckDbTable,
  type Fold,
  type FoldOptions,
} from '../index.ts';

interface Count {
  said: number;
}
const said: DuckDbTable = {
  name: 'said',
  columns: { word: 'VARCHAR', times: 'BIGINT', offset_of: 'BIGINT' },
  key: ['word'],
};
const all: DuckDbTable = {
  name: 'all_words',
  columns: { partition: 'INTEGER', at_offset: 'BIGINT', word: 'VARCHAR', at: 'TIMESTAMP', extra: 'JSON' },
};

/** Counts how often each word was said: the count is carried from record to record under the record's key. */
function countWords({ insert, carried, carry }: DuckDbState<Count>, record: LogRecord): void {
  const word = fromUtf8(record.value!);
  if (word === 'bad') throw new ThroughlineError('INVALID_EVENT', 'no word');
  if (word === 'bug') throw new TypeError('cannot read it');
  const count = carried(word);
  count.said++;
  carry(word, count);
  insert('said', { word, times: count.said, offset_of: record.offset });
  const { partition, offset, timestampMs } = record;
  insert('all_words', {
    partition,
    at_offset: offset,
    word: word === 'none' ? null : word,
    at: timestampMs,
    extra: { word },
  });
}

function databaseIn(t: TestContext): DuckDbDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'duckdb-fold-'));
  const database = new DuckDbDatabase({ path: join(folder, 'tables.duckdb') });
  t.after(async () => {
    await database.close();
    rmSync(folder, { recursive: true });
  });
  return database;
}
async function logWith(words: readonly string[]): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.admin.createTopic('words', { partitions: 1 });
  await say(log, words);
  return log;
}
async function say(log: MemoryLog, words: readonly string[]): Promise<void> {
  await log.append(
    'words',
    words.map((word, index) => ({ key: utf8(word), value: utf8(word), timestampMs: 1_700_000_000_000 + index })),
  );
}
function start(
  log: MemoryLog,
  database: DuckDbDatabase,
  extra: Partial<FoldOptions<DuckDbState<Count>>> = {},
): Promise<Fold> {
  const store = duckdbStore({ database, tables: [said, all], initial: () => ({ said: 0 }) });
  return fold({ log, topic: 'words', name: 'said', codeVersion: '1', store, reduce: countWords, ...extra });
}
async function rows(database: DuckDbDatabase, sql: string): Promise<unknown[][]> {
  const connection = await database.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowsJson();
  } finally {
    connection.closeSync();
  }
}
const counts = async (database: DuckDbDatabase): Promise<string> =>
  (await rows(database, 'select word, times from said order by word')).map((row) => row.join('=')).join(' ');
const withCode = (code: string) => (error: unknown) => ThroughlineError.is(error) && error.code === code;

describe('a fold into DuckDB', () => {
  test('keeps rows, rows by key, and carried state, and goes on where it was', async (t) => {
    const database = databaseIn(t);
    const log = await logWith(['a', 'b', 'a', 'bad', 'none']);
    const first = await start(log, database, { commitRecordsMax: 2 });
    await first.caughtUp();
    await first.close();
    await say(log, ['a', 'b', 'c']);
    const second = await start(log, database);
    t.after(() => second.close());
    await second.caughtUp();
    assert.equal(await counts(database), 'a=3 b=2 c=1 none=1');
    assert.deepEqual(await rows(database, 'select * from all_words order by at_offset limit 2 offset 3'), [
      [0, '4', null, '2023-11-14 22:13:20.004', '{"word":"none"}'],
      [0, '5', 'a', '2023-11-14 22:13:20', '{"word":"a"}'],
    ]);
    assert.equal(second.status().skippedRecords, 1);
    assert.deepEqual(second.status().offsets, [8n]);
  });

  test('says what to remove when the file beside it, which is replayed on opening, is damaged', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'duckdb-fold-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 't.duckdb');
    const program = `
      import { DuckDbDatabase } from '@throughline/fold';
      const database = new DuckDbDatabase({ path: process.argv[1] });
      await database.write((connection) => connection.run('create table t as select repeat(chr(97), 500) from range(50)'));
      process.kill(process.pid, 'SIGKILL');`;
    const args = ['--conditions=throughline-source', '--input-type=module', '-e', program, path];
    spawnSync(process.execPath, args, { cwd: import.meta.dirname });
    const bytes = readFileSync(`${path}.wal`);
    const middle = bytes.length >> 1;
    bytes[middle] = ~bytes[middle]!;
    writeFileSync(`${path}.wal`, bytes);
    const database = new DuckDbDatabase({ path });
    await assert.rejects(
      database.open(),
      (error) => ThroughlineError.is(error, 'DATA_FORMAT_UNSUPPORTED') && error.message.includes(`${path}.wal to fold`),
    );
    await database.close();
  });

  test('outlives commits that cannot be written, and goes on where it was', { timeout: 60_000 }, async (t) => {
    // On a full disk DuckDB ended the process: `Failed to append to PRIMARY__throughline_checkpoints_0 … duplicate key`.
    const folder = mkdtempSync(join(tmpdir(), 'duckdb-fold-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const program = `
      import { DuckDbDatabase, duckdbStore } from '@throughline/fold';
      const database = new DuckDbDatabase({ path: process.argv[1] });
      const tables = [{ name: 'said', columns: { word: 'VARCHAR', text: 'VARCHAR' }, key: ['word'] }];
      const store = duckdbStore({ database, tables, initial: () => '' });
      const facts = { name: 'said', topic: 'words', topicId: 'x', codeVersion: '1', fencingEpoch: 1 };
      const none = { marks: [], lastEpochs: [], skippedRecords: 0, damagedRecords: 0 };
      let expected = await store.open('said');
      let failures = 0;
      for (let offset = BigInt(expected?.offsets[0] ?? 0n) + 1n; failures < 3; offset++) {
        const next = { ...facts, ...none, offsets: [offset] };
        try {
          await store.transaction(expected, (state) => {
            // As a start does that claims the fold: the checkpoint alone.
            if (failures > 0) return { next };
            state.insert('said', { word: 'a', text: String(offset).repeat(4000) });
            state.carry('a', String(offset).repeat(4000));
            return { next };
          });
          expected = next;
        } catch (error) {
          if (!/File too large/.test(String(error))) throw error;
          failures++;
        }
      }
      console.log(String(expected.offsets[0]));
      process.kill(process.pid, 'SIGKILL');`;
    const args = ['--conditions=throughline-source', '--input-type=module', '-e', program, join(folder, 't.duckdb')];
    const run = (blocks: number): string =>
      spawnSync('sh', ['-c', `ulimit -f ${blocks}; exec "$@"`, 'sh', process.execPath, ...args], {
        encoding: 'utf8',
        cwd: import.meta.dirname,
      }).stdout;
    const first = Number(run(400));
    const second = Number(run(400));
    const third = Number(run(800));
    assert.ok(first > 3 && second >= first && third > second, `${first}, then ${second}, then ${third}`);
  });

  test('keeps nothing of a batch whose reducer throws, and carries on rightly after a replay', async (t) => {
    const database = databaseIn(t);
    const log = await logWith(['a', 'b']);
    let isFixed = false;
    const running = await start(log, database, {
      reduce: (state, record) => {
        if (fromUtf8(record.value!) === 'bug' && isFixed) return;
        countWords(state, record);
      },
    });
    t.after(() => running.close());
    await running.caughtUp();
    await say(log, ['a', 'bug']);
    assert.equal((await running.stopped)?.code, 'FOLD_REDUCER_FAILED');
    assert.equal(await counts(database), 'a=1 b=1');
    isFixed = true;
    await running.replay();
    assert.equal(await counts(database), 'a=2 b=1');
    await say(log, ['a']);
    await running.caughtUp();
    assert.equal(await counts(database), 'a=3 b=1');
  });

  test('shows the state before a replay until the swap, then the same state', async (t) => {
    const database = databaseIn(t);
    const log = await logWith(['a', 'b', 'a', 'c']);
    const seen: Promise<string>[] = [];
    let isReplay = false;
    const running = await start(log, database, {
      commitRecordsMax: 1,
      reduce: (state, record) => {
        countWords(state, record);
        if (isReplay) seen.push(counts(database));
      },
    });
    t.after(() => running.close());
    await running.caughtUp();
    isReplay = true;
    await running.replay();
    assert.deepEqual(new Set(await Promise.all(seen)), new Set(['a=2 b=1 c=1']));
    assert.equal(await counts(database), 'a=2 b=1 c=1');
    assert.deepEqual(
      await rows(database, "select table_name from duckdb_tables() where table_name like '%replay%'"),
      [],
    );
  });

  test('puts each value under its name, also when the columns are declared in another order than they are stored', async (t) => {
    // Two columns of one type that had changed places in a definition changed their values, in rows with and without a key.
    const database = databaseIn(t);
    const log = await logWith(['a']);
    await (await start(log, database)).close();
    const columns = { offset_of: 'BIGINT', times: 'BIGINT', word: 'VARCHAR' } as const;
    const { partition, at_offset, word, at, extra } = all.columns;
    const tables: DuckDbTable[] = [
      { ...said, columns },
      { ...all, columns: { extra, at, word, at_offset, partition } as DuckDbTable['columns'] },
    ];
    const store = duckdbStore({ database, tables, initial: () => ({ said: 0 }) });
    const second = await start(log, database, { store });
    t.after(() => second.close());
    await say(log, ['b', 'b']);
    await second.caughtUp();
    assert.deepEqual(await rows(database, 'select word, times, offset_of from said order by word'), [
      ['a', '1', '0'],
      ['b', '2', '2'],
    ]);
    assert.deepEqual(
      await rows(database, 'select partition, at_offset, word, extra from all_words order by at_offset'),
      [
        [0, '0', 'a', '{"word":"a"}'],
        [0, '1', 'b', '{"word":"b"}'],
        [0, '2', 'b', '{"word":"b"}'],
      ],
    );
  });

  test('writes nothing into a table that has other columns than its definition, and makes it anew in a replay', async (t) => {
    const database = databaseIn(t);
    const log = await logWith(['a']);
    const first = await start(log, database);
    await first.caughtUp();
    await first.close();
    const declared: readonly DuckDbTable[] = [
      { ...said, columns: { ...said.columns, offset_of: 'VARCHAR' } },
      { ...said, columns: { word: 'VARCHAR', times: 'BIGINT' } },
      { name: 'said', columns: said.columns },
      { ...said, key: ['word', 'times'] },
      { ...said, columns: { ...said.columns, more: 'BIGINT' } },
    ];
    await say(log, ['b']);
    let running = first;
    for (const table of declared) {
      const store = duckdbStore({ database, tables: [table], initial: () => ({ said: 0 }) });
      const reduce = ({ insert }: DuckDbState<Count>, record: LogRecord): void =>
        insert('said', { word: fromUtf8(record.value!), times: 7 });
      running = await start(log, database, { store, reduce });
      t.after(running.close.bind(running));
      assert.equal((await running.stopped)?.code, 'FOLD_CODE_CHANGED');
      assert.equal(await counts(database), 'a=1');
    }
    await running.replay();
    assert.deepEqual(await rows(database, 'select word, times, more from said order by word'), [
      ['a', '7', null],
      ['b', '7', null],
    ]);
  });

  test('fences the older of two owners', async (t) => {
    const database = databaseIn(t);
    const log = await logWith(['a']);
    const older = await start(log, database);
    t.after(() => older.close());
    await older.caughtUp();
    const newer = await start(log, database);
    t.after(() => newer.close());
    await say(log, ['a', 'b']);
    assert.equal((await older.stopped)?.code, 'FOLD_FENCED');
    await newer.caughtUp();
    assert.equal(await counts(database), 'a=2 b=1');
  });

  test('says which record has a value that does not fit its column', async (t) => {
    const database = databaseIn(t);
    const running = await start(await logWith(['a']), database, {
      reduce: ({ insert }) => insert('said', { word: 'a', times: '1' }),
    });
    t.after(() => running.close());
    const error = await running.stopped;
    assert.match(error!.message, /words-0@0: said\.times: string is no BIGINT/);
  });

  test('rejects names that would have to be quoted and keys that name no column', async (t) => {
    const database = databaseIn(t);
    const initial = (): Count => ({ said: 0 });
    for (const table of [
      { name: 'x"; drop table y; --', columns: { a: 'VARCHAR' } },
      { name: 'a__replay', columns: { a: 'VARCHAR' } },
      { name: 'x', columns: { 'a b': 'VARCHAR' } },
      { name: 'x', columns: { a: 'VARCHAR' }, key: ['b'] },
      { name: 'x', columns: {} },
    ] as DuckDbTable[])
      assert.throws(() => duckdbStore({ database, tables: [table], initial }), withCode('INVALID_ARGUMENT'));
  });
});

describe('a DuckDB file', () => {
  test('is open once: in this process, and on this machine', async (t) => {
    const database = databaseIn(t);
    await database.open();
    const again = new DuckDbDatabase({ path: database.path });
    await assert.rejects(again.open(), withCode('DATA_DIR_IN_USE'));
    const script = `import { DuckDbDatabase } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
      await new DuckDbDatabase({ path: process.argv[1], waitMs: 0 }).open().catch((error) => console.log(error.code));`;
    const child = spawnSync(
      process.execPath,
      [
        '--conditions=throughline-source',
        '--disable-warning=ExperimentalWarning',
        '--input-type=module-typescript',
        '-e',
        script,
        database.path,
      ],
      { encoding: 'utf8' },
    );
    assert.equal(child.stdout.trim(), 'DATA_DIR_IN_USE', child.stderr);
  });

  test('that another process has open for a moment is waited for', { timeout: 30_000 }, async (t) => {
    // A viewer that had the file open while the server started was answered with DATA_DIR_IN_USE, and the tables were gone until a restart.
    const { path } = databaseIn(t);
    const script = `import { DuckDBInstance } from '@duckdb/node-api';
      const instance = await DuckDBInstance.create(process.argv[1]);
      await instance.connect();
      console.log('held');
      process.stdin.resume().on('end', () => process.exit());`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script, path], { cwd: import.meta.dirname });
    t.after(() => holder.kill());
    await once(holder.stdout, 'data');
    const clock = new VirtualClock();
    const waiting = new DuckDbDatabase({ path, clock });
    const opened = waiting.open();
    const seen = { isOpen: false };
    void opened.then(() => (seen.isOpen = true));
    const ended = once(holder, 'exit');
    await clock.advance(1_500);
    assert.equal(seen.isOpen, false);
    holder.stdin.end();
    await ended;
    while (!seen.isOpen) await clock.advance(40);
    await waiting.close();

    const again = new DuckDbDatabase({ path, waitMs: 0 });
    await again.open();
    const locked = new DuckDbDatabase({ path, waitMs: 0 });
    await assert.rejects(locked.open(), withCode('DATA_DIR_IN_USE'));
    await again.close();
    await locked.open();
    await locked.close();
  });

  test('of format 1 is brought to the present one, and a checkpoint whose columns stand in another order is read right', async (t) => {
    // A checkpoint was inserted by place: a file whose columns stood in another order had its topic for its id.
    const database = databaseIn(t);
    await database.write(async (connection) => {
      await connection.run('create table _throughline_format as select 1 as version');
      await connection.run(`create table _throughline_checkpoints (topic_id varchar not null, topic varchar not null,
        code_version varchar not null, marks varchar not null, offsets varchar not null, name varchar primary key,
        fencing_epoch integer not null, skipped_records double not null, damaged_records double default 0)`);
    });
    const log = await logWith(['a', 'b']);
    const first = await start(log, database);
    await first.caughtUp();
    await first.close();
    const second = await start(log, database);
    t.after(() => second.close());
    assert.deepEqual(second.status().offsets, [2n]);
    assert.deepEqual(await rows(database, 'select name, topic, fencing_epoch, offsets from _throughline_checkpoints'), [
      ['said', 'words', 2, '["2"]'],
    ]);
    assert.deepEqual(
      await rows(database, 'select version, last_epochs from _throughline_format, _throughline_checkpoints'),
      [[2, '[0]']],
    );
  });

  test('of another format is rejected', async (t) => {
    const database = databaseIn(t);
    const log = await logWith(['a']);
    await (await start(log, database)).close();
    await database.write((connection) => connection.run('update _throughline_format set version = 3'));
    await assert.rejects(start(log, database), withCode('DATA_FORMAT_UNSUPPORTED'));
  });

  test('that is none, or in no folder, or closed, is rejected with its code', async (t) => {
    const { path } = databaseIn(t);
    writeFileSync(path, 'this is no database'.repeat(1000));
    await assert.rejects(new DuckDbDatabase({ path }).open(), withCode('DATA_FORMAT_UNSUPPORTED'));
    await assert.rejects(new DuckDbDatabase({ path: join(path, 'in', 'x') }).open(), withCode('CONFIG_INVALID'));
    const closed = new DuckDbDatabase({ path });
    await closed.close();
    await assert.rejects(closed.open(), withCode('CLOSED'));
  });
});
