// The disk in memory: it behaves as the machine's does, and a broker on it costs next to nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import * as fc from 'fast-check';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, readAll } from '../test-support.ts';
import { memoryDisk } from './memory-disk.ts';

test('what is written to a file, at any place and in any pieces, is what is read', async () => {
  const step = fc.oneof(
    fc.record({
      at: fc.nat(200_000),
      bytes: fc.uint8Array({ maxLength: 300 }),
      times: fc.integer({ min: 1, max: 400 }),
    }),
    fc.record({ truncateTo: fc.nat(220_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const file = await memoryDisk().open('/a', 'write');
      let model = Buffer.alloc(0);
      for (const one of steps) {
        if ('truncateTo' in one) {
          const cut = Buffer.alloc(one.truncateTo);
          model.copy(cut);
          model = cut;
          await file.truncate(one.truncateTo);
        } else {
          const buffers = Array.from({ length: one.times }, () => one.bytes);
          const written = Buffer.concat(buffers);
          const next = Buffer.alloc(
            written.length === 0 ? model.length : Math.max(model.length, one.at + written.length),
          );
          model.copy(next);
          written.copy(next, one.at);
          model = next;
          await file.write(buffers, one.at);
        }
        assert.equal(await file.size(), model.length);
        const found = Buffer.alloc(model.length + 10);
        assert.equal(await file.read(found, 0), model.length);
        assert.ok(found.subarray(0, model.length).equals(model));
      }
    }),
    { numRuns: 60 },
  );
});

test('a full disk in memory rejects, and takes more when something has been removed', async () => {
  const disk = memoryDisk({ bytesMax: 200_000 });
  await disk.makeFolder('/d');
  const file = await disk.open('/d/a', 'write');
  await file.write([new Uint8Array(100_000)], 0);
  const other = await disk.open('/d/b', 'write');
  await assert.rejects(other.write([new Uint8Array(150_000)], 0), { code: 'ENOSPC' });
  await file.close();
  await disk.remove('/d/a');
  await other.write([new Uint8Array(150_000)], 0);
});

test('names are kept, moved and removed; a file that is open outlives its name', async () => {
  const disk = memoryDisk();
  await disk.makeFolder('/a/b');
  const file = await disk.open('/a/b/c', 'write');
  await file.write([Uint8Array.of(1, 2, 3)], 0);
  await disk.rename('/a/b', '/a/x');
  assert.deepEqual(await disk.list('/a'), ['x']);
  assert.deepEqual([...(await disk.readFile('/a/x/c'))!], [1, 2, 3]);
  await disk.removeFolder('/a/x');
  assert.equal(await disk.readFile('/a/x/c'), undefined);
  assert.equal(await file.size(), 3);
  await file.close();
  await assert.rejects(file.size(), { code: 'EBADF' });
  await assert.rejects(disk.open('/none/c', 'write'), { code: 'ENOENT' });
  await assert.rejects(disk.open('/a/none', 'read'), { code: 'ENOENT' });
});

test('a broker in memory needs no folder, keeps what it is given, and takes none of the options of a folder', async () => {
  const broker = await openBroker({ memory: true });
  const { config } = await broker.createTopic('t', { partitions: 2 });
  assert.equal(config.durability, 'memory');
  for (const durability of ['memory', 'os', 'fsync'] as const) {
    await broker.createTopic(durability, { partitions: 1, config: { durability } });
    await broker.partition(durability, 0).append(batchOf(['a', 'b']));
    assert.deepEqual(await readAll(broker.partition(durability, 0)), ['0:a', '1:b']);
  }
  await broker.close();
  for (const options of [{}, { memory: true, dataDir: '/x' }, { memory: true, disk: memoryDisk() }, { dataDir: '' }]) {
    await assert.rejects(openBroker(options), (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT'));
  }
});

test('a thousand brokers in memory, each with a topic and a record, cost one process a few seconds at most', async () => {
  const before = process.cpuUsage();
  for (let i = 0; i < 1000; i++) {
    const broker = await openBroker({ memory: true });
    await broker.createTopic('t', { partitions: 1 });
    await broker.partition('t', 0).append(batchOf(['x']));
    await broker.close();
  }
  // Not by the clock: others use the machine too.
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 5_000_000, `${(user + system) / 1000} ms`);
});
