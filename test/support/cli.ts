// The command line as users run it: a process, what it prints, and its exit code.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const main = path.join(root, 'packages/throughline/src/cli/main.ts');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Without the lines that say what is waited for: on a slow machine they come or do not. */
  readonly stderr: string;
  /** Those lines. */
  readonly progress: string;
}

export interface RunOptions {
  /** Standard input; empty by default. */
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** SIGINT is sent when standard output contains this. */
  readonly interruptAt?: string;
  /** The same of standard error. */
  readonly interruptAtError?: string;
}

/** Runs `throughline ...args` to its end. */
export async function throughline(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--conditions=throughline-source', '--disable-warning=ExperimentalWarning', main, ...args],
    { cwd: root, env: { ...process.env, ...options.environment } },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (options.interruptAt !== undefined && stdout.includes(options.interruptAt)) child.kill('SIGINT');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (options.interruptAtError !== undefined && stderr.includes(options.interruptAtError)) child.kill('SIGINT');
  });
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  const isProgress = /^waiting for .* …\n/gm;
  return {
    code,
    stdout,
    stderr: stderr.replaceAll(isProgress, ''),
    progress: (stderr.match(isProgress) ?? []).join(''),
  };
}
