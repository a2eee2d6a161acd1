// The commit journal: one file that all partitions of durability `fsync` share, so that one fdatasync acknowledges the
// appends of all of them. A sync per dirty partition is 14 times as slow at 64 partitions (docs/decisions/0011).
//
// Group commit clocks itself: one sync is under way at a time; what is handed in meanwhile is written and synced together
// when it ends. An idle disk answers at once, a busy one takes larger groups; there is no delay to tune.
//
// The journal is a few files `<n>.journal` of a fixed size, filled with zeros once and then used over and over:
// overwriting does not change a file's size, which would cost the file system a commit of its own with every sync.
// Segments get the same bytes without a sync, and always before the journal does. When a file is full the journal goes on
// in the next one, and the checkpoint syncs the segments; then the full file is free. After a failed write or sync
// nothing more goes into that file, and it is kept for the next start to replay. What the last life left in the files is
// kept until the first checkpoint, too.
//
// A commit may wait for a free file, and so for a checkpoint: nobody may wait for a commit while he holds what a checkpoint
// needs (wait-order.ts).
import { ThroughlineError, unattended, type Logger } from '@throughline/event';
import { isOutOfDisk, type Disk, type DiskFile } from '../disk/disk.ts';
import {
  fileHead,
  fileHeadBytes,
  frameHead,
  frameHeadBytes,
  journalFileName,
  journalFiles,
  type JournalPartition,
} from '../disk/journal-format.ts';
import { noteCase } from './recovery-cases.ts';
import { holdingNothing, mayWaitFor, whileHolding } from './wait-order.ts';

/** Zeros are written this many bytes at a time. */
const fillBytes = 1024 * 1024;

export interface JournalOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly fileBytes: number;
  readonly fileCountMax: number;
  readonly logger: Logger;
  /** True when the files may hold what the segments have not for good: until the first checkpoint. */
  readonly isReplayed?: boolean;
  /** Called when a file is full: a checkpoint will make it free. */
  readonly onFull: () => void;
}

interface Commit {
  readonly bytes: number;
  readonly from: JournalPartition;
  readonly batches: readonly Uint8Array[];
  /** Called once, in the turn in which the group ends; does not throw. */
  readonly onSettled: (error: ThroughlineError | undefined) => void;
}

interface JournalFile {
  readonly file: DiskFile;
  sequence: bigint;
  /** Where the next frame goes. */
  position: number;
  /** Holds frames of partitions that are offline: kept until the next start. */
  isKept: boolean;
}

export class CommitJournal {
  readonly #options: JournalOptions;
  #current: JournalFile | undefined;
  /** Full, waiting for a checkpoint. */
  #full: JournalFile[] = [];
  /** For the next start: no checkpoint makes them free. */
  readonly #kept: JournalFile[] = [];
  #free: JournalFile[] = [];
  /** The largest number in the name of a file. */
  #lastIndex = -1;
  #nextSequence = 1n;
  #queue: Commit[] = [];
  #isRunning = false;
  #isClosed = false;
  /** Wakes the writer that waits for a free file. */
  #onFree: (() => void) | undefined;
  #idle: (() => void)[] = [];
  /** What the loop waits for, in words. */
  #waitsFor = '';
  #groupCount = 0;

