// The UI message stream of a reply: what stands, compacted, then what comes, then a terminal chunk and `[DONE]`.
//
//   data: {"type":"start","messageId":"…"}
//   data: …                          the run's chunks that count (reduceRun), nothing else
//   id: <token>                      with live chunks, so that a plain EventSource can go on with Last-Event-ID
//   data: {"type":"finish"}          or abort, or error: exactly how the run ended
//   data: [DONE]
//
// A superseded reply goes on with the run that took over, beginning with its own `start`. A reader that is gone changes
// nothing for the run. A reader that is slower than its queue allows is cut; it comes back and gets a compacted replay.
import type { Clock, Run, Timer, UiChunk } from '@throughline/event';
import type { LiveConversation, LiveReply, RunReader } from '../live-conversation.ts';
import type { LiveEvent } from '../live-event.ts';
import { formatToken, type OffsetToken } from '../offset-token.ts';
import { encodeSse, type EventStream } from '../sse.ts';
import { compactChunks } from './compact-chunks.ts';
import type { RunHistory } from './read-run.ts';
import { startChunk, terminalChunk, type ReplyEnd } from './reply-chunk.ts';

/** What the AI SDK's own server sends beside the headers of server-sent events. */
export const uiStreamHeaders = { 'x-vercel-ai-ui-message-stream': 'v1' };

const done = encodeSse({ data: '[DONE]' });

export interface ReplyStreamOptions {
  readonly live: LiveConversation;
  readonly stream: EventStream;
  readonly generation: string;
  /** Reads what is on the log of a run. */
  readonly readRun: (run: Run) => Promise<RunHistory>;
  readonly queueBytesMax: number;
  /** How long a superseded reply waits for the run that goes on. */
  readonly siblingWaitMs: number;
  readonly clock: Clock;
  /** Called when the first chunk beyond `start` is written. */
  readonly onFirstChunk: () => void;
  readonly onFailure: (error: unknown) => void;
}

export class ReplyStream implements RunReader {
  readonly #options: ReplyStreamOptions;
  readonly #followed = new Set<string>();
  #reply: LiveReply | undefined;
  /** Bytes that may wait for the reader: the limit beside what stood when it came. */
  #queueLimit = 0;
  #hasChunks = false;
  /** What happens while the past is still being read; undefined when the reader is up to date. */
  #later: (() => void)[] | undefined;

  constructor(options: ReplyStreamOptions) {
    this.#options = options;
    options.stream.closed.addEventListener('abort', () => this.#reply?.readers.delete(this), { once: true });
  }

  /** Writes the reply of `run` from its start on. */
  follow(run: Run): void {
    const { live, stream } = this.#options;
    // Records of a foreign writer could make runs supersede one another in a circle.
    if (this.#followed.has(run.id)) return stream.cut();
    this.#followed.add(run.id);
    this.#write(startChunk(run));
    const reply = live.reply(run.id);
    if (reply === undefined) return this.#guard(this.#replay(run));
    for (const chunk of reply.chunks.chunks) this.#write(chunk);
    this.#noteChunks(reply.chunks.chunks.length);
    this.#join(reply);
  }

  /** Goes on with `run` for a reader that has seen everything up to `token`. */
  resume(run: Run, token: OffsetToken): void {
    this.#followed.add(run.id);
    this.#later = [];
    const reply = this.#options.live.reply(run.id);
    if (reply !== undefined) this.#join(reply);
    this.#guard(this.#catchUp(run, token, reply === undefined));
  }

  onChunks(event: LiveEvent): void {
    if (this.#later !== undefined) {
      this.#later.push(() => this.onChunks(event));
      return;
    }
    const { stream } = this.#options;
    stream.write(event.chunkBytes);
    this.#noteChunks(1);
    if (stream.queuedBytes > this.#queueLimit) stream.cut();
  }

  onEnded(run: Run, end: ReplyEnd, closing: readonly UiChunk[]): void {
    if (this.#later !== undefined) {
      this.#later.push(() => this.onEnded(run, end, closing));
      return;
    }
    this.#reply = undefined;
    for (const chunk of closing) this.#write(chunk);
    if (run.outcome === 'superseded') this.#followSibling(run.ended?.supersededBy ?? '');
    else this.#finish(terminalChunk(run, end), run.ended?.offset ?? run.requestedOffset);
  }

  async #replay(run: Run): Promise<void> {
    const { events, end, closing } = await this.#options.readRun(run);
    const chunks = compactChunks(events.flatMap((event) => event.chunks));
    for (const chunk of chunks) this.#write(chunk);
    this.onEnded(run, end, closing);
  }

  async #catchUp(run: Run, token: OffsetToken, hasEnded: boolean): Promise<void> {
    const { events, end, closing } = await this.#options.readRun(run);
    for (const event of events) {
      const { offset } = event.event.at;
      if (offset > token.position) this.#options.stream.write(event.chunkBytes);
      else if (offset === token.position) {
        for (const chunk of event.chunks.slice(token.subIndex + 1)) this.#write(chunk);
      }
    }
    const later = this.#later ?? [];
    this.#later = undefined;
    for (const action of later) action();
    if (hasEnded) this.onEnded(run, end, closing);
  }

  #join(reply: LiveReply): void {
    this.#queueLimit = this.#options.stream.queuedBytes + this.#options.queueBytesMax;
    this.#reply = reply;
    reply.readers.add(this);
  }

  #followSibling(runId: string): void {
    const { live, stream, clock, siblingWaitMs } = this.#options;
    let timer: Timer | undefined;
    const forget = live.whenRunKnown(runId, () => {
      timer?.cancel();
      const sibling = live.conversation.runs.get(runId);
      if (stream.isOpen && sibling !== undefined) this.follow(sibling);
    });
    if (live.conversation.runs.has(runId)) return;
    timer = clock.after(siblingWaitMs, () => {
      forget();
      this.#finish({ type: 'error', errorText: 'RUN_ABANDONED: the run that was to go on never began' }, undefined);
    });
    const stop = (): void => {
      timer?.cancel();
      forget();
    };
    stream.closed.addEventListener('abort', stop, { once: true });
  }

  #finish(terminal: UiChunk | undefined, offset: string | undefined): void {
    const { stream, generation } = this.#options;
    if (terminal !== undefined) {
      const id = offset === undefined ? {} : { id: formatToken(generation, BigInt(offset)) };
      stream.write(encodeSse({ ...id, data: JSON.stringify(terminal) }));
    }
    stream.write(done);
    stream.end();
  }

  #write(chunk: UiChunk): void {
    this.#options.stream.write(encodeSse({ data: JSON.stringify(chunk) }));
  }

  #noteChunks(count: number): void {
    if (this.#hasChunks || count === 0) return;
    this.#hasChunks = true;
    this.#options.onFirstChunk();
  }

  /** A reply that cannot be read to its end is cut, never ended. */
  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#options.onFailure(error);
      this.#options.stream.cut();
    });
  }
}
