// Changes of sources in a folder of the machine, with its own events: what is a change, and what is none.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { delay, silentLogger, systemClock } from '@throughline/event';
import { SourceWatch } from './source-watch.ts';

async function watched(t: TestContext) {
  const dir = mkdtempSync(path.join(tmpdir(), 'throughline-sources-'));
  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    writeFileSync(path.join(dir, name), text);
  };
  write('hello.ts', '1');
  write('lib/deep/shared.py', '1');
  write('data/log.ts', '1');
  const told: string[] = [];
  const watch = new SourceWatch({
    dirs: [dir, path.join(dir, 'lib')],
    excluded: [path.join(dir, 'data')],
    clock: systemClock,
    logger: silentLogger,
    onChange: (files) => told.push(...files.map((file) => path.relative(dir, file))),
  });
  t.after(() => {
    watch.close();
    rmSync(dir, { recursive: true });
  });
  await watch.ready;
  /** What has been told once `name` was. */
  const toldOf = async (name: string): Promise<string[]> => {
    while (!told.includes(name)) await delay(systemClock, 5);
    return told.splice(0).toSorted();
  };
  return { dir, write, toldOf };
}

test('files that are changed, added, renamed and removed are told, in folders that are new as well', async (t) => {
  const { dir, write, toldOf } = await watched(t);
  write('hello.ts', '22');
  assert.deepEqual(await toldOf('hello.ts'), ['hello.ts']);
  write('lib/deep/shared.py', '22');
  assert.deepEqual(await toldOf('lib/deep/shared.py'), ['lib/deep/shared.py']);
  write('new/folder/one.mjs', '1');
  await toldOf('new/folder/one.mjs');
  write('new/folder/one.mjs', '22');
  assert.deepEqual(await toldOf('new/folder/one.mjs'), ['new/folder/one.mjs']);
  renameSync(path.join(dir, 'hello.ts'), path.join(dir, 'hallo.ts'));
  assert.deepEqual(await toldOf('hallo.ts'), ['hallo.ts', 'hello.ts']);
  rmSync(path.join(dir, 'new'), { recursive: true });
  assert.deepEqual(await toldOf('new/folder/one.mjs'), ['new/folder/one.mjs']);
});

test('what is written by functions, tools and the server is no change', async (t) => {
  const { dir, write, toldOf } = await watched(t);
  for (const name of [
    'out.json',
    'node_modules/a/index.js',
    '.venv/a.py',
    '__pycache__/a.py',
    'data/log.ts',
    'notes.md',
  ]) {
    write(name, '22');
  }
  utimesSync(dir, 1, 1);
  write('hello.ts', '333');
  assert.deepEqual(await toldOf('hello.ts'), ['hello.ts']);
});
