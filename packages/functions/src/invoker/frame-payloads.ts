// Reads what a function's process says in its frames. The process is the function's: whatever it wrote to the pipe by
// itself may stand there, so every field is looked at before anybody relies on it.
import type { HandlerError, ResponseHead } from './invocation-contract.ts';

/** What is wrong with a payload. */
export class PayloadProblem {
  readonly says: string;

  constructor(says: string) {
    this.says = says;
  }
}

/** The payload of `threw` and `init-error`. */
export function readError(payload: Buffer): HandlerError | PayloadProblem {
  const value = readJson(payload);
  if (value instanceof PayloadProblem) return value;
  if (!isObject(value)) return new PayloadProblem('an error that is no object');
  const { errorType, errorMessage, trace, code } = value;
  if (typeof errorType !== 'string' || typeof errorMessage !== 'string' || !isTextList(trace)) {
    return new PayloadProblem('an error without type, message and trace');
  }
  return { errorType, errorMessage, trace, ...(typeof code === 'string' ? { thrownCode: code } : {}) };
}

/** The payload of `leaked`, as text: `Timeout (2), TCPSocketWrap (1)`. */
export function readLeaks(payload: Buffer): string | PayloadProblem {
  const value = readJson(payload);
  if (value instanceof PayloadProblem) return value;
  if (!Array.isArray(value)) return new PayloadProblem('leaks that are no list');
  const texts = value.map((item: unknown) => (Array.isArray(item) ? `${String(item[0])} (${String(item[1])})` : '?'));
  return texts.join(', ').slice(0, 1000);
}

/** The payload of `returned`: the JSON that a handler returned, or undefined for one that streams. */
export function readValue(payload: Buffer): string | undefined | PayloadProblem {
  if (payload.length === 0) return undefined;
  const text = payload.toString();
  const value = parseJson(text);
  return value instanceof PayloadProblem ? value : text;
}

/** The payload of `head`. A handler may have passed anything: what fits no HTTP answer is left out, and named. */
export function readHead(payload: Buffer): ResponseHead | PayloadProblem {
  const value = readJson(payload);
  if (value instanceof PayloadProblem) return value;
  if (!isObject(value)) return new PayloadProblem('a head that is no object');
  const { contentType, prelude = {} } = value;
  const { leftOut, ...head } = readHttpHead(isObject(prelude) ? prelude : {});
  const wrong = [
    ...(contentType === undefined || typeof contentType === 'string' ? [] : ['contentType']),
    ...(isObject(prelude) ? [] : ['prelude']),
    ...(leftOut ?? []),
  ];
  return {
    ...(typeof contentType === 'string' ? { contentType } : {}),
    ...head,
    ...(wrong.length === 0 ? {} : { leftOut: wrong }),
  };
}

/** Status, headers and cookies of an HTTP answer, as a handler has given them. */
export function readHttpHead(fields: Readonly<Record<string, unknown>>): ResponseHead {
  const leftOut: string[] = [];
  const take = <Value>(name: string, read: (from: unknown) => Value | undefined): Value | undefined => {
    const from = fields[name];
    if (from === undefined) return undefined;
    const taken = read(from);
    if (taken === undefined) leftOut.push(name);
    return taken;
  };
  const statusCode = take('statusCode', readStatus);
  const headers = take('headers', readHeaders);
  const cookies = take('cookies', (from) => (isTextList(from) ? from : undefined));
  return {
    ...(statusCode === undefined ? {} : { statusCode }),
    ...(headers === undefined ? {} : { headers }),
    ...(cookies === undefined ? {} : { cookies }),
    ...(leftOut.length === 0 ? {} : { leftOut }),
  };
}

function readStatus(from: unknown): number | undefined {
  const status = typeof from === 'string' ? Number(from) : from;
  return typeof status === 'number' && Number.isInteger(status) && status >= 100 && status <= 599 ? status : undefined;
}

/** Numbers and booleans become text, as API Gateway has it. */
function readHeaders(from: unknown): Record<string, string> | undefined {
  if (!isObject(from)) return undefined;
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(from)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    headers.push([name, String(value)]);
  }
  return Object.fromEntries(headers);
}

function readJson(payload: Buffer): unknown {
  return parseJson(payload.toString());
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    return new PayloadProblem(`a payload that is no JSON (${(error as Error).message})`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
