// Cuts what a function prints into lines. A function can print without end and without a line break, so a line has a
// largest length; what is beyond it is dropped.
import { StringDecoder } from 'node:string_decoder';

export class LineSplitter {
  readonly #lengthMax: number;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** The lines that `bytes` completes. */
  push(bytes: Buffer): string[] {
    const pieces = this.#decoder.write(bytes).split('\n');
    const lines: string[] = [];
    for (let index = 0; index < pieces.length; index++) {
      if (this.#rest.length < this.#lengthMax)
        this.#rest += pieces[index]!.slice(0, this.#lengthMax - this.#rest.length);
      if (index === pieces.length - 1) break;
      lines.push(this.#rest.replace(/\r$/, ''));
      this.#rest = '';
    }
    return lines;
  }

  /** The last line, where it had no line break. */
  end(): string[] {
    const last = this.#rest + this.#decoder.end();
    this.#rest = '';
    return last === '' ? [] : [last];
  }
}
