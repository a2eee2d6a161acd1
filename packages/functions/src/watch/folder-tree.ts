// Folders of the machine with everything in them, watched: what is there now, and a word when something may have changed. Changes
// are not taken from the words, which tell little and not everything; whoever hears one looks again.
import { watch, type FSWatcher, type Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ThroughlineError, type Logger } from '@throughline/event';
import { watchedFoldersMax } from '../defaults.ts';

export interface FolderTreeOptions {
  /** Absolute paths. */
  readonly roots: readonly string[];
  readonly logger: Logger;
  /** Whether a folder below a root counts, and a file. Links count as neither. */
  takesFolder(name: string, file: string): boolean;
  takesFile(name: string): boolean;
  /** Something may have changed. */
  onTouched(): void;
}

export interface FolderLook {
  /** By absolute path. */
  readonly files: ReadonlyMap<string, Stats>;
  /** Why a root could not be read; there are no files of it then. */
  readonly problem: ThroughlineError | undefined;
}

export class FolderTree {
  readonly #options: FolderTreeOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #isClosed = false;
  #isTold = false;

  constructor(options: FolderTreeOptions) {
    this.#options = options;
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  /** What is there now; folders that are new are watched from here on. */
  async look(): Promise<FolderLook> {
    const { roots, logger } = this.#options;
    const files = new Map<string, Stats>();
    const seen = new Set<string>();
    let problem: ThroughlineError | undefined;
    const queue = [...roots];
    for (let dir = queue.shift(); dir !== undefined && !this.#isClosed; dir = queue.shift()) {
      if (seen.has(dir)) continue;
      if (seen.size === watchedFoldersMax) {
        problem = new ThroughlineError(
          'INVALID_ARGUMENT',
          `more than ${watchedFoldersMax} folders are below ${roots[0]}`,
        );
        if (!this.#isTold)
          logger.warn(
            { dir, foldersMax: watchedFoldersMax },
            'too many folders: changes in the others are not noticed',
          );
        this.#isTold = true;
        break;
      }
      seen.add(dir);
      this.#watch(dir);
      try {
        for (const entry of await readdir(dir, { withFileTypes: true })) {
          const file = path.join(dir, entry.name);
          if (entry.isDirectory() && this.#options.takesFolder(entry.name, file)) queue.push(file);
          else if (entry.isFile() && this.#options.takesFile(entry.name)) {
            const stats = await statOf(file);
            if (stats !== undefined) files.set(file, stats);
          }
        }
      } catch (thrown) {
        // What has gone meanwhile is not there; a root should be.
        const isGone = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
        if (!isGone || roots.includes(dir)) problem = ThroughlineError.from(thrown);
        else this.#options.onTouched();
      }
    }
    for (const [dir, watcher] of this.#watchers) {
      if (seen.has(dir)) continue;
      watcher.close();
      this.#watchers.delete(dir);
    }
    return { files, problem };
  }

  #watch(dir: string): void {
    if (this.#watchers.has(dir)) return;
    const forget = (): void => {
      this.#watchers.get(dir)?.close();
      this.#watchers.delete(dir);
    };
    try {
      const watcher = watch(dir, { persistent: false }, (kind, name) => {
        // Perhaps the folder itself has gone: one of the same name would not be watched by this.
        if (kind === 'rename' && name === path.basename(dir)) forget();
        this.#options.onTouched();
      });
      watcher.on('error', forget);
      this.#watchers.set(dir, watcher);
    } catch (error) {
      // It has gone again, or the machine has no watches left.
      this.#options.logger.warn({ dir, reason: (error as Error).message }, 'a folder is not watched');
    }
  }
}

/** Undefined for a file that has gone since it was listed. */
async function statOf(file: string): Promise<Stats | undefined> {
  try {
    return await stat(file);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}
