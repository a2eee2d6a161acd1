// scripts/install.mjs in a repository of its own, with an npm that takes a moment and counts its runs.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const temporary = mkdtempSync(path.join(os.tmpdir(), 'throughline-install-'));
after(() => rmSync(temporary, { recursive: true, force: true }));
const script = pathToFileURL(path.join(import.meta.dirname, '../../scripts/install.mjs')).href;

/** Empties node_modules as `npm ci` does, waits while it "downloads", and puts a Node there. */
const npm = `#!/bin/sh
echo run >> runs
rm -rf node_modules
touch started
while [ -e hold ]; do sleep 0.02; done
[ -e broken ] && exit 1
mkdir -p node_modules/node-${process.platform}-${process.arch}/bin
ln -s ${process.execPath} node_modules/node-${process.platform}-${process.arch}/bin/node
`;

let root: string;
const inRoot = (name: string): string => path.join(root, name);
const runs = (): number =>
  existsSync(inRoot('runs')) ? readFileSync(inRoot('runs'), 'utf8').trim().split('\n').length : 0;
const locked = (): string => inRoot(`node_modules/node-${process.platform}-${process.arch}/bin/node`);

beforeEach(() => {
  root = mkdtempSync(path.join(temporary, 'repository-'));
  mkdirSync(inRoot('bin'));
  writeFileSync(inRoot('bin/npm'), npm);
  chmodSync(inRoot('bin/npm'), 0o755);
  writeFileSync(inRoot('package-lock.json'), '{}');
});

function install(): { child: ChildProcess; ended: Promise<{ code: number | null; stdout: string; stderr: string }> } {
  const text = `import { install } from ${JSON.stringify(script)}; console.log(await install(${JSON.stringify(root)}))`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    env: { ...process.env, PATH: `${inRoot('bin')}${path.delimiter}${process.env['PATH']}` },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr })) };
}

async function installed(): Promise<void> {
  const { code, stdout, stderr } = await install().ended;
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), locked());
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 500, holds.toString());
    await pause(20);
  }
}

test('what the lock file says is installed once, and again when it says something else', async () => {
  await installed();
  await installed();
  assert.equal(runs(), 1);
  writeFileSync(inRoot('package-lock.json'), '{"changed":true}');
  await installed();
  assert.equal(runs(), 2);
});

test('of three commands at once one installs and the others wait for it', async () => {
  writeFileSync(inRoot('hold'), '');
  const commands = [install(), install(), install()];
  await until(() => existsSync(inRoot('started')));
  await pause(300);
  rmSync(inRoot('hold'));
  const ended = await Promise.all(commands.map((command) => command.ended));
  assert.deepEqual(
    ended.map(({ code, stdout }) => [code, stdout.trim()]),
    Array.from({ length: 3 }, () => [0, locked()]),
  );
  assert.equal(runs(), 1);
  assert.equal(ended.filter(({ stderr }) => /Another command installs already/.test(stderr)).length, 2);
});

test('an install that was interrupted is made again, at once', async () => {
  await installed();
  writeFileSync(inRoot('package-lock.json'), '{"changed":true}');
  rmSync(inRoot('started'));
  writeFileSync(inRoot('hold'), '');
  const { child, ended } = install();
  await until(() => existsSync(inRoot('started')));
  child.kill('SIGINT');
  assert.equal((await ended).code, 1);
  rmSync(inRoot('hold'));
  // Also when the lock file is what it was before: half of another install stands in node_modules.
  writeFileSync(inRoot('package-lock.json'), '{}');
  await installed();
  assert.equal(runs(), 3);
});

test('an npm that fails leaves nothing that looks complete, and no lock', async () => {
  writeFileSync(inRoot('broken'), '');
  const { code, stderr } = await install().ended;
  assert.notEqual(code, 0);
  assert.match(stderr, /npm ci failed/);
  rmSync(inRoot('broken'));
  await installed();
});

test('the lock of a process that was killed is taken over; the one of an npm that it left behind is waited for', async () => {
  const lock = inRoot('.cache/install-lock');
  const old = new Date(Date.now() - 60_000);
  mkdirSync(lock, { recursive: true });
  const { pid: deadPid } = spawnSync(process.execPath, ['-e', '0']);
  writeFileSync(path.join(lock, 'npm-pid'), String(deadPid));
  utimesSync(lock, old, old);
  await installed();
  assert.equal(existsSync(lock), false);

  writeFileSync(inRoot('package-lock.json'), '{"changed":true}');
  mkdirSync(lock);
  writeFileSync(path.join(lock, 'npm-pid'), String(process.pid));
  utimesSync(lock, old, old);
  const { child, ended } = install();
  await pause(700);
  assert.equal(child.exitCode, null);
  assert.equal(runs(), 1);
  rmSync(lock, { recursive: true });
  assert.equal((await ended).code, 0);
  assert.equal(runs(), 2);
});

test('a node_modules of another platform counts as not installed', async () => {
  await installed();
  rmSync(path.dirname(path.dirname(locked())), { recursive: true });
  await installed();
  assert.equal(runs(), 2);
});
