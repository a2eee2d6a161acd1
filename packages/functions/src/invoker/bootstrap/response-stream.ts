// `responseStream` of Lambda's response streaming: a Node Writable whose bytes go to the supervisor as frames. It obeys
// back-pressure: a write is done when the operating system has taken its bytes, so a supervisor that stops reading
// makes the handler wait. Source: AWS Lambda developer guide, "Response streaming"; aws-lambda-ric 4.
import { Writable } from 'node:stream';

/** How an HTTP answer would begin; Lambda's `HttpResponseStream.from` takes it. */
export interface HttpPrelude {
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
}

/** Where a response stream's frames go. */
export interface ResponseSink {
  head(payload: { contentType?: string; prelude?: HttpPrelude }): void;
  /** Calls back when the bytes have left the process. */
  data(bytes: Buffer, done: (error?: Error | null) => void): void;
}

/** A larger write is cut, so that no frame is above the supervisor's limit. */
const writeBytesMax = 256 * 1024;

export class ResponseStream extends Writable {
  readonly #sink: ResponseSink;

  constructor(sink: ResponseSink, highWaterMark: number | undefined) {
    super(highWaterMark === undefined ? {} : { highWaterMark });
    this.#sink = sink;
    // A stream that is destroyed because nobody waits any more must not end the process with an unhandled 'error';
    // whoever writes to it sees the failure through its own callback or pipeline.
    this.on('error', () => {});
  }

  /** Sets the content type of the answer; Lambda's method. */
  setContentType(contentType: string): void {
    this.#sink.head({ contentType });
  }

  setPrelude(prelude: HttpPrelude): void {
    this.#sink.head({ contentType: 'application/vnd.awslambda.http-integration-response', prelude });
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(bytes, done);
  }

  override _writev(writes: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#send(Buffer.concat(writes.map(({ chunk }) => chunk)), done);
  }

  #send(bytes: Buffer, done: (error?: Error | null) => void): void {
    let start = 0;
    for (; bytes.length - start > writeBytesMax; start += writeBytesMax) {
      this.#sink.data(bytes.subarray(start, start + writeBytesMax), () => {});
    }
    this.#sink.data(bytes.subarray(start), done);
  }
}
