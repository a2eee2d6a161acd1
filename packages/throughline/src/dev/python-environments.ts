// Virtual environments of Python, made of what functions ask for, once each, below the data folder:
//
//   cache/python/<key>.json              names the folder of a finished environment; renamed into place, so it is whole or absent
//   cache/python/<key>-<pid>-<number>/   the environment, with requirements.lock: the versions that were installed
//
// A folder that no file names was cut in the middle; the next start removes it, unless whoever makes it still lives.
// docs/decisions/0116-sam-templates-and-python-environments.md
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import { pythonInstallMs } from '../defaults.ts';
import type { FoundPython, PythonRuntime } from './python-finder.ts';
import { environmentKey, readRequirements, type Requirements } from './python-requirements.ts';

export interface PythonEnvironmentsOptions {
  /** Below it are the environments; the data folder's cache. */
  readonly cacheDir: string;
  onProgress(text: string): void;
  /** Ends what is being installed. */
  readonly signal: AbortSignal;
}

/** Prints the dependencies of a project as JSON; Python 3.10 has its reader of TOML in pip only. */
const dependenciesProgram = `
import json, sys
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file).get("project", {})
print(json.dumps(project.get("dependencies", [])))
`;

export class PythonEnvironments {
  readonly #options: PythonEnvironmentsOptions;
  readonly #dir: string;
  #made = 0;

  constructor(options: PythonEnvironmentsOptions) {
    this.#options = options;
    this.#dir = path.join(options.cacheDir, 'python');
  }

  /**
   * The Python that has what a file asks for; `base` itself where that is nothing.
   *
   * @param names whom it is for, for people
   * @throws ThroughlineError PYTHON_ENVIRONMENT_FAILED with the last words of pip
   */
  async runtimeFor(file: string, base: FoundPython, names: readonly string[]): Promise<PythonRuntime> {
    const { interpreter } = base.runtime;
    const requirements = await readRequirements(file, async (project) => {
      const text = await this.#run(interpreter, ['-c', dependenciesProgram, project], path.dirname(project), project);
      return JSON.parse(text) as string[];
    });
    if (requirements.packageCount === 0) return base.runtime;
    const key = environmentKey(requirements, base.build);
    const made = this.#finished(key) ?? (await this.#make(key, requirements, base, names));
    return { ...base.runtime, interpreter: path.join(made, 'bin/python') };
  }

  /** Removes what was begun and not finished by a process that is gone. */
  sweep(): void {
    if (!existsSync(this.#dir)) return;
    const entries = readdirSync(this.#dir);
    const named = new Set(entries.filter((name) => name.endsWith('.json')).map((name) => this.#named(name)));
    for (const name of entries) {
      const pid = /^[0-9a-f]+-(\d+)-\d+$/.exec(name)?.[1];
      const dir = path.join(this.#dir, name);
      if (pid !== undefined && !named.has(dir) && !isAlive(Number(pid))) rmSync(dir, { recursive: true, force: true });
    }
  }

  #finished(key: string): string | undefined {
    const dir = this.#named(`${key}.json`);
    return dir !== undefined && existsSync(path.join(dir, 'bin/python')) ? dir : undefined;
  }

  #named(file: string): string | undefined {
    try {
      const { dir } = JSON.parse(readFileSync(path.join(this.#dir, file), 'utf8')) as { dir: string };
      return path.join(this.#dir, dir);
    } catch {
      // It is not there, or somebody wrote to it: then the environment is made again.
      return undefined;
    }
  }

  async #make(key: string, requirements: Requirements, base: FoundPython, names: readonly string[]): Promise<string> {
    const { packageCount, file, lines, hasHashes, dir: cwd } = requirements;
    const whose = names.join(', ');
    const packages = packageCount === 1 ? '1 package' : `${packageCount} packages`;
    this.#options.onProgress(`making the Python environment of ${whose} (${packages}) …`);
    mkdirSync(this.#dir, { recursive: true });
    const name = `${key}-${process.pid}-${this.#made++}`;
    const dir = path.join(this.#dir, name);
    const startedMs = performance.now();
    try {
      await this.#run(base.runtime.interpreter, ['-m', 'venv', '--clear', dir], cwd, file);
      const python = path.join(dir, 'bin/python');
      const pipFile = requirements.pipFile ?? path.join(dir, 'requirements.txt');
      if (requirements.pipFile === undefined) writeFileSync(pipFile, `${lines.join('\n')}\n`);
      const pip = ['-m', 'pip', '--no-input', '--disable-pip-version-check'];
      const flags = ['--progress-bar', 'off', '--retries', '1', '--timeout', '15', '--no-warn-script-location'];
      const hashes = hasHashes ? ['--require-hashes'] : [];
      await this.#run(python, [...pip, 'install', ...flags, ...hashes, '-r', pipFile], cwd, file);
      writeFileSync(path.join(dir, 'requirements.lock'), await this.#run(python, [...pip, 'freeze'], cwd, file));
      const pointer = path.join(this.#dir, `${key}.json`);
      writeFileSync(`${pointer}.${process.pid}`, JSON.stringify({ dir: name, file }));
      renameSync(`${pointer}.${process.pid}`, pointer);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
    const seconds = Math.max(1, Math.round((performance.now() - startedMs) / 1000));
    this.#options.onProgress(`the Python environment of ${whose} is made (${seconds} s)`);
    return dir;
  }

  /** What a program has printed; it is of the user's own machine and has the user's settings, of proxies for instance. */
  #run(file: string, words: readonly string[], cwd: string, about: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const { signal: stop } = this.#options;
      if (stop.aborted) return reject(stopping());
      const env = { ...process.env, PYTHONUTF8: '1' };
      // A group of its own: venv and pip start others, which end with them.
      const child = spawn(file, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env, detached: true });
      const end = (): void => {
        if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      };
      const timer = setTimeout(end, pythonInstallMs).unref();
      stop.addEventListener('abort', end, { once: true });
      const said = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
      const failed = (why: string, cause?: Error): void =>
        reject(new ThroughlineError('PYTHON_ENVIRONMENT_FAILED', `${about}: ${why}`, { cause }));
      child.once('error', (error) => failed(error.message, error));
      child.once('close', (code, signal) => {
        clearTimeout(timer);
        stop.removeEventListener('abort', end);
        if (stop.aborted) return reject(stopping());
        if (code === 0) return resolve(said.stdout);
        const how = signal === null ? `exit code ${code}` : `ended by ${signal}`;
        failed(lastWords(said.stderr) ?? lastWords(said.stdout) ?? `${words.slice(0, 3).join(' ')}: ${how}`);
      });
    });
  }
}

function stopping(): ThroughlineError {
  return new ThroughlineError('CLOSED', 'the server is stopping');
}

/** The last line that says something; pip's notices about itself come behind it. */
function lastWords(text: string): string | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const said = lines.filter((line) => line !== '' && !/^(?:\[notice\]|WARNING:)/.test(line));
  return (said.findLast((line) => line.startsWith('ERROR:')) ?? said.at(-1))?.replace(/^ERROR: /, '');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // It is gone, or it is another user's and can have made nothing here.
    return false;
  }
}
