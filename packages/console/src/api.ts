// The page's own requests: tables, status, SQL and the development endpoints. Conversations are none of its business;
// those come through @throughline/state. What a server sends is checked before it is used.
import {
  errorTable,
  object,
  optional,
  parse,
  string,
  ThroughlineError,
  type ErrorCode,
  type OutputOf,
  type Schema,
} from '@throughline/event';
import { requestTimeoutMs } from './defaults.ts';

const statusSchema = object({ mode: optional(string()), version: optional(string()) });
export type Status = OutputOf<typeof statusSchema>;
const errorSchema = object({ error: object({ code: string(), message: string() }) });

export async function getStatus(signal?: AbortSignal): Promise<Status> {
  return await request('/v1/status', statusSchema, signal === undefined ? {} : { signal });
}

/**
 * One request that ends in a value of `schema` or in a coded error.
 *
 * @throws ThroughlineError the server's own code, or SERVER_UNREACHABLE when nothing answers in time
 */
export async function request<Output>(path: string, schema: Schema<Output>, init: RequestInit = {}): Promise<Output> {
  const timeout = AbortSignal.timeout(requestTimeoutMs);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(path, { ...init, signal });
    const text = await response.text();
    body = text === '' ? {} : JSON.parse(text);
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause;
    throw new ThroughlineError('SERVER_UNREACHABLE', `the server did not answer ${path}`, { cause });
  }
  if (response.ok) return parse(schema, body, 'INTERNAL');
  if (errorSchema.problem(body, '') !== undefined)
    throw new ThroughlineError('INTERNAL', `${path} answered ${response.status}`);
  const { code, message } = (body as OutputOf<typeof errorSchema>).error;
  throw new ThroughlineError(code in errorTable ? (code as ErrorCode) : 'INTERNAL', message);
}

export function postJson(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