  private constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Opens the journal in its folder; what the files hold has to be replayed before (`readJournal`). */
  static async open(options: JournalOptions): Promise<CommitJournal> {
    const { disk, folder } = options;
    const files = await journalFiles(disk, folder);
    const journal = new CommitJournal(options);
    for (const { path, index, sequence } of files) {
      if (index > journal.#lastIndex + 1) {
        noteCase(options.logger, 'journal-file-missing', {
          file: `${folder}/${journalFileName(journal.#lastIndex + 1)}`,
        });
      }
      if (index > journal.#lastIndex) journal.#lastIndex = index;
      if (sequence >= journal.#nextSequence) journal.#nextSequence = sequence + 1n;
      const file = { file: await disk.open(path, 'write'), sequence, position: 0, isKept: false };
      if (options.isReplayed === true) {
        // What was written and not synced when the last life ended has just been replayed.
        await file.file.syncData();
        journal.#full.push(file);
      } else journal.#free.push(file);
    }
    // A start that was cut off may have made a file and not its name certain.
    await disk.syncDirectory(folder);
    return journal;
  }

  /**
   * Hands batches of one partition in, already in their place.
   *
   * @param onSettled called without an error once they are synced; OUT_OF_DISK when none of them was written, and any
   *   other error when that is not known. The commits of a partition settle in order, and those behind a failed one fail.
   */
  commit(from: JournalPartition, batches: readonly Uint8Array[], onSettled: Commit['onSettled']): void {
    if (this.#isClosed) return onSettled(new ThroughlineError('CLOSED', 'the commit journal is closed'));
    let bytes = 0;
    for (const batch of batches) bytes += frameHeadBytes + batch.length;
    this.#queue.push({ bytes, from, batches, onSettled });
    if (this.#isRunning) return;
    unattended(this.#options.logger, 'writing the commit journal', () => holdingNothing(() => this.#run()));
  }

  /** True when a checkpoint would make something free. */
  get isDirty(): boolean {
    return this.#full.length > 0 || (this.#current?.position ?? 0) > fileHeadBytes;
  }

  /**
   * Begins a checkpoint: from now on frames go into another file.
   *
   * @returns called when all segments are synced, makes the files before it free
   */
  beginCheckpoint(): () => void {
    // In the middle of a write the current file cannot be left; it is then freed by the next checkpoint.
    if (!this.#isRunning) this.#leaveCurrent();
    const covered = this.#full;
    return () => {
      this.#full = this.#full.filter((file) => !covered.includes(file));
      // What a kept file holds is needed by the next start.
      for (const file of covered) (file.isKept ? this.#kept : this.#free).push(file);
      this.#onFree?.();
    };
  }

  /** Keeps everything that is in the journal now for the next start: a partition could not sync its segments. */
  keep(): void {
    for (const file of this.#full) file.isKept = true;
    if (this.#current !== undefined) this.#current.isKept = true;
  }

  /** Resolves when everything handed in has settled. */
  async drain(): Promise<void> {
    if (!this.#isRunning) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.drain();
    const files = [
      ...this.#free,
      ...this.#full,
      ...this.#kept,
      ...(this.#current === undefined ? [] : [this.#current]),
    ];
    for (const { file } of files) await file.close();
  }

  /** What it waits for now, in words; undefined while there is nothing to commit. */
  get waitsFor(): string | undefined {
    return this.#isRunning ? this.#waitsFor : undefined;
  }

  /** Groups that have ended. */
  get stepCount(): number {
    return this.#groupCount;
  }

  async #run(): Promise<void> {
    const { logger } = this.#options;
    this.#isRunning = true;
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      let error: ThroughlineError | undefined;
      try {
        await this.#writeGroup(group);
      } catch (cause) {
        error = this.#failureOf(cause);
        group.push(...this.#takeBehind(group));
      }
      this.#groupCount++;
      // What one of them cannot take must not keep those behind it waiting for ever.
      for (const { onSettled } of group) unattended(logger, 'settling a commit', () => onSettled(error));
    }
    this.#isRunning = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Of what came meanwhile: that which stands behind a batch of its own partition that is now missing. */
  #takeBehind(group: readonly Commit[]): Commit[] {
    const failed = new Set(group.map(({ from }) => from));
    const behind = this.#queue.filter(({ from }) => failed.has(from));
    this.#queue = this.#queue.filter(({ from }) => !failed.has(from));
    return behind;
  }

  /** All that waits, up to a quarter of a file: more in one go would only make the first of them wait. */
  #takeGroup(): Commit[] {
    const bytesMax = this.#options.fileBytes / 4;
    let bytes = 0;
    const end = this.#queue.findIndex((commit, i) => (bytes += commit.bytes) > bytesMax && i > 0);
    return this.#queue.splice(0, end < 0 ? this.#queue.length : end);
  }

  async #writeGroup(group: readonly Commit[]): Promise<void> {
    const bytes = group.reduce((sum, commit) => sum + commit.bytes, 0);
    if (this.#current !== undefined && this.#current.position + bytes > this.#options.fileBytes) {
      if (this.#leaveCurrent()) this.#options.onFull();
    }
    this.#waitsFor = 'a free file';
    const current = (this.#current ??= await whileHolding('commits', () => this.#nextFile()));
    this.#waitsFor = 'a write';
    const isNew = current.position === 0;
    const buffers = isNew ? [fileHead(current.sequence)] : [];
    for (const commit of group) {
      for (const batch of commit.batches) buffers.push(frameHead(commit.from, current.sequence, batch), batch);
    }
    try {
      await current.file.write(buffers, current.position);
    } catch (error) {
      await this.#voidWrite(current);
      throw error;
    }
    await this.#sync(current);
    current.position += (isNew ? fileHeadBytes : 0) + bytes;
  }

  /**
   * Frames of a failed write may stand in the file whole. They must not come back at the next start as if they had been
   * acknowledged: their offsets go to others. Zeros over the first head end the file there.
   */
  async #voidWrite(current: JournalFile): Promise<void> {
    try {
      await current.file.write([new Uint8Array(frameHeadBytes)], current.position);
    } catch (error) {
      this.#abandonCurrent();
      throw new ThroughlineError('PARTITION_OFFLINE', 'the commit journal could not be written', { cause: error });
    }
    await this.#sync(current);
  }

  async #sync(current: JournalFile): Promise<void> {
    this.#waitsFor = 'a sync';
    try {
      await current.file.syncData();
    } catch (error) {
      // What a failed sync has dropped cannot be known, and asking again proves nothing.
      this.#abandonCurrent();
      throw new ThroughlineError('PARTITION_OFFLINE', 'the commit journal could not be synced', { cause: error });
    }
  }

  /** The current file waits for a checkpoint, if there is anything in it. */
  #leaveCurrent(): boolean {
    if (this.#current === undefined || this.#current.position === 0) return false;
    this.#full = [...this.#full, this.#current];
    this.#current = undefined;
    return true;
  }

  /** Nothing more goes into the current file; the next start replays what was acknowledged of it. */
  #abandonCurrent(): void {
    if (this.#current === undefined) return;
    this.#current.isKept = true;
    this.#full = [...this.#full, this.#current];
    this.#current = undefined;
  }

  async #nextFile(): Promise<JournalFile> {
    mayWaitFor('checkpoint');
    while (this.#free.length === 0 && this.#full.filter((file) => !file.isKept).length >= this.#options.fileCountMax) {
      this.#options.onFull();
      await new Promise<void>((resolve) => (this.#onFree = resolve));
    }
    const next = this.#free.shift() ?? (await this.#makeFile());
    next.sequence = this.#nextSequence++;
    next.position = 0;
    return next;
  }

  async #makeFile(): Promise<JournalFile> {
    const { disk, folder, fileBytes } = this.#options;
    const path = `${folder}/${journalFileName(this.#lastIndex + 1)}`;
    const file = await disk.open(path, 'write');
    try {
      const zeros = new Uint8Array(Math.min(fillBytes, fileBytes));
      for (let position = 0; position < fileBytes; position += zeros.length) await file.write([zeros], position);
      await file.syncData();
      await disk.syncDirectory(folder);
    } catch (error) {
      await file.close();
      await disk.remove(path);
      throw error;
    }
    this.#lastIndex++;
    return { file, sequence: 0n, position: 0, isKept: false };
  }

  #failureOf(cause: unknown): ThroughlineError {
    if (ThroughlineError.is(cause)) return cause;
    if (isOutOfDisk(cause)) {
      return new ThroughlineError('OUT_OF_DISK', 'no space for the commit journal', { cause });
    }
    this.#options.logger.error({ error: cause }, 'the commit journal could not be written');
    return new ThroughlineError('PARTITION_OFFLINE', 'the commit journal could not be written', { cause });
  }
}
