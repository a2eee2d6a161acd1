// The files that are written to: one per partition, so that a broker of ten thousand partitions would hold as many open.
// A bounded number is; the one used longest ago is closed, and opened again when it is next needed.
//
// A file that is closed with unsynced bytes may be synced by its next opening: the operating system keeps bytes per file and
// not per descriptor, and tells an error of writing them back to the next one who syncs (Linux: errseq, since 4.17).
import { markHandled } from '@throughline/event';
import type { Disk, DiskFile } from '../disk/disk.ts';

export class ActiveFiles {
  readonly #disk: Disk;
  readonly #countMax: number;
  /** The open ones, in the order of their last use. */
  readonly #open = new Set<ActiveFile>();

  constructor(disk: Disk, countMax: number) {
    this.#disk = disk;
    this.#countMax = countMax;
  }

  /** Opens a file for writing, made when missing. */
  async open(path: string): Promise<DiskFile> {
    const file = this.openLater(path);
    // It is there from now on, and whoever cannot open it is told now.
    await file.size();
    return file;
  }

  /** The same file, opened and made by its first use. */
  openLater(path: string): DiskFile {
    return new ActiveFile(this, () => this.#disk.open(path, 'write'));
  }

  /** Called at each use, before it; `file` is then the last to be closed. */
  onUse(file: ActiveFile): void {
    this.#open.delete(file);
    this.#open.add(file);
    if (this.#open.size <= this.#countMax) return;
    for (const oldest of this.#open) {
      if (oldest.isBusy) continue;
      this.#open.delete(oldest);
      oldest.release();
      return;
    }
  }

  onClosed(file: ActiveFile): void {
    this.#open.delete(file);
  }
}

class ActiveFile implements DiskFile {
  readonly #pool: ActiveFiles;
  readonly #openFile: () => Promise<DiskFile>;
  #file: Promise<DiskFile> | undefined;
  #userCount = 0;
  /** What is being closed: a file is not opened again before that has ended. */
  #closing: Promise<void> = Promise.resolve();

  constructor(pool: ActiveFiles, openFile: () => Promise<DiskFile>) {
    this.#pool = pool;
    this.#openFile = openFile;
  }

  get isBusy(): boolean {
    return this.#userCount > 0;
  }

  size(): Promise<number> {
    return this.#use((file) => file.size());
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return this.#use((file) => file.read(target, position));
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#use((file) => file.write(buffers, position));
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#use((file) => file.truncate(sizeBytes));
  }

  syncData(): Promise<void> {
    return this.#use((file) => file.syncData());
  }

  async close(): Promise<void> {
    this.#pool.onClosed(this);
    this.release();
    await this.#closing;
  }

  /** Closes it until the next use. */
  release(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    // Whoever uses it next, or closes it, meets the failure.
    this.#closing = markHandled(file.then((opened) => opened.close()));
  }

  async #use<T>(action: (file: DiskFile) => Promise<T>): Promise<T> {
    this.#userCount++;
    this.#pool.onUse(this);
    try {
      return await action(await (this.#file ??= this.#opened()));
    } finally {
      this.#userCount--;
    }
  }

  async #opened(): Promise<DiskFile> {
    try {
      await this.#closing;
      return await this.#openFile();
    } catch (error) {
      this.#file = undefined;
      this.#pool.onClosed(this);
      throw error;
    }
  }
}
