import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { systemDisk } from './system-disk.ts';

test('a slice of a file that was read is a copy, as on every other disk', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-disk-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'file');
  writeFileSync(file, 'abc');
  const content = await systemDisk.readFile(file);
  assert.ok(content !== undefined);
  content.slice().fill(0);
  assert.equal(new TextDecoder().decode(content), 'abc');
  assert.equal(await systemDisk.readFile(path.join(folder, 'none')), undefined);
});
