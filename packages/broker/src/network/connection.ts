// One connection: requests come in, are handled, and are answered in the order that they came.
//
// As in Apache Kafka a request begins when those before it are answered, so that a client sees its own effects in order; only
// requests that say so (Produce) begin while others of their kind wait for the disk. Whoever does not read its answers is
// not read either: no request begins while more than a little is unsent, and what cannot begin soon fills the network.
//
// A connection that this side closes has its earlier requests answered before, and the reason is noted (rejections.ts).
import { reportDefect, unattended } from '@throughline/event';
import { ConnectionWatch } from './connection-watch.ts';
import type { Answer, Peer } from './dispatcher.ts';
import { IncomingRequests, type IncomingRequest } from './incoming-requests.ts';
import type { Rejection } from './rejections.ts';
import type { KafkaServerContext } from './server-context.ts';
import type { TransportConnection } from './transport.ts';
import type { UnsentHolder } from './unsent-answers.ts';

/** A request whose answer has not gone out. */
interface UnderWay {
  readonly isPipelined: boolean;
  readonly frameBytes: number;
  readonly sent: () => void;
  answer: Answer | undefined;
  /** Nobody will get its answer. */
  isDropped: boolean;
}

export interface ConnectionStart {
  readonly nodeId: number;
  /** Unique within the broker. */
  readonly connectionId: number;
  readonly nowMs: number;
  /** Called once, when the connection is gone. */
  readonly onClosed: () => void;
}

export class Connection implements UnsentHolder {
  readonly #transport: TransportConnection;
  readonly #context: KafkaServerContext;
  readonly #onClosed: () => void;
  readonly #abort = new AbortController();
  readonly #incoming: IncomingRequests;
  readonly #watch: ConnectionWatch;
  /** In the order of the requests. */
  readonly #underWay: UnderWay[] = [];
  #underWayBytes = 0;
  /** It has come, and its turn has not. */
  #next: IncomingRequest | undefined;
  #receivedBytes = 0;
  #writtenBytes = 0;
  #isPaused = false;
  #isPumping = false;
  /** The other side sends no more. */
  #isEnded = false;
  /** No more requests are taken; it is closed as soon as the answers are out. */
  #isClosing = false;
  #isClosed = false;

  constructor(
    transport: TransportConnection,
    context: KafkaServerContext,
    { nodeId, connectionId, nowMs, onClosed }: ConnectionStart,
  ) {
    this.#transport = transport;
    this.#context = context;
    this.#onClosed = onClosed;
    this.#watch = new ConnectionWatch(nowMs);
    const peer: Peer = {
      nodeId,
      connectionId,
      clientHost: `/${transport.remoteAddress}`,
      signal: this.#abort.signal,
    };
    this.#incoming = new IncomingRequests(context, peer, () => this.#pump());
    transport.listen({
      onData: (chunk) => this.#guard(() => this.#receive(chunk)),
      onDrain: () => this.#pump(),
      onEnd: () => this.#guard(() => this.#end()),
      onClose: () => this.#guard(() => this.#closed()),
    });
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress;
  }

  /** Closes it if it has stood still for too long. */
  look(nowMs: number): void {
    const state = {
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#writtenBytes - this.#transport.unsentBytes,
      unsentBytes: this.#transport.unsentBytes,
      isWithinRequest: this.#incoming.isWithinRequest,
      isBusy: this.#underWay.length > 0 || this.#next !== undefined,
    };
    const rejection = this.#watch.look(nowMs, state, this.#context.limits);
    if (rejection === undefined) return;
    this.#note(rejection);
    this.#transport.destroy();
  }

  /** Takes no more requests; closes when those under way are answered. */
  close(): void {
    this.#stopTaking();
    this.#abort.abort();
    this.#pump();
  }

  /** Closes at once. */
  destroy(): void {
    this.#transport.destroy();
  }

