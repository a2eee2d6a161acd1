// The content of a file in memory: pages, so that a growing file is never copied as a whole. A small file has one small page
// that doubles; from one full page on every page is a full one.
const pageBytes = 64 * 1024;
const smallPageBytes = 256;

export class MemoryFile {
  /** Told how many bytes of memory are taken, or given back; throws when there are no more. */
  readonly #take: (bytes: number) => void;
  #pages: Uint8Array[] = [];
  #sizeBytes = 0;
  #openCount = 0;
  #isRemoved = false;

  constructor(take: (bytes: number) => void) {
    this.#take = take;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  content(): Uint8Array {
    const content = new Uint8Array(this.#sizeBytes);
    this.read(content, 0);
    return content;
  }

  read(target: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(target.length, this.#sizeBytes - position));
    for (let done = 0; done < length;) {
      const at = position + done;
      const inPage = at % pageBytes;
      const count = Math.min(length - done, pageBytes - inPage);
      target.set(this.#pages[Math.floor(at / pageBytes)]!.subarray(inPage, inPage + count), done);
      done += count;
    }
    return length;
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return;
    this.#reserve(position + bytes.length);
    for (let done = 0; done < bytes.length;) {
      const at = position + done;
      const inPage = at % pageBytes;
      const count = Math.min(bytes.length - done, pageBytes - inPage);
      this.#pages[Math.floor(at / pageBytes)]!.set(bytes.subarray(done, done + count), inPage);
      done += count;
    }
    if (position + bytes.length > this.#sizeBytes) this.#sizeBytes = position + bytes.length;
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes >= this.#sizeBytes) {
      this.#reserve(sizeBytes);
    } else {
      const pageCount = Math.ceil(sizeBytes / pageBytes);
      for (const page of this.#pages.splice(pageCount)) this.#take(-page.length);
      // What a longer file shows there later is zero.
      this.#pages[Math.floor(sizeBytes / pageBytes)]?.fill(0, sizeBytes % pageBytes);
    }
    this.#sizeBytes = sizeBytes;
  }

  onOpened(): void {
    this.#openCount++;
  }

  onClosed(): void {
    this.#openCount--;
    this.#release();
  }

  onRemoved(): void {
    this.#isRemoved = true;
    this.#release();
  }

  /** Gives the memory back when nobody can reach the file any more. */
  #release(): void {
    if (!this.#isRemoved || this.#openCount > 0) return;
    for (const page of this.#pages.splice(0)) this.#take(-page.length);
    this.#sizeBytes = 0;
  }

  #reserve(sizeBytes: number): void {
    const capacityBytes = this.#pages.length <= 1 ? (this.#pages[0]?.length ?? 0) : this.#pages.length * pageBytes;
    if (sizeBytes <= capacityBytes) return;
    const first = this.#pages[0];
    if (first === undefined || first.length < pageBytes) {
      let firstBytes = first?.length ?? smallPageBytes;
      while (firstBytes < sizeBytes && firstBytes < pageBytes) firstBytes *= 2;
      this.#take(firstBytes - (first?.length ?? 0));
      const grown = new Uint8Array(firstBytes);
      if (first !== undefined) grown.set(first);
      this.#pages[0] = grown;
    }
    while (this.#pages.length * pageBytes < sizeBytes && this.#pages[0]!.length === pageBytes) {
      this.#take(pageBytes);
      this.#pages.push(new Uint8Array(pageBytes));
    }
  }
}
