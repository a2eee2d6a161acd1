// The disk as something that is handed in: the machine's in production, one that loses, tears and rejects in tests.
//
// What a caller may assume is what the ALICE study found file systems to keep (Pillai et al., OSDI 2014), and no more:
//   * written bytes survive the end of the process, and survive a power cut only once `syncData` has returned;
//   * until then an append may leave its size behind without its content, and files reach the disk in any order;
//   * a new, renamed or removed name is certain only once `syncDirectory` of its folder has returned;
//   * after a failed `syncData` nothing is known of the bytes written since the last good one, and asking again proves
//     nothing, because the kernel may have dropped them: the file is not to be written any more.

export interface DiskFile {
  /** Bytes in the file. */
  size(): Promise<number>;
  /**
   * Reads into `target` from `position` on.
   *
   * @returns bytes read; fewer than asked for only at the end of the file
   */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all buffers one after the other from `position` on. When it fails, any part of them may be written. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** Makes content and size survive a power cut (fdatasync). */
  syncData(): Promise<void>;
  close(): Promise<void>;
}

/** Held by one process at a time. */
export interface DiskLock {
  release(): Promise<void>;
}

/** `read`: it must be there. `write`: reads and writes, made when missing. */
export type OpenMode = 'read' | 'write';

export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** The whole file, or undefined when there is none. */
  readFile(path: string): Promise<Uint8Array | undefined>;
  /** Names in a folder; none when there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes the folder and those above it; their names are certain unless they may stay `unsynced` for the time being. */
  makeFolder(folder: string, names?: 'unsynced'): Promise<void>;
  /** Removes a folder with all that is in it; one that is not there is no error. */
  removeFolder(folder: string): Promise<void>;
  /** Gives a file or folder another name, replacing a file of that name in one step. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; one that is not there is no error. */
  remove(path: string): Promise<void>;
  /** Makes the names in a folder survive a power cut. */
  syncDirectory(folder: string): Promise<void>;
  /**
   * Takes the lock file for this process.
   *
   * @throws ThroughlineError DATA_DIR_IN_USE with the `pid` that holds it
   */
  lock(path: string): Promise<DiskLock>;
  /**
   * Names the memory in which the system keeps what is written to this folder and not synced. While the name stays the same,
   * nothing that was written is lost: only processes have ended, and not the machine. Undefined, or no such method, where
   * that is not known.
   */
  cacheId?(folder: string): Promise<string | undefined>;
}

/** True for the rejections of a full disk or quota, which pass when space returns. */
export function isOutOfDisk(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** Runs `action`, and closes the file when it fails. */
export async function closingOnFailure<T>(file: DiskFile, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Replaces a small file so that a crash leaves the old content or the new, never a mixture: write beside it, sync,
 * rename, sync the folder. Where only the `content` is synced, a power cut may also leave no file at all.
 */
export async function replaceFile(
  disk: Disk,
  folder: string,
  name: string,
  content: Uint8Array,
  syncs: 'content' | 'content and name' = 'content and name',
): Promise<void> {
  const path = `${folder}/${name}`;
  const beside = `${path}.tmp`;
  const file = await disk.open(beside, 'write');
  try {
    await file.truncate(0);
    await file.write([content], 0);
    await file.syncData();
  } finally {
    await file.close();
  }
  await disk.rename(beside, path);
  if (syncs === 'content and name') await disk.syncDirectory(folder);
}
