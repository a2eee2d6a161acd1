import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { openPassageIndex, type PassageIndex } from './passage-index.ts';
import { questionTerms } from './question.ts';

const limits = { fileBytesMax: 10_000, fileCountMax: 100, totalBytesMax: 100_000, depthMax: 4 };

function folderOf(t: TestContext, files: Record<string, string>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'throughline-docs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

function indexOf(t: TestContext, folder: string, own: Partial<typeof limits> = {}): PassageIndex {
  const index = openPassageIndex({ folder, limits: { ...limits, ...own }, passageCharsMax: 900 });
  t.after(() => index.close());
  return index;
}

function ask(index: PassageIndex, question: string): string[] {
  const terms = questionTerms(question, 24);
  const found = index.search({ terms, contextTerms: [], contextShare: 0, coverageMin: 0.5, passageCountMax: 5 });
  return found.map((passage) => `${passage.path}#${passage.anchor ?? ''}`);
}

test('the passage about the subject comes first, in whatever grammatical form it is asked for', (t) => {
  const folder = folderOf(t, {
    'log.md': '# Log\n\nRecords are appended.\n\n## Recovery\n\nA torn batch is truncated at the start.',
    'fold.md': '# Fold\n\nA reducer over a topic. The log is read once.',
  });
  const index = indexOf(t, folder);
  index.refresh();
  assert.equal(ask(index, 'What happens to torn batches?')[0], 'log.md#recovery');
  assert.equal(ask(index, 'what is a FOLD')[0], 'fold.md#fold');
});

test('a question whose words the documents mostly lack finds nothing, though one of its words is there', (t) => {
  const index = indexOf(t, folderOf(t, { 'log.md': '# Log\n\nThe log of an oven.', 'b.md': 'x' }));
  index.refresh();
  assert.deepEqual(ask(index, 'Which yeast bakes bread on a log fire?'), []);
  assert.deepEqual(ask(index, ''), []);
  assert.deepEqual(ask(index, '" OR * NEAR( - ^'), []);
});

test('a changed file is read again, a removed one is forgotten, and the result is that of a fresh index', (t) => {
  const folder = folderOf(t, { 'a.md': '# One\n\napple', 'b.md': '# Two\n\npear', 'c/d.txt': 'quince' });
  const index = indexOf(t, folder);
  index.refresh();
  assert.deepEqual(ask(index, 'pear'), ['b.md#two']);
  rmSync(path.join(folder, 'b.md'));
  writeFileSync(path.join(folder, 'a.md'), '# One\n\npear tree');
  utimesSync(path.join(folder, 'a.md'), 1, 1);
  writeFileSync(path.join(folder, 'c/e.md'), '# Pear\n\nwild pear');
  index.refresh();
  const fresh = indexOf(t, folder);
  fresh.refresh();
  for (const question of ['pear', 'wild pear', 'quince', 'apple']) {
    assert.deepEqual(ask(index, question), ask(fresh, question));
  }
  assert.deepEqual(ask(index, 'apple'), []);
  assert.equal(index.fileCount, 3);
});

test('nothing outside the folder is read: links to files and folders are not followed', (t) => {
  const outside = folderOf(t, { 'secret.md': 'the secret word is xylophone' });
  const folder = folderOf(t, { 'a.md': 'hello', '.hidden/b.md': 'xylophone', 'node_modules/c.md': 'xylophone' });
  symlinkSync(path.join(outside, 'secret.md'), path.join(folder, 'link.md'));
  symlinkSync(outside, path.join(folder, 'linked'));
  const index = indexOf(t, folder);
  index.refresh();
  assert.deepEqual(ask(index, 'xylophone'), []);
  assert.equal(index.fileCount, 1);
});

test('what a limit cuts off is named', (t) => {
  const folder = folderOf(t, { 'a.md': 'a', 'big.md': 'x'.repeat(10_001), 'a/b/c/d/e/f.md': 'deep', 'z.md': 'z' });
  const index = indexOf(t, folder, { fileCountMax: 1 });
  const warnings = index.refresh().join('\n');
  assert.match(warnings, /big\.md is left out/);
  assert.match(warnings, /a\/b\/c\/d\/e\/ is left out/);
  assert.match(warnings, /1 of 2 documents are left out/);
});

test('a file that is no text is left out and named; the rest is indexed', (t) => {
  const folder = folderOf(t, { 'a.md': 'apple', 'b.md': 'bin\u0000ary' });
  const index = indexOf(t, folder);
  assert.deepEqual(index.refresh(), ['b.md is left out: it is no text']);
  assert.deepEqual(ask(index, 'apple'), ['a.md#']);
});

test('a folder that is missing, a file, empty or private is DOCS_UNREADABLE', (t) => {
  const folder = folderOf(t, { 'a.jpg': '' });
  const cases = [path.join(folder, 'absent'), path.join(folder, 'a.jpg'), folder];
  if (process.getuid?.() !== 0) {
    const closed = folderOf(t, { 'a.md': 'a' });
    chmodSync(closed, 0o000);
    cases.push(closed);
  }
  for (const unreadable of cases) {
    assert.throws(
      () => indexOf(t, unreadable).refresh(),
      (error) => ThroughlineError.is(error, 'DOCS_UNREADABLE'),
    );
  }
});

test('a language without spaces is found by its pairs of characters', (t) => {
  const index = indexOf(
    t,
    folderOf(t, { 'a.md': '# 日志\n\n系统崩溃后恢复数据。', 'b.md': '# 函数\n\n函数调用模型。' }),
  );
  index.refresh();
  assert.equal(ask(index, '崩溃恢复')[0], 'a.md#日志');
});
