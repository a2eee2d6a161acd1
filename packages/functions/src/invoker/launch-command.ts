// The command that starts an environment's process: what runs in it speaks frames on file descriptor 3, whatever the
// language (bootstrap/main.ts, python/throughline/functions/runtime.py), or is any program that asks AWS's Runtime API for work.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { oldSpaceShare } from '../defaults.ts';

/** What runs a function. */
export type FunctionRuntime =
  | { readonly kind: 'nodejs' }
  | {
      readonly kind: 'python';
      /** Path of the interpreter, as of a virtual environment. */
      readonly interpreter: string;
      /** Major and minor, `3.12`. */
      readonly version: string;
      /** Folder that has package `throughline`. */
      readonly packageDir: string;
    }
  | {
      /** It asks the Runtime API for its invocations: AWS's custom runtime, or a client of AWS's. */
      readonly kind: 'provided';
      /** AWS's name of it: `provided.al2023`; that of the language where a client of AWS's runs the entry. */
      readonly name: string;
      /** The program with its words; the entry is the program where absent. A word `{handler}` is the handler's name. */
      readonly command?: readonly string[] | undefined;
    };

export interface LaunchOptions {
  readonly runtime: FunctionRuntime;
  readonly entry: string;
  /** The process's working directory. */
  readonly codeDir: string;
  readonly handler: string;
  readonly memoryMb: number;
  readonly environmentId: string;
}

/** Words in the command line of every environment of Node.js; orphans.ts knows one by them. */
export const bootstrapPath: string = fileURLToPath(
  new URL(`./bootstrap/main${path.extname(fileURLToPath(import.meta.url))}`, import.meta.url),
);
/** The same of Python. */
export const pythonModule = 'throughline.functions.runtime';

/** The address of the Runtime API is known a little after the process has begun, and told on file descriptor 3. */
const awaitAddress = 'IFS= read -r AWS_LAMBDA_RUNTIME_API <&3 && export AWS_LAMBDA_RUNTIME_API && exec "$@" 3<&-';

export function launchCommand(options: LaunchOptions): { readonly file: string; readonly words: readonly string[] } {
  const { runtime, entry, handler, memoryMb, environmentId } = options;
  // The id is not used by the process: it tells which environment a process id belongs to (orphans.ts).
  const about = [entry, handler, environmentId];
  // Python's output is not held back: a process that dies has said what it said.
  if (runtime.kind === 'python') return { file: runtime.interpreter, words: ['-u', '-m', pythonModule, ...about] };
  if (runtime.kind === 'provided') {
    const handlerName = handlerVariable(options);
    const command = runtime.command?.map((word) => (word === '{handler}' ? handlerName : word)) ?? [entry];
    return { file: '/bin/sh', words: ['-c', awaitAddress, 'runtime', ...command] };
  }
  const oldSpaceMb = Math.max(16, Math.floor(memoryMb * oldSpaceShare));
  const flags = [`--max-old-space-size=${oldSpaceMb}`, '--disable-warning=ExperimentalWarning'];
  return { file: process.execPath, words: [...importConditions(), ...flags, bootstrapPath, ...about] };
}

/** AWS's name of a runtime: `nodejs24.x`, `python3.12`. */
export function runtimeName(runtime: FunctionRuntime): string {
  if (runtime.kind === 'python') return `python${runtime.version}`;
  if (runtime.kind === 'provided') return runtime.name;
  return `nodejs${process.versions.node.split('.', 1)[0]}.x`;
}

/** `_HANDLER`: `src/app.handler`; a custom runtime gets the handler as it is written. */
export function handlerVariable({
  runtime,
  entry,
  codeDir,
  handler,
}: Pick<LaunchOptions, 'runtime' | 'entry' | 'codeDir' | 'handler'>): string {
  if (runtime.kind === 'provided' && runtime.command === undefined) return handler;
  const relative = path.relative(codeDir, entry);
  const module = relative.startsWith('..') || path.isAbsolute(relative) ? path.basename(entry) : relative;
  return `${module.slice(0, module.length - path.extname(module).length)}.${handler}`;
}

/** Export conditions that this process was started with: a function must resolve the same files as its supervisor. */
function importConditions(): string[] {
  const conditions: string[] = [];
  process.execArgv.forEach((flag, index, flags) => {
    if (flag.startsWith('--conditions=')) conditions.push(flag);
    else if (flag === '-C' || flag === '--conditions') conditions.push(`--conditions=${flags[index + 1]}`);
  });
  return conditions;
}
