// Which Python runs the functions of an application: the virtual environment `.venv` in its folder, else `python3` of the
// machine. It is asked for its version once, and only where a function needs it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ThroughlineError } from '@throughline/event';
import type { FunctionRuntime } from '@throughline/functions';
import { pythonStartMs } from '../defaults.ts';

type PythonRuntime = Extract<FunctionRuntime, { kind: 'python' }>;

/** The folder of package `throughline`. */
const packageDir = fileURLToPath(new URL('../../../../python', import.meta.url));

export class PythonFinder {
  readonly #appDir: string;
  #found: PythonRuntime | undefined;

  constructor(appDir: string) {
    this.#appDir = appDir;
  }

  /**
   * @param setting what needs it, for the error
   * @throws ThroughlineError CONFIG_INVALID
   */
  runtime(setting: string): PythonRuntime {
    this.#found ??= this.#find(setting);
    return this.#found;
  }

  #find(setting: string): PythonRuntime {
    const own = path.join(this.#appDir, '.venv/bin/python');
    const interpreter = existsSync(own) ? own : 'python3';
    const asked = spawnSync(interpreter, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
      encoding: 'utf8',
      timeout: pythonStartMs,
    });
    const version = asked.stdout?.trim() ?? '';
    const [, major, minor] = /^(\d+)\.(\d+)$/.exec(version) ?? [];
    if (major === undefined) {
      const why = asked.error?.message ?? asked.stderr.trim();
      throw new ThroughlineError(
        'CONFIG_INVALID',
        `${setting} is in Python, and ${interpreter} does not start: ${why}`,
      );
    }
    if (Number(major) !== 3 || Number(minor) < 10) {
      const message = `${setting} is in Python, and ${interpreter} is version ${version}: 3.10 or newer is needed`;
      throw new ThroughlineError('CONFIG_INVALID', message);
    }
    return { kind: 'python', interpreter, version, packageDir };
  }
}
