import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { docsProblem } from './docs-check.ts';

const temporary = mkdtempSync(path.join(os.tmpdir(), 'throughline-docs-'));
after(() => rmSync(temporary, { recursive: true, force: true }));

test('a folder with a document, also deep in it, has no problem', async () => {
  const folder = path.join(temporary, 'good');
  mkdirSync(path.join(folder, 'a/b'), { recursive: true });
  writeFileSync(path.join(folder, 'a/b/page.HTML'), '');
  assert.equal(await docsProblem(folder), undefined);
});

test('a missing folder, a file, and a folder without documents are said', async () => {
  assert.match((await docsProblem(path.join(temporary, 'none'))) ?? '', /none cannot be read: ENOENT/);
  const file = path.join(temporary, 'file.md');
  writeFileSync(file, '');
  assert.match((await docsProblem(file)) ?? '', /file\.md cannot be read: ENOTDIR/);
  const folder = path.join(temporary, 'code');
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'main.c'), '');
  assert.match((await docsProblem(folder)) ?? '', /code has no \.md, \.txt or \.html file/);
});

test('a folder that is too large to look at gets the benefit of the doubt', async () => {
  const folder = path.join(temporary, 'large');
  mkdirSync(folder);
  for (const name of 'abc') writeFileSync(path.join(folder, name), '');
  assert.match((await docsProblem(folder, 3)) ?? '', /large has no /);
  assert.equal(await docsProblem(folder, 2), undefined);
});
