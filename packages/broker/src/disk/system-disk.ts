// The machine's disk through node:fs. Callbacks rather than FileHandles: the hot path is one small write after the
// other, and a FileHandle costs about as much again as the write.
import fs from 'node:fs';
import path from 'node:path';
import { lockFolder } from './folder-lock.ts';
import type { Disk, DiskFile, OpenMode } from './disk.ts';

class SystemFile implements DiskFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async size(): Promise<number> {
    return (await settle<fs.Stats>((done) => fs.fstat(this.#fd, done))).size;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const count = await settle<number>((callback) =>
        fs.read(this.#fd, target, done, target.length - done, position + done, callback),
      );
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const rest = [...buffers];
      const step = (at: number): void => {
        const onWritten = (error: NodeJS.ErrnoException | null, written: number): void => {
          if (error !== null) return reject(error);
          // A write comes back short when the disk is nearly full; the next one then names the reason.
          if (dropWritten(rest, written)) return resolve();
          step(at + written);
        };
        if (rest.length === 1) fs.write(this.#fd, rest[0]!, 0, rest[0]!.length, at, onWritten);
        else fs.writev(this.#fd, rest, at, onWritten);
      };
      if (rest.length === 0) resolve();
      else step(position);
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    return settle<void>((done) => fs.ftruncate(this.#fd, sizeBytes, done));
  }

  syncData(): Promise<void> {
    return settle<void>((done) => fs.fdatasync(this.#fd, done));
  }

  close(): Promise<void> {
    return settle<void>((done) => fs.close(this.#fd, done));
  }
}

/** The disk of this machine. */
export const systemDisk: Disk = {
  async open(name: string, mode: OpenMode): Promise<DiskFile> {
    const flags = mode === 'read' ? fs.constants.O_RDONLY : fs.constants.O_RDWR | fs.constants.O_CREAT;
    return new SystemFile(await settle<number>((done) => fs.open(name, flags, done)));
  },
  async readFile(name) {
    try {
      // A plain Uint8Array: the `slice` of a Buffer is no copy.
      const { buffer, byteOffset, byteLength } = await fs.promises.readFile(name);
      return new Uint8Array(buffer, byteOffset, byteLength);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async list(folder) {
    try {
      return await fs.promises.readdir(folder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  async makeFolder(folder, names) {
    if (names === 'unsynced' && (await makeOneFolder(folder))) return;
    const first = await fs.promises.mkdir(folder, { recursive: true });
    if (first === undefined || names === 'unsynced') return;
    // From the last new folder up to the one that was there already.
    for (let made = path.resolve(folder); ; made = path.dirname(made)) {
      await syncDirectory(path.dirname(made));
      if (made === path.resolve(first)) return;
    }
  },
  removeFolder: (folder) => fs.promises.rm(folder, { recursive: true, force: true }),
  rename: (from, to) => fs.promises.rename(from, to),
  remove: (name) => fs.promises.rm(name, { force: true }),
  syncDirectory,
  lock: lockFolder,
  async cacheId(folder) {
    try {
      const bootId = (await fs.promises.readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
      // A copy of the folder, or the same one mounted from elsewhere, has not been written through this memory.
      const { dev, ino } = await fs.promises.stat(folder);
      return `${bootId} ${dev} ${ino}`;
    } catch (error) {
      // Only Linux says so.
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
};

/** One call where only the last folder is missing; false where more has to be done. */
async function makeOneFolder(folder: string): Promise<boolean> {
  try {
    await settle<void>((done) => fs.mkdir(folder, done));
    return true;
  } catch (error) {
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function syncDirectory(folder: string): Promise<void> {
  const fd = await settle<number>((done) => fs.open(folder, fs.constants.O_RDONLY, done));
  try {
    await settle<void>((done) => fs.fsync(fd, done));
  } finally {
    await settle<void>((done) => fs.close(fd, done));
  }
}

/** Takes `written` bytes off the front of `buffers`; true when nothing is left. */
function dropWritten(buffers: Uint8Array[], written: number): boolean {
  let left = written;
  while (buffers.length > 0 && buffers[0]!.length <= left) left -= buffers.shift()!.length;
  if (left > 0) buffers[0] = buffers[0]!.subarray(left);
  return buffers.length === 0;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function settle<T>(call: (done: (error: NodeJS.ErrnoException | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null || error === undefined ? resolve(value as T) : reject(error)));
  });
}
