// `throughline version`
import { version } from '../version.ts';
import { printJson } from './output.ts';

export async function run(options: Record<string, unknown>): Promise<void> {
  const versions = { throughline: version, node: process.versions.node, sqlite: process.versions['sqlite'] };
  if (options['json'] === true) printJson(versions);
  else process.stdout.write(`throughline ${version} (Node.js ${process.versions.node})\n`);
}
