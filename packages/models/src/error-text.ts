// Turns whatever a model call threw into an error of the closed table, and into the text that a UI message stream can
// carry: `CODE: message` (docs/PROTOCOL.md §3.2). Works for the models of this package and for any other AI SDK provider.
import {
  AISDKError,
  APICallError,
  InvalidResponseDataError,
  JSONParseError,
  TypeValidationError,
} from '@ai-sdk/provider';
import { ThroughlineError, type ErrorCode } from '@throughline/event';
import { RetryError } from 'ai';
import { modelDefaults } from './defaults.ts';

/**
 * The text of an `error` chunk: `CODE: message`, with a code of the error table.
 *
 * @example result.toUIMessageStream({ onError: errorText })
 */
export function errorText(error: unknown): string {
  const { code, message } = modelError(error);
  return `${code}: ${message}`;
}

/** The error of the table that `error` is; what no model server caused is FUNCTION_ERROR, the handler's own. */
export function modelError(error: unknown): ThroughlineError {
  if (ThroughlineError.is(error)) return error;
  if (RetryError.isInstance(error)) return modelError(error.lastError);
  if (APICallError.isInstance(error)) return apiCallError(error);
  if (JSONParseError.isInstance(error) || TypeValidationError.isInstance(error)) {
    return of('MODEL_OUTPUT_INVALID', 'the model server sent something that is no answer of its protocol', error);
  }
  if (InvalidResponseDataError.isInstance(error)) return of('MODEL_OUTPUT_INVALID', error.message, error);
  if (AISDKError.isInstance(error) || error instanceof Error) return of('FUNCTION_ERROR', error.message, error);
  return of(
    'FUNCTION_ERROR',
    typeof error === 'string' ? error : 'the handler threw something that is no error',
    error,
  );
}

function apiCallError(error: APICallError): ThroughlineError {
  const ours = findOwn(error);
  if (ours !== undefined) return ours;
  const { statusCode } = error;
  if (statusCode === undefined) return of('MODEL_UNREACHABLE', `${origin(error.url)}: ${causeOf(error)}`, error);
  // A good status and yet an error: the body could not be read to its end, or not be understood.
  if (statusCode < 400) {
    const cause = error.cause;
    const isRubbish = JSONParseError.isInstance(cause) || TypeValidationError.isInstance(cause);
    if (isRubbish) return of('MODEL_OUTPUT_INVALID', `${origin(error.url)} sent no answer of its protocol`, error);
    return of('MODEL_CUT', `${origin(error.url)} ended its answer in mid-stream: ${causeOf(error)}`, error);
  }
  const words = `${origin(error.url)} answered ${statusCode}: ${error.message}`;
  // What a proxy says when the server behind it is down.
  const isDown = statusCode === 502 || statusCode === 503 || statusCode === 504;
  return of(isDown ? 'MODEL_UNREACHABLE' : 'MODEL_REFUSED', words, error);
}

/** An error of ours that a layer of the AI SDK has wrapped. */
function findOwn(error: unknown): ThroughlineError | undefined {
  let current: unknown = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    if (ThroughlineError.is(current)) return current;
    current = current.cause;
  }
  return undefined;
}

/** The innermost message: `ECONNREFUSED` says more than "fetch failed". */
function causeOf(error: Error): string {
  let current = error;
  for (let depth = 0; depth < 8 && current.cause instanceof Error; depth++) current = current.cause;
  const code = (current as NodeJS.ErrnoException).code;
  return current.message === '' ? (code ?? 'no reason given') : current.message;
}

/** A base address may carry a user name and a key; neither belongs in a message. */
function origin(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'the model server';
}

function of(code: ErrorCode, message: string, cause: unknown): ThroughlineError {
  return new ThroughlineError(code, printable(message), { cause });
}

/** Words of a foreign server: one line, no control characters, no more than fits under an answer. */
export function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  const charsMax = modelDefaults.modelWordsCharsMax;
  return line.length > charsMax ? `${line.slice(0, charsMax)}…` : line;
}
