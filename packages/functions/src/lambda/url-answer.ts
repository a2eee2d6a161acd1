// The HTTP answer that a function URL makes of what a function returned, or of the head that it streamed: payload format
// 2.0. A value without `statusCode` is a body of 200 and application/json.
// Source: AWS Lambda developer guide, "Invoking Lambda function URLs", "Response payload format".
import { ThroughlineError } from '@throughline/event';
import { readHttpHead } from '../invoker/frame-payloads.ts';
import type { ResponseHead } from '../invoker/invocation-contract.ts';

export interface AnswerHead {
  readonly status: number;
  readonly headers: Headers;
}

/** Headers that belong to the connection: what a function says of them would break it. */
const ofTheConnection = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'upgrade', 'trailer'];

/**
 * Reads a returned value.
 *
 * @param isRest whether it has payload format 1.0, which has `multiValueHeaders` and no values that are bodies by themselves
 * @throws ThroughlineError FUNCTION_ERROR where it has a status and is no HTTP answer all the same
 */
export function readAnswer(value: Buffer, isRest: boolean): AnswerHead & { readonly body: Buffer } {
  const parsed = parseJson(value);
  if (typeof parsed !== 'object' || parsed === null || !('statusCode' in parsed)) {
    if (isRest) throw noAnswer('a REST API (payload format 1.0) needs a statusCode');
    return { ...answerHead({}, 'application/json'), body: value };
  }
  const { body, isBase64Encoded, multiValueHeaders, ...fields } = parsed as Record<string, unknown>;
  if (typeof body !== 'string' && body !== undefined && body !== null) throw noAnswer('body: expected text');
  if (isBase64Encoded === true && !isBase64(body ?? '')) throw noAnswer('body: expected Base64');
  const bytes = Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8');
  const head = answerHead(readHttpHead(fields), 'application/json');
  if (isRest) addValues(head.headers, multiValueHeaders);
  return { ...head, body: bytes };
}

/**
 * Status and headers of an answer, from what a function has said of them.
 *
 * @throws ThroughlineError FUNCTION_ERROR for what no header can be
 */
export function answerHead(
  { statusCode = 200, headers = {}, cookies = [], leftOut = [] }: ResponseHead,
  contentType: string,
): AnswerHead {
  if (leftOut.length > 0) throw noAnswer(`${leftOut.join(', ')}: fits no HTTP answer`);
  // An informational status ends no exchange.
  if (statusCode < 200) throw noAnswer(`statusCode: ${statusCode}`);
  const made = new Headers();
  try {
    for (const [name, value] of Object.entries(headers)) made.set(name, value);
    for (const cookie of cookies) made.append('set-cookie', cookie);
  } catch (cause) {
    throw noAnswer((cause as Error).message, cause);
  }
  for (const name of ofTheConnection) made.delete(name);
  if (!made.has('content-type')) made.set('content-type', contentType);
  return { status: statusCode, headers: made };
}

function addValues(headers: Headers, multiValueHeaders: unknown): void {
  if (typeof multiValueHeaders !== 'object' || multiValueHeaders === null) return;
  for (const [name, values] of Object.entries(multiValueHeaders)) {
    if (ofTheConnection.includes(name.toLowerCase())) continue;
    try {
      headers.delete(name);
      for (const value of [values].flat()) headers.append(name, String(value));
    } catch (cause) {
      throw noAnswer((cause as Error).message, cause);
    }
  }
}

/** Whether an answer of this status may have a body (RFC 9110 §6.4.1). */
export function mayHaveBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

/** Of either alphabet, with or without padding; line breaks may be in it. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/_\-\s]*={0,2}\s*$/.test(text);
}

function parseJson(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    // What a streaming handler wrote need not be JSON: then it is the body.
    return undefined;
  }
}

function noAnswer(message: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('FUNCTION_ERROR', `the function returned no HTTP answer: ${message}`, { cause });
}
