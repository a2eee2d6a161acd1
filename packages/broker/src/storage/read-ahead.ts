// Reading the next stretch of a closed segment while somebody works on the last one. Whoever reads a topic from end to end
// asks for one stretch after the other; the disk then works beside the checksums and the decoding, not in turn with them.
// One stretch per open segment is held, and it is given away once.
import { readAheadBytesMax } from '../defaults.ts';
import type { DiskFile } from '../disk/disk.ts';
import type { ReadBuffers } from './read-buffers.ts';

export class ReadAhead {
  #position = -1;
  #bytes: Promise<Uint8Array | undefined> = Promise.resolve(undefined);

  /** Begins to read; what was read before and not asked for is dropped. */
  begin(file: DiskFile, buffers: ReadBuffers, position: number, byteCount: number): void {
    this.#position = position;
    const bytes = buffers.take(Math.min(byteCount, readAheadBytesMax));
    this.#bytes = file.read(bytes, position).then(
      (count) => bytes.subarray(0, count),
      // Nobody has asked yet: the read that does meets the same failure and reports it.
      () => undefined,
    );
  }

  /** What was read from `position` on, if that is where it began. */
  take(position: number): Promise<Uint8Array | undefined> | undefined {
    if (position !== this.#position) return undefined;
    this.#position = -1;
    return this.#bytes;
  }

  /** Resolves when nothing is being read. */
  async settled(): Promise<void> {
    await this.#bytes;
  }
}
