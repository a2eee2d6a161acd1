// A member of a group, to be killed where it is a process of its own: it folds a topic into an SQLite file, a row for each
// record. Arguments: the address of a broker, the topic (and group), the file, and the session time-out in milliseconds.
import { fromUtf8, utf8 } from '@throughline/event';
import { fold, SharedAssignment, sqliteStore, type Fold, type SqliteStore } from '@throughline/fold';
import { kafka, type Log } from '@throughline/log';

export const partitionCount = 4;

export interface Member {
  readonly store: SqliteStore;
  readonly assignment: SharedAssignment;
  readonly running: Fold;
}

/** Joins the group that is named like its topic, and begins to fold. A record that came twice would break the primary key, and stop the fold. */
export async function join(log: Log, topic: string, path: string, sessionTimeoutMs?: number): Promise<Member> {
  const store = sqliteStore({
    path,
    initial: (database) =>
      database.exec('create table words (word text, place int, at int, primary key (place, at)) without rowid'),
  });
  const request = { log, topic, group: topic, heartbeatMs: 100 };
  const assignment = new SharedAssignment(sessionTimeoutMs === undefined ? request : { ...request, sessionTimeoutMs });
  const running = await fold({
    log,
    topic,
    name: 'words',
    codeVersion: '1',
    store,
    reduce: ({ prepare }, { partition, offset, value }) =>
      void prepare('insert into words (word, place, at) values (?, ?, ?)').run(fromUtf8(value!), partition, offset),
    assignment,
  });
  return { store, assignment, running };
}

/** A record for each partition. */
export async function add(log: Log, topic: string, word: string): Promise<void> {
  const records = Array.from({ length: partitionCount }, (_, partition) => ({
    key: null,
    value: utf8(word),
    partition,
  }));
  await log.append(topic, records);
}

if (import.meta.main) {
  const [, , bootstrap = '', topic = '', path = '', sessionTimeoutMs] = process.argv;
  await join(await kafka({ bootstrap }), topic, path, Number(sessionTimeoutMs));
}
