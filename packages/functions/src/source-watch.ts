// Tells when the sources of functions change: it watches the folders that have them and compares what is there with what was
// there, so that a file that was only touched by a tool is no change. What installs packages and what functions write is left
// out: `node_modules`, folders whose names begin with a dot, and files that are not code.
import { watch, type FSWatcher } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { unattended, type Clock, type Logger, type Timer } from '@throughline/event';
import { sourceFoldersMax, sourceSettleMs } from './defaults.ts';

export interface SourceWatchOptions {
  /** Absolute paths; what is in them belongs to the functions. */
  readonly dirs: readonly string[];
  /** Absolute paths of folders below them that do not count: the data folder. */
  readonly excluded: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Files that were changed, added or removed, once nothing has changed for a moment. */
  onChange(files: readonly string[]): void;
}

const isSource = (name: string): boolean => /\.(?:[cm]?[jt]s|[jt]sx|py)$/.test(name);

export class SourceWatch {
  readonly #options: SourceWatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #stamps = new Map<string, string>();
  #timer: Timer | undefined;
  #isClosed = false;
  #isScanning = false;
  #isStale = false;
  /** Resolves once changes are noticed. */
  readonly ready: Promise<void>;

  constructor(options: SourceWatchOptions) {
    this.#options = options;
    this.ready = this.#look().then((stamps) => {
      this.#stamps = stamps;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** An editor writes a file in several steps, and a change of branch hundreds of files. */
  #touched(): void {
    if (this.#isClosed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(sourceSettleMs, () => void this.#compare());
  }

  async #compare(): Promise<void> {
    if (this.#isScanning) {
      this.#isStale = true;
      return;
    }
    this.#isScanning = true;
    await this.ready;
    const before = this.#stamps;
    const now = await this.#look();
    this.#stamps = now;
    this.#isScanning = false;
    if (this.#isClosed) return;
    const files = [...new Set([...before.keys(), ...now.keys()])].filter((file) => before.get(file) !== now.get(file));
    if (files.length > 0) unattended(this.#options.logger, 'a change of sources', () => this.#options.onChange(files));
    if (this.#isStale) {
      this.#isStale = false;
      this.#touched();
    }
  }

  /** What is there now; folders that are new are watched. */
  async #look(): Promise<Map<string, string>> {
    const stamps = new Map<string, string>();
    const queue = [...this.#options.dirs];
    const seen = new Set<string>();
    for (let dir = queue.shift(); dir !== undefined; dir = queue.shift()) {
      if (this.#isClosed || seen.has(dir) || this.#options.excluded.includes(dir)) continue;
      if (seen.size === sourceFoldersMax) {
        const { logger } = this.#options;
        logger.warn(
          { foldersMax: sourceFoldersMax },
          'too many folders: changes of sources in the others are not noticed',
        );
        break;
      }
      seen.add(dir);
      this.#watch(dir);
      for (const entry of await readdir(dir, { withFileTypes: true }).catch(goneNow)) {
        const file = path.join(dir, entry.name);
        if (entry.isDirectory()) {
          if (!entry.name.startsWith('.') && entry.name !== 'node_modules' && entry.name !== '__pycache__')
            queue.push(file);
        } else if (isSource(entry.name)) {
          const stats = await stat(file).catch(() => undefined);
          if (stats !== undefined) stamps.set(file, `${stats.mtimeMs} ${stats.size} ${stats.ino}`);
        }
      }
    }
    for (const [dir, watcher] of this.#watchers) {
      if (seen.has(dir)) continue;
      watcher.close();
      this.#watchers.delete(dir);
    }
    return stamps;
  }

  #watch(dir: string): void {
    if (this.#watchers.has(dir)) return;
    try {
      const watcher = watch(dir, { persistent: false }, () => this.#touched());
      watcher.on('error', () => this.#watchers.delete(dir));
      this.#watchers.set(dir, watcher);
    } catch (error) {
      // It has gone again, or the machine has no watches left: a restart still takes the sources as they are.
      this.#options.logger.warn({ dir, reason: (error as Error).message }, 'changes of sources are not noticed');
    }
  }
}

/** A folder that has gone has no files. */
function goneNow(): never[] {
  return [];
}
