// `throughline version`
import { version } from '../version.ts';
import type { Options } from './options.ts';
import { printJson, printLine } from '../terminal/output.ts';

export async function run(options: Options): Promise<void> {
  const versions = { throughline: version, node: process.versions.node, sqlite: process.versions['sqlite'] };
  if (options['json'] === true) printJson(versions);
  else printLine(`throughline ${version} (Node.js ${process.versions.node})`);
}
