// The pipe between a supervisor and the process of an environment: frames on file descriptor 3, a stream socket.
//
//   frame    u32 length (big endian; of everything after it) | u8 type | u32 invocation | payload
//   to the environment      invoke (JSON)        start an invocation
//                           cancel (JSON)        nobody waits for it any more: its signal aborts
//                           ping                 is anybody there? answered at once by a process that is not stuck
//   from the environment    ready                the handler is loaded
//                           init-error (JSON)    it could not be loaded; the process ends
//                           head (JSON)          content type, and the HTTP prelude where the handler set one
//                           data (bytes)         what the handler wrote to its response stream, in order
//                           returned (JSON)      the handler is done: the value itself, or nothing from one that streams
//                           threw (JSON)         the handler threw; the invocation is over
//                           leaked (JSON)        what goes on though its invocation is about to end: [[name, count], …]
//                           pong                 the answer to ping
//                           ending               the process ends itself for an error that nobody caught: send it no more
//
// Both ends check what they read: a wrong length or type means that somebody else wrote to the descriptor, and then
// nothing that follows can be trusted. The file imports nothing, for it is on the way of every cold start.

/** Each type of frame and its number on the pipe. */
export const frameTypes = {
  invoke: 1,
  cancel: 2,
  ping: 3,
  ready: 16,
  'init-error': 17,
  head: 18,
  data: 19,
  returned: 20,
  threw: 21,
  pong: 22,
  ending: 23,
  leaked: 24,
} as const;
export type FrameType = keyof typeof frameTypes;

export interface Frame {
  readonly type: FrameType;
  /** Number of the invocation; 0 for frames about the environment itself. */
  readonly invocation: number;
  readonly payload: Buffer;
}

/** Payload of `invoke`. */
export interface InvokePayload {
  readonly requestId: string;
  /**
   * Wall time in milliseconds since 1970 at which the invocation times out. Absent for one that was sent before the function
   * was loaded: its time-out begins when it is served.
   */
  readonly deadlineMs?: number;
  readonly timeoutMs: number;
  readonly invokedFunctionArn?: string;
  readonly traceId?: string;
  readonly clientContext?: unknown;
  readonly event: unknown;
}
/** Payload of `threw` and `init-error`; the shape that Lambda's Runtime API has for errors. */
export interface ErrorPayload {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
  /** The thrown error's own `code`, where it is a string. */
  readonly code?: string;
}

const lengthBytes = 4;
const headerBytes = 5;
const typeByNumber = new Map<number, FrameType>(
  Object.entries(frameTypes).map(([name, number]) => [number, name as FrameType]),
);

/** The bytes of one frame. */
export function encodeFrame(type: FrameType, invocation: number, payload: Uint8Array | string = ''): Buffer {
  const payloadBytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  const frame = Buffer.allocUnsafe(lengthBytes + headerBytes + payloadBytes);
  frame.writeUInt32BE(headerBytes + payloadBytes, 0);
  frame.writeUInt8(frameTypes[type], 4);
  frame.writeUInt32BE(invocation, 5);
  if (typeof payload === 'string') frame.write(payload, lengthBytes + headerBytes);
  else frame.set(payload, lengthBytes + headerBytes);
  return frame;
}

/**
 * Cuts a stream of bytes into frames, however the bytes are split.
 *
 * @example
 * const decoder = new FrameDecoder(1024);
 * decoder.push(encodeFrame('ready', 0)); // [{ type: 'ready', invocation: 0, payload: <Buffer > }]
 */
export class FrameDecoder {
  readonly #payloadBytesMax: number;
  /** Bytes of the frame under way, and how many there are. */
  #parts: Buffer[] = [];
  #bytes = 0;
  /** What is wrong with the stream; nothing is decoded from then on. */
  problem: string | undefined;

  constructor(payloadBytesMax: number) {
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** The frames that `bytes` completes. After a malformed frame `problem` is set and no more come. */
  push(bytes: Buffer): Frame[] {
    if (this.problem !== undefined) return [];
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    const frames: Frame[] = [];
    while (this.#bytes >= lengthBytes) {
      const head = this.#join(lengthBytes);
      const length = head.readUInt32BE(0);
      if (length < headerBytes || length - headerBytes > this.#payloadBytesMax) {
        return this.#fail(frames, `a frame of ${length} bytes`);
      }
      if (this.#bytes < lengthBytes + length) break;
      const frame = this.#join(lengthBytes + length);
      const type = typeByNumber.get(frame.readUInt8(4));
      if (type === undefined) return this.#fail(frames, `a frame of unknown type ${frame.readUInt8(4)}`);
      frames.push({ type, invocation: frame.readUInt32BE(5), payload: frame.subarray(9, lengthBytes + length) });
      this.#drop(lengthBytes + length);
    }
    return frames;
  }

  /** The first part, made long enough; a large frame is joined once, when all of it is there. */
  #join(bytes: number): Buffer {
    const first = this.#parts[0]!;
    if (first.length >= bytes) return first;
    const joined = Buffer.concat(this.#parts);
    this.#parts = [joined];
    return joined;
  }

  #drop(bytes: number): void {
    const rest = this.#parts[0]!.subarray(bytes);
    if (rest.length === 0) this.#parts.shift();
    else this.#parts[0] = rest;
    this.#bytes -= bytes;
  }

  #fail(frames: Frame[], problem: string): Frame[] {
    this.problem = problem;
    this.#parts = [];
    this.#bytes = 0;
    return frames;
  }
}
