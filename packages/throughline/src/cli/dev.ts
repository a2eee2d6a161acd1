// `throughline dev [folder]`: the launcher. It starts the server as a child, passes signals on, and starts it again when
// (and only when) the page asked for a crash; a server that somebody else killed stays down, so that whoever killed it
// is not surprised by a second one on the same data folder.
import path from 'node:path';
import { launch } from '../dev/launcher.ts';
import type { Options } from './options.ts';
import { settingNames } from '../settings.ts';

export async function run(options: Options, [folder = '.']: readonly string[]): Promise<void> {
  const flags: Record<string, unknown> = {};
  for (const name of settingNames) if (options[name] !== undefined) flags[name] = options[name];
  if (options['parameterOverrides'] !== undefined) flags['parameterOverrides'] = options['parameterOverrides'];
  process.exitCode = await launch({
    app: path.resolve(folder),
    flags,
    workingDir: process.cwd(),
    isRestarting: options['restart'] !== false,
    isJson: options['json'] === true,
  });
}
