// A disk in memory that forgets what was never synced. It keeps, for every file and folder, what stands now and what would
// stand after a power cut, under the weak promises that the Disk interface names (ALICE, Pillai et al., OSDI 2014):
//
//   * each write since the last syncData of its file is found whole, in part, as zeros of the right length, or not at all,
//     independently of the others;
//   * of the names made, renamed and removed in a folder since its last syncDirectory, the first few have happened;
//   * what has been synced is there.
//
// `crash` is the death of the process only: everything written stays, and whoever still holds the disk gets an error.
import { ThroughlineError, type Random } from '@throughline/event';
import type { Disk, DiskFile, DiskLock, OpenMode } from '@throughline/broker';

interface Change {
  /** The end that the change gives the file at least; a truncation: exactly. */
  readonly position: number;
  /** Undefined: the file is cut at `position`. */
  readonly bytes: Uint8Array | undefined;
}

interface File {
  content: Uint8Array;
  synced: Uint8Array;
  /** Since the last sync, oldest first. */
  unsynced: Change[];
}

type Names = Map<string, File | Folder>;

interface Folder {
  readonly names: Names;
  synced: Names;
  unsynced: ((names: Names) => void)[];
}

/** For tests; the disk in memory that a broker can be opened with (`memoryDisk`) loses nothing while it is held. */
export class LossyDisk implements Disk {
  readonly #root: Folder = newFolder();
  readonly #locks = new Set<string>();
  /** Those who opened a file before the last crash hold nothing any more. */
  #generation = 0;
  #powerCuts = 0;

  /** The process dies: what was written stays, its handles and locks are void. */
  crash(): void {
    this.#generation++;
    this.#locks.clear();
  }

