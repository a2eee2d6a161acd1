import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { lockWithPid } from './pid-lock.ts';

const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'throughline-lock-'));
after(() => fs.rm(folder, { recursive: true }));

/** Another process that holds `file` until it is killed. */
async function holder(file: string): Promise<{ pid: number; kill: () => Promise<void> }> {
  const code = `
    const { lockWithPid } = await import(${JSON.stringify(import.meta.resolve('./pid-lock.ts'))});
    await lockWithPid(${JSON.stringify(file)});
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--conditions=throughline-source', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return {
    pid: child.pid!,
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

test('a second process is refused with the pid of the first, and takes over when that was killed', async () => {
  const file = path.join(folder, 'two.lock');
  const first = await holder(file);
  await assert.rejects(lockWithPid(file), (error) => {
    assert.ok(ThroughlineError.is(error, 'DATA_DIR_IN_USE'));
    assert.equal(error.details['pid'], first.pid);
    return true;
  });
  await first.kill();
  const lock = await lockWithPid(file);
  assert.equal(JSON.parse(await fs.readFile(file, 'utf8')).pid, process.pid);
  await lock.release();
  assert.deepEqual(await fs.readdir(folder), []);
});

test('one process takes a lock once', async () => {
  const file = path.join(folder, 'own.lock');
  const [one, two] = await Promise.allSettled([lockWithPid(file), lockWithPid(file)]);
  assert.equal(one.status, 'fulfilled');
  assert.ok(two.status === 'rejected' && ThroughlineError.is(two.reason, 'DATA_DIR_IN_USE'));
  await one.value.release();
  await (await lockWithPid(file)).release();
});

for (const [what, content] of [
  ['of a pid that another process has now', JSON.stringify({ pid: process.ppid, startedAt: '1' })],
  ['that is rubbish', 'rubbish'],
  ['that is empty', ''],
] as const) {
  test(
    `a lock ${what} is stale`,
    { skip: process.platform !== 'linux' && 'start times are read from /proc' },
    async () => {
      const file = path.join(folder, 'stale.lock');
      await fs.writeFile(file, content);
      await (await lockWithPid(file)).release();
    },
  );
}
