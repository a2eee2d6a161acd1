// What a bucket has handed on: the stamp of each file, in a file of its own, so that what came while no server ran is found at the
// next start. It belongs to this machine, as the folder does. It is written a moment after a change; what a kill takes of it is
// handed on again, under the ids that it had.
//
//   {"version":1,"files":{"a/b.png":"1764583200000 1024 77"}}
import { readFile, rename, writeFile } from 'node:fs/promises';
import {
  literal,
  number,
  object,
  parse,
  record,
  string,
  ThroughlineError,
  type Clock,
  type Logger,
  type Timer,
} from '@throughline/event';
import { bucketSaveMs, retryDelayMs } from '../../defaults.ts';

const schema = object({ version: number(), files: record(string()), kind: literal('bucket') });

export class SeenFiles {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stamps: Map<string, string>;
  #timer: Timer | undefined;
  #saving: Promise<void> = Promise.resolve();
  #isChanged = false;
  #isClosed = false;

  private constructor(file: string, clock: Clock, logger: Logger, stamps: Map<string, string>) {
    this.#file = file;
    this.#clock = clock;
    this.#logger = logger;
    this.#stamps = stamps;
  }

  /** @returns also whether there was such a file: without one nothing was seen yet */
  static async open(file: string, clock: Clock, logger: Logger): Promise<{ seen: SeenFiles; isNew: boolean }> {
    try {
      const { files } = parse(schema, JSON.parse(await readFile(file, 'utf8')));
      return { seen: new SeenFiles(file, clock, logger, new Map(Object.entries(files))), isNew: false };
    } catch (thrown) {
      const isThere = (thrown as NodeJS.ErrnoException).code !== 'ENOENT';
      const { message } = ThroughlineError.from(thrown);
      if (isThere)
        logger.warn({ file, reason: message }, 'what was seen of a bucket is lost: what it has now counts as seen');
      return { seen: new SeenFiles(file, clock, logger, new Map()), isNew: true };
    }
  }

  keys(): string[] {
    return [...this.#stamps.keys()];
  }

  get(key: string): string | undefined {
    return this.#stamps.get(key);
  }

  set(key: string, stamp: string): void {
    this.#stamps.set(key, stamp);
    this.#saveLater(bucketSaveMs);
  }

  delete(key: string): void {
    this.#stamps.delete(key);
    this.#saveLater(bucketSaveMs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await (this.#isChanged ? this.save() : this.#saving);
  }

  #saveLater(afterMs: number): void {
    this.#isChanged = true;
    if (this.#isClosed) return;
    this.#timer ??= this.#clock.after(afterMs, () => {
      this.#timer = undefined;
      void this.save();
    });
  }

  /** Resolves when it was tried; what could not be written is tried again later. */
  save(): Promise<void> {
    this.#isChanged = false;
    this.#saving = this.#saving.then(async () => {
      const temporary = `${this.#file}.new`;
      try {
        const files = Object.fromEntries(this.#stamps);
        await writeFile(temporary, JSON.stringify({ kind: 'bucket', version: 1, files }));
        await rename(temporary, this.#file);
      } catch (thrown) {
        this.#logger.error(
          { file: this.#file, reason: ThroughlineError.from(thrown).message },
          'what was seen of a bucket is not kept: it is tried again',
        );
        this.#saveLater(retryDelayMs);
      }
    });
    return this.#saving;
  }
}
