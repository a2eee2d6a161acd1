// The example of docs/guides/functions.md, step by step: each of its functions is called by a request, by a record, by a file, and by
// a clock.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { delay, systemClock } from '@throughline/event';
import { throughline } from '../support/cli.ts';
import { startServer } from '../support/server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))']).status === 0;

test('a copy of the example is called by all that its page says', async (t) => {
  // Beside the packages, as the page has it.
  mkdirSync(path.join(root, '.cache'), { recursive: true });
  const app = mkdtempSync(path.join(root, '.cache/my-app-'));
  t.after(() => rmSync(app, { recursive: true, force: true }));
  cpSync(path.join(root, 'examples/triggers'), app, { recursive: true });
  const names = hasPython ? ['hello', 'greet'] : ['hello'];
  // A minute is long for a test: the clock ticks faster, and is the same otherwise.
  const config = path.join(app, 'throughline.config.ts');
  const text = readFileSync(config, 'utf8');
  const at = new Date(Date.now() + 15_000).toISOString().slice(0, 19);
  const faster = text.replaceAll('rate(1 minute)', `at(${at})`);
  writeFileSync(config, hasPython ? faster : faster.replace(/^ {4}greet: \{[\s\S]*?^ {4}\},\n/m, ''));
  const server = await startServer({ app });
  t.after(() => server.dispose());

  const answers = { hello: '{"hello":"request of /some/path"}', greet: '{"greetings": "request of /some/path"}' };
  for (const name of names) {
    const answer = await fetch(`${server.url}/lambda-url/${name}/some/path`);
    assert.equal(await answer.text(), answers[name as keyof typeof answers]);
  }
  const send = () =>
    fetch(`${server.url}/v1/topics/orders/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records: [{ value: 'first record' }] }),
    });
  assert.equal((await send()).status, 404);
  const created = await throughline(['topics', 'create', 'orders', '--data-dir', server.dataDir]);
  assert.equal(created.code, 0);
  assert.equal((await send()).status, 201);
  mkdirSync(path.join(app, 'uploads'), { recursive: true });
  writeFileSync(path.join(app, 'uploads/today.txt'), 'today');

  for (const name of names) {
    const word = name === 'hello' ? 'hello' : 'greetings';
    const wanted = ['request of /some/path', 'records first record', 'file today.txt', 'the clock'];
    for (;;) {
      const { stdout } = await throughline(['functions', 'logs', name, '--data-dir', server.dataDir]);
      if (wanted.every((one) => stdout.includes(`${word} ${one}\n`))) break;
      await delay(systemClock, 20, t.signal);
    }
  }
});
