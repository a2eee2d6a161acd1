// A disk in the memory of this process: files and folders are gone when nobody holds it any more. It keeps the promises of
// the Disk interface as far as memory can (there is nothing to sync), answers within the turn, and rejects what goes beyond
// its bound as a full disk does.
import { ThroughlineError } from '@throughline/event';
import { memoryDiskBytesMax } from '../defaults.ts';
import type { Disk, DiskFile, DiskLock, OpenMode } from './disk.ts';
import { MemoryFile } from './memory-file.ts';

type Names = Map<string, MemoryFile | MemoryFolder>;

class MemoryFolder {
  readonly names: Names = new Map();
}

/**
 * Makes an empty disk.
 *
 * @param bytesMax bytes of all files together, in memory that is taken for them
 * @example await openBroker({ dataDir: '/data', disk: memoryDisk() })
 */
export function memoryDisk({ bytesMax = memoryDiskBytesMax }: { readonly bytesMax?: number } = {}): Disk {
  return new MemoryDisk(bytesMax);
}

class MemoryDisk implements Disk {
  readonly #root = new MemoryFolder();
  readonly #locks = new Set<string>();
  #bytesFree: number;

  constructor(bytesMax: number) {
    this.#bytesFree = bytesMax;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const { folder, name } = this.#parentOf(path);
    let found = folder.names.get(name);
    if (found === undefined) {
      if (mode === 'read') throw systemError('ENOENT', path);
      folder.names.set(name, (found = new MemoryFile((bytes) => this.#take(bytes, path))));
    }
    if (found instanceof MemoryFolder) throw systemError('EISDIR', path);
    return new OpenMemoryFile(found);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    const found = this.#find(path);
    return found instanceof MemoryFile ? found.content() : undefined;
  }

  async list(folder: string): Promise<readonly string[]> {
    const found = this.#find(folder);
    return found instanceof MemoryFolder ? [...found.names.keys()] : [];
  }

  async makeFolder(folder: string): Promise<void> {
    let at = this.#root;
    for (const name of partsOf(folder)) {
      let next = at.names.get(name);
      if (next === undefined) at.names.set(name, (next = new MemoryFolder()));
      if (next instanceof MemoryFile) throw systemError('ENOTDIR', folder);
      at = next;
    }
  }

  async removeFolder(folder: string): Promise<void> {
    this.#remove(folder);
  }

  async rename(from: string, to: string): Promise<void> {
    const found = this.#find(from);
    if (found === undefined) throw systemError('ENOENT', from);
    const source = this.#parentOf(from);
    const target = this.#parentOf(to);
    source.folder.names.delete(source.name);
    this.#remove(to);
    target.folder.names.set(target.name, found);
  }

  async remove(path: string): Promise<void> {
    this.#remove(path);
  }

  async syncDirectory(): Promise<void> {}

  async lock(path: string): Promise<DiskLock> {
    if (this.#locks.has(path)) {
      throw new ThroughlineError('DATA_DIR_IN_USE', `${path} is held`, { details: { pid: process.pid } });
    }
    this.#locks.add(path);
    return {
      release: async () => {
        this.#locks.delete(path);
      },
    };
  }

  /** Takes memory for a file, or gives some back where `bytes` is negative. */
  #take(bytes: number, path: string): void {
    if (bytes > this.#bytesFree) throw systemError('ENOSPC', path);
    this.#bytesFree -= bytes;
  }

  #remove(path: string): void {
    if (partsOf(path).length === 0) return;
    const found = this.#find(path);
    if (found === undefined) return;
    const { folder, name } = this.#parentOf(path);
    folder.names.delete(name);
    for (const file of filesIn(found)) file.onRemoved();
  }

  #find(path: string): MemoryFile | MemoryFolder | undefined {
    let at: MemoryFile | MemoryFolder | undefined = this.#root;
    for (const name of partsOf(path)) {
      if (!(at instanceof MemoryFolder)) return undefined;
      at = at.names.get(name);
    }
    return at;
  }

  #parentOf(path: string): { readonly folder: MemoryFolder; readonly name: string } {
    const parts = partsOf(path);
    const name = parts.pop() ?? '';
    const folder = this.#find(parts.join('/'));
    if (!(folder instanceof MemoryFolder)) throw systemError('ENOENT', path);
    return { folder, name };
  }
}

/** One opening of a file. A file that is removed stays readable for whoever has it open, as on any disk. */
class OpenMemoryFile implements DiskFile {
  readonly #file: MemoryFile;
  #isOpen = true;

  constructor(file: MemoryFile) {
    this.#file = file;
    file.onOpened();
  }

  async size(): Promise<number> {
    return this.#opened().sizeBytes;
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    return this.#opened().read(target, position);
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    const file = this.#opened();
    let at = position;
    for (const buffer of buffers) {
      file.write(buffer, at);
      at += buffer.length;
    }
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#opened().truncate(sizeBytes);
  }

  async syncData(): Promise<void> {
    this.#opened();
  }

  async close(): Promise<void> {
    this.#opened().onClosed();
    this.#isOpen = false;
  }

  #opened(): MemoryFile {
    if (!this.#isOpen) throw systemError('EBADF', 'a file that is closed');
    return this.#file;
  }
}

function* filesIn(found: MemoryFile | MemoryFolder): Generator<MemoryFile> {
  if (found instanceof MemoryFile) yield found;
  else for (const inner of found.names.values()) yield* filesIn(inner);
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
