import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { environmentKey, findRequirements, readRequirements, type Requirements } from './python-requirements.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-requirements-'));
after(() => rmSync(folder, { recursive: true }));

function write(file: string, text: string): string {
  const full = path.join(folder, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

const read = (file: string): Promise<Requirements> => readRequirements(file, async () => ['one', 'two']);

test('the file is that of the first folder that has one, requirements.txt before pyproject.toml', () => {
  const above = write('find/pyproject.toml', '');
  const dir = path.join(folder, 'find/src');
  assert.equal(findRequirements(dir, path.dirname(above)), above);
  const own = write('find/src/requirements.txt', '');
  write('find/src/pyproject.toml', '');
  assert.equal(findRequirements(dir, path.dirname(above)), own);
  assert.equal(findRequirements(path.join(folder, 'nothing')), undefined);
});

test('packages are counted without comments, options and the ends of lines; hashes are noticed', async () => {
  const { packageCount, hasHashes, lines } = await read(
    write(
      'a/requirements.txt',
      '# note\n--index-url https://x\n\none==1.0 \\\n  --hash=sha256:00\ntwo # why\n-e ./here\n',
    ),
  );
  assert.deepEqual([packageCount, hasHashes], [3, true]);
  assert.equal(lines[2], 'two');
  const project = await read(write('b/pyproject.toml', ''));
  assert.deepEqual([project.packageCount, project.pipFile], [2, undefined]);
});

test('the key is that of the lines, of the files that they name, and of the interpreter', async () => {
  const keyOf = async (file: string, build = '3.12'): Promise<string> => environmentKey(await read(file), build);
  const first = write('k/one/requirements.txt', 'one\n');
  assert.equal(await keyOf(first), await keyOf(write('k/two/requirements.txt', '# the same\none\n')));
  assert.notEqual(await keyOf(first), await keyOf(first, '3.13'));
  const constrained = write('k/three/requirements.txt', 'one\n-c limits.txt\n./one.whl\n');
  const before = await keyOf(constrained);
  write('k/three/limits.txt', 'one<2\n');
  const limited = await keyOf(constrained);
  assert.notEqual(limited, before);
  const wheel = write('k/three/one.whl', 'a');
  const withWheel = await keyOf(constrained);
  assert.notEqual(withWheel, limited);
  utimesSync(wheel, 1, 1);
  assert.notEqual(await keyOf(constrained), withWheel);
});