  /** Closes it for the memory of what it does not read. */
  closeUnread(unsentBytes: number): void {
    this.#note({
      reason: 'unread-answers',
      message: 'closed a connection that did not read its answers while others needed the memory',
      fields: { unsentBytes },
    });
    this.#stopTaking();
    this.#transport.destroy();
  }

  #receive(chunk: Uint8Array): void {
    this.#receivedBytes += chunk.length;
    this.#context.counters.receivedBytes += chunk.length;
    if (this.#isClosing) return;
    this.#incoming.push(chunk);
    this.#pump();
  }

  /** The other side sends no more: what has come whole is answered still, and nobody waits for anything to happen. */
  #end(): void {
    this.#abort.abort();
    this.#isEnded = true;
    this.#pump();
  }

  #closed(): void {
    this.#isClosed = true;
    this.#stopTaking();
    this.#abort.abort();
    this.#onClosed();
  }

  #stopTaking(): void {
    this.#isClosing = true;
    if (this.#next !== undefined) this.#context.memory.give(this.#next.frameBytes);
    this.#next = undefined;
    this.#incoming.close();
  }

  /** Sends what is answered, begins what may begin, and closes when it is time. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#guard(() => {
      while (this.#send() || this.#begin());
      if (!this.#isClosed) this.#settle();
    });
    this.#isPumping = false;
  }

  /** Nobody waits for what a connection does: a defect of ours is reported, and ends this connection and no other. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      reportDefect(this.#context.logger, error, 'serving a connection');
      const message = 'closed a connection that met a defect';
      this.#reject({ reason: 'no-answer-possible', message, fields: { error } });
      this.#transport.destroy();
    }
  }

  #settle(): void {
    const { pendingBytesMax } = this.#context.limits;
    const isIdle = this.#underWay.length === 0 && this.#next === undefined;
    // What has come before the other side's end is answered, even when it must wait for room first.
    const isThrough = this.#isEnded && this.#mayBegin && !this.#incoming.isWaiting;
    if (isIdle && (this.#isClosing || isThrough)) {
      this.#stopTaking();
      this.#transport.end();
    }
    this.#pause(!this.#isClosing && this.#incoming.pendingBytes >= pendingBytesMax);
  }

  /** Sends the answer whose turn it is. */
  #send(): boolean {
    const first = this.#underWay[0];
    if (first?.answer === undefined) return false;
    this.#underWay.shift();
    if ('reason' in first.answer) {
      first.sent();
      this.#reject(first.answer);
    } else this.#write(first.answer, first.sent);
    return true;
  }

  #write(chunks: readonly Uint8Array[], sent?: () => void): void {
    if (this.#isClosed || chunks.length === 0) return sent?.();
    let bytes = 0;
    for (const chunk of chunks) bytes += chunk.length;
    this.#writtenBytes += bytes;
    this.#context.counters.sentBytes += bytes;
    this.#transport.write(chunks, () => {
      this.#context.unsent.remove(this, bytes);
      sent?.();
    });
    this.#context.unsent.add(this, bytes);
  }

  /** The other side reads its answers. */
  get #mayBegin(): boolean {
    return this.#transport.unsentBytes <= this.#context.limits.unsentBytesMax;
  }

  /** Begins the next request if its turn has come. */
  #begin(): boolean {
    if (this.#isClosing || !this.#mayBegin) return false;
    if (this.#next === undefined) {
      const next = this.#incoming.next();
      if (next === undefined) return false;
      if ('reason' in next) {
        // It is rejected when those before it are answered.
        this.#stopTaking();
        this.#underWay.push({ isPipelined: false, frameBytes: 0, answer: next, sent: () => {}, isDropped: false });
        return true;
      }
      this.#next = next;
    }
    const { dispatched, frameBytes } = this.#next;
    if (!this.#isTurnOf(dispatched.isPipelined)) return false;
    this.#next = undefined;
    const { isPipelined, sent } = dispatched;
    const request: UnderWay = { isPipelined, frameBytes, answer: undefined, sent, isDropped: false };
    this.#underWay.push(request);
    this.#underWayBytes += frameBytes;
    const { logger } = this.#context;
    const answer = dispatched.begin();
    if (!(answer instanceof Promise)) this.#answered(request, answer);
    else unattended(logger, 'answering a request', () => answer.then((later) => this.#answered(request, later)));
    return true;
  }

  #isTurnOf(isPipelined: boolean): boolean {
    const last = this.#underWay.at(-1);
    if (last === undefined) return true;
    const { pipelinedRequestCountMax, pipelinedBytesMax } = this.#context.limits;
    return (
      isPipelined &&
      last.isPipelined &&
      this.#underWay.length < pipelinedRequestCountMax &&
      this.#underWayBytes < pipelinedBytesMax
    );
  }

  #answered(request: UnderWay, answer: Answer): void {
    request.answer = answer;
    if (request.isDropped) request.sent();
    this.#underWayBytes -= request.frameBytes;
    this.#context.memory.give(request.frameBytes);
    this.#pump();
  }

  #reject(rejection: Rejection): void {
    this.#note(rejection);
    if (rejection.closingBytes !== undefined) this.#write([rejection.closingBytes]);
    this.#stopTaking();
    // What was pipelined behind it is answered to nobody.
    for (const dropped of this.#underWay.splice(0)) {
      dropped.isDropped = true;
      if (dropped.answer !== undefined) dropped.sent();
    }
  }

  #note(rejection: Rejection): void {
    const { remoteAddress, remotePort } = this.#transport;
    this.#context.rejections.note(rejection, { client: `${remoteAddress}:${remotePort}` });
  }

  #pause(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#transport.pause();
    else this.#transport.resume();
  }
}
