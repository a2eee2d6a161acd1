// A log that comes back, between two starts of a fold, with another history whose last record looks like the one that was
// folded last: after an unclean election of a leader, or from a backup, its producer may have sent the same record again.
// Nothing but the leader epoch tells the two apart (KIP-320).
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { createBroker } from '@throughline/broker';
import { fromUtf8, utf8 } from '@throughline/event';
import {
  DuckDbDatabase,
  duckdbStore,
  fold,
  sqliteStore,
  type DuckDbState,
  type Fold,
  type FoldMismatch,
  type FoldStore,
  type SqliteState,
} from '@throughline/fold';
import { kafka, openEmbeddedLog, type Log } from '@throughline/log';
import { rejected } from '../conformance/log-support.ts';

const topic = 'words';

async function append(log: Log, ...words: readonly string[]): Promise<void> {
  // Equal words are equal records, the time included.
  for (const word of words) await log.append(topic, [{ key: null, value: utf8(word), timestampMs: 1 }]);
}

interface Folders {
  readonly root: string;
  /** A log of `a`, `b` and `c`. */
  readonly dataDir: string;
  /** The same log with `a`, `x` and `c`, the last two in a later epoch. */
  readonly otherDir: string;
}

async function folders(t: TestContext): Promise<Folders> {
  const root = await mkdtemp(path.join(tmpdir(), 'fold-history-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  const [dataDir, otherDir] = [path.join(root, 'data'), path.join(root, 'other')];
  const log = await openEmbeddedLog({ dataDir });
  await log.admin.createTopic(topic, { partitions: 1, config: { durability: 'os' } });
  await append(log, 'a');
  await log.close();
  await cp(dataDir, otherDir, { recursive: true });
  const first = await openEmbeddedLog({ dataDir });
  await append(first, 'b', 'c');
  await first.close();
  const other = await openEmbeddedLog({ dataDir: otherDir });
  const { leaderEpoch } = (await other.admin.describeTopic(topic)).partitions[0]!;
  await other.admin.beginEpoch(topic, 0, leaderEpoch + 1);
  await append(other, 'x', 'c');
  await other.close();
  return { root, dataDir, otherDir };
}

interface Opened {
  readonly log: Log;
  readonly close: () => Promise<void>;
}
const adapters: Readonly<Record<string, (dataDir: string, port?: number) => Promise<Opened>>> = {
  'the embedded log': async (dataDir) => {
    const log = await openEmbeddedLog({ dataDir });
    return { log, close: () => log.close() };
  },
  'a cluster': async (dataDir) => {
    const broker = await createBroker({ dataDir });
    const log = await kafka({ bootstrap: broker.address });
    return {
      log,
      async close() {
        await log.close();
        await broker.close();
      },
    };
  },
};

interface Kind {
  readonly start: (log: Log, extra?: { readonly replayOn: readonly FoldMismatch[] }) => Promise<Fold>;
  readonly words: () => Promise<string>;
}
const stores: Readonly<Record<string, (t: TestContext, root: string) => Kind>> = {
  SQLite: (_, root) => {
    const open = (): FoldStore<SqliteState> & { words(): string } => {
      const store = sqliteStore({
        path: path.join(root, 'words.db'),
        initial: (database) => database.exec('create table words (place int, word text)'),
      });
      const words = (): string =>
        store.read(
          ({ prepare }) => prepare("select group_concat(word, '') as words from words").get()!['words'] as string,
        );
      return { ...store, words };
    };
    let store = open();
    return {
      start: (log, extra) => {
        store = open();
        const reduce = (
          { prepare }: SqliteState,
          { offset, value }: { offset: bigint; value: Uint8Array | null },
        ): void => void prepare('insert into words (place, word) values (?, ?)').run(offset, fromUtf8(value!));
        return fold({ log, topic, name: 'words', codeVersion: '1', store, reduce, ...extra });
      },
      words: async () => store.words(),
    };
  },
  DuckDB: (t, root) => {
    const database = new DuckDbDatabase({ path: path.join(root, 'words.duckdb') });
    t.after(() => database.close());
    const tables = [{ name: 'words', columns: { place: 'BIGINT', word: 'VARCHAR' } }] as const;
    return {
      start: (log, extra) =>
        fold({
          log,
          topic,
          name: 'words',
          codeVersion: '1',
          store: duckdbStore({ database, tables, initial: () => null }),
          reduce: ({ insert }: DuckDbState<null>, { offset, value }) =>
            insert('words', { place: offset, word: fromUtf8(value!) }),
          ...extra,
        }),
      async words() {
        const connection = await database.connect();
        const found = await connection.runAndReadAll("select string_agg(word, '' order by place) from words");
        connection.closeSync();
        return found.getRowsJS()[0]?.[0] as string;
      },
    };
  },
};

for (const [adapter, openLog] of Object.entries(adapters))
  for (const [kind, openStore] of Object.entries(stores))
    test(`a fold into ${kind} notices at its start that ${adapter} has other records behind the same last one`, async (t) => {
      // The mark of the last record was all that a start compared: it went on, with a record that the log does not have.
      const { root, dataDir, otherDir } = await folders(t);
      const { start, words } = openStore(t, root);
      const before = await openLog(dataDir);
      const first = await start(before.log);
      await first.caughtUp();
      assert.equal(await words(), 'abc');
      await first.close();
      const again = await start(before.log);
      await again.caughtUp();
      await again.close();
      await before.close();

      const after = await openLog(otherDir);
      t.after(() => after.close());
      const error = await rejected(start(after.log), 'FOLD_LOG_CHANGED');
      assert.equal(error.details['divergesAt'], '1');
      const second = await start(after.log, { replayOn: ['FOLD_LOG_CHANGED'] });
      t.after(() => second.close());
      await second.caughtUp();
      assert.equal(await words(), 'axc');
      // A new epoch alone is no other history.
      await append(after.log, 'd');
      await second.caughtUp();
      await second.close();
      const third = await start(after.log);
      t.after(() => third.close());
      await third.caughtUp();
      assert.equal(await words(), 'axcd');
    });

test('a fold that runs notices it when a cluster comes back', async (t) => {
  const { root, dataDir, otherDir } = await folders(t);
  const { start, words } = stores['SQLite']!(t, root);
  const broker = await createBroker({ dataDir });
  t.after(() => broker.close());
  const log = await kafka({ bootstrap: broker.address });
  t.after(() => log.close());
  const running = await start(log);
  t.after(() => running.close());
  await running.caughtUp();
  assert.equal(await words(), 'abc');
  await broker.close();
  const other = await createBroker({ dataDir: otherDir, port: Number(broker.address.split(':')[1]) });
  t.after(() => other.close());
  assert.equal((await running.stopped)?.code, 'FOLD_LOG_CHANGED');
});
