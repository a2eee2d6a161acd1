// One process per data folder, by a lock file that holds the owner's pid and start time: {"pid":4711,"startedAt":"8812"}.
//
// The file is linked into place whole, so that nobody ever reads half of it, and the link fails when there is one
// already. It stays behind after kill -9; then the pid is dead, or belongs to a process that started at another time
// (Linux: field 22 of /proc/<pid>/stat), and the lock is taken over. A taken lock is moved aside before the new one is
// linked, and looked at once more there: of two that take over at the same moment, the second moves aside the first
// one's fresh lock, sees that, and puts it back.
//
// A lock file that is none of ours may be that of a running Apache Kafka, which is then named. The other way round there is
// no such help: Kafka does not look for a pid.
import fs from 'node:fs/promises';
import path from 'node:path';
import { number, object, parse, string, ThroughlineError, type OutputOf } from '@throughline/event';
import type { DiskLock } from './disk.ts';

const ownerSchema = object({ pid: number(), startedAt: string() });
type Owner = OutputOf<typeof ownerSchema>;

/** Locks that this very process holds: a lock file with our own pid is stale unless its path is here. */
const heldHere = new Set<string>();
let lockCount = 0;

/**
 * Takes the lock file for this process.
 *
 * @throws ThroughlineError DATA_DIR_IN_USE with the `pid` that holds it
 */
export async function lockWithPid(file: string): Promise<DiskLock> {
  const lockPath = path.resolve(file);
  if (heldHere.has(lockPath)) throw inUse(lockPath, process.pid);
  // Taken at once, so that two calls in one turn cannot both pass.
  heldHere.add(lockPath);
  try {
    await take(lockPath);
  } catch (error) {
    heldHere.delete(lockPath);
    throw error;
  }
  return {
    async release() {
      if (heldHere.delete(lockPath)) await fs.rm(lockPath, { force: true });
    },
  };
}

async function take(lockPath: string): Promise<void> {
  const unique = `${lockPath}.${process.pid}.${lockCount++}`;
  const mine: Owner = { pid: process.pid, startedAt: (await processState(process.pid))?.startedAt ?? '' };
  await fs.writeFile(unique, JSON.stringify(mine));
  try {
    // Each round either links, or meets a living owner, or removes one dead owner; a handful is more than can happen.
    for (let round = 0; round < 10; round++) {
      if (await link(unique, lockPath)) return;
      const owner = await ownerOf(lockPath);
      if (owner !== undefined && (await isAlive(owner))) throw inUse(lockPath, owner.pid);
      const locker = owner === undefined ? await recordLockOwner(lockPath) : undefined;
      if (locker !== undefined) throw inUse(lockPath, locker);
      await removeStale(lockPath, `${unique}.stale`);
    }
    throw inUse(lockPath, undefined);
  } finally {
    await fs.rm(unique, { force: true });
  }
}

async function removeStale(lockPath: string, aside: string): Promise<void> {
  try {
    await fs.rename(lockPath, aside);
  } catch (error) {
    // Somebody else removed it first.
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const owner = await ownerOf(aside);
  if (owner !== undefined && (await isAlive(owner))) await link(aside, lockPath);
  await fs.rm(aside, { force: true });
}

async function link(from: string, to: string): Promise<boolean> {
  try {
    await fs.link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when there is no lock file, or one that no version of this code can have linked. */
async function ownerOf(file: string): Promise<Owner | undefined> {
  try {
    return parse(ownerSchema, JSON.parse(await fs.readFile(file, 'utf8')));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    if (ThroughlineError.is(error, 'INVALID_ARGUMENT')) return undefined;
    throw error;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.pid === process.pid) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    if (codeOf(error) === 'ESRCH') return false;
    if (codeOf(error) !== 'EPERM') throw error;
  }
  const found = await processState(owner.pid);
  // Where the system says nothing, a living pid has to do. A zombie has ended and only waits for its parent to notice.
  if (found === undefined) return true;
  return !found.isZombie && (owner.startedAt === '' || found.startedAt === owner.startedAt);
}

/**
 * The pid that holds a record lock (fcntl) on the file: Apache Kafka locks its data folder so, by an empty file of the same
 * name. Undefined when nobody does, or where the system does not say (/proc/locks is Linux's).
 */
async function recordLockOwner(file: string): Promise<number | undefined> {
  try {
    const { ino } = await fs.stat(file, { bigint: true });
    const locks = await fs.readFile('/proc/locks', 'utf8');
    // 1: POSIX  ADVISORY  WRITE 4711 fe:00:1835012 0 EOF
    const found = locks.split('\n').find((line) => line.includes('POSIX') && line.includes(`:${ino} `));
    return found === undefined ? undefined : Number(found.trim().split(/\s+/)[4]);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') return undefined;
    throw error;
  }
}

/** When a process started, in clock ticks since boot, and whether it has ended; undefined where the system does not say. */
async function processState(pid: number): Promise<{ startedAt: string; isZombie: boolean } | undefined> {
  try {
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { startedAt: fields[19] ?? '', isZombie: fields[0] === 'Z' };
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH' || codeOf(error) === 'EACCES') return undefined;
    throw error;
  }
}

function inUse(lockPath: string, pid: number | undefined): ThroughlineError {
  const folder = path.dirname(lockPath);
  return new ThroughlineError('DATA_DIR_IN_USE', `process ${pid ?? 'unknown'} uses ${folder}`, {
    details: { pid, folder },
  });
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
