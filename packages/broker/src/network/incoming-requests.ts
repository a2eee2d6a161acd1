// The requests of a connection as they come: frames cut from the bytes, their sizes checked before anything is made of that
// size, their bytes accounted for until they are handled.
import { foreignHello } from './foreign-hello.ts';
import { FrameReader } from './frame-reader.ts';
import type { Dispatched, Peer } from './dispatcher.ts';
import type { Rejection } from './rejections.ts';
import type { KafkaServerContext } from './server-context.ts';

/** A request header up to its correlation id. */
const frameBytesMin = 8;

export interface IncomingRequest {
  readonly dispatched: Dispatched;
  /** What is to be given back to the request memory when it has been handled. */
  readonly frameBytes: number;
}

export class IncomingRequests {
  readonly #context: KafkaServerContext;
  readonly #peer: Peer;
  readonly #onMemory: () => void;
  readonly #frames = new FrameReader();
  /** Taken from the request memory for the frame that is coming. */
  #takenBytes = 0;
  #stopWaiting: (() => void) | undefined;
  #isFirst = true;

  /** `onMemory` is called when `next` could go no further for want of memory and now can. */
  constructor(context: KafkaServerContext, peer: Peer, onMemory: () => void) {
    this.#context = context;
    this.#peer = peer;
    this.#onMemory = onMemory;
  }

  /** Bytes that came and have not been looked at. */
  get pendingBytes(): number {
    return this.#frames.pendingBytes;
  }

  /** True while a part of a request has come and the rest may still. */
  get isWithinRequest(): boolean {
    return this.#frames.isWithinFrame && !this.isWaiting;
  }

  /** The next request waits for room in the request memory. */
  get isWaiting(): boolean {
    return this.#stopWaiting !== undefined;
  }

  push(chunk: Uint8Array): void {
    this.#frames.push(chunk);
  }

  /** The next request, as soon as all of it is there; or why there will be none. */
  next(): IncomingRequest | Rejection | undefined {
    if (this.isWaiting) return undefined;
    const sizeBytes = this.#frames.nextSizeBytes();
    if (sizeBytes === undefined) return undefined;
    if (this.#takenBytes === 0) {
      const problem = this.#problemOf(sizeBytes);
      if (problem !== undefined) return problem;
      if (!this.#take(sizeBytes)) return undefined;
    }
    const frame = this.#frames.next();
    if (frame === undefined) return undefined;
    this.#isFirst = false;
    this.#takenBytes = 0;
    const dispatched = this.#context.dispatcher.dispatch(frame, this.#peer);
    if (!('reason' in dispatched)) return { dispatched, frameBytes: sizeBytes };
    this.#context.memory.give(sizeBytes);
    return dispatched;
  }

  /** Forgets what has come. */
  close(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (this.#takenBytes > 0) this.#context.memory.give(this.#takenBytes);
    this.#takenBytes = 0;
    this.#frames.clear();
  }

  #problemOf(sizeBytes: number): Rejection | undefined {
    const { requestBytesMax } = this.#context.limits;
    const isFrame = sizeBytes >= frameBytesMin && sizeBytes <= requestBytesMax;
    if (isFrame) return undefined;
    const hello = this.#isFirst ? foreignHello(this.#frames.start) : undefined;
    if (hello !== undefined) return hello;
    if (sizeBytes > requestBytesMax) {
      return {
        reason: 'oversize-request',
        message: 'closed a connection whose request is larger than requestBytesMax (socket.request.max.bytes)',
        fields: { sizeBytes, requestBytesMax },
      };
    }
    return {
      reason: 'malformed-request',
      message: 'closed a connection that sent what is no request of Kafka',
      fields: { sizeBytes },
    };
  }

  #take(sizeBytes: number): boolean {
    const onTaken = (): void => {
      this.#stopWaiting = undefined;
      this.#takenBytes = sizeBytes;
      this.#onMemory();
    };
    this.#stopWaiting = this.#context.memory.take(sizeBytes, onTaken);
    if (this.#stopWaiting !== undefined) return false;
    this.#takenBytes = sizeBytes;
    return true;
  }
}
