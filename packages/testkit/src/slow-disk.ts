// Any Disk, with every operation taking a time of its own: two files are never in step, and whoever relies on the order of
// operations that were under way together is found out.
import type { Clock, Random } from '@throughline/event';
import type { Disk, DiskFile } from '@throughline/broker';

export interface SlowDiskOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The longest time of an operation, in milliseconds. */
  readonly latencyMsMax: number;
}

/** The same disk, slower. */
export function slowDisk(inner: Disk, { clock, random, latencyMsMax }: SlowDiskOptions): Disk {
  const after = async <Result>(operation: () => Promise<Result>): Promise<Result> => {
    // Half of all operations find what they want in a cache.
    if (random.float() < 0.5) {
      await new Promise<void>((resolve) => clock.after(random.float() * latencyMsMax, resolve));
    }
    return operation();
  };
  return {
    async open(path, mode): Promise<DiskFile> {
      const file = await after(() => inner.open(path, mode));
      return {
        size: () => file.size(),
        read: (target, position) => after(() => file.read(target, position)),
        write: (buffers, position) => after(() => file.write(buffers, position)),
        truncate: (sizeBytes) => after(() => file.truncate(sizeBytes)),
        syncData: () => after(() => file.syncData()),
        close: () => file.close(),
      };
    },
    readFile: (path) => after(() => inner.readFile(path)),
    list: (folder) => after(() => inner.list(folder)),
    makeFolder: (folder) => after(() => inner.makeFolder(folder)),
    removeFolder: (folder) => after(() => inner.removeFolder(folder)),
    rename: (from, to) => after(() => inner.rename(from, to)),
    remove: (path) => after(() => inner.remove(path)),
    syncDirectory: (folder) => after(() => inner.syncDirectory(folder)),
    lock: (path) => inner.lock(path),
    cacheId: async (folder) => inner.cacheId?.(folder),
  };
}
