// Folds of words for the tests: a log of words, and a fold of them into memory or into a file of SQLite.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fromUtf8, ThroughlineError, utf8, type Clock, type LogRecord } from '@throughline/event';
import type { Log } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import { memoryStore, sqliteStore, type FoldOptions, type SqliteState, type SqliteStore } from './index.ts';

interface Words {
  words: string[];
}
export const wordOf = (record: LogRecord): string => {
  const word = fromUtf8(record.value!);
  if (word.startsWith('bad')) throw new ThroughlineError('INVALID_EVENT', `no word: ${word}`);
  if (word === 'bug') throw new TypeError('cannot read it');
  return word;
};
const collect = (state: Words, record: LogRecord): void => void state.words.push(wordOf(record));
export const insert = ({ prepare }: SqliteState, record: LogRecord): void => {
  const word = wordOf(record);
  prepare('insert into words values (?, ?, ?)').run(record.partition, Number(record.offset), word);
};

export async function logWith(words: readonly string[], partitions = 2): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.admin.createTopic('words', { partitions });
  await append(log, words, partitions);
  return log;
}
export async function append(log: MemoryLog, words: readonly string[], partitions = 2): Promise<void> {
  await log.append(
    'words',
    words.map((word, index) => ({ key: null, value: utf8(word), partition: index % partitions, timestampMs: 1 })),
  );
}
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'fold-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}
export function fileStore(path: string, clock?: Clock): SqliteStore {
  return sqliteStore({
    path,
    ...(clock === undefined ? {} : { clock }),
    initial: (database) =>
      database.exec('create table words (partition int, at int, word text, primary key (partition, at))'),
  });
}
export const wordsIn = (store: SqliteStore): string[] =>
  store
    .read(({ prepare }) => prepare('select word from words order by partition, at').all())
    .map((row) => String(row['word']));
export const inMemory = (log: Log, extra: Partial<FoldOptions<Words>> = {}): FoldOptions<Words> => ({
  log,
  topic: 'words',
  name: 'words',
  codeVersion: '1',
  store: memoryStore(() => ({ words: [] as string[] })),
  reduce: collect,
  ...extra,
});
export const inFile = (
  log: Log,
  store: SqliteStore,
  extra: Partial<FoldOptions<SqliteState>> = {},
): FoldOptions<SqliteState> => ({
  log,
  topic: 'words',
  name: 'words',
  codeVersion: '1',
  store,
  reduce: insert,
  ...extra,
});
