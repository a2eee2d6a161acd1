import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fromUtf8, ThroughlineError, type Logger } from '@throughline/event';
import { overLog, type Log, type TopicDescription } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import { fold, memoryStore } from './index.ts';
import { wordOf, insert, logWith, append, folder, fileStore, wordsIn, inMemory, inFile } from './test-support.ts';

/** The log as it is after retention has removed what is below `offset`, in every partition. */
function startingAt(log: MemoryLog, offset: bigint): Log {
  const describeTopic = async (topic: string): Promise<TopicDescription> => {
    const found = await log.admin.describeTopic(topic);
    return { ...found, partitions: found.partitions.map((each) => ({ ...each, logStartOffset: offset })) };
  };
  return overLog(log, { admin: { describeTopic } });
}
/** The log as it was when its topic had fewer partitions. */
function withPartitions(log: MemoryLog, count: number): Log {
  const partitions = Array.from({ length: count }, (_, partition) => partition);
  const describeTopic = async (topic: string): Promise<TopicDescription> => {
    const found = await log.admin.describeTopic(topic);
    return { ...found, partitions: found.partitions.slice(0, count) };
  };
  return {
    ...startingAt(log, 0n),
    tail: (request) => log.tail({ ...request, partitions }),
    admin: { ...log.admin, describeTopic },
  };
}
const withCode = (code: string) => (error: unknown) => ThroughlineError.is(error) && error.code === code;

