// The command that starts an environment's process: what runs in it speaks frames on file descriptor 3, whatever the
// language (bootstrap/main.ts, python/throughline/functions/runtime.py).
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

export function launchCommand(options: LaunchOptions): { readonly file: string; readonly words: readonly string[] } {
  const { runtime, entry, handler, memoryMb, environmentId } = options;
  // The id is not used by the process: it tells which environment a process id belongs to (orphans.ts).
  const about = [entry, handler, environmentId];
  // Python's output is not held back: a process that dies has said what it said.
  if (runtime.kind === 'python') return { file: runtime.interpreter, words: ['-u', '-m', pythonModule, ...about] };
  const oldSpaceMb = Math.max(16, Math.floor(memoryMb * oldSpaceShare));
  const flags = [`--max-old-space-size=${oldSpaceMb}`, '--disable-warning=ExperimentalWarning'];
  return { file: process.execPath, words: [...importConditions(), ...flags, bootstrapPath, ...about] };
}

/** AWS's name of a runtime: `nodejs24.x`, `python3.12`. */
export function runtimeName(runtime: FunctionRuntime): string {
  if (runtime.kind === 'python') return `python${runtime.version}`;
  return `nodejs${process.versions.node.split('.', 1)[0]}.x`;
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
