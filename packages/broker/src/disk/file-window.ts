// A piece of a file in memory that moves forward as somebody walks through the file.
import { uninitialised } from './bytes.ts';
import type { DiskFile } from './disk.ts';

export class FileWindow {
  readonly #file: DiskFile;
  /** The file counts up to here, whatever lies behind. */
  readonly #endPosition: number;
  readonly #readBytes: number;
  readonly #allocate: (byteCount: number) => Uint8Array;
  /** The bytes in memory; the first of them stands at `position` of the file. */
  bytes: Uint8Array = new Uint8Array(0);
  position = 0;

  /** `allocate` gives the memory that is read into. */
  constructor(
    file: DiskFile,
    endPosition: number,
    readBytes: number,
    allocate: (byteCount: number) => Uint8Array = uninitialised,
  ) {
    this.#allocate = allocate;
    this.#file = file;
    this.#endPosition = endPosition;
    this.#readBytes = readBytes;
  }

  /** Takes bytes that have been read already. */
  begin(position: number, bytes: Uint8Array): void {
    this.position = position;
    this.bytes = bytes;
  }

  /** Makes `byteCount` bytes from `position` on part of the window; false when the file has not as many. */
  async holds(position: number, byteCount: number): Promise<boolean> {
    if (position + byteCount > this.#endPosition) return false;
    if (position >= this.position && position + byteCount <= this.position + this.bytes.length) return true;
    const wanted = Math.min(Math.max(byteCount, this.#readBytes), this.#endPosition - position);
    // Fresh memory each time: views of the last window may be in a reader's hands.
    const fresh = this.#allocate(wanted);
    const count = await this.#file.read(fresh, position);
    this.bytes = fresh.subarray(0, count);
    this.position = position;
    return count >= byteCount;
  }
}
