// From the bytes that a handler writes to its response stream to UI message chunks. The bytes are server-sent events
// (html.spec.whatwg.org, "Parsing an event stream"): `data: {json}` and an empty line, at the end `data: [DONE]`. They come
// split anywhere, also inside a character. Comments and other fields are skipped, as the standard says.
import { StringDecoder } from 'node:string_decoder';
import { isTooDeep, jsonDepthMax, type UiChunk } from '@throughline/event';
import { chunkProblem } from './ui-chunks.ts';

export interface ParsedChunk {
  readonly chunk: UiChunk;
  /** Length of its JSON text in UTF-8: about what it takes in a record. */
  readonly bytes: number;
}

export class UiStreamParser {
  readonly #bytesMax: number;
  readonly #decoder = new StringDecoder('utf8');
  /** The line under way. */
  #line = '';
  /** The data of the event under way; its lines are joined by a line break. */
  #data: string | undefined;
  #isFirst = true;
  /** What is wrong; nothing is parsed from then on. */
  problem: string | undefined;
  /** `[DONE]` was read: nothing may follow. */
  isDone = false;

  /** @param bytesMax largest chunk in bytes of JSON */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The chunks that `bytes` completes. After malformed input `problem` is set and no more come. */
  push(bytes: Buffer): ParsedChunk[] {
    const chunks: ParsedChunk[] = [];
    if (this.problem !== undefined) return chunks;
    let text = this.#decoder.write(bytes);
    if (this.#isFirst && text !== '') {
      this.#isFirst = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      let line = this.#line + text.slice(start, end);
      this.#line = '';
      start = end + 1;
      if (line.endsWith('\r')) line = line.slice(0, -1);
      this.#onLine(line, chunks);
      if (this.problem !== undefined) return chunks;
    }
    this.#line += text.slice(start);
    if (this.#line.length + (this.#data?.length ?? 0) > this.#bytesMax) this.#fail(this.#tooLong());
    return chunks;
  }

  /** What the end of the stream says: input that is left over is no event. */
  end(): void {
    this.#line += this.#decoder.end();
    if (this.problem !== undefined || this.isDone) return;
    const rest = this.#data ?? this.#line;
    if (rest.trim() !== '') this.#fail(`the stream ends in the middle of an event: ${excerpt(rest)}`);
  }

  #onLine(line: string, chunks: ParsedChunk[]): void {
    if (line === '') {
      const data = this.#data;
      this.#data = undefined;
      if (data !== undefined) this.#onEvent(data, chunks);
      return;
    }
    if (line.startsWith(':')) return;
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    if (field === 'event' || field === 'id' || field === 'retry') return;
    if (field !== 'data') return this.#fail(`a line is no server-sent event: ${excerpt(line)}`);
    const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1);
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    if (this.#data.length > this.#bytesMax) this.#fail(this.#tooLong());
  }

  #onEvent(data: string, chunks: ParsedChunk[]): void {
    if (data === '[DONE]') {
      this.isDone = true;
      return;
    }
    if (this.isDone) return this.#fail('an event follows [DONE]');
    const bytes = Buffer.byteLength(data);
    if (bytes > this.#bytesMax) return this.#fail(this.#tooLong());
    let chunk: unknown;
    try {
      chunk = JSON.parse(data);
    } catch (error) {
      return this.#fail(`an event is no JSON: ${excerpt(data)} (${(error as Error).message})`);
    }
    if (isTooDeep(chunk, data.length)) return this.#fail(`an event is nested deeper than ${jsonDepthMax}`);
    const problem = chunkProblem(chunk);
    if (problem === undefined) chunks.push({ chunk: chunk as UiChunk, bytes });
    else this.#fail(`${problem}: ${excerpt(data)}`);
  }

  #tooLong(): string {
    return `a chunk is above the limit of ${this.#bytesMax} bytes`;
  }

  #fail(problem: string): void {
    this.problem = problem;
    this.#line = '';
    this.#data = undefined;
  }
}

/** Enough of a text to recognise it by, and no more: it may be somebody's words. */
function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
