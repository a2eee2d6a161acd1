// Finds and judges a function's handler as Lambda's Node.js 24 runtime does: `module.export.nested`, falling back to the
// default export; a handler wrapped in `awslambda.streamifyResponse` streams; one that takes a callback is rejected.
// Source: aws-lambda-ric 4 (UserFunction.js, HttpResponseStream.js).
import { pathToFileURL } from 'node:url';
import type { LambdaContext } from './context.ts';
import type { HttpPrelude, ResponseStream } from './response-stream.ts';

/** `handler(event, context)`: answers with one value. */
export type BufferedHandler = (event: unknown, context: LambdaContext) => unknown;
/** `(event, responseStream, context)`: writes its answer and ends the stream. */
export type StreamingHandler = (
  event: never,
  responseStream: ResponseStream,
  context: LambdaContext,
) => Promise<unknown> | void;
export type Handler =
  | { readonly isStreaming: false; readonly call: BufferedHandler }
  | {
      readonly isStreaming: true;
      readonly call: (event: unknown, responseStream: ResponseStream, context: LambdaContext) => unknown;
      readonly highWaterMark: number | undefined;
    };

/** The global that Lambda's runtime gives to functions. */
export interface AwsLambda {
  /** Marks a handler as one that streams its answer. */
  streamifyResponse(handler: StreamingHandler, options?: { readonly highWaterMark?: number }): StreamingHandler;
  readonly HttpResponseStream: {
    /** Sets status, headers and cookies of an HTTP answer; the same stream is returned. */
    from(stream: ResponseStream, prelude: HttpPrelude): ResponseStream;
  };
}

declare global {
  var awslambda: AwsLambda;
}

const streamingMark = Symbol.for('aws.lambda.runtime.handler.streaming');
const highWaterMarkMark = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

export const awsLambda: AwsLambda = {
  streamifyResponse(handler, options) {
    return Object.assign(handler, {
      [streamingMark]: 'response',
      ...(options?.highWaterMark === undefined ? {} : { [highWaterMarkMark]: options.highWaterMark }),
    });
  },
  HttpResponseStream: {
    from(stream, prelude) {
      stream.setPrelude(prelude);
      return stream;
    },
  },
};

/** An error of loading, with the type name that Lambda reports. */
export class LoadError extends Error {
  constructor(type: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = type;
  }
}

/**
 * Loads the module `entry` and finds its handler.
 *
 * @param name export to use; dots go into nested objects
 */
export async function loadHandler(entry: string, name: string): Promise<Handler> {
  const module = (await import(pathToFileURL(entry).href)) as Record<string, unknown>;
  const found =
    lookUp(module, name) ?? lookUp(module.default, name) ?? (name === 'handler' ? module.default : undefined);
  if (found === undefined) throw new LoadError('Runtime.HandlerNotFound', `${entry} has no export "${name}"`);
  if (typeof found !== 'function') {
    throw new LoadError('Runtime.HandlerNotFound', `the export "${name}" of ${entry} is no function`);
  }
  const marks = found as unknown as Record<symbol, unknown>;
  if (marks[streamingMark] === 'response') {
    const highWaterMark = marks[highWaterMarkMark];
    return {
      isStreaming: true,
      call: found as (event: unknown, responseStream: ResponseStream, context: LambdaContext) => unknown,
      highWaterMark: typeof highWaterMark === 'number' ? highWaterMark : undefined,
    };
  }
  if (found.length >= 3) {
    throw new LoadError(
      'Runtime.CallbackHandlerDeprecated',
      `the handler "${name}" takes a callback, which Node.js 24 has no more; make it an async function, or wrap a ` +
        'streaming one in awslambda.streamifyResponse',
    );
  }
  return { isStreaming: false, call: found as BufferedHandler };
}

function lookUp(from: unknown, name: string): unknown {
  let value = from;
  for (const step of name.split('.')) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
