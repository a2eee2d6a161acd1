// The body of an answer at the Runtime API: one that is whole, one that streams, or an error.
//
//   streamed body    [prelude JSON | 8 NUL bytes |] bytes …      the prelude, with status, headers and cookies of an HTTP answer,
//                                                               where the content type is that of HTTP integrations
//   its trailers     Lambda-Runtime-Function-Error-Type, -Error-Body (base64 of JSON): it failed on the way
//
// Source: AWS Lambda developer guide, "Building a custom runtime", response streaming; aws-lambda-ric 4.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { listening, type Logger } from '@throughline/event';
import { lambdaLimits } from '../defaults.ts';
import type { ErrorPayload } from './framed-pipe.ts';

/** How an answer came to its end. */
export interface AnswerEnd {
  /** The HTTP status of the request. */
  readonly status: number;
  /** The value of one that came whole, as JSON. */
  readonly value?: Buffer;
  readonly error?: ErrorPayload;
  /** The connection closed before the end of the body. */
  readonly isTruncated?: boolean;
}

export interface AnswerReader {
  head(head: { readonly contentType?: string; readonly prelude?: object }): void;
  data(bytes: Buffer): void;
  end(end: AnswerEnd): void;
}

const httpIntegration = 'application/vnd.awslambda.http-integration-response';
const preludeEnd = Buffer.alloc(8);

/** Reads the body of `response`. @returns whether it streams */
export function readAnswer(request: IncomingMessage, logger: Logger, reader: AnswerReader): boolean {
  const mode = request.headers['lambda-runtime-function-response-mode'];
  if (mode !== undefined && mode !== 'streaming' && mode !== 'buffered') {
    const error = problem('Runtime.InvalidResponseModeHeader', `the response mode ${String(mode)}`);
    reader.end({ status: 400, error });
    return false;
  }
  if (mode === 'streaming') {
    readStream(request, logger, reader);
    return true;
  }
  readWhole(request, logger, (body) => {
    if (Buffer.isBuffer(body)) reader.end({ status: 202, value: asJson(body) });
    else reader.end(body);
  });
  return false;
}

/** Reads the body of `error`. */
export function readFailure(request: IncomingMessage, logger: Logger, done: (end: AnswerEnd) => void): void {
  readWhole(request, logger, (body) => {
    if (!Buffer.isBuffer(body)) return done(body);
    done({ status: 202, error: errorOf(body, request.headers['lambda-runtime-function-error-type']) });
  });
}

function readWhole(request: IncomingMessage, logger: Logger, done: (body: Buffer | AnswerEnd) => void): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  collect(request, logger, {
    data: (part) => {
      bytes += part.length;
      if (bytes <= lambdaLimits.payloadBytesMax) return void parts.push(part);
      parts.length = 0;
      return tooLarge(lambdaLimits.payloadBytesMax);
    },
    end: (early) => done(early ?? Buffer.concat(parts)),
  });
}

function readStream(request: IncomingMessage, logger: Logger, reader: AnswerReader): void {
  const contentType = request.headers['content-type'];
  /** What has come of the prelude, while there is one to come. */
  let prelude = contentType === httpIntegration ? Buffer.alloc(0) : undefined;
  if (prelude === undefined && contentType !== undefined) reader.head({ contentType });
  let bytes = 0;
  const onData = (part: Buffer): AnswerEnd | undefined => {
    bytes += part.length;
    if (bytes > lambdaLimits.streamBytesMax) return tooLarge(lambdaLimits.streamBytesMax);
    if (prelude === undefined) {
      reader.data(part);
      return undefined;
    }
    prelude = Buffer.concat([prelude, part]);
    const at = prelude.indexOf(preludeEnd);
    if (at < 0) return prelude.length > lambdaLimits.preludeBytesMax ? badPrelude() : undefined;
    const head = jsonOf(prelude.subarray(0, at));
    if (!isObject(head)) return badPrelude();
    reader.head({ contentType: httpIntegration, prelude: head });
    const rest = prelude.subarray(at + preludeEnd.length);
    prelude = undefined;
    if (rest.length > 0) reader.data(rest);
    return undefined;
  };
  const onEnd = (early: AnswerEnd | undefined): void => {
    if (early !== undefined) return reader.end(early);
    const error = errorOfTrailers(request.trailers);
    if (error !== undefined) return reader.end({ status: 202, error });
    reader.end(prelude === undefined ? { status: 202 } : badPrelude());
  };
  collect(request, logger, { data: onData, end: onEnd });
}

/** Reads to the end, whether what comes is wanted or not, so that whoever sends it hears the answer. */
function collect(
  request: IncomingMessage,
  logger: Logger,
  take: { data(part: Buffer): AnswerEnd | undefined; end(early: AnswerEnd | undefined): void },
): void {
  let early: AnswerEnd | undefined;
  let isOver = false;
  const end = (with_: AnswerEnd | undefined): void => {
    if (isOver) return;
    isOver = true;
    take.end(with_);
  };
  const onData = (part: Buffer): void => {
    if (early === undefined) early = take.data(part);
  };
  request.on('data', listening(logger, 'reading an answer', onData));
  request.on(
    'end',
    listening(logger, 'reading an answer', () => end(early)),
  );
  request.on('error', () => {});
  const onClose = (): void => end(truncated());
  request.on('close', listening(logger, 'reading an answer', onClose));
}

/** What a runtime answers may be any text; what is no JSON is a string to whoever called. */
function asJson(body: Buffer): Buffer {
  if (body.length === 0) return Buffer.from('null');
  return jsonOf(body) === undefined ? Buffer.from(JSON.stringify(body.toString())) : body;
}

function errorOfTrailers(trailers: IncomingHttpHeaders): ErrorPayload | undefined {
  const type = trailers['lambda-runtime-function-error-type'];
  const body = trailers['lambda-runtime-function-error-body'];
  if (type === undefined && body === undefined) return undefined;
  return errorOf(Buffer.from(typeof body === 'string' ? body : '', 'base64'), type);
}

/** A client may have sent anything: what is missing is taken from the header, or is empty. */
function errorOf(body: Buffer, header: string | string[] | undefined): ErrorPayload {
  const value = jsonOf(body);
  const fields = isObject(value) ? value : {};
  const { errorType, errorMessage, code } = fields;
  const trace = fields['trace'] ?? fields['stackTrace'];
  const named = typeof errorType === 'string' && errorType !== '' ? errorType : header;
  return {
    errorType: typeof named === 'string' && named !== '' ? named : 'Runtime.Unknown',
    errorMessage: typeof errorMessage === 'string' ? errorMessage : '',
    trace: Array.isArray(trace) ? trace.filter((line) => typeof line === 'string') : [],
    ...(typeof code === 'string' ? { code } : {}),
  };
}

function tooLarge(bytesMax: number): AnswerEnd {
  const message = `Response payload size exceeded maximum allowed payload size (${bytesMax} bytes).`;
  return { status: 413, error: problem('Function.ResponseSizeTooLarge', message) };
}

function badPrelude(): AnswerEnd {
  const message = 'the answer has no HTTP prelude: JSON, and 8 NUL bytes behind it';
  return { status: 202, error: problem('Runtime.InvalidPrelude', message) };
}

function truncated(): AnswerEnd {
  const message = 'the connection was closed before the end of the answer';
  return { status: 400, error: problem('Runtime.TruncatedResponse', message), isTruncated: true };
}

function problem(errorType: string, errorMessage: string): ErrorPayload {
  return { errorType, errorMessage, trace: [] };
}

/** Undefined for what is no JSON. */
function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
