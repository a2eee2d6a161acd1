import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { openBroker } from '../topics/open-broker.ts';
import { lockFolder } from './folder-lock.ts';

const root = await fs.mkdtemp(path.join(os.tmpdir(), 'throughline-lock-'));
after(() => fs.rm(root, { recursive: true }));

async function lockFileOf(name: string): Promise<string> {
  await fs.mkdir(path.join(root, name));
  return path.join(root, name, '.lock');
}

/** A command that makes a process the first one of a new pid namespace, as a container does. */
const newPidNamespace = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'] as const;
const hasNamespaces = spawnSync(newPidNamespace[0], [...newPidNamespace.slice(1), 'true']).status === 0;

interface Attempt {
  /** As the process itself sees it. */
  readonly pid: number;
  readonly error?: { readonly code: string; readonly message: string; readonly details: { readonly pid?: number } };
  kill(): Promise<void>;
}

/** Another process that tries to take the lock, and holds it until it is killed. */
async function otherProcess(file: string, command: readonly string[] = []): Promise<Attempt> {
  const code = `
    const { lockFolder } = await import(${JSON.stringify(import.meta.resolve('./folder-lock.ts'))});
    const { pid } = process;
    const said = await lockFolder(${JSON.stringify(file)}).then(
      () => ({ pid }), ({ code, message, details }) => ({ pid, error: { code, message, details } }));
    process.stdout.write(JSON.stringify(said));
    setInterval(() => {}, 1000);`;
  const node = [process.execPath, '--conditions=throughline-source', '--input-type=module', '-e', code];
  const [program = '', ...args] = [...command, ...node];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    ...(JSON.parse(said.toString()) as Pick<Attempt, 'pid' | 'error'>),
    async kill() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function isInUse(error: unknown, pid: number): boolean {
  assert.ok(ThroughlineError.is(error, 'DATA_DIR_IN_USE'));
  assert.equal(error.details['pid'], pid);
  assert.match(error.message, new RegExp(`^process ${pid} `));
  return true;
}

test('a second process is rejected with the pid of the first, and takes over when that was killed', async () => {
  const file = await lockFileOf('two');
  const first = await otherProcess(file);
  assert.equal(first.error, undefined);
  await assert.rejects(lockFolder(file), (error) => isInUse(error, first.pid));
  await first.kill();
  const lock = await lockFolder(file);
  const second = await otherProcess(file);
  assert.equal(second.error?.details.pid, process.pid);
  await second.kill();
  await lock.release();
  const third = await otherProcess(file);
  assert.equal(third.error, undefined);
  await third.kill();
});

test(
  'of two processes in pid namespaces of their own, both pid 1, the second is rejected with the pid of the first',
  {
    skip: !hasNamespaces && 'this user may make no pid namespace',
  },
  async () => {
    const file = await lockFileOf('namespaces');
    const first = await otherProcess(file, newPidNamespace);
    assert.deepEqual([first.pid, first.error], [1, undefined]);
    const second = await otherProcess(file, newPidNamespace);
    assert.equal(second.pid, 1);
    assert.equal(second.error?.code, 'DATA_DIR_IN_USE');
    assert.match(second.error.message, /^process 1 uses /);
    assert.equal(second.error.details.pid, 1);
    await second.kill();
    await first.kill();
    const third = await otherProcess(file, newPidNamespace);
    assert.equal(third.error, undefined);
    await third.kill();
  },
);

test('one process takes a lock once, by whatever path, and what it is rejected leaves the first lock as it was', async () => {
  const file = await lockFileOf('own');
  const linked = path.join(root, 'linked');
  await fs.symlink(path.dirname(file), linked);
  const [one, two] = await Promise.allSettled([lockFolder(file), lockFolder(file)]);
  assert.equal(one.status, 'fulfilled');
  assert.ok(two.status === 'rejected' && isInUse(two.reason, process.pid));
  await assert.rejects(lockFolder(path.join(linked, '.lock')), (error) => isInUse(error, process.pid));
  // Closing any descriptor of the file would have freed the lock.
  const other = await otherProcess(file);
  assert.equal(other.error?.details.pid, process.pid);
  await other.kill();
  await one.value.release();
  // Released once more it is no longer ours to free.
  const again = await lockFolder(file);
  await one.value.release();
  await assert.rejects(lockFolder(file), (error) => isInUse(error, process.pid));
  await again.release();
});

test('a broker keeps its folder through all that it does there, and through a second one in its process', async () => {
  const dataDir = path.join(root, 'broker');
  const file = path.join(dataDir, '.lock');
  const isHeld = async (): Promise<void> => {
    const other = await otherProcess(file);
    assert.equal(other.error?.details.pid, process.pid);
    await other.kill();
  };
  const broker = await openBroker({ dataDir });
  await broker.createTopic('t', { partitions: 2 });
  await broker.createTopic('gone', { partitions: 1 });
  await broker.deleteTopic('gone');
  await broker.checkpoint();
  await isHeld();
  await assert.rejects(openBroker({ dataDir }), (error) => isInUse(error, process.pid));
  await isHeld();
  await broker.close();
  await (await openBroker({ dataDir })).close();
});

test('the owner file goes with a release, and a lock whose owner is not named is held all the same', async () => {
  const file = await lockFileOf('unnamed');
  const first = await otherProcess(file);
  await fs.writeFile(`${file}.owner`, 'rubbish');
  await assert.rejects(lockFolder(file), (error) => ThroughlineError.is(error, 'DATA_DIR_IN_USE'));
  await first.kill();
  const lock = await lockFolder(file);
  assert.deepEqual(JSON.parse(await fs.readFile(`${file}.owner`, 'utf8')), { pid: process.pid, host: os.hostname() });
  await lock.release();
  assert.deepEqual(await fs.readdir(path.dirname(file)), ['.lock']);
});

for (const [what, content] of [
  ['of a pid that another process has now', JSON.stringify({ pid: process.ppid, startedAt: '1' })],
  ['that is rubbish', 'rubbish'],
  ['that is empty', ''],
] as const) {
  test(
    `a lock file ${what} is taken over`,
    {
      skip: process.platform !== 'linux' && 'start times are read from /proc',
    },
    async () => {
      const file = await lockFileOf(what);
      await fs.writeFile(file, content);
      const lock = await lockFolder(file);
      const other = await otherProcess(file);
      assert.equal(other.error?.details.pid, process.pid);
      await other.kill();
      await lock.release();
    },
  );
}

test('an older Throughline, which wrote its pid and took no lock, keeps the folder while it lives', async () => {
  const file = await lockFileOf('legacy');
  await fs.writeFile(file, JSON.stringify({ pid: process.ppid, startedAt: '' }));
  await assert.rejects(lockFolder(file), (error) => isInUse(error, process.ppid));
});

test('a folder that gives no lock is rejected with the reason', async () => {
  const folder = path.join(root, 'a-folder-in-its-place');
  await fs.mkdir(path.join(folder, '.lock'), { recursive: true });
  await assert.rejects(lockFolder(path.join(folder, '.lock')), (error) => {
    assert.ok(ThroughlineError.is(error, 'DATA_DIR_NOT_LOCKABLE'));
    return true;
  });
});

const newMounts = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'] as const;
/** A command that has a file system without a free block, and without a free inode when one is asked for, in place of `folder`. */
const onFullDisk = (folder: string, inodeCount = 16): string[] => {
  const fill =
    'mount -t tmpfs -o size=16k,nr_inodes=$1 tmpfs "$0" && cd "$0" && touch .lock && dd if=/dev/zero of=filled bs=4k';
  const script = `${fill} 2>/dev/null; [ "$1" -gt 3 ] || { mv .lock other; }; shift; exec "$@"`;
  return [...newMounts, script, folder, String(inodeCount)];
};
const mountRun = spawnSync(newMounts[0], [...newMounts.slice(1), 'mount -t tmpfs tmpfs /mnt']);
const skipMounts = mountRun.status !== 0 && 'no file system can be mounted here';

test(
  'a full disk gives the lock; where there is no room for its file, that is said',
  { skip: skipMounts },
  async () => {
    // SQLite wrote the head of a rollback journal, and a start after a kill told of a file system without locks.
    const file = await lockFileOf('full');
    const full = await otherProcess(file, onFullDisk(path.dirname(file)));
    assert.equal(full.error, undefined);
    await full.kill();
    const fuller = await otherProcess(file, onFullDisk(path.dirname(file), 3));
    assert.equal(fuller.error?.code, 'OUT_OF_DISK');
    await fuller.kill();
  },
);
