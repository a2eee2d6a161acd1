// One connection: frames come in, requests are handled, answers go out in the order of the requests.
//
// As in Apache Kafka a request begins when those before it are answered, so that a client sees its own effects in order; only
// requests that say so (Produce) begin while others of their kind wait for the disk. Whoever does not read its answers is
// not read either: no request begins while more than a little is unsent.
import { readRequestStart } from '@throughline/wire';
import { dispatch, isRefusal, type Answer, type Dispatched, type Peer } from './dispatch.ts';
import { FrameReader } from './frame-reader.ts';
import type { Refusal } from './refusals.ts';
import type { KafkaServerContext } from './server-context.ts';
import type { TransportConnection } from './transport.ts';

/** A request whose answer has not gone out. */
interface Slot {
  readonly isPipelined: boolean;
  readonly frameBytes: number;
  answer: Answer | Refusal | undefined;
}

/** A request header up to its correlation id. */
const frameBytesMin = 8;

export class Connection {
  readonly #transport: TransportConnection;
  readonly #context: KafkaServerContext;
  readonly #frames = new FrameReader();
  readonly #abort = new AbortController();
  readonly #peer: Peer;
  /** In the order of the requests. */
  readonly #slots: Slot[] = [];
  /** Read, and not begun: those before it are not answered. */
  #next: { readonly dispatched: Dispatched; readonly frameBytes: number } | undefined;
  #isPaused = false;
  #isPumping = false;
  /** The other side sends no more. */
  #isEnded = false;
  /** No more requests are taken: this side closes when the answers are out. */
  #isClosing = false;
  #isClosed = false;

  constructor(
    transport: TransportConnection,
    context: KafkaServerContext,
    { nodeId, connectionId }: { readonly nodeId: number; readonly connectionId: number },
  ) {
    this.#transport = transport;
    this.#context = context;
    this.#peer = { nodeId, connectionId, clientHost: `/${transport.remoteAddress}`, signal: this.#abort.signal };
    transport.listen({
      onData: (chunk) => this.#receive(chunk),
      onDrain: () => this.#pump(),
      onEnd: () => this.#end(),
      onClose: () => this.#close(),
    });
  }

  /** Takes no more requests; closes when those under way are answered. */
  close(): void {
    this.#isClosing = true;
    this.#abort.abort();
    this.#next = undefined;
    this.#pump();
  }

  /** Closes at once. */
  destroy(): void {
    this.#transport.destroy();
  }

  #receive(chunk: Uint8Array): void {
    this.#context.counters.receivedBytes += chunk.length;
    if (this.#isClosing) return;
    this.#frames.push(chunk);
    this.#pump();
  }

  #end(): void {
    this.#isEnded = true;
    // Whoever waits for something to come (Fetch, JoinGroup) waits for nobody.
    this.#abort.abort();
    this.#pump();
  }

  #close(): void {
    this.#isClosed = true;
    this.#isClosing = true;
    this.#next = undefined;
    this.#abort.abort();
    this.#context.onClosed(this);
  }

  /** Sends what is answered, begins what may begin, and closes when it is time. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#send() || this.#begin());
    } finally {
      this.#isPumping = false;
    }
    if (this.#isClosed) return;
    const isDone = this.#slots.length === 0 && this.#next === undefined;
    if (isDone && (this.#isClosing || this.#isEnded)) return this.#transport.end();
    this.#setPaused(this.#frames.pendingBytes >= this.#context.limits.pendingBytesMax);
  }

  /** Sends the answers whose turn it is. */
  #send(): boolean {
    const first = this.#slots[0];
    const answer = first?.answer;
    if (first === undefined || answer === undefined) return false;
    this.#slots.shift();
    if (isRefusal(answer)) {
      this.#refuse(answer);
      return true;
    }
    if (this.#isClosed || answer.length === 0) return true;
    for (const chunk of answer) this.#context.counters.sentBytes += chunk.length;
    this.#transport.write(answer);
    return true;
  }

  /** Begins the next request if its turn has come. */
  #begin(): boolean {
    if (this.#isClosing || this.#transport.unsentBytes > this.#context.limits.unsentBytesMax) return false;
    this.#next ??= this.#pull();
    const next = this.#next;
    if (next === undefined) return false;
    const { dispatched, frameBytes } = next;
    const { isPipelined } = dispatched;
    const isNow = isPipelined
      ? this.#slots.length < this.#context.limits.pipelinedRequestCountMax &&
        this.#slots.every((slot) => slot.isPipelined)
      : this.#slots.length === 0;
    if (!isNow) return false;
    this.#next = undefined;
    const slot: Slot = { isPipelined, frameBytes, answer: undefined };
    this.#slots.push(slot);
    const answer = dispatched.begin();
    if (answer instanceof Promise) {
      void answer.then((later) => {
        slot.answer = later;
        this.#pump();
      });
    } else {
      slot.answer = answer;
    }
    return true;
  }

  /** The next request, as soon as it is there. */
  #pull(): { readonly dispatched: Dispatched; readonly frameBytes: number } | undefined {
    const sizeBytes = this.#frames.nextSizeBytes();
    if (sizeBytes === undefined) return undefined;
    if (sizeBytes < frameBytesMin || sizeBytes > this.#context.limits.requestBytesMax) {
      this.#refuseNext({
        reason: sizeBytes < frameBytesMin ? 'malformed-request' : 'oversize-request',
        message: 'closed a connection whose request has an impossible size',
        fields: { sizeBytes, requestBytesMax: this.#context.limits.requestBytesMax },
      });
      return undefined;
    }
    const frame = this.#frames.next();
    if (frame === undefined) return undefined;
    const dispatched = dispatch(frame, this.#peer, this.#context.services, this.#context.counters);
    if ('reason' in dispatched) {
      this.#refuseNext({ ...dispatched, fields: { ...dispatched.fields, ...readRequestStart(frame) } });
      return undefined;
    }
    return { dispatched, frameBytes: frame.length };
  }

  /** Refuses what came last, after the answers to what came before. */
  #refuseNext(refusal: Refusal): void {
    this.#slots.push({ isPipelined: false, frameBytes: 0, answer: refusal });
    this.#isClosing = true;
  }

  #refuse(refusal: Refusal): void {
    this.#isClosing = true;
    const { remoteAddress, remotePort } = this.#transport;
    this.#context.refusals.note(refusal, { client: `${remoteAddress}:${remotePort}` });
  }

  #setPaused(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#transport.pause();
    else this.#transport.resume();
  }
}
