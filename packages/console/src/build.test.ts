import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { buildPage } from './build.ts';

let folder = '';
let dir = '';
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'throughline-page-build-'));
  ({ dir } = await buildPage({ outDir: path.join(folder, 'page') }));
});
after(() => rm(folder, { recursive: true, force: true }));

test('a page that is up to date is not built again', async () => {
  const said: string[] = [];
  const before = await readdir(path.join(dir, 'assets'));
  const again = await buildPage({ outDir: dir, onProgress: (text) => said.push(text) });
  assert.deepEqual(again, { dir, built: false });
  assert.deepEqual(said, []);
  assert.deepEqual(await readdir(path.join(dir, 'assets')), before);
});

test('a page of other sources, or one that was left half built, is replaced as a whole', async () => {
  await writeFile(path.join(dir, '.stamp'), 'of other sources');
  await writeFile(path.join(dir, 'left-behind.js'), '');
  const said: string[] = [];
  assert.deepEqual(await buildPage({ outDir: dir, onProgress: (text) => said.push(text) }), { dir, built: true });
  assert.equal(said.length, 1);
  assert.ok(!(await readdir(dir)).includes('left-behind.js'));
  assert.deepEqual(await readdir(folder), ['page'], 'nothing of the building is left');
});

test('two builders at once end with one whole page', async () => {
  const outDir = path.join(folder, 'together');
  await Promise.all([buildPage({ outDir }), buildPage({ outDir })]);
  assert.match(await readFile(path.join(outDir, 'index.html'), 'utf8'), /<script type="module"/);
  assert.equal((await buildPage({ outDir })).built, false);
  await rm(outDir, { recursive: true });
});

test('the page asks for nothing from elsewhere and has nothing inline, so that a strict content policy holds', async () => {
  const html = await readFile(path.join(dir, 'index.html'), 'utf8');
  assert.deepEqual(html.match(/(?:src|href)="(?!\/)[^"]*"/g), null, 'every address is a path of the same server');
  assert.deepEqual(html.match(/<script(?![^>]*\ssrc=)[^>]*>/g), null, 'no inline script');
  assert.deepEqual(html.match(/<style|\sstyle=|\son\w+=/g), null, 'no inline style or handler');
  for (const name of await readdir(path.join(dir, 'assets'))) {
    if (!name.endsWith('.css')) continue;
    assert.doesNotMatch(await readFile(path.join(dir, 'assets', name), 'utf8'), /url\((?!['"]?\/)|@import/);
  }
});
