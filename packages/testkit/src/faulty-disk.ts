// Any Disk, with faults on request: a full disk, a write or sync that fails, a process that dies in the middle of an
// operation. Which operation it hits is said by the test: by what it does, by its path, by its number.
import type { Disk, DiskFile, DiskLock, OpenMode } from '@throughline/broker';

export type DiskOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'close'
  | 'rename'
  | 'remove'
  | 'syncDirectory';

export interface DiskFault {
  readonly operation: DiskOperation;
  /** Only of files whose path has this in it; all where absent. */
  readonly path?: string;
  /** The system's error code, `EIO` for instance. */
  readonly code: string;
  /** How often it strikes; once where absent. */
  readonly times?: number;
}

export class FaultyDisk implements Disk {
  readonly #inner: Disk;
  #faults: { fault: DiskFault; left: number }[] = [];
  #operationsLeft = Number.POSITIVE_INFINITY;
  #isDead = false;
  readonly #locks = new Set<DiskLock>();
  /** Bytes that can still be added to files before the disk is full. */
  bytesFree: number = Number.POSITIVE_INFINITY;
  /** Changes of the disk so far: writes, truncations, syncs, renames and removals, and files made. */
  operationCount = 0;

  constructor(inner: Disk) {
    this.#inner = inner;
  }

  /** Lets the next operations that fit fail. */
  fail(fault: DiskFault): void {
    this.#faults.push({ fault, left: fault.times ?? 1 });
  }

  /** No more faults. */
  heal(): void {
    this.#faults = [];
    this.bytesFree = Number.POSITIVE_INFINITY;
  }

  /** Lets the process die after `count` more changes: the one after them happens in part, and everything later fails. */
  dieAfter(count: number): void {
    this.#operationsLeft = count;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The process is gone: its locks are free. */
  async die(): Promise<void> {
    this.#isDead = true;
    for (const lock of this.#locks) await lock.release();
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    if (mode === 'write') this.#step('open', path);
    else this.#check('open', path);
    const file = await this.#inner.open(path, mode);
    return {
      size: () => file.size(),
      read: (target, position) => {
        this.#check('read', path);
        return file.read(target, position);
      },
      write: (buffers, position) => this.#write(file, path, buffers, position),
      truncate: (sizeBytes) => {
        this.#step('truncate', path);
        return file.truncate(sizeBytes);
      },
      syncData: () => {
        this.#step('sync', path);
        return file.syncData();
      },
      close: async () => {
        await file.close();
        this.#checkFault('close', path);
      },
    };
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    this.#check('read', path);
    return this.#inner.readFile(path);
  }

  async list(folder: string): Promise<readonly string[]> {
    this.#check('read', folder);
    return this.#inner.list(folder);
  }

  async makeFolder(folder: string): Promise<void> {
    this.#step('open', folder);
    await this.#inner.makeFolder(folder);
  }

  async removeFolder(folder: string): Promise<void> {
    this.#step('remove', folder);
    await this.#inner.removeFolder(folder);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step('rename', from);
    await this.#inner.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    this.#step('remove', path);
    await this.#inner.remove(path);
  }

  async syncDirectory(folder: string): Promise<void> {
    this.#step('syncDirectory', folder);
    await this.#inner.syncDirectory(folder);
  }

  async lock(path: string): Promise<DiskLock> {
    const lock = await this.#inner.lock(path);
    this.#locks.add(lock);
    return {
      release: () => {
        this.#locks.delete(lock);
        return lock.release();
      },
    };
  }

  async cacheId(folder: string): Promise<string | undefined> {
    return this.#inner.cacheId?.(folder);
  }

  async #write(file: DiskFile, path: string, buffers: readonly Uint8Array[], position: number): Promise<void> {
    const wasDead = this.#isDead;
    const all = joined(buffers);
    try {
      this.#step('write', path);
    } catch (error) {
      // The write that the process dies in, or that fails, has done a part of its work.
      if (!wasDead) await file.write([all.subarray(0, all.length >> 1)], position);
      throw error;
    }
    const grownBytes = Math.max(0, position + all.length - (await file.size()));
    if (grownBytes <= this.bytesFree) {
      this.bytesFree -= grownBytes;
      return file.write(buffers, position);
    }
    const written = all.length - grownBytes + this.bytesFree;
    this.bytesFree = 0;
    await file.write([all.subarray(0, written)], position);
    throw failure('ENOSPC', path);
  }

  /** An operation that changes the disk. */
  #step(operation: DiskOperation, path: string): void {
    this.operationCount++;
    if (this.#operationsLeft-- <= 0) {
      this.#isDead = true;
      throw failure('EIO', `${operation} ${path}: the process has died`);
    }
    this.#check(operation, path);
  }

  #check(operation: DiskOperation, path: string): void {
    if (this.#isDead) throw failure('EIO', `${operation} ${path}: the process is dead`);
    this.#checkFault(operation, path);
  }

  #checkFault(operation: DiskOperation, path: string): void {
    const found = this.#faults.find(({ fault }) => fault.operation === operation && path.includes(fault.path ?? ''));
    if (found === undefined) return;
    if (--found.left <= 0) this.#faults = this.#faults.filter((other) => other !== found);
    throw failure(found.fault.code, `${operation} ${path}`);
  }
}

function joined(buffers: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(buffers.reduce((sum, buffer) => sum + buffer.length, 0));
  let at = 0;
  for (const buffer of buffers) {
    all.set(buffer, at);
    at += buffer.length;
  }
  return all;
}

function failure(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
