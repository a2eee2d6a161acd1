// A clock calls a function of a running server.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { delay, systemClock } from '@throughline/event';
import { startServer } from '../support/server.ts';

test('a function is called at the time that its schedule names, once', async (t) => {
  const app = mkdtempSync(path.join(tmpdir(), 'throughline-schedule-'));
  t.after(() => rmSync(app, { recursive: true }));
  const called = path.join(app, 'called.txt');
  writeFileSync(
    path.join(app, 'tick.ts'),
    `import { appendFileSync } from 'node:fs';
export const handler = async (event: { a: number }) => appendFileSync(process.env['OUT']!, JSON.stringify(event) + '\\n');
`,
  );
  // Late enough for a slow machine to have started; a time that has passed would call nobody.
  const inMs = 15_000;
  const at = new Date(Date.now() + inMs).toISOString().slice(0, 19);
  const triggers = [{ type: 'schedule', expression: `at(${at})`, input: { a: 1 } }];
  const functions = { tick: { entry: './tick.ts', environment: { OUT: called }, triggers } };
  writeFileSync(path.join(app, 'throughline.config.ts'), `export default ${JSON.stringify({ functions })};\n`);
  const server = await startServer({ app });
  t.after(() => server.dispose());
  while (!existsSync(called)) await delay(systemClock, 20, t.signal);
  const status = (await (await fetch(`${server.url}/v1/status`)).json()) as { triggers: unknown[] };
  assert.deepEqual(status.triggers, [{ type: 'schedule', functionName: 'tick', source: `at(${at})` }]);
  assert.equal(readFileSync(called, 'utf8'), '{"a":1}\n');
});