describe('a fold', () => {
  test('has every record of the topic, those before its start and those after', async (t) => {
    const log = await logWith(['a', 'b', 'c']);
    const store = memoryStore(() => ({ words: [] as string[] }));
    const running = await fold(inMemory(log, { store }));
    t.after(() => running.close());
    await running.caughtUp();
    assert.deepEqual(store.state.words.toSorted(), ['a', 'b', 'c']);
    await append(log, ['d', 'e']);
    await running.caughtUp();
    assert.deepEqual(store.state.words.toSorted(), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(running.status(), {
      name: 'words',
      topic: 'words',
      phase: 'live',
      offsets: [3n, 2n],
      lagRecords: 0,
      skippedRecords: 0,
      damagedRecords: 0,
    });
  });

  test('takes the state that a reducer returns', async (t) => {
    const log = await logWith(['a', 'b', 'c'], 1);
    const store = memoryStore(() => '');
    const running = await fold({
      log,
      topic: 'words',
      name: 'joined',
      codeVersion: '1',
      store,
      reduce: (state, r) => state + wordOf(r),
    });
    t.after(() => running.close());
    await running.caughtUp();
    assert.equal(store.state, 'abc');
  });

  test('skips a record that is no valid event, counts it, reports it, and goes on', async (t) => {
    const log = await logWith(['a', 'bad 1', 'b', 'bad 2'], 1);
    const warnings: string[] = [];
    const skipped: string[] = [];
    const logger: Logger = {
      debug() {},
      info() {},
      error() {},
      warn: (fields) => void warnings.push(String(fields['offset'])),
    };
    const store = memoryStore(() => ({ words: [] as string[] }));
    const running = await fold(
      inMemory(log, { store, logger, onSkipped: (record, error) => skipped.push(`${record.offset} ${error.message}`) }),
    );
    t.after(() => running.close());
    await running.caughtUp();
    assert.deepEqual(store.state.words, ['a', 'b']);
    assert.equal(running.status().skippedRecords, 2);
    assert.deepEqual(skipped, ['1 no word: bad 1', '3 no word: bad 2']);
    assert.deepEqual(warnings, ['1', '3']);
  });

  test('stops loudly when the reducer throws, naming the record and keeping nothing of its batch', async (t) => {
    const log = await logWith(['a', 'b', 'bug'], 1);
    const store = fileStore(join(folder(t), 'words.db'));
    const running = await fold(inFile(log, store));
    t.after(() => running.close());
    const error = await running.stopped;
    assert.equal(error?.code, 'FOLD_REDUCER_FAILED');
    assert.deepEqual(error.details, { topic: 'words', partition: 0, offset: '2' });
    await assert.rejects(running.caughtUp(), withCode('FOLD_REDUCER_FAILED'));
    const { phase, offsets, lastError, lagRecords } = running.status();
    assert.deepEqual([phase, offsets, lastError?.code, lagRecords], ['stopped', [0n], 'FOLD_REDUCER_FAILED', 3]);
    assert.deepEqual(wordsIn(store), []);
  });

  test('commits no more records in a transaction than it may', async (t) => {
    const log = await logWith(
      Array.from({ length: 10 }, (_, index) => `w${index}`),
      1,
    );
    const commits: bigint[] = [];
    const running = await fold(
      inMemory(log, { commitRecordsMax: 4, onCommitted: ([offset]) => commits.push(offset!) }),
    );
    t.after(() => running.close());
    await running.caughtUp();
    assert.deepEqual(commits, [4n, 8n, 10n]);
  });

  test('gathers what arrives within its delay into one transaction, and does not wait while somebody waits for it', async (t) => {
    const log = await logWith([], 2);
    const commits: string[] = [];
    const committed = Promise.withResolvers<void>();
    const onCommitted = (offsets: readonly bigint[]): void => {
      commits.push(offsets.join());
      committed.resolve();
    };
    const running = await fold(inMemory(log, { commitDelayMs: 20, onCommitted }));
    t.after(() => running.close());
    for (let round = 0; round < 5; round++) await append(log, ['a', 'b']);
    await committed.promise;
    assert.deepEqual(commits, ['5,5']);
    const patient = await fold(inMemory(log, { name: 'patient', commitDelayMs: 3_600_000 }));
    t.after(() => patient.close());
    await patient.caughtUp();
    await append(log, ['c']);
    await patient.caughtUp();
    assert.deepEqual(patient.status().offsets, [6n, 5n]);
  });

  test('commits what it gathered before it closes', async () => {
    const log = await logWith(['a', 'b', 'c'], 1);
    const store = memoryStore(() => ({ words: [] as string[] }));
    const running = await fold(inMemory(log, { store, commitDelayMs: 60_000 }));
    await new Promise((resolve) => setImmediate(resolve));
    await running.close();
    assert.deepEqual(store.state.words, ['a', 'b', 'c']);
    assert.equal(await running.stopped, undefined);
    await append(log, ['d'], 1);
    await assert.rejects(running.caughtUp(), withCode('CLOSED'));
  });

  test('that retention overtakes says so', async (t) => {
    const log = await logWith(['a', 'b'], 1);
    const gone: Log = {
      ...startingAt(log, 0n),
      // What the log throws when a reader's next record has been removed.
      async *tail(request) {
        for await (const step of log.tail(request)) {
          yield step;
          throw new ThroughlineError('OFFSET_OUT_OF_RANGE', 'words-0@2', { details: { logStartOffset: '7' } });
        }
      },
    };
    const running = await fold(inMemory(gone));
    t.after(() => running.close());
    const error = await running.stopped;
    assert.deepEqual([error?.code, error?.details['logStartOffset']], ['FOLD_BEHIND_LOG', '7']);
  });

  test('of an unknown topic is rejected', async () => {
    await assert.rejects(fold(inMemory(new MemoryLog())), withCode('UNKNOWN_TOPIC'));
  });

  test('says that the log is closed', async (t) => {
    const log = await logWith(['a']);
    const running = await fold(inMemory(log));
    t.after(() => running.close());
    await running.caughtUp();
    await log.close();
    assert.equal((await running.stopped)?.code, 'CLOSED');
  });
});

describe('a restarted fold', () => {
  test('goes on behind its checkpoint, with its count of skipped records', async (t) => {
    const path = join(folder(t), 'words.db');
    const log = await logWith(['a', 'bad', 'b'], 1);
    const first = await fold(inFile(log, fileStore(path)));
    await first.caughtUp();
    await first.close();
    await append(log, ['c', 'bad'], 1);
    const seen: bigint[] = [];
    const store = fileStore(path);
    const second = await fold(
      inFile(log, store, {
        reduce: (state, record) => {
          seen.push(record.offset);
          insert(state, record);
        },
      }),
    );
    t.after(() => second.close());
    await second.caughtUp();
    assert.deepEqual(seen, [3n, 4n]);
    assert.deepEqual(wordsIn(store), ['a', 'b', 'c']);
    assert.equal(second.status().skippedRecords, 2);
  });

  test('rejects a state made by other code, and replays it when it may', async (t) => {
    const path = join(folder(t), 'words.db');
    const log = await logWith(['a', 'b'], 1);
    const first = await fold(inFile(log, fileStore(path)));
    await first.caughtUp();
    await first.close();
    await assert.rejects(fold(inFile(log, fileStore(path), { codeVersion: '2' })), withCode('FOLD_CODE_CHANGED'));
    const store = fileStore(path);
    const second = await fold(
      inFile(log, store, {
        codeVersion: '2',
        replayOn: ['FOLD_CODE_CHANGED'],
        reduce: ({ prepare }, record) =>
          void prepare('insert into words values (?, ?, upper(?))').run(0, Number(record.offset), wordOf(record)),
      }),
    );
    t.after(() => second.close());
    await second.caughtUp();
    assert.deepEqual(wordsIn(store), ['A', 'B']);
  });

  test('rejects a state of another incarnation of the topic', async (t) => {
    const path = join(folder(t), 'words.db');
    const log = await logWith(['a', 'b'], 1);
    const first = await fold(inFile(log, fileStore(path)));
    await first.caughtUp();
    await first.close();
    await log.admin.deleteTopic('words');
    await log.admin.createTopic('words', { partitions: 1 });
    await append(log, ['x', 'y', 'z'], 1);
    await assert.rejects(fold(inFile(log, fileStore(path))), withCode('FOLD_LOG_CHANGED'));
    const store = fileStore(path);
    const second = await fold(inFile(log, store, { replayOn: ['FOLD_LOG_CHANGED'] }));
    t.after(() => second.close());
    await second.caughtUp();
    assert.deepEqual(wordsIn(store), ['x', 'y', 'z']);
  });

  test('rejects a log that has lost records it has folded, also when the log has grown since', async (t) => {
    const path = join(folder(t), 'words.db');
    const first = await fold(inFile(await logWith(['a', 'b', 'c'], 1), fileStore(path)));
    await first.caughtUp();
    await first.close();
    // The same topic id, as after a power cut that the log survived with fewer records.
    const shorter = await logWith(['a', 'b'], 1);
    await assert.rejects(fold(inFile(shorter, fileStore(path))), withCode('FOLD_LOG_CHANGED'));
    await append(shorter, ['x', 'y'], 1);
    await assert.rejects(fold(inFile(shorter, fileStore(path))), withCode('FOLD_LOG_CHANGED'));
    const store = fileStore(path);
    const second = await fold(inFile(shorter, store, { replayOn: ['FOLD_LOG_CHANGED'] }));
    t.after(() => second.close());
    await second.caughtUp();
    assert.deepEqual(wordsIn(store), ['a', 'b', 'x', 'y']);
  });

  test('rejects a log whose retention has removed records unseen, and may replay what is left', async (t) => {
    const path = join(folder(t), 'words.db');
    const log = await logWith(['a', 'b'], 1);
    const first = await fold(inFile(log, fileStore(path)));
    await first.caughtUp();
    await first.close();
    await append(log, ['c', 'd', 'e'], 1);
    const expired = startingAt(log, 4n);
    await assert.rejects(fold(inFile(expired, fileStore(path))), withCode('FOLD_BEHIND_LOG'));
    const store = fileStore(path);
    const second = await fold(inFile(expired, store, { replayOn: ['FOLD_BEHIND_LOG'] }));
    t.after(() => second.close());
    await second.caughtUp();
    assert.deepEqual(wordsIn(store), ['e']);
  });

  test('folds a partition that was added since from its first record', async (t) => {
    const path = join(folder(t), 'words.db');
    const log = await logWith(['a', 'b', 'c', 'd'], 2);
    const first = await fold(inFile(withPartitions(log, 1), fileStore(path)));
    await first.caughtUp();
    assert.deepEqual(first.status().offsets, [2n]);
    await first.close();
    const store = fileStore(path);
    const second = await fold(inFile(log, store));
    t.after(() => second.close());
    await second.caughtUp();
    assert.deepEqual(wordsIn(store), ['a', 'c', 'b', 'd']);
  });

  test('rejects the file of another fold, a file of a newer format and a file that is no database', async (t) => {
    const directory = folder(t);
    const log = await logWith(['a'], 1);
    const path = join(directory, 'words.db');
    await (await fold(inFile(log, fileStore(path)))).close();
    await assert.rejects(fold(inFile(log, fileStore(path), { name: 'other' })), withCode('INVALID_ARGUMENT'));
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(path);
    database.exec('pragma user_version = 99');
    database.close();
    await assert.rejects(fold(inFile(log, fileStore(path))), withCode('DATA_FORMAT_UNSUPPORTED'));
    const { writeFileSync } = await import('node:fs');
    const noDatabase = join(directory, 'text.db');
    writeFileSync(
      noDatabase,
      'this is no database, but it is long enough to look like one to somebody in a hurry'.repeat(20),
    );
    await assert.rejects(fold(inFile(log, fileStore(noDatabase))), withCode('DATA_FORMAT_UNSUPPORTED'));
  });
});

describe('a replay', () => {
  test('gives the same state, and readers see the old one until the swap', async (t) => {
    const log = await logWith(['a', 'bad', 'c', 'd'], 2);
    const store = fileStore(join(folder(t), 'words.db'));
    const seen = new Set<string>();
    const running = await fold(
      inFile(log, store, {
        reduce: (state, record) => {
          insert(state, record);
          seen.add(wordsIn(store).join());
        },
      }),
    );
    t.after(() => running.close());
    await running.caughtUp();
    const before = wordsIn(store);
    seen.clear();
    await running.replay();
    assert.deepEqual(wordsIn(store), before);
    assert.deepEqual([...seen], [before.join()]);
    assert.equal(running.status().skippedRecords, 1);
    await append(log, ['e']);
    await running.caughtUp();
    assert.deepEqual(wordsIn(store).toSorted(), ['a', 'c', 'd', 'e']);
  });

  test('that fails leaves the state before it, and the fold goes on', async (t) => {
    const log = await logWith(['a', 'b'], 1);
    const store = fileStore(join(folder(t), 'words.db'));
    let isBroken = false;
    const running = await fold(
      inFile(log, store, {
        reduce: (state, record) => {
          if (isBroken && record.offset === 1n) throw new Error('broken');
          insert(state, record);
        },
      }),
    );
    t.after(() => running.close());
    await running.caughtUp();
    isBroken = true;
    await assert.rejects(running.replay(), withCode('FOLD_REDUCER_FAILED'));
    await append(log, ['c'], 1);
    await running.caughtUp();
    assert.deepEqual(wordsIn(store), ['a', 'b', 'c']);
    assert.equal(running.status().lastError?.code, 'FOLD_REDUCER_FAILED');
  });

  test('starts a fold again that an error has stopped', async (t) => {
    const log = await logWith(['a', 'bug', 'b'], 1);
    const store = memoryStore(() => ({ words: [] as string[] }));
    let isFixed = false;
    const running = await fold(
      inMemory(log, {
        store,
        reduce: (state, record) => void state.words.push(isFixed ? fromUtf8(record.value!) : wordOf(record)),
      }),
    );
    t.after(() => running.close());
    await running.stopped;
    await assert.rejects(running.replay(), withCode('FOLD_REDUCER_FAILED'));
    assert.equal(running.status().phase, 'stopped');
    isFixed = true;
    await running.replay();
    await append(log, ['c'], 1);
    await running.caughtUp();
    assert.deepEqual(store.state.words, ['a', 'bug', 'b', 'c']);
    assert.equal(running.status().lastError, undefined);
  });
});

describe('two owners of one store', () => {
  test('the older is fenced at its next commit and the newer goes on', async (t) => {
    const path = join(folder(t), 'words.db');
    const log = await logWith(['a', 'b'], 1);
    const olderStore = fileStore(path);
    const older = await fold(inFile(log, olderStore));
    t.after(() => older.close());
    await older.caughtUp();
    const newerStore = fileStore(path);
    const newer = await fold(inFile(log, newerStore));
    t.after(() => newer.close());
    await append(log, ['c', 'd'], 1);
    assert.equal((await older.stopped)?.code, 'FOLD_FENCED');
    await newer.caughtUp();
    assert.deepEqual(wordsIn(newerStore), ['a', 'b', 'c', 'd']);
    await assert.rejects(older.replay(), withCode('FOLD_FENCED'));
    assert.deepEqual(wordsIn(newerStore), ['a', 'b', 'c', 'd']);
  });
});
