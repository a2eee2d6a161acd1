// The messages of @platformatic/kafka: an implementation of Kafka's wire that is independent of ours. It writes requests and
// reads responses; each API in each version is a module of its own.
import { globSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Reader } from '@platformatic/kafka';

export interface TheirApi {
  /** The bytes of a request's body, of the arguments by their names. */
  write(body: Readonly<Record<string, unknown>>): Uint8Array;
  /** A response's body as they read it, whatever errors it tells of; and how many bytes they left. */
  read(bytes: Uint8Array): { readonly body: unknown; readonly bytesLeft: number };
}

interface Module {
  readonly createRequest: (...values: readonly unknown[]) => { readonly buffer: Uint8Array };
  readonly parseResponse: (correlationId: number, apiKey: number, apiVersion: number, reader: Reader) => unknown;
}

const folder = path.dirname(fileURLToPath(import.meta.resolve('@platformatic/kafka')));
const files = new Map(
  globSync('apis/*/*-v*.js', { cwd: folder }).map((file) => [path.basename(file, '.js'), path.join(folder, file)]),
);

/** Their module of an API in a version, or undefined where they have none. */
export async function theirApi(key: number, name: string, version: number): Promise<TheirApi | undefined> {
  const file = files.get(`${name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}-v${version}`);
  if (file === undefined) return undefined;
  const module = (await import(pathToFileURL(file).href)) as Module;
  return {
    write: (body) => {
      const values = parametersOf(module.createRequest).map((parameter) => body[parameter]);
      return Uint8Array.from(module.createRequest(...values).buffer);
    },
    read: (bytes) => {
      const reader = Reader.from(Buffer.from(bytes));
      try {
        return { body: module.parseResponse(0, key, version, reader), bytesLeft: reader.remaining };
      } catch (error) {
        // What tells of an error is thrown, with what was read.
        const { response } = error as { readonly response?: unknown };
        if (response === undefined) throw error;
        return { body: response, bytesLeft: reader.remaining };
      }
    },
  };
}

/** Their names; one that is not used in a version begins with an underscore. */
function parametersOf(create: Module['createRequest']): readonly string[] {
  const [, list = ''] = /\(([^)]*)\)/.exec(create.toString()) ?? [];
  // OffsetFetch 1 hands on what it is given.
  if (list.startsWith('...')) return ['groups'];
  return list.split(',').map((parameter) =>
    parameter
      .trim()
      .replace(/^_/, '')
      .replace(/\s*=.*$/, ''),
  );
}
