// GET /docs/*: the documents that the `docs` model quotes, so that a source can be opened. They are shown as plain text,
// in a sandbox: a document is somebody's words and must not run as a page of this server.
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import { fileResponse, openBelow } from './static-files.ts';

const shown: readonly string[] = ['.md', '.markdown', '.txt', '.html', '.htm'];

/** @throws ThroughlineError NOT_FOUND */
export async function getDocument(docsDir: string | undefined, urlPath: string, request: Request): Promise<Response> {
  if (docsDir === undefined) throw new ThroughlineError('NOT_FOUND', 'this server has no documents');
  if (!shown.includes(path.extname(urlPath).toLowerCase())) {
    throw new ThroughlineError('NOT_FOUND', `only ${shown.join(', ')} files are shown`);
  }
  return fileResponse(await openBelow(docsDir, urlPath), request, {
    'content-type': 'text/plain; charset=utf-8',
    'content-security-policy': "default-src 'none'; sandbox",
    'cache-control': 'no-cache',
  });
}
