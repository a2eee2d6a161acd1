// One process per data folder, by a lock of the operating system on the file `.lock`: the kernel keeps it for as long as the
// process lives, frees it when the process ends in whatever way, and knows nothing of pid namespaces. So two containers with
// one volume, in which both servers have pid 1, keep each other out as two processes of one machine do.
//
// Node has no call for such a lock, but SQLite takes one: an exclusive transaction on the empty file, begun and never
// ended, is a write lock of fcntl(2) (sqlite.org/lockingv3.html). Nothing is ever written there, nor into a rollback journal
// beside it, so that a full disk gives the lock too. The file is never removed: whoever had opened it before would hold the
// lock of a file that nobody else can see.
//
// Apache Kafka locks its folder with the same call on a file of the same name, so that each of the two keeps the other out.
//
// fcntl has a trap: closing any descriptor of a file frees all locks that the process has on it. SQLite knows how to
// live with that; everybody else in this process keeps away from the file. Here it is opened only when this process has no
// lock on it, which its device and inode tell, and not its path.
//
// Beside it `.lock.owner` says whose the lock is, because the kernel names a process only inside its own pid namespace:
//
//   {"pid":4711,"host":"web-1"}
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { number, object, parse, string, ThroughlineError, type Schema } from '@throughline/event';
import { isOutOfDisk, type DiskLock } from './disk.ts';
import { asOutOfDisk } from './full-disk.ts';

interface Owner {
  readonly pid: number;
  readonly host?: string;
}

const ownerSchema = object({ pid: number(), host: string() });
/** What the lock file of a Throughline held that had no lock of the operating system. */
const legacySchema = object({ pid: number(), startedAt: string() });

/** The device and inode of each lock file that this process holds. */
const heldHere = new Set<string>();

const sqliteBusy = 5;

/**
 * Takes the lock of a folder for this process, until it is released or the process ends.
 *
 * @param file the lock file; its folder must be there
 * @throws ThroughlineError DATA_DIR_IN_USE with the `pid` that holds it, where that is known; DATA_DIR_NOT_LOCKABLE;
 *   OUT_OF_DISK when there is no room for the file, which is empty
 */
export async function lockFolder(file: string): Promise<DiskLock> {
  // Only a broker with a folder of its own pays for SQLite.
  const { DatabaseSync } = await import('node:sqlite');
  const lockPath = path.resolve(file);
  // From here on everything happens in one turn, so that two calls cannot both pass.
  makeFile(lockPath);
  const found = fs.statSync(lockPath, { bigint: true });
  if (!found.isFile()) throw notLockable(lockPath, new Error(`${lockPath} is no file`));
  const { dev, ino, size } = found;
  const identity = `${dev}:${ino}`;
  if (heldHere.has(identity)) throw inUse(lockPath, { pid: process.pid });
  if (size > 0n) clearLegacy(lockPath);
  let database: InstanceType<typeof DatabaseSync> | undefined;
  try {
    database = new DatabaseSync(lockPath, { timeout: 0 });
    database.exec('pragma journal_mode = memory');
    database.exec('begin exclusive');
  } catch (error) {
    database?.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 !== sqliteBusy) throw notLockable(lockPath, error);
    throw inUse(lockPath, lockOwner(ino) ?? writtenOwner(lockPath));
  }
  heldHere.add(identity);
  noteOwner(lockPath);
  const held = database;
  return {
    async release() {
      if (!heldHere.has(identity) || !held.isOpen) return;
      fs.rmSync(ownerFile(lockPath), { force: true });
      held.close();
      heldHere.delete(identity);
    },
  };
}

function makeFile(lockPath: string): void {
  try {
    fs.closeSync(fs.openSync(lockPath, 'wx'));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw asOutOfDisk(error);
  }
}

function ownerFile(lockPath: string): string {
  return `${lockPath}.owner`;
}

function noteOwner(lockPath: string): void {
  const owner: Owner = { pid: process.pid, host: os.hostname() };
  try {
    fs.writeFileSync(ownerFile(lockPath), JSON.stringify(owner));
  } catch (error) {
    // The lock is what counts. A server that is to start on a full disk does, and is then not named to the next one.
    if (!isOutOfDisk(error)) throw error;
  }
}

function writtenOwner(lockPath: string): Owner | undefined {
  return parsedFile(ownerFile(lockPath), ownerSchema);
}

/**
 * The process that holds a record lock on the file with this inode. Undefined where it is not of this pid namespace, or
 * where the system does not say (/proc/locks is Linux's).
 */
function lockOwner(ino: bigint): Owner | undefined {
  try {
    // 1: POSIX  ADVISORY  WRITE 4711 fe:00:1835012 0 EOF
    const lines = fs.readFileSync('/proc/locks', 'utf8').split('\n');
    const found = lines.find((line) => line.includes('POSIX') && line.includes(`:${ino} `));
    const pid = Number(found?.trim().split(/\s+/)[4]);
    return pid > 0 ? { pid } : undefined;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') return undefined;
    throw error;
  }
}

/**
 * Empties the lock file of a Throughline that wrote its pid there and had no lock, when that has ended; and one that holds
 * rubbish, which SQLite would not lock.
 */
function clearLegacy(lockPath: string): void {
  const owner = parsedFile(lockPath, legacySchema);
  if (owner !== undefined && isAlive(owner)) throw inUse(lockPath, { pid: owner.pid });
  fs.truncateSync(lockPath);
}

function isAlive({ pid, startedAt }: { readonly pid: number; readonly startedAt: string }): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to another user.
    if (codeOf(error) === 'ESRCH') return false;
    if (codeOf(error) !== 'EPERM') throw error;
  }
  const found = startOf(pid);
  // Where the system says nothing, a living pid has to do.
  return found === undefined || startedAt === '' || found === startedAt;
}

/** When a process started, in clock ticks since boot; undefined where the system does not say. */
function startOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(String(codeOf(error)))) return undefined;
    throw error;
  }
}

/** The content of a small file; undefined when there is none, or something else in it. */
function parsedFile<T>(file: string, schema: Schema<T>): T | undefined {
  try {
    return parse(schema, JSON.parse(fs.readFileSync(file, 'utf8')));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    if (ThroughlineError.is(error, 'INVALID_ARGUMENT')) return undefined;
    throw error;
  }
}

function inUse(lockPath: string, owner: Owner | undefined): ThroughlineError {
  const folder = path.dirname(lockPath);
  const { pid, host } = owner ?? {};
  const where = host === undefined || host === os.hostname() ? '' : ` on ${host}`;
  const who = pid === undefined ? 'a process that cannot be named' : `process ${pid}${where}`;
  return new ThroughlineError('DATA_DIR_IN_USE', `${who} uses ${folder}`, { details: { pid, host, folder } });
}

function notLockable(lockPath: string, cause: unknown): ThroughlineError {
  const folder = path.dirname(lockPath);
  const message = `${folder} cannot be locked: ${(cause as Error).message}`;
  return new ThroughlineError('DATA_DIR_NOT_LOCKABLE', message, { cause, details: { folder } });
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
