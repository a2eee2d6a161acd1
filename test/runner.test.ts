// A kill test failed on a slow machine and then hung for as long as CI allowed, with nothing printed: node:test waits for a
// file's process without a limit. Whatever a test file does, the run ends, says why, and leaves nothing running.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

const root = path.resolve(import.meta.dirname, '..');

/** What the runner prints, and its exit code, when it runs `file` with short limits. */
async function runFile(file: string): Promise<{ output: string; code: number | null }> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, [path.join(root, 'test/support/endless/runner-process.ts'), file], {
    cwd: root,
    env: { ...env, THROUGHLINE_TEST_GRACE_MS: '500' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { output: await text(child.stdout), code: await exited };
}

/** A process that was killed stays in the table until its parent has asked for its end. */
function isAlive(pid: string): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

test('a file that does not end after its tests is ended, with what keeps it and with what it started', async () => {
  const { output, code } = await runFile('polling-child.ts');
  assert.equal(code, 1);
  assert.match(output, /> fails: Error: the reason of the failure\n[^]*✖ waits for what never comes/);
  assert.match(output, /polling-child\.ts: the tests ended 0\.5 s ago and the process does not\. .* Timeout/);
  assert.match(output, /\n0 passed, 2 failed, 0 skipped\n$/);
  const [, pid] = /kept (\d+)/.exec(output) ?? [];
  assert.ok(pid !== undefined);
  while (isAlive(pid)) await pause(10);
});

test('a file that never gives its event loop a turn is killed and counts as failed', async () => {
  const { output, code } = await runFile('stuck-child.ts');
  assert.equal(code, 1);
  assert.match(output, /no test has ended for 2 s: ended the processes \d+/);
  assert.match(output, /\n0 passed, 1 failed, 0 skipped\n$/);
});
