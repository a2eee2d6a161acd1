import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '@throughline/event';
import { readBatchHeader } from '@throughline/wire';
import { LossyDisk } from '@throughline/testkit';
import { batchOf } from '../test-support.ts';
import type { Disk } from '../disk/disk.ts';
import { ActiveFiles } from './active-files.ts';
import { OpenSegments } from './open-segments.ts';
import { ReadBuffers } from './read-buffers.ts';
import { Segment } from './segment.ts';

test('a write that a sync may have missed leaves the segment to be synced again', async () => {
  const memory = new LossyDisk();
  await memory.makeFolder('/t-0');
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  // A disk that takes its time for a write to the log, and is asked to sync meanwhile.
  const disk: Disk = Object.assign(Object.create(memory) as Disk, {
    open: async (path: string, mode: 'read' | 'write') => {
      const file = await memory.open(path, mode);
      if (!path.endsWith('.log')) return file;
      const write = async (buffers: readonly Uint8Array[], position: number): Promise<void> => {
        begun.resolve();
        await held.promise;
        await file.write(buffers, position);
      };
      return { ...file, write };
    },
    readFile: (path: string) => memory.readFile(path),
    remove: (path: string) => memory.remove(path),
  });
  const openSegments = new OpenSegments(4);
  const environment = {
    disk,
    logger: silentLogger,
    openSegments,
    activeFiles: new ActiveFiles(disk, 4),
    readBuffers: new ReadBuffers(),
    recoveryReadBytes: 1024,
    unindexedBytesMax: 0,
    isSparse: false,
  };
  const segment = await Segment.create(environment, '/t-0', 0n);
  const batch = batchOf(['one']);
  const appended = segment.append([batch], [readBatchHeader(batch, 0)]);
  await begun.promise;
  await segment.sync();
  held.resolve();
  await appended;
  assert.equal(segment.isDirty, true);
  await segment.sync();
  assert.equal(segment.isDirty, false);
  await segment.close();
});
