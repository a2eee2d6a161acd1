// What the commands ask of a running server, over its HTTP interface (docs/PROTOCOL.md §6).
import { errorTable, ThroughlineError, type ErrorCode } from '@throughline/event';
import * as z from 'zod';
import { progressAfterMs } from '../defaults.ts';
import { readServerFile, type ServerFile } from '../server-file.ts';
import { say } from '../terminal/output.ts';

const errorSchema = z.object({ error: z.looseObject({ code: z.string(), message: z.string() }) });

/** Whoever answers for topics and records. */
export interface ApiClient {
  /** Where that is, for messages. */
  readonly name: string;
  /** The JSON answer of a request, narrowed by `schema`. */
  json<T>(schema: z.ZodType<T>, path: string, init?: RequestInit): Promise<T>;
  /** The lines of a line-wise answer, as they come. */
  lines(path: string, signal: AbortSignal): AsyncGenerator<string>;
}

/** A server that runs. */
export interface ServerClient extends ApiClient {
  readonly server: ServerFile;
  /** The answer of a request, whatever its status; `waitingFor` is said while it does not come. */
  answer(path: string, init?: RequestInit, waitingFor?: string): Promise<Response>;
}

/**
 * Connects to the server of a data folder.
 *
 * @throws ThroughlineError SERVER_NOT_RUNNING
 */
export function connect(dataDir: string): ServerClient {
  const server = readServerFile(dataDir);
  const unreachable = (cause: unknown): ThroughlineError =>
    new ThroughlineError('SERVER_UNREACHABLE', `${server.http} (pid ${server.pid}) does not answer, or has stopped`, {
      cause,
    });
  async function answer(address: string, init?: RequestInit, waitingFor = server.http): Promise<Response> {
    const slow = setTimeout(() => say(`waiting for ${waitingFor} …`), progressAfterMs);
    try {
      return await fetch(server.http + address, init);
    } catch (error) {
      throw unreachable(error);
    } finally {
      clearTimeout(slow);
    }
  }
  async function request(address: string, init?: RequestInit): Promise<Response> {
    const response = await answer(address, init);
    if (!response.ok) throw await errorOf(response);
    return response;
  }
  return {
    name: server.http,
    server,
    answer,
    async json(schema, address, init) {
      const response = await request(address, init);
      const body: unknown = await response.json().catch((error: unknown) => {
        throw unreachable(error);
      });
      return narrowed(schema, address, body);
    },
    async *lines(address, signal) {
      const response = await request(address, { signal });
      try {
        yield* linesOfBody(response);
      } catch (error) {
        throw unreachable(error);
      }
    },
  };
}

/** @throws ThroughlineError INTERNAL for an answer that is not what it should be */
export function narrowed<T>(schema: z.ZodType<T>, address: string, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ThroughlineError('INTERNAL', `${address}: unexpected answer: ${parsed.error.message}`);
}

/** The lines of a body as they come. */
export async function* linesOfBody(response: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    yield* parts.filter((line) => line !== '');
  }
  if (rest !== '') yield rest;
}

async function errorOf(response: Response): Promise<ThroughlineError> {
  const parsed = errorSchema.safeParse(await response.json().catch((): unknown => undefined));
  if (!parsed.success) return new ThroughlineError('INTERNAL', `the server answered ${response.status}`);
  const { code, message, remedy: _remedy, retriable: _retriable, ...details } = parsed.data.error;
  return new ThroughlineError(isErrorCode(code) ? code : 'INTERNAL', message, { details });
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}
