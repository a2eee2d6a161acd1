// Keeps a conversation connected to the log: a snapshot, then the events after it, for as long as somebody wants them.
//
//   idle ──open──► connecting ──snapshot, events──► live ──cut──► reconnecting ──wait, try──► connecting …
//                     │ unknown conversation: idle, until something is sent         │ no network: offline
//                     └ deleted for good: gone
//
// It reconnects from the last token it was given, so nothing is missed; and since the fold drops what it has seen, nothing
// counts twice. When the server cannot go on from a token (another incarnation of the log), it starts from a new snapshot.
import { eventFromJson, ThroughlineError, type PlacedEvent, type Timer } from '@throughline/event';
import { backoffMs } from './backoff.ts';
import type { ClientEnvironment } from './client-environment.ts';
import { readSse, type SseEvent } from './sse-reader.ts';
import type { ConnectionState, ConnectionView } from './views.ts';

export interface ConnectionHandlers {
  /** The conversation up to now; everything before is replaced. Undefined: the server has none of that id. */
  onSnapshot(snapshot: unknown): void;
  onEvent(event: PlacedEvent): void;
  /** All that was there when the connection began has been passed on. */
  onCaughtUp(): void;
  /** A row of the conversation list has changed. */
  onSummary(summary: unknown): void;
  onState(view: ConnectionView): void;
}

export class Connection {
  readonly #conversationId: string;
  readonly #environment: ClientEnvironment;
  readonly #handlers: ConnectionHandlers;
  #view: ConnectionView;
  /** The open loop; aborted when nobody wants it any more. */
  #loop: AbortController | undefined;
  /** The present try; aborted to begin another. */
  #try: AbortController | undefined;
  #wake: (() => void) | undefined;
  /** Somebody asked to connect since the present try began: its failure is followed by another at once. */
  #isAskedAgain = false;
  #token: string | undefined;
  /** The server has had it once. */
  #isKnown = false;

  constructor(conversationId: string, environment: ClientEnvironment, handlers: ConnectionHandlers) {
    this.#conversationId = conversationId;
    this.#environment = environment;
    this.#handlers = handlers;
    this.#view = this.#viewOf('idle', 0);
  }

  get view(): ConnectionView {
    return this.#view;
  }

  /** Connects, or tries again at once where it waits. */
  open(): void {
    if (this.#loop !== undefined) {
      // A try under way may be about to learn that there is nothing: what made somebody ask came after that.
      this.#isAskedAgain = true;
      this.#wake?.();
      return;
    }
    const loop = new AbortController();
    this.#loop = loop;
    const stopListening = this.#environment.page.onChange(() => this.#pageChanged());
    void this.#run(loop.signal).finally(stopListening);
  }

  close(): void {
    this.#loop?.abort();
    this.#try?.abort();
    this.#wake?.();
    this.#loop = undefined;
    if (this.#view.state !== 'gone') this.#show(this.#viewOf('idle', 0));
  }

  /** Cuts the connection as a bad network would; it comes back by itself. */
  cut(): void {
    this.#try?.abort(new ThroughlineError('SERVER_UNREACHABLE', 'the connection was cut on purpose'));
  }

  /** Begins again from a new snapshot, because something is missing. */
  resync(): void {
    this.#token = undefined;
    this.#try?.abort(new ThroughlineError('OFFSET_OUT_OF_RANGE', 'events are missing; reading a new snapshot'));
  }

  async #run(signal: AbortSignal): Promise<void> {
    let tries = 0;
    while (!signal.aborted) {
      const attempt = new AbortController();
      this.#try = attempt;
      this.#isAskedAgain = false;
      if (tries === 0) this.#show(this.#viewOf('connecting', 0));
      try {
        if (!(await this.#follow(attempt.signal, () => (tries = 0)))) {
          this.#show(this.#viewOf('idle', 0));
          await this.#sleep(undefined);
          continue;
        }
        throw new ThroughlineError('SERVER_UNREACHABLE', 'the server ended the connection');
      } catch (thrown) {
        if (signal.aborted) return;
        const error = ThroughlineError.from(attempt.signal.aborted ? attempt.signal.reason : thrown);
        this.#environment.logger.info({ code: error.code, tries, message: error.message }, 'connection cut');
        if (ThroughlineError.is(error, 'UNKNOWN_CONVERSATION')) {
          this.#loop = undefined;
          this.#show(this.#viewOf('gone', tries, error));
          return;
        }
        // The server cannot go on from there: the next try begins with a snapshot.
        if (ThroughlineError.is(error, 'OFFSET_OUT_OF_RANGE') || ThroughlineError.is(error, 'INVALID_ARGUMENT'))
          this.#token = undefined;
        await this.#pause(++tries, error);
      } finally {
        attempt.abort();
      }
    }
  }

  /** Reads until the stream ends; false when there is no such conversation yet. */
  async #follow(signal: AbortSignal, onLive: () => void): Promise<boolean> {
    const { http, settings } = this.#environment;
    const path = `/v1/conversations/${encodeURIComponent(this.#conversationId)}`;
    if (this.#token === undefined) {
      const answer = await this.#snapshot(path, signal);
      this.#handlers.onSnapshot(answer?.conversation);
      if (answer === undefined) return false;
      this.#token = answer.offset;
    }
    const body = await http.stream(`${path}/events?offset=${encodeURIComponent(this.#token)}`, signal);
    const silence = this.#silenceWatch();
    try {
      const options = { eventCharactersMax: settings.sseEventCharactersMax, onBytes: silence.reset };
      for await (const events of readSse(body, options)) {
        signal.throwIfAborted();
        for (const event of events) this.#take(event, onLive);
      }
    } finally {
      silence.stop();
    }
    return true;
  }

