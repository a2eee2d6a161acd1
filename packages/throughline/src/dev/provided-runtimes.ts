// Functions that are run by something of the user's that speaks AWS's Runtime API: a custom runtime (`runtime: 'provided'`), whose
// program is `bootstrap` in its folder, or AWS's own client for Node.js or Python (`runtimeApi: true`), which comes from the
// application's packages. Source: AWS Lambda developer guide, "Building a custom runtime".
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import type { FunctionRuntime } from '@throughline/functions';
import type { FunctionSettings } from '../config-schema.ts';

type ProvidedRuntime = Extract<FunctionRuntime, { kind: 'provided' }>;

const nodeClient = 'aws-lambda-ric';

/** A folder stands for the program `bootstrap` in it. */
export function programOf(entry: string): string {
  return statSync(entry, { throwIfNoEntry: false })?.isDirectory() === true ? path.join(entry, 'bootstrap') : entry;
}

/**
 * What runs the function: `own` where nothing else is asked for.
 *
 * @param own what would run it over the framed pipe
 * @param setting name of its settings, for the error
 * @throws ThroughlineError CONFIG_INVALID where AWS's client is not there, or cannot run it
 */
export function runtimeOf(
  settings: FunctionSettings,
  own: FunctionRuntime,
  entry: string,
  setting: string,
): FunctionRuntime {
  if (settings.runtime === 'provided') return { kind: 'provided', name: 'provided.al2023' };
  if (settings.runtimeApi !== true) return own;
  if (own.kind === 'python') {
    const command = [own.interpreter, '-m', 'awslambdaric', '{handler}'];
    return { kind: 'provided', name: `python${own.version}`, command };
  }
  return clientForNode(settings, entry, `${setting}.runtimeApi`);
}

function clientForNode({ bundle }: FunctionSettings, entry: string, setting: string): ProvidedRuntime {
  if (bundle === true || !/\.[cm]?js$/.test(entry)) {
    throw new ThroughlineError(
      'CONFIG_INVALID',
      `${setting}: ${nodeClient} runs files of JavaScript as they are, and nothing else`,
    );
  }
  const program = findProgram(path.dirname(entry));
  if (program === undefined) {
    throw new ThroughlineError('CONFIG_INVALID', `${setting}: there is no package ${nodeClient} in node_modules`);
  }
  const name = `nodejs${process.versions.node.split('.', 1)[0]}.x`;
  return { kind: 'provided', name, command: [process.execPath, program, '{handler}'] };
}

/** The program of AWS's client, in the `node_modules` of a folder or of one above it. */
function findProgram(dir: string): string | undefined {
  const home = path.join(dir, 'node_modules', nodeClient);
  const file = path.join(home, 'package.json');
  if (!existsSync(file)) return dir === path.dirname(dir) ? undefined : findProgram(path.dirname(dir));
  const { bin } = JSON.parse(readFileSync(file, 'utf8')) as { bin?: unknown };
  const program = typeof bin === 'object' && bin !== null ? (bin as Record<string, unknown>)[nodeClient] : bin;
  return typeof program === 'string' ? path.join(home, program) : undefined;
}
