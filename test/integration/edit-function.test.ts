// A function is edited while the server runs: what is called then is what was written last, in TypeScript and in Python; a file
// that cannot be loaded changes nothing, and the server says so.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { delay, systemClock } from '@throughline/event';
import { startServer } from '../support/server.ts';

const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).status === 0;

const sources = {
  ts: (text: string) => `import { word } from './lib.ts';\nexport const handler = async () => word + '${text}';\n`,
  py: (text: string) => `def handler(event, context):\n    return 'word ${text}'\n`,
};

test('a function that is edited is called as it is now', async (t) => {
  const app = mkdtempSync(path.join(tmpdir(), 'throughline-edit-'));
  t.after(() => rmSync(app, { recursive: true }));
  const write = (name: string, text: string): void => writeFileSync(path.join(app, name), text);
  const kinds = hasPython ? (['ts', 'py'] as const) : (['ts'] as const);
  write('lib.ts', `export const word = 'word ';\n`);
  for (const kind of kinds) write(`hello.${kind}`, sources[kind]('one'));
  const functions = Object.fromEntries(
    kinds.map((kind) => [kind, { entry: `./hello.${kind}`, triggers: [{ type: 'url' }] }]),
  );
  write('throughline.config.ts', `export default ${JSON.stringify({ functions })};\n`);
  const server = await startServer({ app });
  t.after(() => server.dispose());
  const call = async (kind: string): Promise<string> =>
    String(await (await fetch(`${server.url}/lambda-url/${kind}/`)).json());
  const until = async (what: () => Promise<boolean> | boolean): Promise<void> => {
    while (!(await what())) await delay(systemClock, 20, t.signal);
  };
  for (const kind of kinds) {
    assert.equal(await call(kind), 'word one');
    write(`hello.${kind}`, sources[kind]('two'));
    await until(async () => (await call(kind)) === 'word two');
    write(`hello.${kind}`, `}{ this is no ${kind}`);
    await until(() => server.output.includes(`function ${kind} is not updated: what was loaded before serves on.`));
    assert.equal(await call(kind), 'word two');
    write(`hello.${kind}`, sources[kind]('three'));
    await until(async () => (await call(kind)) === 'word three');
    assert.match(server.output, new RegExp(`function ${kind} is updated: its changed sources serve now`));
  }
  write('lib.ts', `export const word = 'Word ';\n`);
  await until(async () => (await call('ts')) === 'Word three');
});