  async #snapshot(path: string, signal: AbortSignal): Promise<{ conversation: unknown; offset: string } | undefined> {
    let answer: unknown;
    try {
      answer = await this.#environment.http.get(path, signal);
    } catch (error) {
      // Nobody has written to it yet: that is what a new conversation is. One that was there before is gone.
      if (ThroughlineError.is(error, 'UNKNOWN_CONVERSATION') && !this.#isKnown) return undefined;
      throw error;
    }
    const { conversation, offset } = (answer ?? {}) as { conversation?: unknown; offset?: unknown };
    if (typeof offset !== 'string') throw new ThroughlineError('SERVER_UNREACHABLE', 'the answer is no snapshot');
    this.#isKnown = true;
    return { conversation, offset };
  }

  #take({ event, data, id }: SseEvent, onLive: () => void): void {
    const { logger } = this.#environment;
    switch (event) {
      case 'event':
        try {
          this.#handlers.onEvent(eventFromJson(JSON.parse(data)));
        } catch (error) {
          // As every fold does: what is no event is skipped, and the stream goes on.
          logger.warn({ id, code: ThroughlineError.from(error).code }, 'an event was skipped');
        }
        break;
      case 'summary':
        try {
          this.#handlers.onSummary(JSON.parse(data));
        } catch (error) {
          logger.warn({ code: ThroughlineError.from(error).code }, 'a summary was skipped');
        }
        break;
      case 'caught-up':
        onLive();
        this.#show(this.#viewOf('live', 0));
        this.#handlers.onCaughtUp();
        break;
    }
    if (id !== undefined) this.#token = id;
  }

  #silenceWatch(): { reset: () => void; stop: () => void } {
    const { clock, settings } = this.#environment;
    const attempt = this.#try;
    let lastMs = clock.monotonicMs();
    let timer: Timer;
    // One timer that looks when it fires is cheaper than a new one for every piece that arrives.
    const watch = (delayMs: number): void => {
      timer = clock.after(delayMs, () => {
        const silentMs = clock.monotonicMs() - lastMs;
        if (silentMs < settings.silenceMs) return watch(settings.silenceMs - silentMs);
        attempt?.abort(new ThroughlineError('SERVER_UNREACHABLE', `nothing was heard for ${Math.round(silentMs)} ms`));
      });
    };
    watch(settings.silenceMs);
    return { reset: () => (lastMs = clock.monotonicMs()), stop: () => timer.cancel() };
  }

  async #pause(tries: number, error: ThroughlineError): Promise<void> {
    const { clock, random, settings, page } = this.#environment;
    const waitMs = backoffMs(random, tries, settings.retryBaseMs, settings.retryMaxMs);
    const state = page.isOnline() ? 'reconnecting' : 'offline';
    this.#show({ ...this.#viewOf(state, tries, error), nextTryMs: clock.nowMs() + waitMs });
    await this.#sleep(waitMs);
  }

  /** Waits that long, or for ever; `open`, `close` and a network that comes back end it. */
  #sleep(waitMs: number | undefined): Promise<void> {
    if (this.#isAskedAgain) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = waitMs === undefined ? undefined : this.#environment.clock.after(waitMs, () => this.#wake?.());
      this.#wake = () => {
        timer?.cancel();
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #pageChanged(): void {
    const { page } = this.#environment;
    // A browser without a network still reaches a server on its own machine: being offline cuts nothing by itself.
    if (!page.isOnline() || page.isHidden()) return;
    if (this.#view.state === 'offline' || this.#view.state === 'reconnecting') this.#wake?.();
  }

  #viewOf(state: ConnectionState, tries: number, error?: ThroughlineError): ConnectionView {
    return { state, sinceMs: this.#environment.clock.nowMs(), nextTryMs: undefined, tries, error: error?.toJSON() };
  }

  #show(view: ConnectionView): void {
    if (view.state === this.#view.state && view.tries === this.#view.tries && view.nextTryMs === this.#view.nextTryMs)
      return;
    this.#view = view;
    this.#handlers.onState(view);
  }
}
