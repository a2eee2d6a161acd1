// Files that are written to, of which only a few are open at a time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { integerBetween, seededRandom } from '@throughline/event';
import { ActiveFiles } from './active-files.ts';
import type { Disk, DiskFile } from '../disk/disk.ts';
import { memoryDisk } from '../disk/memory-disk.ts';

/** A disk in memory that counts what is open, and lets a few turns pass before each answer. */
function countingDisk(): { disk: Disk; count: { open: number; most: number } } {
  const memory = memoryDisk();
  const count = { open: 0, most: 0 };
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await Promise.resolve();
  };
  const open = async (path: string): Promise<DiskFile> => {
    await turns();
    const file = await memory.open(path, 'write');
    count.most = Math.max(count.most, ++count.open);
    return {
      size: async () => turns().then(() => file.size()),
      read: async (target, position) => turns().then(() => file.read(target, position)),
      write: async (buffers, position) => turns().then(() => file.write(buffers, position)),
      truncate: async (sizeBytes) => turns().then(() => file.truncate(sizeBytes)),
      syncData: async () => turns().then(() => file.syncData()),
      close: async () => {
        await turns();
        count.open--;
        await file.close();
      },
    };
  };
  return { disk: { ...disk(memory), open }, count };
}

function disk(memory: Disk): Disk {
  return {
    open: (path, mode) => memory.open(path, mode),
    readFile: (path) => memory.readFile(path),
    list: (folder) => memory.list(folder),
    makeFolder: (folder) => memory.makeFolder(folder),
    removeFolder: (folder) => memory.removeFolder(folder),
    rename: (from, to) => memory.rename(from, to),
    remove: (path) => memory.remove(path),
    syncDirectory: (folder) => memory.syncDirectory(folder),
    lock: (path) => memory.lock(path),
  };
}

test('a hundred files are written to while a few are open, and each has what it was given', async () => {
  const { disk, count } = countingDisk();
  const files = new ActiveFiles(disk, 5);
  const random = seededRandom(7);
  const all = await Promise.all(Array.from({ length: 100 }, (_, i) => files.open(`/${i}`)));
  const sizes = all.map(() => 0);
  for (let round = 0; round < 500; round++) {
    const i = integerBetween(random, 0, 99);
    await all[i]!.write([Uint8Array.of(i, round % 256)], sizes[i]!);
    sizes[i]! += 2;
    if (round % 7 === 0) await all[integerBetween(random, 0, 99)]!.syncData();
  }
  assert.ok(count.open <= 5, String(count.open));
  for (const [i, file] of all.entries()) {
    const found = new Uint8Array(sizes[i]! + 1);
    assert.equal(await file.read(found, 0), sizes[i]);
    assert.ok(found.subarray(0, sizes[i]).every((byte, at) => at % 2 === 1 || byte === i));
  }
  for (const file of all) await file.close();
  assert.equal(count.open, 0);
});

test('files that are in use are not closed, however many they are', async () => {
  const { disk, count } = countingDisk();
  const files = new ActiveFiles(disk, 2);
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => files.open(`/${i}`)));
  await Promise.all(all.map((file, i) => file.write([Uint8Array.of(i)], 0)));
  assert.deepEqual(
    await Promise.all(all.map((file) => file.size())),
    all.map(() => 1),
  );
  await all[0]!.size();
  for (const file of all) await file.close();
  assert.equal(count.open, 0);
});

test('a file that cannot be opened says so each time, and works again once it can', async () => {
  const memory = memoryDisk();
  let isBroken = false;
  const broken = { ...disk(memory) };
  broken.open = async (path, mode) => {
    if (isBroken) throw Object.assign(new Error('EMFILE'), { code: 'EMFILE' });
    return memory.open(path, mode);
  };
  const files = new ActiveFiles(broken, 1);
  const first = await files.open('/a');
  await files.open('/b');
  isBroken = true;
  await assert.rejects(first.size(), { code: 'EMFILE' });
  await assert.rejects(first.size(), { code: 'EMFILE' });
  isBroken = false;
  assert.equal(await first.size(), 0);
});
