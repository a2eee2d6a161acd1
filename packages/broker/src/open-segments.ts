// The closed segments that are open for reading: a bounded number over all partitions, the longest unused goes first. One
// that is being read stays open until the read has ended, even when it is removed meanwhile.
import type { OffsetIndex } from './offset-index.ts';
import type { DiskFile } from './disk.ts';
import type { TimeIndex } from './time-index.ts';

/** What is open of a segment. */
export interface SegmentFiles {
  readonly log: DiskFile;
  readonly offsetIndex: OffsetIndex;
  readonly timeIndex: TimeIndex;
  /** Where reads have ended: the next one in order begins there without a look into the index. */
  readonly positionHints: Map<bigint, number>;
}

export interface OpenableSegment {
  openFiles(): Promise<SegmentFiles>;
}

interface Entry {
  readonly files: Promise<SegmentFiles>;
  userCount: number;
  /** Out of the pool: closed by its last user. */
  isForgotten: boolean;
  closed: Promise<void> | undefined;
}

export class OpenSegments {
  readonly #countMax: number;
  /** In the order of their last use. */
  readonly #entries = new Map<OpenableSegment, Entry>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Runs `action` with the segment's files open. */
  async use<T>(segment: OpenableSegment, action: (files: SegmentFiles) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(segment) ?? {
      files: segment.openFiles(),
      userCount: 0,
      isForgotten: false,
      closed: undefined,
    };
    this.#entries.delete(segment);
    this.#entries.set(segment, entry);
    entry.userCount++;
    try {
      await this.#evict();
      return await action(await entry.files);
    } catch (error) {
      // One that could not be opened is opened anew by the next user.
      await entry.files.catch(() => this.#entries.get(segment) === entry && this.#entries.delete(segment));
      throw error;
    } finally {
      entry.userCount--;
      if (entry.isForgotten) await this.#closeUnused(entry);
    }
  }

  /** Takes over the files of a segment that has just been closed for writing. */
  async adopt(segment: OpenableSegment, files: SegmentFiles): Promise<void> {
    this.#entries.set(segment, { files: Promise.resolve(files), userCount: 0, isForgotten: false, closed: undefined });
    await this.#evict();
  }

  /** Closes the files of a segment once nobody reads them. */
  async forget(segment: OpenableSegment): Promise<void> {
    const entry = this.#entries.get(segment);
    if (entry === undefined) return;
    this.#entries.delete(segment);
    entry.isForgotten = true;
    await this.#closeUnused(entry);
  }

  /** Closes everything. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#entries.keys(), (segment) => this.forget(segment)));
  }

  async #evict(): Promise<void> {
    if (this.#entries.size <= this.#countMax) return;
    for (const [segment, entry] of this.#entries) {
      if (entry.userCount > 0) continue;
      await this.forget(segment);
      return;
    }
  }

  async #closeUnused(entry: Entry): Promise<void> {
    if (entry.userCount > 0) return;
    // Several users may end in one turn.
    entry.closed ??= entry.files.then(
      (files) => files.log.close(),
      // It never opened; whoever asked for it has been told.
      () => {},
    );
    await entry.closed;
  }
}
