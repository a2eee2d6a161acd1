// A fold in trouble that passes: a full disk is waited out, damage in the log is passed, counted and never hidden.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { silentLogger, ThroughlineError, type Logger } from '@throughline/event';
import { overLog, type Log, type TailStep } from '@throughline/log';
import { type MemoryLog, VirtualClock } from '@throughline/testkit';
import { fold, memoryStore } from './index.ts';
import { append, wordOf, logWith, folder, fileStore, wordsIn, inMemory, inFile } from './test-support.ts';

/** Tells of each line that is logged as an error. */
function withErrors(onError: (fields: Readonly<Record<string, unknown>>) => void): Logger {
  return { ...silentLogger, error: (fields) => onError(fields) };
}
/** The log with single offsets of partition 0 that cannot be read. */
function damagedAt(log: MemoryLog, damaged: readonly bigint[]): Log {
  const isDamaged = (offset: bigint): boolean => damaged.includes(offset);
  const errorAt = (offset: bigint) =>
    new ThroughlineError('CORRUPT_RECORD', 'rot', { details: { nextOffset: String(offset + 1n) } });
  return overLog(log, {
    async read(request) {
      if (isDamaged(request.offset)) throw errorAt(request.offset);
      const found = await log.read({ ...request, bytesMax: 1 });
      return found;
    },
    async *tail(request) {
      for await (const step of log.tail({ ...request, bytesMax: 1 })) {
        for (const record of step.records) {
          const { partition, offset } = record;
          const nextOffset = offset + 1n;
          if (!isDamaged(offset)) yield { ...step, records: [record], nextOffset };
          else {
            request.onDamage?.({ topic: 'words', partition, offset, nextOffset, error: errorAt(offset) });
            yield { ...step, records: [], nextOffset };
          }
        }
      }
    },
  });
}

