// `throughline python -- ARGUMENTS`: the Python that has what the requirements.txt or pyproject.toml in an application's folder
// asks for, with package `throughline` importable. It needs no running server; what is missing is installed first.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { PythonEnvironments } from '../dev/python-environments.ts';
import { PythonFinder } from '../dev/python-finder.ts';
import { findRequirements } from '../dev/python-requirements.ts';
import { say } from '../terminal/output.ts';
import { dataDirOption, textOption, type Options } from './options.ts';

export async function run(options: Options, words: readonly string[]): Promise<void> {
  const appDir = path.resolve(textOption(options, 'app') ?? '.');
  const found = new PythonFinder(appDir).find('throughline python');
  const file = found.isApplications ? undefined : findRequirements(appDir);
  const stop = new AbortController();
  const onStop = (): void => stop.abort();
  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, onStop);
  const environments = new PythonEnvironments({
    cacheDir: path.join(dataDirOption(options), 'cache'),
    onProgress: say,
    signal: stop.signal,
  });
  const whose = [path.basename(appDir)];
  const { interpreter, packageDir } =
    file === undefined ? found.runtime : await environments.runtimeFor(file, found, whose);
  const pythonPath = [packageDir, process.env['PYTHONPATH'] ?? ''].filter((dir) => dir !== '').join(path.delimiter);
  const child = spawn(interpreter, words, { stdio: 'inherit', env: { ...process.env, PYTHONPATH: pythonPath } });
  // A terminal sends Ctrl-C to both, and it is Python's to answer.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'close')) as [number | null];
  process.exitCode = code ?? 1;
}
