// Builds the page where it is missing or stale. `npm start` asks every time, so the answer "nothing to do" has to be
// cheap: the content of everything the page is made of is hashed (a hundred small files, a few milliseconds) and compared
// with the stamp that the last build left; Vite runs only when they differ, and in a process of its own (build-main.ts),
// so that the memory it takes is gone when the page is there. A build goes to a folder of its own and is moved into place
// as a whole, so that neither a reader nor a second builder ever sees half a page.
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { glob, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { silentLogger, ThroughlineError, type Logger } from '@throughline/event';

export interface BuildPageOptions {
  /** Where the page goes; `dist/page` of this package by default. */
  readonly outDir?: string;
  readonly logger?: Logger;
  /** Told once, before a build that takes a moment. */
  readonly onProgress?: (text: string) => void;
}

const packageDir = fileURLToPath(new URL('..', import.meta.url));
const stampName = '.stamp';

/** What the page is made of, relative to this package. Tests are not in it. */
const ingredients = [
  'index.html',
  'package.json',
  'vite.config.ts',
  'public/**/*',
  'src/**/*.{ts,tsx,css}',
  '../state/src/**/*.{ts,tsx}',
  '../event/src/**/*.ts',
  '../../package-lock.json',
];

/**
 * Makes sure that the built page is there and up to date.
 *
 * @returns `dir`, the folder to serve, and `built`, whether Vite had to run
 * @throws ThroughlineError INTERNAL when Vite cannot build the sources (its message says where)
 * @example const { dir } = await buildPage()
 */
export async function buildPage(options: BuildPageOptions = {}): Promise<{ dir: string; built: boolean }> {
  const dir = options.outDir ?? join(packageDir, 'dist', 'page');
  const logger = options.logger ?? silentLogger;
  const stamp = await contentHash();
  if ((await stampOf(dir)) === stamp) return { dir, built: false };
  // A published package comes with its page and without the sources of the floors below: then there is nothing to compare.
  if (!existsSync(join(packageDir, '..', 'state', 'src')) && existsSync(join(dir, 'index.html')))
    return { dir, built: false };

  options.onProgress?.('Building the page (once per version) …');
  const startedMs = performance.now();
  const fresh = `${dir}.${randomUUID()}`;
  try {
    await runVite(fresh);
    await writeFile(join(fresh, stampName), stamp);
    await moveInto(dir, fresh, stamp);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  logger.info({ dir, durationMs: Math.round(performance.now() - startedMs) }, 'page built');
  return { dir, built: true };
}

async function runVite(outDir: string): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [
      ...process.execArgv,
      join(packageDir, 'src', 'build-main.ts'),
      outDir,
    ]);
  } catch (cause) {
    const message = (cause as { stderr?: string }).stderr?.trim() || String(cause);
    throw new ThroughlineError('INTERNAL', `the page could not be built: ${message}`, { cause });
  }
}

/** Puts a finished build in the place of an older one; of two builders of the same sources one wins, which is as good. */
async function moveInto(dir: string, fresh: string, stamp: string): Promise<void> {
  await mkdir(dirname(dir), { recursive: true });
  await rm(dir, { recursive: true, force: true });
  try {
    await rename(fresh, dir);
  } catch (error) {
    if ((await stampOf(dir)) !== stamp) throw error;
  }
}

async function stampOf(dir: string): Promise<string | undefined> {
  try {
    return await readFile(join(dir, stampName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** SHA-256 over the names and bytes of all ingredients, in the order of their names. */
async function contentHash(): Promise<string> {
  const names: string[] = [];
  for (const pattern of ingredients) {
    for await (const entry of glob(pattern, { cwd: packageDir, withFileTypes: true })) {
      if (entry.isFile() && !entry.name.includes('.test.')) names.push(join(entry.parentPath, entry.name));
    }
  }
  names.sort();
  const contents = await Promise.all(names.map((name) => readFile(name)));
  const hash = createHash('sha256');
  contents.forEach((content, index) => {
    hash.update(`${relative(packageDir, names[index] ?? '')}\0${content.length}\0`).update(content);
  });
  return hash.digest('hex');
}
