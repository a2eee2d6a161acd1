// Server-sent events (WHATWG HTML §9.2): how an event becomes bytes, and a response that such bytes are written to.
//
// Bytes are encoded once and shared by all readers; a stream holds references, so what waits for twenty slow readers
// is held once. A stream that is ended says that all is said. One that is cut destroys its socket: an unmodified AI SDK
// client takes a clean end without a terminal chunk for success, so a reply that is not over must never end cleanly.
import type { ServerResponse } from 'node:http';
import { utf8, type Clock, type Timer } from '@throughline/event';

/** What @hono/node-server hands in beside the request; absent when `fetch` is called without a socket. */
export interface NodeBindings {
  readonly outgoing?: ServerResponse;
}

/** The bytes of one event. `data` must have no line break, which JSON text never has. */
export function encodeSse(event: { readonly id?: string; readonly event?: string; readonly data: string }): Uint8Array {
  const id = event.id === undefined ? '' : `id: ${event.id}\n`;
  const name = event.event === undefined ? '' : `event: ${event.event}\n`;
  return utf8(`${id}${name}data: ${event.data}\n\n`);
}

const heartbeat = utf8(': keep-alive\n\n');
const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // nginx buffers a response otherwise, and a reader would see nothing until the end.
  'x-accel-buffering': 'no',
};

/** A response of server-sent events that is still open. */
export class EventStream {
  readonly response: Response;
  /** Aborts when the stream is over, for whatever reason. */
  readonly closed: AbortSignal;
  readonly #closing = new AbortController();
  readonly #outgoing: ServerResponse | undefined;
  readonly #queueBytesMax: number;
  readonly #drainWaiters = new Set<() => void>();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #wroteSinceBeat = false;

  /** @param options.queueBytesMax bytes that may wait for the reader before `isFull` */
  constructor(
    env: NodeBindings | undefined,
    options: { readonly queueBytesMax: number; readonly headers?: Readonly<Record<string, string>> },
  ) {
    this.#outgoing = env?.outgoing;
    this.closed = this.#closing.signal;
    this.#queueBytesMax = options.queueBytesMax;
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#wake(),
        cancel: () => this.#close(),
      },
      { highWaterMark: options.queueBytesMax, size: (chunk) => chunk.byteLength },
    );
    this.response = new Response(body, {
      headers: {
        ...headers,
        ...options.headers,
        // The Node adapter would otherwise wait some turns for a short body before it sends the headers.
        ...(this.#outgoing === undefined ? {} : { 'transfer-encoding': 'chunked' }),
      },
    });
  }

  get isOpen(): boolean {
    return !this.closed.aborted;
  }

  /** The reader is slow: more waits for it than `queueBytesMax`. What is written nevertheless is kept. */
  get isFull(): boolean {
    return (this.#controller.desiredSize ?? 0) <= 0;
  }

  /** Bytes that wait for the reader. */
  get queuedBytes(): number {
    return this.#queueBytesMax - (this.#controller.desiredSize ?? 0);
  }

  write(bytes: Uint8Array): void {
    if (!this.isOpen) return;
    this.#wroteSinceBeat = true;
    this.#controller.enqueue(bytes);
  }

  /** Writes a comment when nothing was written since the last call. */
  beat(): void {
    if (!this.#wroteSinceBeat && this.isOpen && !this.isFull) this.#controller.enqueue(heartbeat);
    this.#wroteSinceBeat = false;
  }

  /** Resolves when the stream is not full; one that was, when its reader has taken half, or when it is closed. */
  async drained(): Promise<void> {
    if (!this.isFull) return;
    while (this.isOpen && this.queuedBytes > this.#queueBytesMax / 2) {
      await new Promise<void>((resolve) => {
        this.#drainWaiters.add(resolve);
      });
    }
  }

  /** Ends the response cleanly, after what was written. */
  end(): void {
    if (!this.isOpen) return;
    this.#controller.close();
    this.#close();
  }

  /** Ends the response so that the reader cannot take it for complete. */
  cut(): void {
    if (!this.isOpen) return;
    if (this.#outgoing === undefined) this.#controller.error(new TypeError('terminated'));
    // The adapter cancels the body when its socket closes.
    else this.#outgoing.destroy();
    this.#close();
  }

  #close(): void {
    // A reason of its own, for the default one is an error with a stack, which costs more than all else here.
    this.#closing.abort('closed');
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#drainWaiters) wake();
    this.#drainWaiters.clear();
  }
}

/** The open streams of a gateway: one timer keeps them all alive, and one call cuts them. */
export class OpenStreams {
  readonly #streams = new Set<EventStream>();
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  #timer: Timer | undefined;
  #otherCount = 0;

  constructor(clock: Clock, heartbeatMs: number) {
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
  }

  get count(): number {
    return this.#streams.size + this.#otherCount;
  }

  /** Counts a response of another kind until it is over, for it may take as long. */
  hold(outgoing: ServerResponse | undefined): void {
    if (outgoing === undefined) return;
    this.#otherCount++;
    outgoing.once('close', () => this.#otherCount--);
  }

  add(stream: EventStream): void {
    this.#streams.add(stream);
    this.#arm();
    stream.closed.addEventListener('abort', () => this.#streams.delete(stream), { once: true });
  }

  cutAll(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const stream of this.#streams) stream.cut();
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(this.#heartbeatMs, () => {
      this.#timer = undefined;
      for (const stream of this.#streams) stream.beat();
      if (this.#streams.size > 0) this.#arm();
    });
  }
}
