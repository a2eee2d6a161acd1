// throughline.config.ts: found in the application's folder, loaded as the module that it is, narrowed by the schema.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ThroughlineError } from '@throughline/event';
import { configSchema, firstIssue, type ThroughlineConfig } from './config-schema.ts';
import { findTemplate } from './sam/find-template.ts';

const configNames = [
  'throughline.config.ts',
  'throughline.config.mts',
  'throughline.config.js',
  'throughline.config.mjs',
];

/**
 * The configuration file of an application, or its SAM template.
 *
 * @param app its folder, or the file itself
 * @throws ThroughlineError CONFIG_INVALID when there is none
 */
export function findConfigFile(app: string): string {
  if (!existsSync(app)) throw new ThroughlineError('CONFIG_INVALID', `there is no folder ${app}`);
  if (statSync(app).isFile()) return app;
  const name = configNames.find((candidate) => existsSync(path.join(app, candidate)));
  if (name !== undefined) return path.join(app, name);
  const template = findTemplate(app);
  if (template !== undefined) return template;
  throw new ThroughlineError(
    'CONFIG_INVALID',
    `there is no throughline.config.ts in ${app}, and no template.yaml; name its folder: throughline dev FOLDER`,
  );
}

/**
 * Loads a configuration file. It is a program of whoever wrote it: it can end the process, and reading what it exports can
 * throw.
 *
 * @param onExit called with what to say when the process ends while the file is loaded
 * @throws ThroughlineError CONFIG_INVALID when the file cannot be loaded or exports something else
 */
export async function loadConfigFile(
  configFile: string,
  onExit: (reason: ThroughlineError) => void,
): Promise<ThroughlineConfig> {
  const ended = (code: number): void =>
    onExit(
      new ThroughlineError('CONFIG_INVALID', `${configFile} ended the process (exit code ${code}) while it was loaded`),
    );
  process.once('exit', ended);
  let parsed: ReturnType<typeof configSchema.safeParse>;
  try {
    const module: unknown = await import(pathToFileURL(configFile).href);
    parsed = configSchema.safeParse((module as { default?: unknown }).default);
  } catch (cause) {
    throw new ThroughlineError('CONFIG_INVALID', `${configFile} cannot be loaded: ${String(cause)}`, { cause });
  } finally {
    process.off('exit', ended);
  }
  if (!parsed.success) throw new ThroughlineError('CONFIG_INVALID', `${configFile}: ${firstIssue(parsed.error)}`);
  return parsed.data;
}
