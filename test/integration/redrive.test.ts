// An asynchronous event that fails becomes a dead letter of a real server, and `throughline redrive` has its function called again.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { throughline, type Ended } from '../support/cli.ts';
import { startServer, type TestServer } from '../support/server.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-redrive-'));
let server: TestServer;
before(async () => {
  const app = path.join(import.meta.dirname, '../support/async-faults');
  server = await startServer({ app, environment: { HISTORY_FILE: path.join(folder, 'history') } });
});
after(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: readonly string[]): Promise<Ended> => throughline([...args, '--data-dir', server.dataDir]);

test('a dead letter is shown, sent once, and becomes a new one when it fails again', async () => {
  await run('topics', 'create', 'worker.dead', '--partitions', '1');
  const { stdout } = await run('invoke', 'worker', '--async', '--payload', '{"id":"x","isBad":true}');
  const lettersOf = async (
    limit: number,
  ): Promise<readonly { key: string; headers: { key: string; value: string }[] }[]> =>
    (await run('consume', 'worker.dead', '--follow', '--limit', String(limit), '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { key: string; headers: { key: string; value: string }[] });
  const [letter] = await lettersOf(1);
  assert.equal(letter?.key, stdout.trim());
  const dry = await run('redrive', 'worker.dead', '--dry-run');
  assert.deepEqual([dry.code, dry.stdout], [0, 'worker.dead-0@0  would send  function worker\n']);
  const sent = await run('redrive', 'worker.dead', '--rate', '10', '--json');
  assert.deepEqual(JSON.parse(sent.stdout), {
    topic: 'worker.dead',
    partition: 0,
    offset: '0',
    destination: 'function worker',
    state: 'sent',
  });
  const [, again] = await lettersOf(2);
  assert.equal(again?.key, 'redrive/worker.dead/0/0');
  const none = await run('redrive', 'worker.dead', '--where', 'error-code=FUNCTION_TIMED_OUT');
  assert.match(none.stderr, /^0 letters sent; 1 passed that do not match\n/);
  assert.equal((await run('redrive', 'nothing')).code, 1);
});
