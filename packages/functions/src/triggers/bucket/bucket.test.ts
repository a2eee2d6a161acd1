// Buckets in real folders: files that come, are written for a while, are renamed into place, change and go, also while no server
// runs; odd names; folders that vanish.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { S3Schema } from '@aws-lambda-powertools/parser/schemas/s3';
import { delay, seededRandom, silentLogger, systemClock, ThroughlineError } from '@throughline/event';
import { MemoryLog } from '@throughline/testkit';
import type { AsyncEvent, RunningTrigger, TriggeredFunction } from '../trigger.ts';
import { bucketSettleMs } from '../../defaults.ts';
import { bucketKind } from './bucket.ts';

interface ObjectRecord {
  readonly eventName: string;
  readonly s3: {
    readonly object: { readonly key: string; readonly size?: number; readonly eTag?: string; readonly path: string };
  };
}

function bench(test: { after(action: () => Promise<void>): void; readonly signal: AbortSignal }) {
  const dir = mkdtempSync(path.join(tmpdir(), 'throughline-bucket-'));
  const folder = path.join(dir, 'uploads');
  const stateDir = path.join(dir, 'state');
  const kept: AsyncEvent[] = [];
  const state = { problem: undefined as ThroughlineError | undefined };
  const running = new Set<RunningTrigger>();
  test.after(async () => {
    await Promise.all(Array.from(running, (trigger) => trigger.close()));
    rmSync(dir, { recursive: true, force: true });
  });
  const until = async (what: () => boolean): Promise<void> => {
    while (!what()) await delay(systemClock, 5, test.signal);
  };
  return {
    folder,
    kept,
    state,
    until,
    start: async (config: object = {}): Promise<RunningTrigger> => {
      const target = { name: 'hello' } as TriggeredFunction;
      const trigger = bucketKind.start(bucketKind.read({ type: 'bucket', folder, ...config }, 'triggers[0]'), target, {
        log: new MemoryLog(),
        bootstrapServers: '',
        member: {},
        clock: systemClock,
        random: seededRandom(1),
        logger: silentLogger,
        stateDir,
        newId: () => '0',
        async accept(event) {
          if (state.problem !== undefined) throw state.problem;
          kept.push(event);
        },
      });
      running.add(trigger);
      // What comes before it has looked was there before.
      await until(() => existsSync(stateDir) && readdirSync(stateDir).length > 0);
      return trigger;
    },
    stop: async (trigger: RunningTrigger): Promise<void> => {
      running.delete(trigger);
      await trigger.close();
    },
    write: (name: string, text: string): void => {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    },
    records: (): ObjectRecord[] =>
      kept.flatMap(({ event }) => (JSON.parse(event) as { Records: ObjectRecord[] }).Records),
    keys: (): string[] =>
      kept.map(({ event }) => (JSON.parse(event) as { Records: ObjectRecord[] }).Records[0]!.s3.object.key),
  };
}

test('a file that comes, changes and goes is handed on each time, in the shape of S3', async (t) => {
  const { folder, start, write, until, kept, records } = bench(t);
  await start({ events: ['ObjectCreated:*', 's3:ObjectRemoved:*'] });
  write('a/my photo+ü.png', 'one');
  await until(() => kept.length === 1);
  write('a/my photo+ü.png', 'longer');
  await until(() => kept.length === 2);
  rmSync(path.join(folder, 'a'), { recursive: true });
  await until(() => kept.length === 3);
  assert.deepEqual(
    records().map(({ eventName, s3: { object } }) => [eventName, object.key, object.size]),
    [
      ['ObjectCreated:Put', 'a/my+photo%2B%C3%BC.png', 3],
      ['ObjectCreated:Put', 'a/my+photo%2B%C3%BC.png', 6],
      ['ObjectRemoved:Delete', 'a/my+photo%2B%C3%BC.png', undefined],
    ],
  );
  const { object } = records()[1]!.s3;
  assert.equal(object.eTag, createHash('md5').update('longer').digest('hex'));
  assert.equal(object.path, path.join(folder, 'a/my photo+ü.png'));
  for (const { event } of kept) S3Schema.parse(JSON.parse(event));
  assert.equal(new Set(kept.map(({ id }) => id)).size, 3);
});

