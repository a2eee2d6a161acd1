// The file and the export that a function's CodeUri, Handler and Metadata mean. What a build would make of TypeScript (`sam build`
// with esbuild) is run from its source, bundled as esbuild would.
// Source: AWS SAM developer guide, "Building Node.js Lambda functions with esbuild".
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';

/** The languages that run here, and AWS's custom runtimes. */
export type SamRuntime = 'nodejs' | 'python' | 'provided';

export interface FunctionEntry {
  readonly entry: string;
  readonly handler: string;
  readonly runtime: SamRuntime;
  /** Folder of the function's code: where its paths and Python's imports begin. */
  readonly codeDir: string;
  readonly isBundled: boolean;
}

export interface EntryRequest {
  readonly codeDir: string;
  /** `src/app.handler`; in Python also `src.app.handler`. */
  readonly handler: string;
  readonly runtime: SamRuntime;
  /** Relative to the code's folder; of esbuild's metadata. */
  readonly entryPoints: readonly string[];
  readonly isBuiltByEsbuild: boolean;
}

const scripts = ['.js', '.mjs', '.cjs'];
const sources = ['.ts', '.mts', '.cts', '.tsx'];
/** Folders that a compiler writes to, and where the source of what is in them may be. */
const built = /^(?:\.\/)?(?:dist|build|out|lib|\.build)\//;

/** What to run, or a sentence that says what is missing. */
export function findEntry(request: EntryRequest): FunctionEntry | string {
  const { codeDir, handler, runtime } = request;
  if (runtime === 'provided') {
    const entry = path.join(codeDir, 'bootstrap');
    return isFile(entry) ? { entry, handler, runtime, codeDir, isBundled: false } : `there is no ${entry}`;
  }
  const at = handler.indexOf('.', handler.lastIndexOf('/') + 1);
  if (at < 0) return `${handler} is no FILE.EXPORT`;
  return runtime === 'python' ? pythonEntry(request) : nodeEntry(request, handler.slice(0, at), handler.slice(at + 1));
}

function pythonEntry({ codeDir, handler, runtime }: EntryRequest): FunctionEntry | string {
  const at = handler.lastIndexOf('.');
  // awslambdaric reads dots of the module as folders.
  const module = path.join(codeDir, handler.slice(0, at).replaceAll('.', '/'));
  const entry = [`${module}.py`, path.join(module, '__init__.py')].find(isFile);
  if (entry === undefined) return `there is no ${module}.py`;
  return { entry, handler: handler.slice(at + 1), runtime, codeDir, isBundled: false };
}

function nodeEntry(request: EntryRequest, module: string, handler: string): FunctionEntry | string {
  const { codeDir, runtime, isBuiltByEsbuild } = request;
  const found = isBuiltByEsbuild
    ? (ofEntryPoints(request, module) ?? ofModule(codeDir, module))
    : ofModule(codeDir, module);
  if (found === undefined)
    return `there is no ${path.join(codeDir, module)} with ${[...scripts, ...sources].join(', ')}`;
  const isBundled = isBuiltByEsbuild || sources.includes(path.extname(found));
  return { entry: found, handler, runtime, codeDir, isBundled };
}

/** esbuild puts what it makes of a single entry point at the top. */
function ofEntryPoints({ codeDir, entryPoints }: EntryRequest, module: string): string | undefined {
  const bare = (file: string): string => path.normalize(file).replace(/\.[cm]?[jt]sx?$/, '');
  const wanted = path.normalize(module);
  const files = entryPoints.map((point) => ofModule(codeDir, bare(point)) ?? path.resolve(codeDir, point));
  const exact = files.find((file) => bare(path.relative(codeDir, file)) === wanted);
  const named = files.find((file) => path.basename(bare(file)) === path.basename(wanted));
  return [exact, named].find((file) => file !== undefined && isFile(file));
}

function ofModule(codeDir: string, module: string): string | undefined {
  const files = (base: string, endings: readonly string[]): string[] =>
    endings.map((ending) => path.resolve(codeDir, `${base}${ending}`));
  const here = [...files(module, scripts), ...files(module, sources)];
  const inside = files(path.join(module, 'index'), [...scripts, ...sources]);
  // What a compiler would have made: from the source that it would have made it of.
  const bases = built.test(module) ? [module.replace(built, 'src/'), module.replace(built, '')] : [];
  const ofSource = bases.flatMap((base) => files(base, [...sources, ...scripts]));
  return [...here, ...inside, ...ofSource].find(isFile);
}

function isFile(file: string): boolean {
  return existsSync(file) && statSync(file).isFile();
}
