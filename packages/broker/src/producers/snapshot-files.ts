// The snapshot files of a partition. They are a convenience, as indexes are: one that is missing or damaged costs a look
// through the log from the one before it. They are made with each segment, at its first offset, and at a clean stop,
// unless there are no producers and the segment is small; a sync makes them certain before the recovery point passes them.
import type { Disk } from '../disk/disk.ts';
import { setFileAside } from '../disk/set-aside.ts';

const suffix = '.snapshot';

export class SnapshotFiles {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #offsets: Set<bigint>;
  readonly #unsynced = new Set<bigint>();

  private constructor(disk: Disk, folder: string, offsets: readonly bigint[]) {
    this.#disk = disk;
    this.#folder = folder;
    this.#offsets = new Set(offsets);
  }

  /** @param names of the files in the folder */
  static of(disk: Disk, folder: string, names: readonly string[]): SnapshotFiles {
    const snapshots = names.filter((name) => /^\d{20}\.snapshot$/.test(name));
    return new SnapshotFiles(
      disk,
      folder,
      snapshots.map((name) => BigInt(name.slice(0, -suffix.length))),
    );
  }

  /** The offsets that there are snapshots of, the latest first. */
  get latestFirst(): readonly bigint[] {
    return Array.from(this.#offsets).sort((a, b) => (a > b ? -1 : 1));
  }

  has(offset: bigint): boolean {
    return this.#offsets.has(offset);
  }

  get isDirty(): boolean {
    return this.#unsynced.size > 0;
  }

  async read(offset: bigint): Promise<Uint8Array | undefined> {
    return this.#disk.readFile(this.#path(offset));
  }

  /** Stores a snapshot; it counts only once `sync` has returned. */
  async store(offset: bigint, bytes: Uint8Array): Promise<void> {
    const file = await this.#disk.open(this.#path(offset), 'write');
    try {
      await file.truncate(0);
      await file.write([bytes], 0);
    } finally {
      await file.close();
    }
    this.#offsets.add(offset);
    this.#unsynced.add(offset);
  }

  async sync(): Promise<void> {
    if (!this.isDirty) return;
    const unsynced = Array.from(this.#unsynced);
    this.#unsynced.clear();
    for (const offset of unsynced) {
      const file = await this.#disk.open(this.#path(offset), 'write');
      try {
        await file.syncData();
      } finally {
        await file.close();
      }
    }
    await this.#disk.syncDirectory(this.#folder);
  }

  /** Removes those for which `isObsolete` says so. */
  async remove(isObsolete: (offset: bigint) => boolean): Promise<void> {
    for (const offset of Array.from(this.#offsets).filter(isObsolete)) {
      this.#offsets.delete(offset);
      this.#unsynced.delete(offset);
      await this.#disk.remove(this.#path(offset));
    }
  }

  /** Sets a damaged one aside. @returns its new name; undefined when it is not there */
  async setAside(offset: bigint): Promise<string | undefined> {
    this.#offsets.delete(offset);
    this.#unsynced.delete(offset);
    if ((await this.read(offset)) === undefined) return undefined;
    return setFileAside(this.#disk, this.#folder, this.#name(offset));
  }

  #path(offset: bigint): string {
    return `${this.#folder}/${this.#name(offset)}`;
  }

  #name(offset: bigint): string {
    return `${offset.toString().padStart(20, '0')}${suffix}`;
  }
}