test('a file that is still written to is handed on once, whole', async (t) => {
  const { folder, start, write, until, kept, records } = bench(t);
  await start();
  write('big.bin', 'x');
  // For longer than a file has to lie still.
  let size = 1;
  for (const endMs = systemClock.monotonicMs() + 3 * bucketSettleMs; systemClock.monotonicMs() < endMs; size += 1000) {
    await delay(systemClock, 10);
    appendFileSync(path.join(folder, 'big.bin'), 'x'.repeat(1000));
  }
  await until(() => kept.length > 0);
  assert.deepEqual(
    records().map(({ s3 }) => s3.object.size),
    [size],
  );
});

test('prefix and suffix choose; names that begin with a dot, links and folders are no objects', async (t) => {
  const { folder, start, write, until, keys } = bench(t);
  await start({ prefix: 'in/', suffix: '.png' });
  write('.hidden/in/x.png', '1');
  write('in/.x.png', '1');
  write('in/x.txt', '1');
  write('out/x.png', '1');
  symlinkSync('/etc/hostname', path.join(folder, 'in', 'link.png'));
  mkdirSync(path.join(folder, 'in', 'folder.png'));
  write('in/x.png', '1');
  await until(() => keys().length > 0);
  assert.deepEqual(keys(), ['in/x.png']);
});

test('what comes while nobody looks is found at the next start, and what was there at the first is not', async (t) => {
  const { folder, start, stop, write, until, kept, keys } = bench(t);
  write('before.txt', '1');
  const trigger = await start({ events: ['ObjectCreated:*', 'ObjectRemoved:*'] });
  write('first.txt', '1');
  await until(() => kept.length === 1);
  await stop(trigger);
  write('meanwhile.txt', '1');
  rmSync(path.join(folder, 'before.txt'));
  await start({ events: ['ObjectCreated:*', 'ObjectRemoved:*'] });
  await until(() => kept.length === 3);
  assert.deepEqual(keys().toSorted(), ['before.txt', 'first.txt', 'meanwhile.txt']);
});

test('what comes after a first start on an empty folder is found at the second', async (t) => {
  const { start, stop, write, until, keys } = bench(t);
  await stop(await start());
  write('meanwhile.txt', '1');
  await start();
  await until(() => keys().length > 0);
  assert.deepEqual(keys(), ['meanwhile.txt']);
});

test('a folder that is moved away has lost nothing, and the status says so', async (t) => {
  const { folder, start, write, until, kept, keys } = bench(t);
  const trigger = await start({ events: ['ObjectCreated:*', 'ObjectRemoved:*'] });
  write('a.txt', '1');
  await until(() => kept.length === 1);
  renameSync(folder, `${folder}-away`);
  await until(() => trigger.status().problem !== undefined);
  renameSync(`${folder}-away`, folder);
  write('b.txt', '1');
  await until(() => keys().includes('b.txt'));
  assert.deepEqual(keys(), ['a.txt', 'b.txt']);
});

test('an event that cannot be kept is handed over until it is, under one id', async (t) => {
  const { start, write, until, kept, state } = bench(t);
  const trigger = await start();
  state.problem = new ThroughlineError('OUT_OF_DISK', 'full');
  write('a.txt', '1');
  await until(() => trigger.status().problem?.code === 'OUT_OF_DISK');
  state.problem = undefined;
  await until(() => kept.length > 0 && trigger.status().problem === undefined);
  assert.equal(kept.length, 1);
});

test('thousands of files are handed on, each once', async (t) => {
  const { start, write, until, kept, keys } = bench(t);
  await start();
  const count = 2000;
  for (let index = 0; index < count; index++) write(`f${index % 7}/${index}`, String(index));
  await until(() => kept.length >= count);
  assert.equal(new Set(keys()).size, count);
  assert.equal(kept.length, count);
});

test('events that do not exist and settings of no bucket are rejected', () => {
  for (const config of [{ events: ['ObjectRenamed:*'] }, { events: [] }, { folders: 'x' }, { folder: '' }]) {
    assert.throws(
      () => bucketKind.read({ type: 'bucket', folder: 'x', ...config }, 'triggers[0]'),
      (error) => ThroughlineError.is(error, 'CONFIG_INVALID'),
    );
  }
});
