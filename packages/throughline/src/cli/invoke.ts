// `throughline invoke NAME`: calls a function of the running server by AWS's own API and prints what it returns. The log goes
// to standard error, so that what stands on standard output is the answer alone. A function that fails is an exit code of 1.
// With --async it says the request id as soon as the event is kept, and does not wait for the function.
import { openSync, readSync } from 'node:fs';
import { ThroughlineError, type ErrorCode } from '@throughline/event';
import * as z from 'zod';
import { linesOf, printJsonLine, printJsonText, printLine, printLines, say } from '../terminal/output.ts';
import { connect, isErrorCode } from './api-client.ts';
import { invokeBytesMax } from '../defaults.ts';
import { dataDirOption, textOption, type Options } from './options.ts';

const awsErrorSchema = z.looseObject({ message: z.string(), code: z.string().optional() });
const functionErrorSchema = z.looseObject({ errorType: z.string(), errorMessage: z.string() });

/** Stands between the head of an HTTP answer and its body. */
const preludeEnd = '\0'.repeat(8);

/** Ours for the errors that AWS's API has for a call that never reached its function. */
const codes: Readonly<Record<string, ErrorCode>> = {
  ResourceNotFoundException: 'UNKNOWN_FUNCTION',
  InvalidParameterValueException: 'INVALID_ARGUMENT',
  InvalidRequestContentException: 'INVALID_ARGUMENT',
  RequestTooLargeException: 'BODY_TOO_LARGE',
  TooManyRequestsException: 'THROTTLED',
};

export async function run(options: Options, [name = '']: readonly string[]): Promise<void> {
  if (name === '') throw new ThroughlineError('INVALID_ARGUMENT', 'invoke: which function?');
  const api = connect(dataDirOption(options));
  const address = `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`;
  const isAsync = options['async'] === true;
  if (isAsync && options['log'] === true) {
    throw new ThroughlineError('INVALID_ARGUMENT', '--log and --async: what is called later has no log yet');
  }
  const headers: Record<string, string> = {
    ...(options['log'] === true ? { 'x-amz-log-type': 'Tail' } : {}),
    ...(isAsync ? { 'x-amz-invocation-type': 'Event' } : {}),
  };
  const init = { method: 'POST', headers, body: payloadOf(options) };
  const response = await api.answer(address, init, `function ${name}, which runs`);
  const text = await response.text();
  if (!response.ok) throw rejectionOf(response, text);
  if (isAsync) {
    const requestId = response.headers.get('x-amzn-requestid');
    if (options['json'] === true) printJsonLine({ requestId });
    else printLine(`${requestId}`);
    return;
  }
  for (const line of logLines(response)) say(line.replaceAll('\t', '  '));
  if (response.headers.has('x-amz-function-error')) throw failureOf(name, response, text);
  if (parseJson(text) === undefined) printStreamed(text);
  else printJsonText(text);
}

/** What a streaming handler wrote: lines, perhaps behind the head of an HTTP answer. */
function printStreamed(text: string): void {
  const headEnd = text.indexOf(preludeEnd);
  const isHead = headEnd > 0 && parseJson(text.slice(0, headEnd)) !== undefined;
  if (isHead) say(`head ${text.slice(0, headEnd)}`);
  printLines(linesOf(isHead ? text.slice(headEnd + preludeEnd.length) : text));
}

function payloadOf(options: Options): string | Buffer<ArrayBuffer> {
  const payload = textOption(options, 'payload');
  const file = textOption(options, 'file');
  if (payload !== undefined && file !== undefined) {
    throw new ThroughlineError('INVALID_ARGUMENT', 'invoke takes --payload or --file, not both');
  }
  if (file === undefined) return payload ?? '{}';
  try {
    return readUpTo(file === '-' ? 0 : openSync(file, 'r'));
  } catch (cause) {
    throw new ThroughlineError('INVALID_ARGUMENT', `--file: ${(cause as Error).message}`, { cause });
  }
}

/** What a file has, and no more of it than tells that it is too much. */
function readUpTo(descriptor: number): Buffer<ArrayBuffer> {
  const chunks: Buffer[] = [];
  for (let bytes = 0; bytes <= invokeBytesMax;) {
    const chunk = Buffer.alloc(64 * 1024);
    const count = readSync(descriptor, chunk);
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    bytes += count;
  }
  return Buffer.concat(chunks);
}

/** Why the function was not called. */
function rejectionOf(response: Response, text: string): ThroughlineError {
  const type = response.headers.get('x-amzn-errortype') ?? '';
  const parsed = awsErrorSchema.safeParse(parseJson(text));
  const said = parsed.success ? parsed.data.message : `the server answered ${response.status}`;
  const message = type === 'InvalidRequestContentException' ? `--payload or --file: ${said}` : said;
  const own = parsed.success ? (parsed.data.code ?? '') : '';
  return new ThroughlineError(isErrorCode(own) ? own : (codes[type] ?? 'INTERNAL'), message);
}

/** How the function failed. */
function failureOf(name: string, response: Response, text: string): ThroughlineError {
  const parsed = functionErrorSchema.safeParse(parseJson(text));
  const what = parsed.success ? `${parsed.data.errorType}: ${parsed.data.errorMessage}` : text;
  const code = response.headers.get('x-throughline-error-code') ?? '';
  return new ThroughlineError(isErrorCode(code) ? code : 'FUNCTION_ERROR', `${name}: ${what}`);
}

function logLines(response: Response): string[] {
  const log = Buffer.from(response.headers.get('x-amz-log-result') ?? '', 'base64').toString();
  return log.split('\n').filter((line) => line !== '');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
