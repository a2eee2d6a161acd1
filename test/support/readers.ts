// The two kinds of reader that the fault tests attach to a running answer. Each keeps what it has shown and fails at once
// when shown text changes: a reader only ever sees text grow. It connects again until its server is disposed.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { emptyConversation, eventFromJson, reduceConversation, type Run } from '@throughline/event';
import { sseEvents, uiChunks } from './chat.ts';
import type { TestServer } from './server.ts';

/** How long to wait before connecting again to a server that is down. */
const reconnectMs = 25;

/** Follows a conversation's own event stream, from where it was cut, as the page does. */
export class EventReader {
  readonly conversation: ReturnType<typeof emptyConversation>;
  readonly #url: string;
  readonly #stop = new AbortController();
  readonly #ended: AbortSignal;
  #lastId = '';
  #shown = new Map<string, string>();
  #onChange: (() => void) | undefined;
  readonly done: Promise<void>;

  constructor(server: TestServer, conversationId: string) {
    this.#url = `${server.url}/v1/conversations/${conversationId}/events`;
    this.conversation = emptyConversation(conversationId);
    this.#ended = AbortSignal.any([server.disposed, this.#stop.signal]);
    this.done = this.#follow();
  }

  /** The run that answers, once it is known. */
  get run(): Run | undefined {
    return [...this.conversation.runs.values()].at(-1);
  }

  /** The text of the reply of `run`. */
  textOf(run: Run): string {
    return this.#shown.get(run.replyId) ?? '';
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Resolves at the first event after which `condition` holds, or when all runs have ended. */
  async until(condition: () => boolean): Promise<void> {
    const held = new Promise<void>((resolve) => {
      this.#onChange = () => condition() && resolve();
    });
    await Promise.race([held, this.done]);
  }

  /** Ends when every run has ended, when it is stopped, or with its server. */
  async #follow(): Promise<void> {
    while (!this.#ended.aborted) {
      try {
        const headers: Record<string, string> = this.#lastId === '' ? {} : { 'last-event-id': this.#lastId };
        const response = await fetch(this.#url, { headers, signal: this.#ended });
        if (response.ok && (await this.#read(response))) return;
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        // The server is down or was cut: that is what the test does to it.
      }
      await pause(reconnectMs);
    }
  }

  async #read(response: Response): Promise<boolean> {
    for await (const { id, event, data } of sseEvents(response)) {
      if (id !== '') this.#lastId = id;
      if (event !== 'event') continue;
      const change = reduceConversation(this.conversation, eventFromJson(JSON.parse(data)));
      if (change.messageId !== undefined) this.#show(change.messageId);
      this.#onChange?.();
      const { runs, liveRunIds } = this.conversation;
      if (runs.size > 0 && liveRunIds.size === 0) return true;
    }
    return false;
  }

  #show(messageId: string): void {
    const message = this.conversation.messages.get(messageId);
    if (message === undefined || message.role !== 'assistant') return;
    const text = message.parts.map((part) => (part.type === 'text' ? String(part['text']) : '')).join('');
    const before = this.#shown.get(messageId) ?? '';
    assert.ok(
      text.startsWith(before),
      `shown text was changed: ${JSON.stringify(before)} became ${JSON.stringify(text)}`,
    );
    this.#shown.set(messageId, text);
  }
}

/**
 * Reads an AI SDK stream to its end, resuming as `useChat` does whenever it is cut; returns the text of the reply. Throws
 * when the server is disposed before that.
 */
export async function readChat(server: TestServer, conversationId: string, first: Promise<Response>): Promise<string> {
  const { disposed, url } = server;
  let shown = '';
  let response: Response | undefined = await first.catch(() => undefined);
  for (;;) {
    try {
      if (response?.status === 204) return shown;
      if (response?.ok === true) {
        let text = '';
        for await (const chunk of uiChunks(response)) {
          // A replay begins with `start` and repeats what is shown; only its length may grow.
          if (chunk.type === 'start') text = '';
          if (chunk.type !== 'text-delta') continue;
          text += chunk.delta ?? '';
          const overlap = Math.min(text.length, shown.length);
          assert.equal(text.slice(0, overlap), shown.slice(0, overlap), 'a replay contradicts what was shown');
          if (text.length > shown.length) shown = text;
        }
        return shown;
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      // Cut: resume.
    }
    disposed.throwIfAborted();
    await pause(reconnectMs);
    response = await fetch(`${url}/api/chat/${conversationId}/stream`).catch(() => undefined);
  }
}
