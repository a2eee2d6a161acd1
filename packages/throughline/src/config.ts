// The configuration in force: flag > environment > file > default (contract.md). Each setting remembers where it came
// from, because "which value is it using, and why" is the first question when something is off.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ThroughlineError } from '@throughline/event';
import type * as z from 'zod';
import * as defaults from './defaults.ts';
import { configSchema, settingsSchema, type Settings, type ThroughlineConfig } from './define-config.ts';

export type Origin = 'flag' | 'environment' | 'file' | 'default';

/** What is in force; paths are absolute. */
export interface ResolvedConfig {
  readonly appDir: string;
  readonly configFile: string;
  readonly httpPort: number;
  readonly kafkaPort: number;
  readonly host: string;
  readonly dataDir: string;
  readonly docs: string;
  readonly model: 'docs' | 'openai-compatible';
  readonly modelUrl: string | undefined;
  readonly modelId: string | undefined;
  readonly modelKey: string | undefined;
  readonly log: string;
  readonly longPollMs: number;
  readonly durability: 'memory' | 'os' | 'fsync';
  readonly app: ThroughlineConfig;
  readonly origins: Readonly<Record<string, Origin>>;
}

/** Environment variable of each setting. */
export const environmentNames: Readonly<Record<keyof Settings, string>> = {
  httpPort: 'THROUGHLINE_HTTP_PORT',
  kafkaPort: 'THROUGHLINE_KAFKA_PORT',
  host: 'THROUGHLINE_HOST',
  dataDir: 'THROUGHLINE_DATA_DIR',
  docs: 'THROUGHLINE_DOCS',
  model: 'THROUGHLINE_MODEL',
  modelUrl: 'THROUGHLINE_MODEL_URL',
  modelId: 'THROUGHLINE_MODEL_ID',
  log: 'THROUGHLINE_LOG',
  longPollMs: 'THROUGHLINE_LONG_POLL_MS',
  durability: 'THROUGHLINE_DURABILITY',
};
const numberSettings = new Set<string>(['httpPort', 'kafkaPort', 'longPollMs']);
const configNames = [
  'throughline.config.ts',
  'throughline.config.mts',
  'throughline.config.js',
  'throughline.config.mjs',
];

export interface ConfigSources {
  /** Folder of the application, or its configuration file. */
  readonly app: string;
  /** Settings given as flags, still text. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDir: string;
}

/**
 * Loads throughline.config.ts of an application and puts flags, environment and defaults together.
 *
 * @throws ThroughlineError CONFIG_INVALID naming the setting and where its value came from
 */
export async function resolveConfig(sources: ConfigSources): Promise<ResolvedConfig> {
  const configFile = findConfigFile(path.resolve(sources.workingDir, sources.app));
  const appDir = path.dirname(configFile);
  const app = await loadConfigFile(configFile);
  const flags = parseSettings(sources.flags, 'flag');
  const environment = parseSettings(fromEnvironment(sources.environment), 'environment');
  const origins: Record<string, Origin> = {};
  function pick<N extends keyof Settings, V>(name: N, fallback: V): NonNullable<Settings[N]> | V {
    const layers = [
      ['flag', flags[name]],
      ['environment', environment[name]],
      ['file', app[name]],
    ] as const;
    for (const [origin, value] of layers) {
      if (value === undefined) continue;
      origins[name] = origin;
      return value;
    }
    origins[name] = 'default';
    return fallback;
  }
  /** A path means what its writer sees: the working directory for flags and environment, the file's folder for the file. */
  function pickPath(name: 'dataDir' | 'docs', fallback: string, fallbackBase: string): string {
    const value = pick(name, fallback);
    const base = { file: appDir, default: fallbackBase, flag: sources.workingDir, environment: sources.workingDir };
    return path.resolve(base[origins[name] ?? 'default'], value);
  }
  const resolved: ResolvedConfig = {
    appDir,
    configFile,
    httpPort: pick('httpPort', defaults.httpPort),
    kafkaPort: pick('kafkaPort', defaults.kafkaPort),
    host: pick('host', defaults.host),
    dataDir: pickPath('dataDir', defaults.dataDir, sources.workingDir),
    docs: pickPath('docs', 'docs', appDir),
    model: pick('model', defaults.model),
    modelUrl: pick('modelUrl', undefined),
    modelId: pick('modelId', undefined),
    modelKey: sources.environment['THROUGHLINE_MODEL_KEY'],
    log: pick('log', 'embedded'),
    longPollMs: pick('longPollMs', defaults.longPollMs),
    durability: pick('durability', defaults.durability),
    app,
    origins,
  };
  check(resolved);
  return resolved;
}

function findConfigFile(app: string): string {
  if (configNames.some((name) => app.endsWith(name)) && existsSync(app)) return app;
  for (const name of configNames) if (existsSync(path.join(app, name))) return path.join(app, name);
  throw new ThroughlineError(
    'CONFIG_INVALID',
    `there is no throughline.config.ts in ${app}; name the folder: throughline dev FOLDER`,
  );
}

async function loadConfigFile(configFile: string): Promise<ThroughlineConfig> {
  let exported: unknown;
  try {
    const module: unknown = await import(pathToFileURL(configFile).href);
    exported = (module as { default?: unknown }).default;
  } catch (cause) {
    throw new ThroughlineError('CONFIG_INVALID', `${configFile} cannot be loaded: ${String(cause)}`, { cause });
  }
  const parsed = configSchema.safeParse(exported);
  if (!parsed.success) throw new ThroughlineError('CONFIG_INVALID', `${configFile}: ${firstIssue(parsed.error)}`);
  return parsed.data;
}

function fromEnvironment(environment: ConfigSources['environment']): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, variable] of Object.entries(environmentNames)) {
    const value = environment[variable];
    if (value !== undefined && value !== '') found[name] = value;
  }
  return found;
}

function parseSettings(values: Readonly<Record<string, unknown>>, origin: Origin): Settings {
  const known: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    if (!(name in environmentNames) || value === undefined) continue;
    known[name] = numberSettings.has(name) && typeof value === 'string' ? Number(value) : value;
  }
  const parsed = settingsSchema.safeParse(known);
  if (!parsed.success) throw new ThroughlineError('CONFIG_INVALID', `${origin} ${firstIssue(parsed.error)}`);
  return parsed.data;
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? error.message : `${issue.path.join('.') || 'default export'}: ${issue.message}`;
}

function check(config: ResolvedConfig): void {
  const isLoopback = config.host === 'localhost' || config.host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(config.host);
  if (!isLoopback) {
    throw new ThroughlineError(
      'CONFIG_INVALID',
      `host ${config.host} is not loopback, and there is no authentication yet`,
    );
  }
  if (config.log !== 'embedded') {
    throw new ThroughlineError('NOT_BUILT_YET', `--log ${config.log}: this version has the embedded log only`);
  }
  const answer = config.app.answer ?? defaults.answerFunction;
  if (!Object.hasOwn(config.app.functions, answer)) {
    throw new ThroughlineError('CONFIG_INVALID', `functions.${answer} is missing: it answers the conversations`);
  }
  if (config.model === 'openai-compatible' && (config.modelUrl === undefined || config.modelId === undefined)) {
    throw new ThroughlineError('CONFIG_INVALID', '--model openai-compatible needs --model-url and --model-id');
  }
}
