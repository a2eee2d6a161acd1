// What an invocation has written, as the chunks of a reply: parsed, within its limits, beginning with `start`, and with
// what was learned on the way about its cost and its end.
import type { UiChunk } from '@throughline/event';
import { limits } from '../defaults.ts';
import { noteMetadata, terminalOf, type ReplyMetadata } from './ui-chunks.ts';
import { UiStreamParser, type ParsedChunk } from './ui-stream-parser.ts';

export class ReplyOutput {
  /** Model, usage and cost, as far as the chunks have said so. */
  readonly metadata: ReplyMetadata = {};
  /** The chunk that ended the stream: the first of finish, abort and error. */
  terminal: UiChunk | undefined;
  /** Bytes of chunks so far. */
  bytes = 0;
  readonly #parser = new UiStreamParser(limits.uiChunkBytesMax);
  #hasStart = false;
  #problem: string | undefined;

  /** Why this is no reply; what comes after the end of a stream does not undo it. */
  get problem(): string | undefined {
    return this.terminal === undefined ? (this.#problem ?? this.#parser.problem) : undefined;
  }

  /** The chunks that `bytes` completes. */
  push(bytes: Buffer): ParsedChunk[] {
    const chunks: ParsedChunk[] = [];
    for (const parsed of this.#parser.push(bytes)) {
      if (this.#problem !== undefined) break;
      if (!this.#hasStart && parsed.chunk.type !== 'start') chunks.push({ chunk: { type: 'start' }, bytes: 0 });
      this.#hasStart = true;
      this.bytes += parsed.bytes;
      if (this.bytes > limits.replyBytesMax) {
        this.#problem = `the reply is above the limit of ${limits.replyBytesMax} bytes`;
        break;
      }
      this.#note(parsed.chunk);
      chunks.push(parsed);
    }
    return chunks;
  }

  /** The handler has returned: what is left over is no event. */
  end(): void {
    this.#parser.end();
  }

  /** Takes what stands of a reply that was complete, instead of generating it again. */
  adopt(standing: readonly UiChunk[]): void {
    this.terminal = undefined;
    for (const chunk of standing) this.#note(chunk);
  }

  #note(chunk: UiChunk): void {
    noteMetadata(this.metadata, chunk);
    if (terminalOf(chunk) !== undefined) this.terminal ??= chunk;
  }
}
