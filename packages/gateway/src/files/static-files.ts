// Files of one folder, read only. A path is decoded once and resolved with all symbolic links; what is not inside the
// folder then, is hidden (a leading dot), or is no plain file is not there.
import { open, realpath, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { ThroughlineError } from '@throughline/event';

export interface FoundFile {
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/**
 * Opens a file below `root`.
 *
 * @param urlPath the path as it stands in the URL, below the folder, percent-encoded
 * @throws ThroughlineError NOT_FOUND
 */
export async function openBelow(root: string, urlPath: string): Promise<FoundFile> {
  const names = decode(urlPath)
    .split('/')
    .filter((name) => name !== '');
  const isHidden = names.some((name) => name.startsWith('.') || name.includes('\0') || name.includes('\\'));
  if (isHidden || names.length === 0) throw notFound(urlPath);
  let handle: FileHandle | undefined;
  try {
    const [folder, file] = await Promise.all([realpath(root), realpath(path.join(root, ...names))]);
    if (!file.startsWith(folder + path.sep)) throw notFound(urlPath);
    handle = await open(file, 'r');
    const stat = await handle.stat();
    if (!stat.isFile()) throw notFound(urlPath);
    return { handle, bytes: stat.size, modifiedMs: stat.mtimeMs };
  } catch (error) {
    await handle?.close();
    if (ThroughlineError.is(error)) throw error;
    // Missing, a folder in the place of a file, a name too long, not ours to read: to the caller it is all the same.
    throw notFound(urlPath, error);
  }
}

/** The response for a file; the handle is closed when it is sent, or when its reader is gone. */
export async function fileResponse(
  file: FoundFile,
  request: Request,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const etag = `"${file.bytes.toString(16)}-${Math.floor(file.modifiedMs).toString(16)}"`;
  const all = { ...headers, etag, 'x-content-type-options': 'nosniff' };
  if (request.headers.get('if-none-match') === etag) {
    await file.handle.close();
    return new Response(null, { status: 304, headers: all });
  }
  if (request.method === 'HEAD') {
    await file.handle.close();
    return new Response(null, { headers: { ...all, 'content-length': String(file.bytes) } });
  }
  const body = Readable.toWeb(file.handle.createReadStream()) as ReadableStream<Uint8Array>;
  return new Response(body, { headers: all });
}

function decode(urlPath: string): string {
  try {
    return decodeURIComponent(urlPath);
  } catch (cause) {
    throw notFound(urlPath, cause);
  }
}

function notFound(urlPath: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('NOT_FOUND', `nothing is at ${urlPath}`, { cause });
}
