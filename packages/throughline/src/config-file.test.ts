import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { findConfigFile, loadConfigFile as load } from './config-file.ts';

const temporary = mkdtempSync(path.join(os.tmpdir(), 'throughline-config-file-'));
after(() => rmSync(temporary, { recursive: true, force: true }));

const loadConfigFile = (file: string) => load(file, () => assert.fail('the process ended'));

function fileOf(name: string, text: string): string {
  const file = path.join(mkdtempSync(path.join(temporary, 'app-')), name);
  writeFileSync(file, text);
  return file;
}
const isInvalid =
  (says: RegExp) =>
  (error: unknown): boolean =>
    ThroughlineError.is(error, 'CONFIG_INVALID') && says.test(error.message);

test('a folder means the configuration file in it, a file means itself', () => {
  const file = fileOf('throughline.config.ts', 'export default {}');
  assert.equal(findConfigFile(path.dirname(file)), file);
  assert.equal(findConfigFile(file), file);
  const other = fileOf('other.config.ts', 'export default {}');
  assert.equal(findConfigFile(other), other);
});

test('a folder without one, and one that is not there, are rejected', () => {
  assert.throws(() => findConfigFile(temporary), isInvalid(/there is no throughline\.config\.ts in /));
  assert.throws(() => findConfigFile(path.join(temporary, 'none')), isInvalid(/there is no folder .*none/));
  const folder = path.join(temporary, 'odd');
  mkdirSync(path.join(folder, 'throughline.config.ts'), { recursive: true });
  assert.equal(findConfigFile(folder), path.join(folder, 'throughline.config.ts'));
});

test('TypeScript is loaded as it stands', async () => {
  const file = fileOf(
    'throughline.config.ts',
    `const entry: string = './answer.ts'; export default { functions: { answer: { entry } } }`,
  );
  assert.deepEqual(await loadConfigFile(file), { functions: { answer: { entry: './answer.ts' } } });
});

test('a file that throws, imports what is not there, or exports nothing is rejected with the reason', async () => {
  await assert.rejects(loadConfigFile(fileOf('a.mjs', 'throw new Error("no luck")')), isInvalid(/a\.mjs.*no luck/));
  await assert.rejects(
    loadConfigFile(fileOf('e.mjs', 'export default { get functions() { throw new Error("no hands") } }')),
    isInvalid(/e\.mjs.*no hands/),
  );
  await assert.rejects(loadConfigFile(fileOf('b.mjs', 'import "node:none"')), isInvalid(/b\.mjs.*none/));
  await assert.rejects(
    loadConfigFile(fileOf('c.mjs', 'export const config = {}')),
    isInvalid(/c\.mjs: default export/),
  );
  await assert.rejects(
    loadConfigFile(fileOf('d.mjs', 'export default { functions: { "a b": { entry: "x" } } }')),
    isInvalid(/d\.mjs: functions/),
  );
});
