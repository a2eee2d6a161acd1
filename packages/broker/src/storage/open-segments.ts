// The segments that are open: the active ones, and of the closed ones a bounded number over all partitions, of which the
// longest unused goes first. One that is being read or synced stays open until that has ended, even when it is removed
// meanwhile: a descriptor closed too early can be another file's by the time it is used.
import { markHandled } from '@throughline/event';
import type { OffsetIndex } from './offset-index.ts';
import type { DiskFile } from '../disk/disk.ts';
import { PositionHints } from './position-hints.ts';
import { ReadAhead } from './read-ahead.ts';
import type { TimeIndex } from './time-index.ts';

/** What is open of a segment. */
export interface SegmentFiles {
  readonly log: DiskFile;
  offsetIndex: OffsetIndex;
  timeIndex: TimeIndex;
  readonly positionHints: PositionHints;
  readonly readAhead: ReadAhead;
}

export interface OpenableSegment {
  openFiles(): Promise<SegmentFiles>;
}

interface Entry {
  readonly files: Promise<SegmentFiles>;
  userCount: number;
  /** The active segment of a partition: never evicted. */
  isPinned: boolean;
  /** Out of the pool: closed by its last user. */
  isForgotten: boolean;
  closed: Promise<void> | undefined;
}

export class OpenSegments {
  readonly #countMax: number;
  #pinnedCount = 0;
  /** In the order of their last use. */
  readonly #entries = new Map<OpenableSegment, Entry>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Runs `action` with the segment's files open. */
  async use<T>(segment: OpenableSegment, action: (files: SegmentFiles) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(segment) ?? newEntry(segment.openFiles(), false);
    if (!entry.isPinned) {
      this.#entries.delete(segment);
      this.#entries.set(segment, entry);
    }
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

  /** Takes over the files of a segment that is being written to. */
  adopt(segment: OpenableSegment, files: SegmentFiles): void {
    this.#entries.set(segment, newEntry(Promise.resolve(files), true));
    this.#pinnedCount++;
  }

  /** The segment has been closed for writing: from now on it is one of many. */
  async unpin(segment: OpenableSegment): Promise<void> {
    const entry = this.#entries.get(segment);
    if (entry?.isPinned !== true) return;
    entry.isPinned = false;
    this.#pinnedCount--;
    await this.#evict();
  }

  /** Closes the files of a segment once nobody reads them. */
  async forget(segment: OpenableSegment): Promise<void> {
    const entry = this.#entries.get(segment);
    if (entry === undefined) return;
    this.#entries.delete(segment);
    if (entry.isPinned) this.#pinnedCount--;
    entry.isForgotten = true;
    await this.#closeUnused(entry);
  }

  /** Closes everything. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#entries.keys(), (segment) => this.forget(segment)));
  }

  async #evict(): Promise<void> {
    if (this.#entries.size - this.#pinnedCount <= this.#countMax) return;
    for (const [segment, entry] of this.#entries) {
      if (entry.userCount > 0 || entry.isPinned) continue;
      await this.forget(segment);
      return;
    }
  }

  async #closeUnused(entry: Entry): Promise<void> {
    if (entry.userCount > 0) return;
    // Several users may end in one turn.
    entry.closed ??= entry.files.then(
      async ({ log, readAhead }) => {
        await readAhead.settled();
        await log.close();
      },
      // It never opened; whoever asked for it has been told.
      () => {},
    );
    await entry.closed;
  }
}

function newEntry(files: Promise<SegmentFiles>, isPinned: boolean): Entry {
  // Whoever asked for it meets the failure in `use`.
  return { files: markHandled(files), userCount: 0, isPinned, isForgotten: false, closed: undefined };
}

export function segmentFiles(log: DiskFile, offsetIndex: OffsetIndex, timeIndex: TimeIndex): SegmentFiles {
  return { log, offsetIndex, timeIndex, positionHints: new PositionHints(), readAhead: new ReadAhead() };
}
