// Requests to the gateway. What goes wrong becomes a coded error: the one that the answer carries, or SERVER_UNREACHABLE
// where there is no answer.
import { errorTable, ThroughlineError, type Clock, type ErrorCode } from '@throughline/event';

export interface HttpOptions {
  /** Where the gateway is; '' for the page's own origin. */
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
}

export interface Http {
  /** @throws ThroughlineError the answer's own, SERVER_UNREACHABLE */
  get(path: string, signal?: AbortSignal): Promise<unknown>;
  /** @throws ThroughlineError the answer's own, SERVER_UNREACHABLE */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<unknown>;
  /** @throws ThroughlineError the answer's own, SERVER_UNREACHABLE */
  stream(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

export function http(options: HttpOptions): Http {
  const { baseUrl, fetch, clock, requestTimeoutMs } = options;

  async function request(path: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Response> {
    const late = new AbortController();
    const timer = clock.after(requestTimeoutMs, () =>
      late.abort(new ThroughlineError('SERVER_UNREACHABLE', `no answer within ${requestTimeoutMs} ms`)),
    );
    const signals = signal === undefined ? [late.signal] : [late.signal, signal];
    let response: Response;
    try {
      response = await fetch(baseUrl + path, { ...init, signal: AbortSignal.any(signals) });
    } catch (cause) {
      signal?.throwIfAborted();
      if (ThroughlineError.is(cause)) throw cause;
      throw new ThroughlineError('SERVER_UNREACHABLE', 'the server cannot be reached', { cause });
    } finally {
      timer.cancel();
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  async function jsonOf(response: Response): Promise<unknown> {
    try {
      const text = await response.text();
      return text === '' ? undefined : (JSON.parse(text) as unknown);
    } catch (cause) {
      throw new ThroughlineError('SERVER_UNREACHABLE', 'the answer was cut, or is no JSON', { cause });
    }
  }

  return {
    async get(path, signal) {
      return jsonOf(await request(path, { headers: { accept: 'application/json' } }, signal));
    },
    async post(path, body, headers) {
      const init = {
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      };
      return jsonOf(await request(path, init, undefined));
    },
    async stream(path, signal) {
      const response = await request(path, { headers: { accept: 'text/event-stream' }, cache: 'no-store' }, signal);
      if (response.body === null) throw new ThroughlineError('SERVER_UNREACHABLE', 'the answer has no body');
      return response.body;
    },
  };
}

async function errorOf(response: Response): Promise<ThroughlineError> {
  const fallback =
    response.status >= 500 ? 'SERVER_UNREACHABLE' : response.status === 404 ? 'NOT_FOUND' : 'INVALID_ARGUMENT';
  const details = { status: response.status };
  let body: unknown;
  try {
    body = await response.json();
  } catch (cause) {
    // Something between us and the gateway answered, a proxy for instance: its status is all there is.
    return new ThroughlineError(fallback, `the server answered ${response.status}`, { cause, details });
  }
  const { code, message, retryAfterMs } = ((body as { error?: unknown } | null)?.error ?? {}) as Record<
    string,
    unknown
  >;
  const known = typeof code === 'string' && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : fallback;
  return new ThroughlineError(known, typeof message === 'string' ? message : `the server answered ${response.status}`, {
    details,
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
  });
}
