// Cuts a stream of bytes into frames: an INT32 size, then that many bytes (kafka.apache.org/protocol#protocol_common).
//
// Frames are pulled one at a time, so that what cannot be handled yet stays as it came. A frame that lies within one chunk
// is not copied, unless it would keep a chunk alive that is more than twice its size: the records of a request live on in
// the cache of their partition. A frame of several chunks is copied once, into bytes of its size; whoever pulls has looked
// at the size before.

/** Of the size that each frame begins with. */
const sizeFieldBytes = 4;

export class FrameReader {
  #chunks: Uint8Array[] = [];
  /** Where reading goes on in the first chunk. */
  #position = 0;
  #pendingBytes = 0;
  /** A frame of several chunks, as far as it has come. */
  #partial: Uint8Array | undefined;
  #filledBytes = 0;

  /** Bytes that came and have not been pulled. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** True while a part of a frame has come and the rest has not. */
  get isWithinFrame(): boolean {
    return this.#pendingBytes > 0 || this.#partial !== undefined;
  }

  /** What came and has not been pulled, as far as it lies in one chunk. */
  get start(): Uint8Array {
    return (this.#chunks[0] ?? new Uint8Array()).subarray(this.#position);
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#pendingBytes += chunk.length;
  }

  /** The size that the next frame gives itself, as soon as that has come. It may be any number. */
  nextSizeBytes(): number | undefined {
    if (this.#partial !== undefined) return this.#partial.length;
    if (this.#pendingBytes < sizeFieldBytes) return undefined;
    let sizeBytes = 0;
    for (let i = 0; i < sizeFieldBytes; i++) sizeBytes = (sizeBytes << 8) | this.#peek(i);
    return sizeBytes;
  }

  /** The next frame without its size, or undefined until the whole of it has come. */
  next(): Uint8Array | undefined {
    const sizeBytes = this.nextSizeBytes();
    if (sizeBytes === undefined) return undefined;
    if (this.#partial === undefined) {
      this.#skip(sizeFieldBytes);
      const first = this.#chunks[0];
      if (first !== undefined && first.length - this.#position >= sizeBytes) {
        const frame = first.subarray(this.#position, this.#position + sizeBytes);
        this.#skip(sizeBytes);
        // An array of its own, not Buffer.from: its pool would pin more than this again.
        return sizeBytes * 2 < first.length ? new Uint8Array(frame) : frame;
      }
      this.#partial = Buffer.allocUnsafeSlow(sizeBytes);
      this.#filledBytes = 0;
    }
    return this.#fill(this.#partial);
  }

  /** Forgets what came. */
  clear(): void {
    this.#chunks = [];
    this.#position = 0;
    this.#pendingBytes = 0;
    this.#partial = undefined;
  }

  #fill(partial: Uint8Array): Uint8Array | undefined {
    while (this.#filledBytes < partial.length) {
      const first = this.#chunks[0];
      if (first === undefined) return undefined;
      const end = Math.min(first.length, this.#position + partial.length - this.#filledBytes);
      partial.set(first.subarray(this.#position, end), this.#filledBytes);
      this.#filledBytes += end - this.#position;
      this.#skip(end - this.#position);
    }
    this.#partial = undefined;
    return partial;
  }

  /** The byte that is `ahead` of the position. */
  #peek(ahead: number): number {
    let at = this.#position + ahead;
    for (const chunk of this.#chunks) {
      if (at < chunk.length) return chunk[at]!;
      at -= chunk.length;
    }
    return 0;
  }

  #skip(count: number): void {
    this.#pendingBytes -= count;
    this.#position += count;
    let first = this.#chunks[0];
    while (first !== undefined && this.#position >= first.length) {
      this.#position -= first.length;
      this.#chunks.shift();
      first = this.#chunks[0];
    }
  }
}
