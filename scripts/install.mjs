// Installs exactly what package-lock.json says, where that is missing or stale, once at a time. Plain JavaScript for the
// machine's own Node (20 or newer): nothing is installed yet.
//
// "Stale" means: the stamp that the last complete install left in node_modules names another package-lock.json. It is
// removed before an install begins, so an install that is interrupted is made again by whoever comes next.
//
// Two commands at once must not install into each other: who installs holds a folder (mkdir is atomic) and touches it
// every second. One that has not been touched for a while was left by a process that died, unless its npm is still at
// work; then it is moved aside, which only one of several that wait can do.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const touchMs = 1_000;
/** A busy machine can stop a process for some seconds. */
const staleMs = 15_000;
/** An npm that its parent left behind is waited for this long; its process id may be somebody else's by then. */
const orphanMsMax = 600_000;
const pollMs = 250;

/**
 * Makes sure that node_modules is what the lock file says.
 *
 * @param {string} root the repository
 * @returns {Promise<string>} the Node to run on: the one that the lock brings, or this one where that does not run
 */
export async function install(root) {
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  let isTold = false;
  while (stampOf(root)?.lockHash !== wanted) {
    const lock = takeLock(root);
    if (lock === undefined) {
      if (!isTold) say('Another command installs already; waiting for it …');
      isTold = true;
      await pause(pollMs);
      continue;
    }
    try {
      // It may have been installed between the look at the stamp and the lock.
      if (stampOf(root)?.lockHash !== wanted) await npmCi(root, lock, wanted);
    } finally {
      lock.release();
    }
  }
  return stampOf(root)?.isOwnNode ? process.execPath : lockedNode(root);
}

async function npmCi(root, lock, wanted) {
  say('Installing what package-lock.json says (once; about half a minute) …');
  rmSync(stampFile(root), { force: true });
  const npm = spawn('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  let isInterrupted = false;
  const stop = (signal) => {
    isInterrupted = true;
    // The lock is held until npm has gone: it may still be writing.
    npm.kill(signal);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const code = await new Promise((resolve, reject) => {
    npm.on('error', (error) => reject(new Error(`npm cannot be started: ${error.message}`)));
    npm.on('spawn', () => lock.setWorker(npm.pid));
    npm.on('exit', resolve);
  });
  process.off('SIGINT', stop).off('SIGTERM', stop);
  if (isInterrupted) throw new Error('The installation was interrupted; run this again to go on.');
  if (code !== 0) throw new Error('npm ci failed; its own message stands above. Check the network and run this again.');
  const isOwnNode = spawnSync(lockedNode(root), ['--version']).status !== 0;
  writeFileSync(stampFile(root), isOwnNode ? `${wanted} own-node` : wanted);
}

const stampFile = (root) => path.join(root, 'node_modules', '.throughline-lock-hash');
/** The binary of this very platform: a node_modules that came from another machine does not have it. */
const lockedNode = (root) => path.join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');

function stampOf(root) {
  if (!existsSync(stampFile(root))) return undefined;
  const [lockHash, node] = readFileSync(stampFile(root), 'utf8').trim().split(' ');
  const isOwnNode = node === 'own-node';
  return isOwnNode || existsSync(lockedNode(root)) ? { lockHash, isOwnNode } : undefined;
}

/** The lock, or undefined while somebody else holds it. */
function takeLock(root) {
  const folder = path.join(root, '.cache', 'install-lock');
  mkdirSync(path.dirname(folder), { recursive: true });
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (isStale(folder)) moveAside(folder);
    return undefined;
  }
  const timer = setInterval(() => utimesSync(folder, new Date(), new Date()), touchMs);
  return {
    setWorker: (pid) => writeFileSync(path.join(folder, 'npm-pid'), String(pid)),
    release() {
      clearInterval(timer);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isStale(folder) {
  try {
    const ageMs = Date.now() - statSync(folder).mtimeMs;
    return ageMs > staleMs && (ageMs > orphanMsMax || !isAlive(workerOf(folder)));
  } catch (error) {
    // Released in between.
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Of two that found the same lock stale, the second may move the first one's fresh lock: it looks, and puts it back. */
function moveAside(folder) {
  const aside = `${folder}.${process.pid}`;
  try {
    renameSync(folder, aside);
    if (isStale(aside)) rmSync(aside, { recursive: true, force: true });
    else renameSync(aside, folder);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function workerOf(folder) {
  const file = path.join(folder, 'npm-pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

function isAlive(pid) {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function say(text) {
  process.stderr.write(`${text}\n`);
}
