// Very many small topics: ten thousand took 66 s to make and 27 s to open after a kill. What counts is how often the disk is
// asked for a sync, and for how many things each partition asks it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, ThroughlineError, type ErrorCode } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import type { Broker, Disk, DiskFile } from './index.ts';
import { openBroker } from './topics/open-broker.ts';
import { batchOf, LogRecorder, readAll } from './test-support.ts';

const dataDir = '/data';
const topicCount = 200;
const names = Array.from({ length: topicCount }, (_, i) => `tiny-${i}`);
const aTopic = { partitions: 1, settings: new Map<string, string>() };

/** How often a disk has been asked for what. */
class Counts {
  syncs = 0;
  others = 0;
  /** What a sync waits for before it begins. */
  beforeSync: () => Promise<void> = async () => {};

  of(inner: Disk): Disk {
    const counted =
      <Arguments extends unknown[], Result>(count: () => void, call: (...args: Arguments) => Result) =>
      (...args: Arguments): Result => {
        count();
        return call(...args);
      };
    const syncing =
      <Arguments extends unknown[]>(call: (...args: Arguments) => Promise<void>) =>
      async (...args: Arguments): Promise<void> => {
        this.syncs++;
        await this.beforeSync();
        return call(...args);
      };
    const other = (): void => void this.others++;
    const file = (opened: DiskFile): DiskFile => ({
      size: counted(other, () => opened.size()),
      read: counted(other, (target: Uint8Array, position: number) => opened.read(target, position)),
      write: counted(other, (buffers: readonly Uint8Array[], position: number) => opened.write(buffers, position)),
      truncate: counted(other, (sizeBytes: number) => opened.truncate(sizeBytes)),
      syncData: syncing(() => opened.syncData()),
      close: () => opened.close(),
    });
    return {
      open: counted(other, async (path, mode) => file(await inner.open(path, mode))),
      readFile: counted(other, (path: string) => inner.readFile(path)),
      list: counted(other, (folder: string) => inner.list(folder)),
      makeFolder: counted(other, (folder, sync) => inner.makeFolder(folder, sync)),
      removeFolder: counted(other, (folder: string) => inner.removeFolder(folder)),
      rename: counted(other, (from: string, to: string) => inner.rename(from, to)),
      remove: counted(other, (path: string) => inner.remove(path)),
      syncDirectory: syncing((folder: string) => inner.syncDirectory(folder)),
      lock: (path) => inner.lock(path),
      cacheId: async (folder) => inner.cacheId?.(folder),
    };
  }
}

function open(disk: Disk, logger = new LogRecorder()): Promise<Broker> {
  const limits = { journalFileBytes: 64 * 1024, tailCacheBytesMax: 0 };
  return openBroker({ dataDir, disk, clock: new VirtualClock(), random: seededRandom(1), logger, ...limits });
}

function rejectedWith(code: ErrorCode): (error: unknown) => boolean {
  return (error) => ThroughlineError.is(error, code);
}

test('topics that are asked for together share their syncs, and survive a power cut right after', async () => {
  const memory = new LossyDisk();
  const counts = new Counts();
  const faulty = new FaultyDisk(memory);
  const broker = await open(counts.of(faulty));
  counts.syncs = 0;
  counts.others = 0;
  await Promise.all(names.map((name) => broker.createTopic(name, aTopic)));
  assert.ok(counts.syncs <= 4, `${counts.syncs} syncs`);
  assert.ok(counts.others <= topicCount * 5, `${counts.others} other calls`);
  await faulty.die();
  memory.cutPower(seededRandom(3));
  const logger = new LogRecorder();
  const again = await open(new FaultyDisk(memory), logger);
  assert.deepEqual(
    again.topics().map(({ topic }) => topic),
    names,
  );
  // Nothing was in them, so that nothing is missing.
  assert.deepEqual(
    logger.lines.filter((line) => line.startsWith('error')),
    [],
  );
  await again.partition('tiny-7', 0).append(batchOf(['first']));
  assert.deepEqual(await readAll(again.partition('tiny-7', 0)), ['0:first']);
  await again.close();
});

test('a start after a kill syncs nothing for a partition before it lets anybody in, and asks little of an empty one', async () => {
  const memory = new LossyDisk();
  const first = new FaultyDisk(memory);
  const broker = await open(first);
  await Promise.all(names.map((name) => broker.createTopic(name, aTopic)));
  for (const name of names.slice(0, 20)) await broker.partition(name, 0).append(batchOf(['one']));
  await first.die();
  memory.crash();
  const counts = new Counts();
  const second = new FaultyDisk(memory);
  await open(counts.of(second));
  // The checkpoint that begins then may have come to a partition or two.
  assert.ok(counts.syncs < 20, `${counts.syncs} syncs`);
  assert.ok(counts.others < topicCount * 3 + 20 * 10 + 60, `${counts.others} other calls`);
  // What the journal holds is kept until the segments are synced: a power cut now loses nothing.
  await second.die();
  memory.cutPower(seededRandom(5));
  const last = await open(new FaultyDisk(memory));
  for (const name of names.slice(0, 20)) assert.deepEqual(await readAll(last.partition(name, 0)), ['0:one'], name);
  for (const name of names.slice(20)) assert.equal(last.partition(name, 0).highWatermark, 0n);
  await last.close();
});

