// The stored indexes of a segment. They are a convenience: missing, torn or implausible ones are rebuilt from the .log. But
// recovery believes those of synced segments, so they are synced before the recovery point passes them.
import type { Disk, DiskFile } from '../disk/disk.ts';
import { OffsetIndex } from './offset-index.ts';
import { TimeIndex } from './time-index.ts';

/** What the log says that the indexes have to fit. */
export interface IndexedLog {
  readonly baseOffset: bigint;
  readonly nextOffset: bigint;
  readonly sizeBytes: number;
}

export class IndexFiles {
  readonly #disk: Disk;
  readonly #offsetPath: string;
  readonly #timePath: string;
  #isDirty = false;

  /** @param path of the segment's files, without their endings */
  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#offsetPath = `${path}.index`;
    this.#timePath = `${path}.timeindex`;
  }

  /** True while something stored is not synced. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** The bytes as they are stored; undefined where there are none. */
  async read(): Promise<{ offsetIndex: Uint8Array | undefined; timeIndex: Uint8Array | undefined }> {
    return {
      offsetIndex: await this.#disk.readFile(this.#offsetPath),
      timeIndex: await this.#disk.readFile(this.#timePath),
    };
  }

  /** The indexes of a closed segment, or undefined when they cannot be used. */
  async load(log: IndexedLog): Promise<{ offsetIndex: OffsetIndex; timeIndex: TimeIndex } | undefined> {
    const stored = await this.read();
    if (stored.offsetIndex === undefined || stored.timeIndex === undefined) return undefined;
    const offsetIndex = OffsetIndex.fromFile(log.baseOffset, stored.offsetIndex, log.sizeBytes);
    const timeIndex = TimeIndex.fromFile(log.baseOffset, stored.timeIndex, log.nextOffset);
    if (offsetIndex === undefined || timeIndex === undefined) return undefined;
    // Without an entry for its largest timestamp a segment would look as if it had none.
    return timeIndex.entryCount > 0 || log.sizeBytes === 0 ? { offsetIndex, timeIndex } : undefined;
  }

  async store(offsetIndex: OffsetIndex, timeIndex: TimeIndex): Promise<void> {
    for (const [path, bytes] of [
      [this.#offsetPath, offsetIndex.bytes],
      [this.#timePath, timeIndex.bytes],
    ] as const) {
      await this.#withFile(path, async (file) => {
        await file.truncate(0);
        await file.write([bytes], 0);
      });
    }
    this.#isDirty = true;
  }

  async sync(): Promise<void> {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    for (const path of [this.#offsetPath, this.#timePath]) await this.#withFile(path, (file) => file.syncData());
  }

  async remove(): Promise<void> {
    await this.#disk.remove(this.#offsetPath);
    await this.#disk.remove(this.#timePath);
  }

  async #withFile(path: string, action: (file: DiskFile) => Promise<void>): Promise<void> {
    const file = await this.#disk.open(path, 'write');
    try {
      await action(file);
    } finally {
      await file.close();
    }
  }
}