describe('a fold', () => {
  test('tries again while the disk is full, says so, keeps nothing of that batch, and goes on when there is room', async (t) => {
    const log = await logWith(['a', 'b', 'c'], 1);
    const store = fileStore(join(folder(t), 'words.db'));
    const clock = new VirtualClock();
    let tries = 0;
    const delaysMs: unknown[] = [];
    const failed = { wait: Promise.withResolvers<void>() };
    const running = await fold(
      inFile(log, store, {
        clock,
        logger: withErrors(({ retryAfterMs }) => {
          delaysMs.push(retryAfterMs);
          failed.wait.resolve();
        }),
        commitRecordsMax: 1,
        reduce: (state, record) => {
          if (record.offset === 1n) state.database.exec(`pragma max_page_count = ${++tries > 3 ? 100_000 : 5}`);
          state
            .prepare('insert into words values (0, ?, ?)')
            .run(Number(record.offset), wordOf(record).repeat(record.offset === 1n ? 100_000 : 1));
        },
      }),
    );
    t.after(() => running.close());
    for (let failures = 1; failures <= 3; failures++) {
      await failed.wait.promise;
      failed.wait = Promise.withResolvers();
      const { phase, offsets, lastError } = running.status();
      assert.deepEqual([phase, offsets, lastError?.code], ['catching-up', [1n], 'OUT_OF_DISK']);
      assert.deepEqual(wordsIn(store), ['a']);
      await clock.advance(200 * 2 ** (failures - 1));
    }
    await running.caughtUp();
    assert.deepEqual(delaysMs, [200, 400, 800]);
    assert.deepEqual(wordsIn(store), ['a', 'b'.repeat(100_000), 'c']);
    const { phase, lastError } = running.status();
    assert.deepEqual([phase, lastError], ['live', undefined]);
  });

  test('says that its file cannot be read any more, which is no defect', async (t) => {
    // The data folder was removed under a running server: `disk I/O error`, answered as INTERNAL.
    const store = fileStore(join(folder(t), 'words.db'));
    await store.open('words');
    t.after(() => store.close());
    const failing = (): never => {
      throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 10 + 256 * 17 });
    };
    assert.throws(
      () => store.read(failing),
      (error) => ThroughlineError.is(error, 'DATA_DIR_LOST'),
    );
  });

  test('waits while another program holds the lock of its file, is not fenced by it, and goes on', async (t) => {
    // Another process held gateway.sqlite for 1.5 s: FOLD_FENCED, and the index stood still until a restart.
    const log = await logWith(['a'], 1);
    const path = join(folder(t), 'words.db');
    const clock = new VirtualClock();
    const store = fileStore(path, clock);
    const codes: unknown[] = [];
    const running = await fold(inFile(log, store, { clock, logger: withErrors(({ code }) => codes.push(code)) }));
    t.after(() => running.close());
    await running.caughtUp();
    const holder = new DatabaseSync(path);
    t.after(() => holder.close());

    // Shorter than a transaction waits: nobody is told.
    holder.exec('begin immediate');
    await append(log, ['b'], 1);
    await clock.advance(1_500);
    assert.deepEqual(wordsIn(store), ['a'], 'readers go on');
    holder.exec('rollback');
    const settled = running.caughtUp();
    await clock.advance(100);
    await settled;
    assert.deepEqual([wordsIn(store), codes], [['a', 'b'], []]);

    // Longer: the fold says so, and tries again for as long as it takes.
    holder.exec('begin immediate');
    await append(log, ['c'], 1);
    await clock.advance(20_000);
    assert.deepEqual([running.status().phase, running.status().lastError?.code], ['catching-up', 'STORE_BUSY']);
    assert.ok(codes.length > 2 && codes.every((code) => code === 'STORE_BUSY'));
    holder.exec('rollback');
    const again = running.caughtUp();
    await clock.advance(10_000);
    await again;
    assert.deepEqual([wordsIn(store), running.status().lastError], [['a', 'b', 'c'], undefined]);
  });

  test('begins when the lock of its file is released, and closes while it waits', { timeout: 20_000 }, async (t) => {
    const log = await logWith(['a'], 1);
    const path = join(folder(t), 'words.db');
    await (await fold(inFile(log, fileStore(path)))).close();
    const holder = new DatabaseSync(path);
    t.after(() => holder.close());
    holder.exec('begin immediate');
    const clock = new VirtualClock();
    const starting = fold(inFile(log, fileStore(path, clock), { clock }));
    const seen = { isStarted: false };
    void starting.then(() => (seen.isStarted = true));
    await clock.advance(1_500);
    assert.equal(seen.isStarted, false);
    holder.exec('rollback');
    while (!seen.isStarted) await clock.advance(40);
    const running = await starting;
    await running.caughtUp();
    holder.exec('begin immediate');
    await append(log, ['b'], 1);
    await clock.advance(100);
    const closing = running.close();
    await clock.advance(2_100);
    await closing;
    holder.exec('rollback');
  });

  test('is live again as soon as a log without news can be read again', { timeout: 5_000 }, async (t) => {
    const clock = new VirtualClock();
    const log = await logWith(['a'], 1);
    const away = Promise.withResolvers<void>();
    const failed = Promise.withResolvers<void>();
    const cut: Log = Object.assign(Object.create(log) as Log, {
      append: log.append.bind(log),
      read: log.read.bind(log),
      admin: log.admin,
      tail: async function* (request: Parameters<Log['tail']>[0]) {
        const steps = log.tail(request)[Symbol.asyncIterator]();
        yield (await steps.next()).value as TailStep;
        await away.promise;
        throw new ThroughlineError('LOG_UNREACHABLE', 'the cluster is away');
      },
    });
    const store = memoryStore(() => ({ words: [] as string[] }));
    const running = await fold(inMemory(cut, { clock, store, logger: withErrors(() => failed.resolve()) }));
    t.after(() => running.close());
    await running.caughtUp();
    away.resolve();
    await failed.promise;
    assert.deepEqual([running.status().phase, running.status().lastError?.code], ['catching-up', 'LOG_UNREACHABLE']);
    cut.tail = log.tail.bind(log);
    await clock.advance(200);
    while (running.status().phase !== 'live') await new Promise((resolve) => setImmediate(resolve));
    assert.equal(running.status().lastError, undefined);
  });

  test('that waits for room closes at once', { timeout: 5_000 }, async () => {
    const log = await logWith(['a'], 1);
    const store = memoryStore(() => ({ words: [] as string[] }));
    const failed = Promise.withResolvers<void>();
    const full: typeof store = Object.assign(Object.create(store) as typeof store, {
      open: (name: string) => store.open(name),
      transaction: async (...args: Parameters<typeof store.transaction>) => {
        if (args[0] !== undefined) throw new ThroughlineError('OUT_OF_DISK', 'full');
        return store.transaction(...args);
      },
      close: () => store.close(),
    });
    const running = await fold(
      inMemory(log, { clock: new VirtualClock(), store: full, logger: withErrors(() => failed.resolve()) }),
    );
    await failed.promise;
    await running.close();
    assert.equal(await running.stopped, undefined);
  });

  test('goes on behind damage, counts it in its checkpoint, and is caught up also when damage is the last there is', async (t) => {
    const log = await logWith(['a', 'b', 'c', 'd'], 1);
    const rotten = damagedAt(log, [1n, 3n]);
    const store = fileStore(join(folder(t), 'words.db'));
    const running = await fold(inFile(rotten, store));
    await running.caughtUp();
    assert.deepEqual(wordsIn(store), ['a', 'c']);
    const { phase, offsets, damagedRecords } = running.status();
    assert.deepEqual([phase, offsets, damagedRecords], ['live', [4n], 2]);
    await running.replay();
    assert.equal(running.status().damagedRecords, 2);
    await running.close();
    const again = await fold(inFile(rotten, store));
    t.after(() => again.close());
    assert.equal(again.status().damagedRecords, 2);
  });
});
