// A file that lines are appended to, bounded in size: when it is full it becomes `<name>.1`, and the one before that is
// gone. It is opened with the first line, so that a start that is rejected leaves the file of the running server alone. A
// disk that takes no more lines costs the lines, never the server.
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export class LogFile {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #onProblem: (error: Error) => void;
  #file: number | undefined;
  #bytes = 0;
  #hasProblem = false;

  /** @param onProblem told once when lines cannot be written, and again only after a line could */
  constructor(path: string, bytesMax: number, onProblem: (error: Error) => void) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#onProblem = onProblem;
  }

  /** Appends a line, its line feed included. */
  write(line: string): void {
    try {
      if (this.#file !== undefined && this.#bytes >= this.#bytesMax) this.#turn();
      this.#file ??= this.#open();
      this.#bytes += writeSync(this.#file, line);
      this.#hasProblem = false;
    } catch (error) {
      if (!this.#hasProblem) this.#onProblem(error as Error);
      this.#hasProblem = true;
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number {
    const file = openSync(this.#path, 'a');
    this.#bytes = fstatSync(file).size;
    return file;
  }

  #turn(): void {
    this.close();
    renameSync(this.#path, `${this.#path}.1`);
  }
}