test('a clean stop syncs four things of a partition with a few records, and the start behind it reads them', async () => {
  // It wrote and synced two indexes and a snapshot of no producers besides: ten thousand took longer than a stop may.
  const memory = new LossyDisk();
  const counts = new Counts();
  const broker = await open(counts.of(memory));
  await Promise.all(names.map((name) => broker.createTopic(name, aTopic)));
  await Promise.all(names.map((name) => broker.partition(name, 0).append(batchOf(['one']))));
  counts.syncs = 0;
  counts.others = 0;
  await broker.close();
  // Segment, folder, and the two small files beside it, which are new.
  assert.ok(counts.syncs <= 4 * topicCount + 20, `${counts.syncs} syncs`);
  assert.ok(counts.others <= 6 * topicCount + 40, `${counts.others} other calls`);
  memory.cutPower(seededRandom(3));
  counts.syncs = 0;
  counts.others = 0;
  const logger = new LogRecorder();
  const again = await open(counts.of(memory), logger);
  assert.ok(counts.others <= 8 * topicCount + 60, `${counts.others} other calls`);
  for (const name of names) assert.deepEqual(await readAll(again.partition(name, 0)), ['0:one'], name);
  assert.equal(again.partition('tiny-7', 0).leaderEpoch, 0);
  assert.deepEqual(
    logger.lines.filter((line) => !line.startsWith('info')),
    [],
  );
  counts.syncs = 0;
  await again.close();
  assert.ok(counts.syncs <= 20, `${counts.syncs} syncs where nothing has changed`);
});

test('a stop that cannot sync everything in time ends all the same, and keeps what was acknowledged', async () => {
  // It was ended with SIGKILL, and the exit code told of a failure.
  const memory = new LossyDisk();
  const clock = new VirtualClock();
  const logger = new LogRecorder();
  const options = { dataDir, random: seededRandom(1), clock, journalFileBytes: 64 * 1024, tailCacheBytesMax: 0 };
  const counts = new Counts();
  const disk = counts.of(memory);
  const broker = await openBroker({ ...options, disk, logger });
  const durabilities = ['memory', 'os', 'fsync'];
  const settingsOf = (i: number) => new Map([['durability', durabilities[i % 3]!]]);
  await Promise.all(names.map((name, i) => broker.createTopic(name, { partitions: 1, settings: settingsOf(i) })));
  await Promise.all(names.map((name) => broker.partition(name, 0).append(batchOf(['one']))));
  counts.beforeSync = () => new Promise((resolve) => clock.after(300, resolve));
  const beforeMs = clock.nowMs();
  const closing = { isUnderWay: true };
  void broker.close().then(() => (closing.isUnderWay = false));
  while (closing.isUnderWay) await clock.advance(50);
  assert.ok(clock.nowMs() - beforeMs < 6_000, `${clock.nowMs() - beforeMs} ms`);
  assert.ok(logger.lines.some((line) => line.startsWith('warn') && line.includes('in time')));
  const again = await openBroker({ ...options, disk: memory, clock: new VirtualClock() });
  for (const name of names) assert.deepEqual(await readAll(again.partition(name, 0)), ['0:one'], name);
  await again.close();
});

test('of topics that are asked for together each is made or rejected on its own, in the order of the calls', async () => {
  const memory = new LossyDisk();
  const broker = await open(memory);
  await broker.createTopic('there', aTopic);
  const [one, twice, there, bad, gone, back] = await Promise.allSettled([
    broker.createTopic('one', aTopic),
    broker.createTopic('one', aTopic),
    broker.createTopic('there', aTopic),
    broker.createTopic('bad', { ...aTopic, partitions: 0 }),
    broker.deleteTopic('there'),
    broker.createTopic('there', aTopic),
  ]);
  assert.equal(one.status, 'fulfilled');
  assert.ok(twice.status === 'rejected' && rejectedWith('TOPIC_EXISTS')(twice.reason));
  assert.ok(there.status === 'rejected' && rejectedWith('TOPIC_EXISTS')(there.reason));
  assert.ok(bad.status === 'rejected' && rejectedWith('INVALID_ARGUMENT')(bad.reason));
  assert.equal(gone.status, 'fulfilled');
  assert.equal(back.status, 'fulfilled');
  await broker.close();
  await assert.rejects(broker.createTopic('later', aTopic), rejectedWith('CLOSED'));
});

test('when the disk has no room for all topics that are asked for together, some may have it, and the others leave nothing', async () => {
  const memory = new LossyDisk();
  const disk = new FaultyDisk(memory);
  const broker = await open(disk);
  // All together, and then the first two.
  disk.fail({ operation: 'write', path: '__cluster_metadata-0', code: 'ENOSPC', times: 3 });
  const made = await Promise.allSettled(names.slice(0, 40).map((name) => broker.createTopic(name, aTopic)));
  const kept = names.slice(0, 40).filter((_, i) => made[i]!.status === 'fulfilled');
  assert.deepEqual(kept, names.slice(2, 40));
  for (const result of made) if (result.status === 'rejected') assert.ok(rejectedWith('OUT_OF_DISK')(result.reason));
  disk.heal();
  await broker.close();
  const again = await open(new FaultyDisk(memory));
  assert.deepEqual(
    again.topics().map(({ topic }) => topic),
    kept,
  );
  const folders = (await memory.list(dataDir)).filter((name) => name.startsWith('tiny-'));
  assert.equal(folders.length, kept.length);
  await again.close();
});
