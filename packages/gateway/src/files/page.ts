// The page: the files that the console's build left in one folder. Paths that are the page's own routes (/c/…, /tables) get
// its index.html, so that a reload shows what the address says.
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import { fileResponse, openBelow } from './static-files.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
};

// Everything comes from this server. No image from elsewhere either: an answer could otherwise be made to send what it
// says to a stranger by the address of a picture. Inline styles stay allowed for what measures and places itself.
const contentSecurityPolicy = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * GET of anything that is no endpoint.
 *
 * @throws ThroughlineError NOT_FOUND
 */
export async function getPage(pageDir: string | undefined, urlPath: string, request: Request): Promise<Response> {
  if (pageDir === undefined) throw new ThroughlineError('NOT_FOUND', `nothing is at ${urlPath}`);
  const extension = path.extname(urlPath).toLowerCase();
  const isRoute = extension === '' || types[extension] === undefined;
  // A script that misses a path gets an error that says so; only somebody who opens it as a page gets the page.
  if (isRoute && urlPath !== '/' && !(request.headers.get('accept') ?? '').includes('text/html')) {
    throw new ThroughlineError('NOT_FOUND', `nothing is at ${urlPath}`);
  }
  const file = await openBelow(pageDir, isRoute ? '/index.html' : urlPath);
  // Vite puts a hash of the content into the names below /assets.
  const isHashed = urlPath.startsWith('/assets/');
  return fileResponse(file, request, {
    'content-type': types[isRoute ? '.html' : extension] ?? 'application/octet-stream',
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    'content-security-policy': contentSecurityPolicy,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  });
}
