import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { readServerFile, removeServerFile, writeServerFile } from './server-file.ts';

const dataDir = mkdtempSync(path.join(os.tmpdir(), 'throughline-server-file-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const file = path.join(dataDir, 'server.json');
const running = { pid: process.pid, http: 'http://127.0.0.1:4437', kafka: null, log: 'embedded', version: '0.1.0' };

function assertNotRunning(says: RegExp): void {
  assert.throws(
    () => readServerFile(dataDir),
    (error) => ThroughlineError.is(error, 'SERVER_NOT_RUNNING') && says.test(error.message),
  );
}

test('what was written is read, and nothing else is left in the folder', () => {
  writeServerFile(dataDir, running);
  assert.deepEqual(readServerFile(dataDir), running);
  assert.deepEqual(readdirSync(dataDir), ['server.json']);
});

test('after it was removed no server runs; removing it again is no mistake', () => {
  removeServerFile(dataDir);
  removeServerFile(dataDir);
  assert.equal(existsSync(file), false);
  assertNotRunning(/^no server runs on /);
});

test('what a killed server left behind names no server', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '0']);
  writeServerFile(dataDir, { ...running, pid });
  assertNotRunning(new RegExp(`\\(pid ${pid}\\) has died`));
});

test('a damaged file names no server', () => {
  for (const text of ['', '{"pid": 1', '[]', '{"pid":"1"}', JSON.stringify({ ...running, http: 1 })]) {
    writeFileSync(file, text);
    assertNotRunning(/server\.json is damaged/);
  }
});
