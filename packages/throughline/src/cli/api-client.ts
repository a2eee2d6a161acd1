// What the commands ask of a running server, over its HTTP interface (docs/PROTOCOL.md §6).
import { errorTable, ThroughlineError, type ErrorCode } from '@throughline/event';
import * as z from 'zod';
import { progressAfterMs } from '../defaults.ts';
import { readServerFile, type ServerFile } from '../server-file.ts';
import { say } from './output.ts';

const errorSchema = z.object({ error: z.looseObject({ code: z.string(), message: z.string() }) });

export interface ApiClient {
  readonly server: ServerFile;
  /** The JSON answer of a request, narrowed by `schema`. */
  json<T>(schema: z.ZodType<T>, path: string, init?: RequestInit): Promise<T>;
  /** The lines of a line-wise answer, as they come. */
  lines(path: string, signal: AbortSignal): AsyncGenerator<string>;
}

/**
 * Connects to the server of a data folder.
 *
 * @throws ThroughlineError SERVER_NOT_RUNNING
 */
export function connect(dataDir: string): ApiClient {
  const server = readServerFile(dataDir);
  const unreachable = (cause: unknown): ThroughlineError =>
    new ThroughlineError('SERVER_UNREACHABLE', `${server.http} (pid ${server.pid}) does not answer, or has stopped`, {
      cause,
    });
  async function request(address: string, init?: RequestInit): Promise<Response> {
    const slow = setTimeout(() => say(`waiting for ${server.http} …`), progressAfterMs);
    try {
      const response = await fetch(server.http + address, init);
      if (!response.ok) throw await errorOf(response);
      return response;
    } catch (error) {
      throw ThroughlineError.is(error) ? error : unreachable(error);
    } finally {
      clearTimeout(slow);
    }
  }
  return {
    server,
    async json(schema, address, init) {
      const response = await request(address, init);
      const body: unknown = await response.json().catch((error: unknown) => {
        throw unreachable(error);
      });
      const parsed = schema.safeParse(body);
      if (!parsed.success)
        throw new ThroughlineError('INTERNAL', `${address}: unexpected answer: ${parsed.error.message}`);
      return parsed.data;
    },
    async *lines(address, signal) {
      const response = await request(address, { signal });
      let rest = '';
      try {
        for await (const text of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
          const parts = (rest + text).split('\n');
          rest = parts.pop() ?? '';
          yield* parts.filter((line) => line !== '');
        }
      } catch (error) {
        throw unreachable(error);
      }
      if (rest !== '') yield rest;
    },
  };
}

async function errorOf(response: Response): Promise<ThroughlineError> {
  const parsed = errorSchema.safeParse(await response.json().catch((): unknown => undefined));
  if (!parsed.success) return new ThroughlineError('INTERNAL', `the server answered ${response.status}`);
  const { code, message, remedy: _remedy, retriable: _retriable, ...details } = parsed.data.error;
  return new ThroughlineError(isCode(code) ? code : 'INTERNAL', message, { details });
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}
