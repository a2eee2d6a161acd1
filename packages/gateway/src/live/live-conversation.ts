// One conversation in memory, kept up to date by the live tail: its folded state, the compacted chunks of the replies that
// are being written, and who reads them. All of it changes in one turn per event, so a reader that joins between two
// events gets a replay and the live chunks after it with nothing lost and nothing twice.
import {
  Turns,
  emptyConversation,
  reduceConversation,
  replyOf,
  type Conversation,
  type Run,
  type UiChunk,
} from '@throughline/event';
import { ChunkCompactor } from '../reply/compact-chunks.ts';
import { endAfter, endChunks, type ReplyEnd } from '../reply/reply-chunk.ts';
import type { LiveEvent } from './live-event.ts';

/** Somebody who follows one run. */
export interface RunReader {
  /** More of the reply. */
  onChunks(event: LiveEvent): void;
  /** The run is over. */
  onEnded(run: Run, ending: Ending): void;
}

/** How the chunks of a run ended. */
export interface Ending {
  /** What its own chunks ended with. */
  readonly end: ReplyEnd;
  /** The ends of what it left open. */
  readonly closing: readonly UiChunk[];
}

/** A reply that is being written. */
export interface LiveReply {
  readonly run: Run;
  readonly chunks: ChunkCompactor;
  readonly readers: Set<RunReader>;
  end: ReplyEnd;
  /** The last event that added to it. */
  last: LiveEvent | undefined;
}

export class LiveConversation {
  readonly conversation: Conversation;
  /** Bytes of the records that it was folded from. */
  bytes = 0;
  /** Work under way that needs it to stay in memory. */
  pinCount = 0;
  readonly #replies = new Map<string, LiveReply>();
  readonly #endings = new Map<string, Ending>();
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  readonly #runWaiters = new Map<string, Set<() => void>>();
  readonly #exclusive = new Turns();

  constructor(conversationId: string) {
    this.conversation = emptyConversation(conversationId);
  }

  /** Whether the log has anything of it. */
  get exists(): boolean {
    return this.conversation.lastOffset >= 0n;
  }

  get isInUse(): boolean {
    if (this.pinCount > 0 || this.#listeners.size > 0 || this.#runWaiters.size > 0) return true;
    for (const reply of this.#replies.values()) if (reply.readers.size > 0) return true;
    return false;
  }

  /** The reply of a run that has not ended. */
  reply(runId: string): LiveReply | undefined {
    return this.#replies.get(runId);
  }

  /** How a run ended that is over. */
  ending(runId: string): Ending | undefined {
    return this.#endings.get(runId);
  }

  /** The newest run that has not ended. */
  newestLiveRun(): Run | undefined {
    let newest: Run | undefined;
    for (const { run } of this.#replies.values()) newest = run;
    return newest;
  }

  /** Keeps it in memory until `until` aborts. */
  pin(until: AbortSignal): void {
    if (until.aborted) return;
    this.pinCount++;
    until.addEventListener('abort', () => this.pinCount--, { once: true });
  }

  /** Calls `listener` with every event from now on; the result stops it. */
  listen(listener: (event: LiveEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls `action` once, when the run of that id is known. */
  whenRunKnown(runId: string, action: () => void): () => void {
    if (this.conversation.runs.has(runId)) {
      action();
      return () => {};
    }
    const waiters = this.#runWaiters.get(runId) ?? new Set();
    this.#runWaiters.set(runId, waiters.add(action));
    return () => {
      waiters.delete(action);
      if (waiters.size === 0) this.#runWaiters.delete(runId);
    };
  }

  /** Runs `work` after all earlier work of this kind: what looks at the state and then appends must not interleave. */
  exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#exclusive.run(work);
  }

  /** Applies the next event of the log. An event that was seen before changes nothing. */
  apply(live: LiveEvent): void {
    const { event } = live;
    const { conversation } = this;
    if (event.at.offset <= conversation.lastOffset) return;
    this.bytes += live.valueBytes;
    const closing = event.type === 'run-ended' ? this.#openEnds(event.run) : [];
    const { verdict, runId } = reduceConversation(conversation, event);
    if (verdict === 'counts' && runId !== undefined) this.#applyToRun(live, runId, closing);
    for (const listener of this.#listeners) listener(live);
  }

  #applyToRun(live: LiveEvent, runId: string, closing: readonly UiChunk[]): void {
    const run = this.conversation.runs.get(runId);
    if (run === undefined) return;
    if (live.event.type === 'run-requested') {
      this.#replies.set(runId, { run, chunks: new ChunkCompactor(), readers: new Set(), end: 'none', last: undefined });
      const waiters = this.#runWaiters.get(runId);
      this.#runWaiters.delete(runId);
      for (const wake of waiters ?? []) wake();
      return;
    }
    const reply = this.#replies.get(runId);
    if (reply === undefined) return;
    const { chunks } = live;
    for (const chunk of chunks) {
      reply.chunks.push(chunk);
      reply.end = endAfter(reply.end, chunk);
    }
    if (chunks.length > 0) {
      reply.last = live;
      for (const reader of reply.readers) reader.onChunks(live);
    }
    if (live.event.type !== 'run-ended') return;
    const ending = { end: reply.end, closing };
    this.#replies.delete(runId);
    this.#endings.set(runId, ending);
    for (const reader of reply.readers) reader.onEnded(run, ending);
    reply.readers.clear();
  }

  /** The ends of the texts that the run has open; asked before its end is applied, which closes them. */
  #openEnds(runId: string): UiChunk[] {
    const run = this.conversation.runs.get(runId);
    const message = run === undefined ? undefined : replyOf(this.conversation, run);
    return message === undefined ? [] : endChunks(message.openTexts.keys(), message.openReasonings.keys());
  }
}
