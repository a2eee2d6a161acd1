// Tells when the sources of functions change: it watches the folders that have them and compares what is there with what was
// there, so that a file that was only touched by a tool is no change. What installs packages and what functions write is left
// out: `node_modules`, folders whose names begin with a dot, and files that are not code.
import { unattended, type Clock, type Logger, type Timer } from '@throughline/event';
import { sourceSettleMs } from '../defaults.ts';
import { FolderTree } from './folder-tree.ts';

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
  readonly #tree: FolderTree;
  #stamps: ReadonlyMap<string, string> = new Map();
  #timer: Timer | undefined;
  #isClosed = false;
  #isLooking = true;
  /** Resolves once changes are noticed. */
  readonly ready: Promise<void>;

  constructor(options: SourceWatchOptions) {
    const { dirs, excluded, logger } = options;
    this.#options = options;
    this.#tree = new FolderTree({
      roots: dirs,
      logger,
      takesFolder: (name, file) =>
        !name.startsWith('.') && name !== 'node_modules' && name !== '__pycache__' && !excluded.includes(file),
      takesFile: isSource,
      onTouched: () => this.#touched(),
    });
    this.ready = this.#stampsNow().then((stamps) => {
      this.#stamps = stamps;
      this.#isLooking = false;
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#tree.close();
  }

  /** An editor writes a file in several steps, and a change of branch hundreds of files. */
  #touched(): void {
    if (this.#isClosed) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(sourceSettleMs, () => void this.#compare());
  }

  async #compare(): Promise<void> {
    if (this.#isLooking) return this.#touched();
    this.#isLooking = true;
    const before = this.#stamps;
    const now = await this.#stampsNow();
    this.#stamps = now;
    this.#isLooking = false;
    if (this.#isClosed) return;
    const files = [...new Set([...before.keys(), ...now.keys()])].filter((file) => before.get(file) !== now.get(file));
    if (files.length > 0) unattended(this.#options.logger, 'a change of sources', () => this.#options.onChange(files));
  }

  async #stampsNow(): Promise<ReadonlyMap<string, string>> {
    const { files } = await this.#tree.look();
    return new Map(Array.from(files, ([file, { mtimeMs, size, ino }]) => [file, `${mtimeMs} ${size} ${ino}`]));
  }
}
