import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, ThroughlineError, type LogFields } from '@throughline/event';
import { FaultyDisk, LossyDisk } from '@throughline/testkit';
import { CommitJournal, type JournalOptions } from './commit-journal.ts';
import { readJournal } from '../disk/journal-format.ts';
import { batchOf, recordsOf } from '../test-support.ts';

const from = { topicId: new Uint8Array(16).fill(7), partition: 3 };

async function open(disk: FaultyDisk, options: Partial<JournalOptions> = {}): Promise<CommitJournal> {
  await disk.makeFolder('/j');
  const base = { disk, folder: '/j', fileBytes: 4096, fileCountMax: 2, logger: silentLogger, onFull: () => {} };
  return CommitJournal.open({ ...base, ...options });
}

function commit(journal: CommitJournal, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    journal.commit(from, [batchOf([text])], (error) => (error === undefined ? resolve() : reject(error)));
  });
}

async function contents(disk: FaultyDisk): Promise<string[]> {
  const found: string[] = [];
  for await (const { topicId, partition, batch } of readJournal(disk, '/j')) {
    assert.deepEqual({ topicId: Uint8Array.from(topicId), partition }, from);
    found.push(Buffer.from(recordsOf(batch)[0]!.value!).toString());
  }
  return found;
}

test('what has been committed is read back in order, across files', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const journal = await open(disk, { fileCountMax: 100 });
  const texts = Array.from({ length: 40 }, (_, i) => `record ${i}`.padEnd(300, '.'));
  for (const text of texts) await commit(journal, text);
  assert.ok((await disk.list('/j')).length > 3);
  assert.deepEqual(await contents(disk), texts);
});

test('a new file takes no name that a file has, also where one has been removed', async () => {
  // Names went by the number of files: with the first one gone, the last one was written over.
  const disk = new FaultyDisk(new LossyDisk());
  const first = await open(disk, { fileCountMax: 100 });
  const texts = Array.from({ length: 40 }, (_, i) => `record ${i}`.padEnd(300, '.'));
  for (const text of texts) await commit(first, text);
  await first.close();
  await disk.remove('/j/0000.journal');
  const kept = await contents(disk);
  const names = await disk.list('/j');
  const cases: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: LogFields) => void cases.push(fields['case']) };
  const second = await open(disk, { fileCountMax: 100, isReplayed: true, logger });
  await commit(second, 'next');
  await second.close();
  assert.deepEqual(await contents(disk), [...kept, 'next']);
  assert.equal((await disk.list('/j')).length, names.length + 1);
  assert.deepEqual(cases, ['journal-file-missing']);
});

test('commits that come while one is being synced share the next sync', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const journal = await open(disk, { fileBytes: 65_536 });
  await commit(journal, 'warm');
  const before = disk.operationCount;
  await Promise.all(Array.from({ length: 50 }, (_, i) => commit(journal, `record ${i}`)));
  // A write and a sync for the first, and for all the others together.
  assert.equal(disk.operationCount - before, 4);
  assert.equal((await contents(disk)).length, 51);
});

test('what the listener of one commit throws is reported, and those behind it settle', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const defects: unknown[] = [];
  const logger = { ...silentLogger, fatal: ({ error }: LogFields) => void defects.push(error) };
  const journal = await open(disk, { logger });
  const failure = new TypeError('a defect');
  journal.commit(from, [batchOf(['a'])], () => {
    throw failure;
  });
  await commit(journal, 'b');
  await commit(journal, 'c');
  assert.deepEqual(defects, [failure]);
  assert.deepEqual(await contents(disk), ['a', 'b', 'c']);
});

test('frames of an earlier use of a file are not read', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const journal = await open(disk);
  for (const text of ['a', 'b', 'c']) await commit(journal, text);
  journal.beginCheckpoint()();
  await commit(journal, 'd');
  assert.deepEqual(await contents(disk), ['d']);
});

test('a journal that is opened again goes on with a larger sequence', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const journal = await open(disk);
  await commit(journal, 'old');
  await journal.close();
  const again = await open(disk);
  await commit(again, 'new');
  assert.deepEqual(await contents(disk), ['new']);
});

test('when all files are full, commits wait for a checkpoint', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const full: string[] = [];
  const journal = await open(disk, { onFull: () => full.push('full') });
  const texts = Array.from({ length: 40 }, (_, i) => `record ${i}`.padEnd(300, '.'));
  const done: number[] = [];
  const all = texts.map((text, i) => commit(journal, text).then(() => done.push(i)));
  while (full.length < 2) await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(done.length < texts.length, 'some wait');
  const stop = setInterval(() => journal.beginCheckpoint()(), 1);
  await Promise.all(all);
  clearInterval(stop);
  assert.deepEqual(
    done,
    texts.map((_, i) => i),
  );
  assert.ok((await disk.list('/j')).length <= 3);
});

test('a rejected commit does not come back, and the next one stands in its place', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const journal = await open(disk);
  await commit(journal, 'first');
  disk.fail({ operation: 'write', path: 'journal', code: 'ENOSPC' });
  await assert.rejects(commit(journal, 'rejected'), (error) => ThroughlineError.is(error, 'OUT_OF_DISK'));
  assert.deepEqual(await contents(disk), ['first']);
  await commit(journal, 'second');
  assert.deepEqual(await contents(disk), ['first', 'second']);
});

test('a failed sync is final for its file: what was acknowledged stays, and others go on in another file', async () => {
  const disk = new FaultyDisk(new LossyDisk());
  const journal = await open(disk);
  await commit(journal, 'first');
  disk.fail({ operation: 'sync', path: '0000.journal', code: 'EIO', times: 100 });
  await assert.rejects(commit(journal, 'unknown'), (error) => ThroughlineError.is(error, 'PARTITION_OFFLINE'));
  await commit(journal, 'second');
  journal.beginCheckpoint()();
  await commit(journal, 'third');
  const found = await contents(disk);
  assert.equal(found[0], 'first');
  assert.equal(found.at(-1), 'third');
});

test('a frame that was damaged ends its file', async () => {
  const memory = new LossyDisk();
  const disk = new FaultyDisk(memory);
  const journal = await open(disk);
  for (const text of ['a', 'b', 'c']) await commit(journal, text);
  const frameBytes = 36 + batchOf(['a']).length;
  for (const at of [20 + frameBytes, 20 + frameBytes + 40, 20 + frameBytes + 60]) {
    memory.flipBit('/j/0000.journal', at);
    assert.deepEqual(await contents(disk), ['a']);
    memory.flipBit('/j/0000.journal', at);
  }
  assert.deepEqual(await contents(disk), ['a', 'b', 'c']);
});
