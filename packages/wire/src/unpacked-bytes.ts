// Where a decoder of the Lempel-Ziv kind puts what it unpacks: bytes that grow as they come, up to a limit, and that can be
// copied from themselves. Nobody believes a size that the packed bytes only claim.
import { ThroughlineError } from '@throughline/event';

export class UnpackedBytes {
  readonly #bytesMax: number;
  #bytes: Uint8Array;
  /** Bytes so far. */
  length = 0;

  /** @param capacityBytes a guess of the final size */
  constructor(capacityBytes: number, bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#bytes = new Uint8Array(Math.min(capacityBytes, bytesMax));
  }

  /** What has been unpacked, without a copy. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** Adds the bytes of `source` from `start` to `end`. */
  add(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (end > source.length) throw malformedBlock(`${count} literal bytes where ${source.length - start} are left`);
    this.#reserve(count);
    // A view costs more than a few bytes do.
    if (count > 32) this.#bytes.set(source.subarray(start, end), this.length);
    else for (let i = 0; i < count; i++) this.#bytes[this.length + i] = source[start + i]!;
    this.length += count;
  }

  /** Repeats `count` bytes from `distance` bytes back; they may reach into what is being added. */
  repeat(distance: number, count: number, windowStart = 0): void {
    const from = this.length - distance;
    if (distance < 1 || from < windowStart)
      throw malformedBlock(`a copy from ${distance} bytes back at ${this.length}`);
    this.#reserve(count);
    const bytes = this.#bytes;
    const at = this.length;
    if (distance >= count && count > 32) bytes.copyWithin(at, from, from + count);
    else for (let i = 0; i < count; i++) bytes[at + i] = bytes[from + i]!;
    this.length += count;
  }

  #reserve(count: number): void {
    const wanted = this.length + count;
    if (wanted <= this.#bytes.length) return;
    if (wanted > this.#bytesMax) throw malformedBlock(`it unpacks to more than ${this.#bytesMax} bytes`);
    const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(wanted, this.#bytes.length * 2)));
    grown.set(this.bytes);
    this.#bytes = grown;
  }
}

export function malformedBlock(problem: string): ThroughlineError {
  return new ThroughlineError('INVALID_RECORD', `the packed bytes are malformed: ${problem}`);
}
