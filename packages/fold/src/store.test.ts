import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { DuckDbDatabase, duckdbStore, memoryStore, type Checkpoint, type FoldStore } from './index.ts';
import { fileStore, folder } from './test-support.ts';

const checkpoint: Checkpoint = {
  name: 'words',
  topic: 'topic',
  topicId: 'id',
  codeVersion: '1',
  fencingEpoch: 1,
  offsets: [7n, 0n],
  marks: ['6:1:abc', null],
  lastEpochs: [3, -1],
  skippedRecords: 2,
  damagedRecords: 3,
};

/** The stores, each empty and open. */
async function stores(t: TestContext): Promise<readonly FoldStore<unknown>[]> {
  const database = new DuckDbDatabase({ path: join(folder(t), 'words.duckdb') });
  t.after(() => database.close());
  const all = [
    memoryStore(() => ({})) as FoldStore<unknown>,
    fileStore(join(folder(t), 'words.db')) as FoldStore<unknown>,
    duckdbStore({ database, tables: [], initial: () => ({}) }) as FoldStore<unknown>,
  ];
  for (const store of all) {
    assert.equal(await store.open('words'), undefined);
    t.after(() => store.close());
  }
  return all;
}

const put = (store: FoldStore<unknown>, expected: Checkpoint | undefined, next: Checkpoint): Promise<void> =>
  store.transaction(expected, (state) => ({ state, next }));

test('every store gives a checkpoint back as it was, in whatever order its parts come', async (t) => {
  for (const store of await stores(t)) {
    const reversed = Object.fromEntries(Object.entries(checkpoint).toReversed()) as unknown as Checkpoint;
    await put(store, undefined, reversed);
    assert.deepEqual(await store.open('words'), checkpoint);
    const next = { ...checkpoint, offsets: [9n, 4n], marks: ['8:1:def', '3:2:abc'], skippedRecords: 4 };
    await put(store, reversed, next);
    assert.deepEqual(await store.open('words'), next);
  }
});

test('an SQLite file of format 1 is carried on, without the leader epochs that it has not', async (t) => {
  const path = join(folder(t), 'words.db');
  const first = fileStore(path) as FoldStore<unknown>;
  await first.open('words');
  await put(first, undefined, checkpoint);
  await first.close();
  const old = new DatabaseSync(path);
  for (const column of ['last_epochs', 'damaged_records'])
    old.exec(`alter table _throughline_checkpoint drop column ${column}`);
  old.exec('pragma user_version = 1');
  old.close();
  const second = fileStore(path) as FoldStore<unknown>;
  t.after(() => second.close());
  const found = await second.open('words');
  assert.deepEqual(found, { ...checkpoint, lastEpochs: [], damagedRecords: 0 });
  await put(second, found, checkpoint);
  assert.deepEqual(await second.open('words'), checkpoint);
  await second.close();
  // A program of format 1 would move the offsets and leave the epochs behind.
  const now = new DatabaseSync(path);
  assert.equal(now.prepare('pragma user_version').get()?.['user_version'], 2);
  now.close();
});

test('every store rejects a checkpoint of which something is missing, and keeps the one before', async (t) => {
  // SQLite threw its own error, and DuckDB had null for a count.
  const parts = Object.keys(checkpoint) as (keyof Checkpoint)[];
  for (const store of await stores(t)) {
    await put(store, undefined, checkpoint);
    for (const part of parts) {
      const { [part]: _, ...rest } = checkpoint;
      const isInvalid = (error: unknown): boolean => ThroughlineError.is(error, 'INVALID_ARGUMENT');
      await assert.rejects(put(store, checkpoint, rest as Checkpoint), isInvalid, part);
      const rebuild = await store.rebuild();
      await assert.rejects(rebuild.swap(checkpoint, rest as Checkpoint), isInvalid, part);
      await rebuild.discard();
    }
    assert.deepEqual(await store.open('words'), checkpoint);
  }
});
