// The body of an answer that is written while a function runs. A reader that is slow makes the function wait; one that has
// gone does not: as on Lambda, the function goes on to its end, and what it writes is dropped.
import { lambdaLimits } from '../defaults.ts';

export interface StreamedAnswer {
  readonly stream: ReadableStream<Uint8Array>;
  /** A promise asks the function to wait until the reader has taken some of what was written. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  end(): void;
  /** Nobody reads it: what is written is dropped. */
  drop(): void;
  /** Ends it so that the reader cannot take it for complete. */
  cut(error: unknown): void;
}

/** Ends the connection of an answer; undefined where there is none. */
export type CutConnection = (() => void) | undefined;

export function openAnswer(cutConnection: CutConnection): StreamedAnswer {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let isOpen = true;
  let waiting: PromiseWithResolvers<void> | undefined;
  const wake = (): void => {
    waiting?.resolve();
    waiting = undefined;
  };
  const drop = (): void => {
    isOpen = false;
    wake();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (given) => {
        controller = given;
      },
      pull: wake,
      cancel: drop,
    },
    { highWaterMark: lambdaLimits.streamQueueBytesMax, size: (chunk) => chunk.byteLength },
  );
  return {
    stream,
    drop,
    write(bytes) {
      if (!isOpen || bytes.length === 0) return undefined;
      controller.enqueue(bytes);
      if ((controller.desiredSize ?? 0) > 0) return undefined;
      waiting ??= Promise.withResolvers();
      return waiting.promise;
    },
    end() {
      if (!isOpen) return;
      isOpen = false;
      controller.close();
      wake();
    },
    cut(error) {
      if (!isOpen) return;
      isOpen = false;
      // Whoever serves the connection would print the error, as a failure of its own.
      if (cutConnection === undefined) controller.error(error);
      else cutConnection();
      wake();
    },
  };
}
