// The process that fold-kill.test.ts kills: it folds a log that is the same in every process into SQLite or DuckDB and says
// `commit` after each transaction. Arguments: store, file, commitRecordsMax, and what to do.
//
//   fold     until the end of the log, then say `done`
//   replay   the same, from a replay that is asked for at once
//   pause    stop like a process that the system has suspended (SIGSTOP) after three commits
import {
  DuckDbDatabase,
  duckdbStore,
  fold,
  sqliteStore,
  type DuckDbState,
  type Fold,
  type SqliteState,
} from '@throughline/fold';
import { fromUtf8, ThroughlineError, type LogRecord } from '@throughline/event';
import { foldedLog } from './fold-kill-log.ts';

const [, , store, path = '', records, what] = process.argv;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function sumInSqlite(state: SqliteState, record: LogRecord): void {
  const { n, key } = read(record);
  const row = state.prepare('select total from totals where key = ?').get(key);
  const total = Number(row?.['total'] ?? 0) + n;
  state.prepare('insert or replace into totals values (?, ?)').run(key, total);
  state.prepare('insert into items values (?, ?, ?, ?)').run(record.partition, Number(record.offset), n, total);
}

function sumInDuckDb({ insert, carried, carry }: DuckDbState<{ total: number }>, record: LogRecord): void {
  const { n, key } = read(record);
  const sum = carried(key);
  sum.total += n;
  carry(key, sum);
  insert('totals', { key, total: sum.total });
  insert('items', { partition: record.partition, at: Number(record.offset), n, total: sum.total });
}

function read(record: LogRecord): { n: number; key: string } {
  const n = Number(fromUtf8(record.value!));
  if (Number.isNaN(n)) throw new ThroughlineError('INVALID_EVENT', 'no number');
  return { n, key: fromUtf8(record.key!) };
}

let commits = 0;
const common = {
  log: await foldedLog(),
  topic: 'numbers',
  name: 'sums',
  codeVersion: '1',
  commitRecordsMax: Number(records),
  onCommitted: (): void => {
    say('commit');
    commits++;
    if (what === 'pause' && commits === 3) process.kill(process.pid, 'SIGSTOP');
  },
};

async function start(): Promise<Fold> {
  if (store === 'sqlite') {
    const initial = `create table items (partition int, at int, n int, total int); create table totals (key text primary key, total int)`;
    const into = sqliteStore({ path, initial: (database) => database.exec(initial) });
    return fold({ ...common, store: into, reduce: sumInSqlite });
  }
  const tables = [
    { name: 'items', columns: { partition: 'INTEGER', at: 'INTEGER', n: 'INTEGER', total: 'BIGINT' } },
    { name: 'totals', columns: { key: 'VARCHAR', total: 'BIGINT' }, key: ['key'] },
  ] as const;
  const into = duckdbStore({ database: new DuckDbDatabase({ path }), tables, initial: () => ({ total: 0 }) });
  return fold({ ...common, store: into, reduce: sumInDuckDb });
}

// The clock's timers keep no process alive: while the fold waits for a locked file, nothing else would.
const alive = setInterval(() => {}, 60_000);
try {
  const running = await start();
  await (what === 'replay' ? running.replay() : running.caughtUp());
  say('done');
  await running.close();
} catch (error) {
  say(ThroughlineError.from(error).code);
  process.exitCode = 1;
} finally {
  clearInterval(alive);
}
