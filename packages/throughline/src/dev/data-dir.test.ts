import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { removeServerFile, writeServerFile } from '../server-file.ts';
import { prepareDataDir, takeDataDir, watchDataDir } from './data-dir.ts';

const temporary = mkdtempSync(path.join(os.tmpdir(), 'throughline-data-dir-'));
after(() => rmSync(temporary, { recursive: true, force: true }));
const inUse = new ThroughlineError('DATA_DIR_IN_USE', 'taken', { details: { pid: process.pid } });
const isRoot = process.getuid?.() === 0;

function assertUnusable(dataDir: string, says: RegExp): void {
  assert.throws(
    () => prepareDataDir(dataDir),
    (error) => ThroughlineError.is(error, 'CONFIG_INVALID') && says.test(error.message),
  );
}

test('a folder is made with those above it, and one that is there is left as it is', () => {
  const dataDir = path.join(temporary, 'a/b/c');
  prepareDataDir(dataDir);
  prepareDataDir(dataDir);
  assert.ok(existsSync(dataDir));
});

test('a file, a folder below a file, and one that cannot be made are rejected by their name', () => {
  const file = path.join(temporary, 'file');
  writeFileSync(file, '');
  assertUnusable(file, /data folder .*file cannot be used: it is a file/);
  assertUnusable(path.join(file, 'below'), /it is a file|ENOTDIR/);
  if (existsSync('/proc/self')) assertUnusable('/proc/none', /ENOENT|EACCES|EPERM/);
});

test('a folder that may not be written is rejected', { skip: isRoot && 'root may write everywhere' }, () => {
  const folder = path.join(temporary, 'readonly');
  prepareDataDir(folder);
  chmodSync(folder, 0o500);
  assertUnusable(folder, /EACCES/);
});

test('a folder whose server runs is rejected at once, with its pid and address', async () => {
  const dataDir = mkdtempSync(path.join(temporary, 'running-'));
  writeServerFile(dataDir, {
    pid: process.pid,
    http: 'http://127.0.0.1:1',
    kafka: null,
    log: 'embedded',
    version: '0',
  });
  let tries = 0;
  const open = async (): Promise<never> => {
    tries++;
    throw inUse;
  };
  await assert.rejects(takeDataDir(dataDir, open, { onProgress: () => assert.fail() }), (error) => {
    assert.ok(ThroughlineError.is(error, 'DATA_DIR_IN_USE'));
    assert.match(error.message, new RegExp(`by process ${process.pid}, which serves http://127.0.0.1:1/`));
    return true;
  });
  assert.equal(tries, 1);
});

test('a folder whose server is stopping is waited for, and that is said once', async () => {
  const dataDir = mkdtempSync(path.join(temporary, 'stopping-'));
  removeServerFile(dataDir);
  let tries = 0;
  const said: string[] = [];
  const open = async (): Promise<string> => {
    if (++tries < 4) throw inUse;
    return 'opened';
  };
  assert.equal(await takeDataDir(dataDir, open, { pollMs: 1, onProgress: (text) => said.push(text) }), 'opened');
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', new RegExp(`process ${process.pid}, which still holds `));
});

test('a folder that is never given back is rejected in the end, and another failure at once', async () => {
  const dataDir = mkdtempSync(path.join(temporary, 'held-'));
  const options = { waitMs: 20, pollMs: 5, onProgress: () => undefined };
  const held = takeDataDir(dataDir, () => Promise.reject(inUse), options);
  await assert.rejects(held, (error) => ThroughlineError.is(error, 'DATA_DIR_IN_USE'));
  const other = new ThroughlineError('OUT_OF_DISK', 'full');
  await assert.rejects(
    takeDataDir(dataDir, () => Promise.reject(other), options),
    other,
  );
});

test('a folder that is removed or replaced is lost, one that is written to is not', () => {
  const dataDir = path.join(temporary, 'watched');
  mkdirSync(path.join(dataDir, 'log'), { recursive: true });
  const lost = watchDataDir(dataDir);
  writeFileSync(path.join(dataDir, 'log', 'segment'), 'bytes');
  assert.equal(lost(), undefined);
  rmSync(dataDir, { recursive: true });
  assert.equal(lost()?.code, 'DATA_DIR_LOST');
  mkdirSync(path.join(dataDir, 'log'), { recursive: true });
  assert.equal(lost()?.code, 'DATA_DIR_LOST');
});
