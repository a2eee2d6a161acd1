// A fetch that tells what the AI SDK's provider hides: whether the server answered at all, whether its stream came to
// its end (`data: [DONE]`), and how long it has been silent. One watch belongs to one request.
import type { Clock, Timer } from '@throughline/event';
import { ThroughlineError } from '@throughline/event';

export interface Watch {
  readonly fetch: typeof globalThis.fetch;
  /** Aborts when the server has been silent for too long; its reason is MODEL_TIMED_OUT. */
  readonly signal: AbortSignal;
  /** The status line has arrived. */
  readonly hasAnswered: boolean;
  /** Bytes of the body so far. */
  readonly bodyBytes: number;
  /** At least one line of the body belongs to an event stream. */
  readonly hasEvents: boolean;
  /** The stream has said that it is complete. */
  readonly isDone: boolean;
  /** Stops the timer. */
  end(): void;
}

export interface WatchOptions {
  readonly url: string;
  readonly silenceMsMax: number;
  readonly bodyBytesMax: number;
  readonly clock: Clock;
}

export function watchRequest({ url, silenceMsMax, bodyBytesMax, clock }: WatchOptions): Watch {
  const silence = new AbortController();
  let timer: Timer | undefined;
  let hasAnswered = false;
  let bodyBytes = 0;
  let tail = '\n';
  let hasEvents = false;
  let isDone = false;

  // The server is silent only while somebody waits for it: a reader that takes its time is not the server's fault.
  const waitFor = async <Result>(arrival: Promise<Result>): Promise<Result> => {
    timer = clock.after(silenceMsMax, () => {
      const what = hasAnswered ? 'went silent in its answer' : 'did not answer';
      silence.abort(new ThroughlineError('MODEL_TIMED_OUT', `${url} ${what} for ${silenceMsMax} ms`));
    });
    try {
      return await arrival;
    } finally {
      timer.cancel();
    }
  };
  const inspect = (bytes: Uint8Array): void => {
    bodyBytes += bytes.byteLength;
    if (bodyBytes > bodyBytesMax) {
      throw new ThroughlineError('MODEL_OUTPUT_INVALID', `${url} sent more than ${bodyBytesMax} bytes`);
    }
    if (isDone) return;
    // ASCII is enough to find the mark, and a line of JSON cannot contain it: JSON has no raw line feeds.
    const text = tail + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    hasEvents ||= /[\r\n](?:data|event|id|retry)?:/.test(text);
    isDone = /[\r\n]data: ?\[DONE\]/.test(text);
    tail = text.slice(-16);
  };

  return {
    signal: silence.signal,
    get hasAnswered() {
      return hasAnswered;
    },
    get bodyBytes() {
      return bodyBytes;
    },
    get hasEvents() {
      return hasEvents;
    },
    get isDone() {
      return isDone;
    },
    async fetch(input, init) {
      const response = await waitFor(globalThis.fetch(input, init));
      hasAnswered = true;
      if (response.body === null) return response;
      const reader = response.body.getReader();
      const body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const { done, value } = await waitFor(reader.read());
            if (done) return controller.close();
            inspect(value);
            controller.enqueue(value);
          },
          cancel: (reason) => reader.cancel(reason),
        },
        { highWaterMark: 0 },
      );
      return new Response(body, response);
    },
    end() {
      timer?.cancel();
    },
  };
}
