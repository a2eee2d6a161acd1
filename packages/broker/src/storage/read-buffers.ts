// Memory for reading batches, used again and again. Each fetch of a consumer that catches up takes a buffer of a MiB; made
// anew each time they were most of what the garbage collector did, a full collection every hundred milliseconds.
//
// Whoever knows when the batches are no longer looked at gives the memory back (Fetch, once its answer is sent). Whoever does
// not know leaves it to the collector, and the pool makes another.
import { uninitialised } from '../disk/bytes.ts';
import { readBufferBytes, readBufferCountMax } from '../defaults.ts';

/** Reads of fewer bytes than this are not worth a place in the pool. */
const pooledBytesMin = 32 * 1024;

export class ReadBuffers {
  readonly #free: ArrayBufferLike[] = [];
  /** Taken and not given back: only what is here may come back, and only once. */
  readonly #taken = new WeakSet<ArrayBufferLike>();

  /** Memory of `byteCount` bytes that holds whatever was there before. */
  take(byteCount: number): Uint8Array {
    if (byteCount < pooledBytesMin || byteCount > readBufferBytes) return uninitialised(byteCount);
    const buffer = this.#free.pop() ?? uninitialised(readBufferBytes).buffer;
    this.#taken.add(buffer);
    return new Uint8Array(buffer, 0, byteCount);
  }

  /** Takes back the memory that `view` is a part of, if it came from here; nobody may look at any of it any more. */
  give({ buffer }: Uint8Array): void {
    if (!this.#taken.delete(buffer)) return;
    if (this.#free.length < readBufferCountMax) this.#free.push(buffer);
  }
}