  /** The power goes: what was not synced is lost, torn or garbage, as `random` will have it. */
  cutPower(random: Random): void {
    this.crash();
    this.#powerCuts++;
    cutFolder(this.#root, random, new Set());
  }

  /** Turns one bit of a file around, as rot does. */
  flipBit(path: string, position: number, bit = 0): void {
    const file = this.#file(path);
    file.content[position]! ^= 1 << bit;
    if (position < file.synced.length) file.synced[position]! ^= 1 << bit;
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    const generation = await this.#turn();
    const { folder, name } = this.#parent(path);
    let found = folder.names.get(name);
    if (found === undefined) {
      if (mode === 'read') throw missing(path);
      const made: File = { content: new Uint8Array(0), synced: new Uint8Array(0), unsynced: [] };
      change(folder, (names) => names.set(name, made));
      found = made;
    }
    if (isFolder(found)) throw systemError('EISDIR', path);
    return this.#handle(found, generation);
  }

  async readFile(path: string): Promise<Uint8Array | undefined> {
    await this.#turn();
    const found = this.#find(path);
    return found === undefined || isFolder(found) ? undefined : found.content.slice();
  }

  async list(folder: string): Promise<readonly string[]> {
    await this.#turn();
    const found = this.#find(folder);
    return found !== undefined && isFolder(found) ? [...found.names.keys()] : [];
  }

  async makeFolder(folder: string): Promise<void> {
    await this.#turn();
    let at = this.#root;
    for (const name of partsOf(folder)) {
      let next = at.names.get(name);
      if (next === undefined) {
        const made = newFolder();
        at.names.set(name, made);
        at.synced.set(name, made);
        next = made;
      }
      if (!isFolder(next)) throw systemError('ENOTDIR', folder);
      at = next;
    }
  }

  async removeFolder(folder: string): Promise<void> {
    await this.#turn();
    if (this.#find(folder) === undefined) return;
    const { folder: parent, name } = this.#parent(folder);
    change(parent, (names) => names.delete(name));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#turn();
    const found = this.#find(from);
    if (found === undefined) throw missing(from);
    const source = this.#parent(from);
    const target = this.#parent(to);
    // Within one folder it is one step; nobody renames across folders here.
    if (source.folder !== target.folder) throw systemError('EXDEV', to);
    change(source.folder, (names) => {
      names.delete(source.name);
      names.set(target.name, found);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#turn();
    if (this.#find(path) === undefined) return;
    const { folder, name } = this.#parent(path);
    change(folder, (names) => names.delete(name));
  }

  async syncDirectory(folder: string): Promise<void> {
    await this.#turn();
    const found = this.#find(folder);
    if (found === undefined || !isFolder(found)) throw missing(folder);
    found.synced = new Map(found.names);
    found.unsynced = [];
  }

  async lock(path: string): Promise<DiskLock> {
    await this.#turn();
    if (this.#locks.has(path)) {
      throw new ThroughlineError('DATA_DIR_IN_USE', `${path} is held`, { details: { pid: 0 } });
    }
    this.#locks.add(path);
    const generation = this.#generation;
    return {
      release: async () => {
        if (generation === this.#generation) this.#locks.delete(path);
      },
    };
  }

  async cacheId(): Promise<string> {
    return `the memory after ${this.#powerCuts} power cuts`;
  }

  #handle(file: File, generation: number): DiskFile {
    let isOpen = true;
    const turn = async (): Promise<void> => {
      const now = await this.#turn();
      if (now !== generation || !isOpen) throw systemError('EBADF', 'a file that is closed');
    };
    return {
      size: async () => {
        await turn();
        return file.content.length;
      },
      read: async (target, position) => {
        await turn();
        const bytes = file.content.subarray(position, position + target.length);
        target.set(bytes);
        return bytes.length;
      },
      write: async (buffers, position) => {
        await turn();
        let at = position;
        for (const buffer of buffers) {
          const bytes = buffer.slice();
          file.content = applied(file.content, { position: at, bytes });
          file.unsynced.push({ position: at, bytes });
          at += bytes.length;
        }
      },
      truncate: async (sizeBytes) => {
        await turn();
        const cut = { position: sizeBytes, bytes: undefined };
        file.content = applied(file.content, cut);
        file.unsynced.push(cut);
      },
      syncData: async () => {
        await turn();
        file.synced = file.content.slice();
        file.unsynced = [];
      },
      close: async () => {
        await turn();
        isOpen = false;
      },
    };
  }

  /** Nothing on a disk happens in the turn in which it is asked for, and nothing for a process that died meanwhile. */
  async #turn(): Promise<number> {
    const generation = this.#generation;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (generation !== this.#generation) throw systemError('EBADF', 'the process has died');
    return generation;
  }

  #find(path: string): File | Folder | undefined {
    let at: File | Folder | undefined = this.#root;
    for (const name of partsOf(path)) {
      if (at === undefined || !isFolder(at)) return undefined;
      at = at.names.get(name);
    }
    return at;
  }

  #file(path: string): File {
    const found = this.#find(path);
    if (found === undefined || isFolder(found)) throw missing(path);
    return found;
  }

  #parent(path: string): { readonly folder: Folder; readonly name: string } {
    const parts = partsOf(path);
    const name = parts.pop() ?? '';
    const folder = this.#find(parts.join('/'));
    if (folder === undefined || !isFolder(folder)) throw missing(path);
    return { folder, name };
  }
}

function newFolder(): Folder {
  return { names: new Map(), synced: new Map(), unsynced: [] };
}

function isFolder(found: File | Folder): found is Folder {
  return 'names' in found;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}

function change(folder: Folder, step: (names: Names) => void): void {
  step(folder.names);
  folder.unsynced.push(step);
}

function applied(content: Uint8Array, { position, bytes }: Change): Uint8Array {
  const end = bytes === undefined ? position : Math.max(content.length, position + bytes.length);
  const next = end === content.length ? content : resized(content, end);
  if (bytes !== undefined) next.set(bytes, position);
  return next;
}

/** The same bytes in a file of another length; what is new is zero. */
function resized(content: Uint8Array, sizeBytes: number): Uint8Array {
  // Growing files are given room, so that many small appends do not copy the file each time.
  if (sizeBytes <= content.buffer.byteLength && content.byteOffset === 0) {
    const next = new Uint8Array(content.buffer, 0, sizeBytes);
    next.fill(0, content.length);
    return next;
  }
  const next = new Uint8Array(new ArrayBuffer(sizeBytes * 2), 0, sizeBytes);
  next.set(content.subarray(0, sizeBytes));
  return next;
}

function cutFolder(folder: Folder, random: Random, seen: Set<File | Folder>): void {
  const happened = Math.floor(random.float() * (folder.unsynced.length + 1));
  const names = new Map(folder.synced);
  for (const step of folder.unsynced.slice(0, happened)) step(names);
  folder.names.clear();
  for (const [name, found] of names) folder.names.set(name, found);
  folder.synced = names;
  folder.unsynced = [];
  for (const found of names.values()) {
    if (seen.has(found)) continue;
    seen.add(found);
    if (isFolder(found)) cutFolder(found, random, seen);
    else cutFile(found, random);
  }
}

function cutFile(file: File, random: Random): void {
  let content: Uint8Array = file.synced.slice();
  for (const { position, bytes } of file.unsynced) {
    const fate = random.float();
    if (fate < 0.25) continue;
    if (bytes === undefined || fate < 0.6) content = applied(content, { position, bytes });
    else if (fate < 0.8)
      content = applied(content, { position, bytes: bytes.subarray(0, random.float() * bytes.length) });
    else content = applied(content, { position, bytes: new Uint8Array(bytes.length) });
  }
  file.content = content;
  file.synced = content.slice();
  file.unsynced = [];
}

function missing(path: string): Error {
  return systemError('ENOENT', path);
}

function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
