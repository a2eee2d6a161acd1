// Which Python runs the functions of an application: the virtual environment `.venv` in its folder, else `python3` of the
// machine. It is asked for its version once, and only where a function needs it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ThroughlineError } from '@throughline/event';
import type { FunctionRuntime } from '@throughline/functions';
import { pythonStartMs } from '../defaults.ts';

export type PythonRuntime = Extract<FunctionRuntime, { kind: 'python' }>;

export interface FoundPython {
  readonly runtime: PythonRuntime;
  /** Whether the user made it for this application: then nothing is installed, whatever is asked for. */
  readonly isApplications: boolean;
  /** What packages are built for: the exact version and where it is. */
  readonly build: string;
}

/** The folder of package `throughline`. */
const packageDir = fileURLToPath(new URL('../../../../python', import.meta.url));
const question = 'import sys; print("%d.%d" % sys.version_info[:2]); print(sys.base_prefix, sys.version)';

export class PythonFinder {
  readonly #appDir: string;
  #found: FoundPython | undefined;

  constructor(appDir: string) {
    this.#appDir = appDir;
  }

  /**
   * @param setting what needs it, for the error
   * @throws ThroughlineError CONFIG_INVALID
   */
  find(setting: string): FoundPython {
    this.#found ??= this.#look(setting);
    return this.#found;
  }

  #look(setting: string): FoundPython {
    const own = path.join(this.#appDir, '.venv/bin/python');
    const isApplications = existsSync(own);
    const interpreter = isApplications ? own : 'python3';
    const asked = spawnSync(interpreter, ['-c', question], { encoding: 'utf8', timeout: pythonStartMs });
    const [version = '', ...build] = (asked.stdout ?? '').trim().split('\n');
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
    return {
      runtime: { kind: 'python', interpreter, version, packageDir },
      isApplications,
      build: build.join(' '),
    };
  }
}
