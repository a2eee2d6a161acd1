// Every failure as an HTTP answer: `{ "error": { code, message, remedy, retriable, … } }` with the status of the closed
// table. Never a page of HTML, never a stack: what the caller cannot act on goes to the log.
import { ThroughlineError, type Logger } from '@throughline/event';

const securityHeaders = { 'content-type': 'application/json; charset=utf-8', 'x-content-type-options': 'nosniff' };

/** The answer for anything thrown. What is no coded error is logged and answered as INTERNAL without its message. */
export function errorResponse(
  thrown: unknown,
  logger: Logger,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const error = ThroughlineError.from(thrown);
  if (error.httpStatus >= 500) logger.error({ code: error.code, reason: error.stack }, 'a request failed');
  return new Response(errorJson(error), {
    status: error.httpStatus,
    headers: {
      ...securityHeaders,
      'cache-control': 'no-store',
      ...(error.retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }),
      ...headers,
    },
  });
}

/** The body of an error answer. An INTERNAL error keeps its words for the log: they can have paths and values in them. */
export function errorJson(error: ThroughlineError): string {
  const body = error.toJSON();
  const shown =
    error.code === 'INTERNAL' ? { ...body, message: 'A defect of Throughline; the server log has more.' } : body;
  return JSON.stringify({ error: shown }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

/** A JSON answer; offsets (bigint) become decimal strings. */
export function jsonResponse(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
  return new Response(text, { status, headers: { ...securityHeaders, 'cache-control': 'no-store', ...headers } });
}
