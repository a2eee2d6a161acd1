// The UI message stream of a reply: what stands, compacted, then what comes, then a terminal chunk and `[DONE]`.
//
//   data: {"type":"start","messageId":"…"}
//   data: …                          the run's chunks that count (reduceRun), nothing else
//   id: <token>                      with live chunks, so that a plain EventSource can go on with Last-Event-ID
//   data: {"type":"finish"}          or abort, or error: exactly how the run ended
//   data: [DONE]
//
// A superseded reply goes on with the run that took over, beginning with its own `start`. The AI SDK's reader begins a new
// message there when it resumes; in the response of a POST it would go on in the old one, so that `reset-step` has to follow,
// which makes it drop what the step under way has. Of a reply with more steps it would keep the earlier ones: such a stream
// is cut, and resumed begins with the run that took over. A reader that is gone changes nothing for the run. A reader that is too slow for the live feed leaves it until it has taken what waits, then gets what
// it missed from the log, compacted: however slow it is, no more waits for it than its queue.
import { replyOf, type Clock, type Run, type Timer, type UiChunk } from '@throughline/event';
import { encodeSse, type EventStream } from '../http/sse.ts';
import type { Ending, LiveConversation, LiveReply, RunReader } from '../live/live-conversation.ts';
import type { LiveEvent } from '../live/live-event.ts';
import { compactChunks } from '../reply/compact-chunks.ts';
import { startChunk, terminalChunk } from '../reply/reply-chunk.ts';
import { formatToken, type OffsetToken } from '../stream-index/offset-token.ts';
import { beginOf, type RunPosition } from './read-run.ts';

/** What the AI SDK's own server sends beside the headers of server-sent events. */
export const uiStreamHeaders = { 'x-vercel-ai-ui-message-stream': 'v1' };

const done = encodeSse({ data: '[DONE]' });

export interface ReplyStreamOptions {
  readonly live: LiveConversation;
  readonly stream: EventStream;
  readonly generation: string;
  /** Reads what is on the log of a run after a position. */
  readonly readRun: (runId: string, position: RunPosition) => Promise<LiveEvent[]>;
  /** Whether the reader resumes, and takes a `start` with another id for a new message. */
  readonly isResumed: boolean;
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
  #hasChunks = false;
  /** What happens while the past is still being read; undefined when the reader is up to date. */
  #later: (() => void)[] | undefined;

  constructor(options: ReplyStreamOptions) {
    this.#options = options;
    options.stream.closed.addEventListener('abort', () => this.#leave(), { once: true });
  }

  /** Writes the reply of `run` from its start on. */
  follow(run: Run): void {
    const { live, stream } = this.#options;
    // Records of a foreign writer could make runs supersede one another in a circle.
    if (this.#followed.has(run.id)) return stream.cut();
    this.#followed.add(run.id);
    this.#write(startChunk(run));
    if (!this.#options.isResumed && this.#followed.size > 1) this.#write({ type: 'reset-step' });
    const reply = live.reply(run.id);
    if (reply === undefined) return this.#guard(this.#catchUp(run, beginOf(run)));
    this.#writeCompacted(reply.chunks.chunks, reply.last);
    this.#join(reply);
  }

  /** Goes on with `run` for a reader that has seen everything up to `token`. */
  resume(run: Run, token: OffsetToken): void {
    this.#followed.add(run.id);
    this.#guard(this.#catchUp(run, beginOf(run), token));
  }

  onChunks(event: LiveEvent): void {
    if (this.#later !== undefined) {
      this.#later.push(() => this.onChunks(event));
      return;
    }
    const { stream } = this.#options;
    stream.write(event.chunkBytes);
    this.#noteChunks(1);
    if (!stream.isFull || this.#reply === undefined) return;
    // The run stands in the very state that this event left.
    const { run } = this.#reply;
    const position: RunPosition = { offset: event.event.at.offset, run: structuredClone(run) };
    this.#leave();
    this.#guard(stream.drained().then(() => (stream.isOpen ? this.#catchUp(run, position) : undefined)));
  }

  onEnded(run: Run, ending: Ending): void {
    if (this.#later !== undefined) {
      this.#later.push(() => this.onEnded(run, ending));
      return;
    }
    this.#reply = undefined;
    for (const chunk of ending.closing) this.#write(chunk);
    if (run.outcome === 'superseded') this.#leaveFor(run, run.ended?.supersededBy ?? '');
    else this.#finish(terminalChunk(run, ending.end), run.ended?.offset ?? run.requestedOffset);
  }

  /** Writes from the log what came after `position`, but nothing up to `token`; then goes on live, or ends. */
  async #catchUp(run: Run, position: RunPosition, token?: OffsetToken): Promise<void> {
    const { live, readRun } = this.#options;
    this.#later = [];
    const reply = live.reply(run.id);
    if (reply !== undefined) this.#join(reply);
    const events = await readRun(run.id, position);
    this.#writeCompacted(
      events.flatMap((event) => chunksAfter(event, token)),
      events.at(-1),
    );
    const later = this.#later;
    this.#later = undefined;
    for (const action of later) action();
    const ending = live.ending(run.id);
    // A run that was over before has told nobody; one that ended meanwhile is among what came later.
    if (reply === undefined && ending !== undefined) this.onEnded(run, ending);
  }

  #join(reply: LiveReply): void {
    this.#reply = reply;
    reply.readers.add(this);
  }

  #leave(): void {
    this.#reply?.readers.delete(this);
    this.#reply = undefined;
  }

  #leaveFor(run: Run, siblingId: string): void {
    const { live, stream, isResumed } = this.#options;
    const parts = replyOf(live.conversation, run)?.parts ?? [];
    const isOneStep = parts.findLastIndex(({ type }) => type === 'step-start') <= 0;
    if (isResumed || isOneStep) this.#followSibling(siblingId);
    else stream.cut();
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
      this.#write(terminal, offset === undefined ? undefined : formatToken(generation, BigInt(offset)));
    }
    stream.write(done);
    stream.end();
  }

  /** Writes what stands in few chunks, the last with the token to go on from. */
  #writeCompacted(chunks: readonly UiChunk[], last: LiveEvent | undefined): void {
    const compacted = compactChunks(chunks);
    for (const [index, chunk] of compacted.entries()) {
      this.#write(chunk, index === compacted.length - 1 ? last?.lastToken : undefined);
    }
    this.#noteChunks(compacted.length);
  }

  #write(chunk: UiChunk, id?: string): void {
    this.#options.stream.write(encodeSse({ ...(id === undefined ? {} : { id }), data: JSON.stringify(chunk) }));
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

/** The chunks of an event that a reader at `token` has not seen. */
function chunksAfter(event: LiveEvent, token: OffsetToken | undefined): readonly UiChunk[] {
  const { offset } = event.event.at;
  if (token === undefined || offset > token.position) return event.chunks;
  return offset < token.position ? [] : event.chunks.slice(token.subIndex + 1);
}
