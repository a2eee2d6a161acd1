// The functions of the configuration as the supervisor wants them, and what they may know of the server's settings.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import type { FunctionConfig } from '@throughline/functions';
import type { FunctionSettings } from '../config-schema.ts';
import type { ResolvedConfig } from '../config.ts';
import * as defaults from '../defaults.ts';
import type { PythonEnvironments } from './python-environments.ts';
import { programOf, runtimeOf } from './provided-runtimes.ts';
import { PythonFinder } from './python-finder.ts';
import { findRequirements } from './python-requirements.ts';

/**
 * Makes the environments of functions in Python, where they are not there yet. One that cannot be made keeps no other function
 * from working: its own functions fail with the reason.
 *
 * @throws ThroughlineError CONFIG_INVALID where a function is in Python and there is none
 */
export async function functionConfigs(
  config: ResolvedConfig,
  environments: PythonEnvironments,
): Promise<FunctionConfig[]> {
  const environment = functionEnvironment(config);
  const runtimes = await pythonRuntimes(config, environments);
  const bundles = await bundledEntries(config);
  return Object.entries(config.app.functions).map(([name, settings]) => ({
    name,
    entry: entryOf(settings, config.appDir),
    ...(settings.codeDir === undefined ? {} : { codeDir: path.resolve(config.appDir, settings.codeDir) }),
    ...runtimes.get(name),
    runtime: runtimeOf(
      settings,
      runtimes.get(name)?.runtime ?? { kind: 'nodejs' },
      entryOf(settings, config.appDir),
      `${config.configFile}: functions.${name}`,
    ),
    ...bundles.get(name),
    ...(settings.handler === undefined ? {} : { handler: settings.handler }),
    timeoutMs: settings.timeoutMs ?? defaults.functionTimeoutMs,
    memoryMb: settings.memoryMb ?? defaults.functionMemoryMb,
    environmentsMax: settings.environmentsMax ?? environmentsFor(settings),
    ...concurrencyOf(settings),
    secrets: secretsOf(settings, config.appDir),
    invocationsPerEnvironment: invocationsPerEnvironmentOf(settings),
    env: { ...environment, ...settings.environment },
    ...urlOf(settings),
    ...asyncOf(settings),
    triggers: (settings.triggers ?? [])
      .filter(({ type }) => type !== 'url' && type !== 'api')
      .map((trigger) => inFolder(trigger, config.appDir)),
    routes: routesOf(settings),
  }));
}

function entryOf({ entry, runtime }: FunctionSettings, appDir: string): string {
  const file = path.resolve(appDir, entry);
  return runtime === 'provided' ? programOf(file) : file;
}

/** Enough processes for the concurrency that it asks for. */
function environmentsFor(settings: FunctionSettings): number {
  const { reservedConcurrency = 0, provisionedConcurrency = 0 } = settings;
  const needed = Math.ceil(reservedConcurrency / invocationsPerEnvironmentOf(settings));
  return Math.max(defaults.functionEnvironmentsMax, needed, provisionedConcurrency);
}

function invocationsPerEnvironmentOf(settings: FunctionSettings): number {
  return (
    settings.invocationsPerEnvironment ??
    (isPython(settings) || isOverRuntimeApi(settings) ? 1 : defaults.invocationsPerEnvironment)
  );
}

function concurrencyOf(settings: FunctionSettings): Partial<FunctionConfig> {
  const { reservedConcurrency, provisionedConcurrency, isFrozenWhenIdle } = settings;
  return {
    ...(reservedConcurrency === undefined ? {} : { reservedConcurrency }),
    ...(provisionedConcurrency === undefined ? {} : { provisionedConcurrency }),
    ...(isFrozenWhenIdle === undefined ? {} : { isFrozenWhenIdle }),
  };
}

/** The files of secrets are relative to the application's folder. */
function secretsOf({ secrets = {} }: FunctionSettings, appDir: string): NonNullable<FunctionConfig['secrets']> {
  return Object.fromEntries(
    Object.entries(secrets).map(([name, source]) => [
      name,
      'file' in source ? { file: path.resolve(appDir, source.file) } : source,
    ]),
  );
}

/** The folder of a bucket is relative to the application's. */
function inFolder<Trigger extends { readonly type: string; readonly folder?: unknown }>(
  trigger: Trigger,
  appDir: string,
): Trigger {
  const { type, folder } = trigger;
  return type === 'bucket' && typeof folder === 'string'
    ? { ...trigger, folder: path.resolve(appDir, folder) }
    : trigger;
}

type Bundled = Partial<Pick<FunctionConfig, 'entry' | 'codeDir' | 'problem'>>;
type Runtime = Pick<FunctionConfig, 'problem'> & Required<Pick<FunctionConfig, 'runtime'>>;

/** What runs each function that is in Python. Functions with the same file share its environment. */
async function pythonRuntimes(
  { app, appDir, configFile }: ResolvedConfig,
  environments: PythonEnvironments,
): Promise<Map<string, Runtime>> {
  const finder = new PythonFinder(appDir);
  const runtimes = new Map<string, Runtime>();
  const namesOf = new Map<string, string[]>();
  for (const [name, settings] of Object.entries(app.functions)) {
    const file = requirementsOf(settings, appDir);
    const called = `${configFile}: functions.${name}.requirements`;
    if (settings.requirements !== undefined && !isPython(settings)) {
      throw new ThroughlineError('CONFIG_INVALID', `${called}: the function is not in Python`);
    }
    if (settings.requirements !== undefined && !existsSync(file ?? '')) {
      throw new ThroughlineError('CONFIG_INVALID', `${called}: there is no file ${file}`);
    }
    if (!isPython(settings)) continue;
    const found = finder.find(`functions.${name}`);
    runtimes.set(name, { runtime: found.runtime });
    if (file !== undefined && !found.isApplications) namesOf.set(file, [...(namesOf.get(file) ?? []), name]);
  }
  for (const [file, names] of namesOf) {
    const base = finder.find(`functions.${names[0]}`);
    const made: Runtime = await environments.runtimeFor(file, base, names).then(
      (runtime) => ({ runtime }),
      (error: unknown) => ({ runtime: base.runtime, problem: problemOf(error) }),
    );
    for (const name of names) runtimes.set(name, made);
  }
  return runtimes;
}

function requirementsOf({ requirements, entry, codeDir = '.' }: FunctionSettings, appDir: string): string | undefined {
  if (requirements !== undefined) return path.resolve(appDir, requirements);
  // Code that has a folder of its own has what it needs there: what lies above is for other things, tests for instance.
  return findRequirements(path.dirname(path.resolve(appDir, entry)), path.resolve(appDir, codeDir));
}

/** @throws whatever is not about the environment */
function problemOf(error: unknown): NonNullable<FunctionConfig['problem']> {
  if (!ThroughlineError.is(error, 'PYTHON_ENVIRONMENT_FAILED')) throw error;
  return { code: error.code, message: error.message };
}

/** AWS's contract there is one at a time, unless somebody says otherwise. */
function isOverRuntimeApi({ runtime, runtimeApi }: FunctionSettings): boolean {
  return runtime === 'provided' || runtimeApi === true;
}

function isPython({ runtime, entry }: FunctionSettings): boolean {
  return runtime === undefined ? entry.endsWith('.py') : runtime === 'python';
}

function routesOf({ triggers = [] }: FunctionSettings): NonNullable<FunctionConfig['routes']> {
  return triggers.flatMap((trigger) => {
    if (trigger.type !== 'api') return [];
    const { type: _, payloadFormatVersion = '2.0', ...route } = trigger;
    return [{ ...route, payloadFormatVersion }];
  });
}

/** The entries of functions that are bundled first. One that cannot be fails alone, as one that cannot be loaded does. */
async function bundledEntries({ app, appDir, dataDir }: ResolvedConfig): Promise<Map<string, Bundled>> {
  const bundles = new Map<string, Bundled>();
  for (const [name, settings] of Object.entries(app.functions)) {
    if (settings.bundle !== true || isPython(settings) || isOverRuntimeApi(settings)) continue;
    const entry = path.resolve(appDir, settings.entry);
    // The code stays where it was, for paths that are relative to it.
    const codeDir = path.resolve(appDir, settings.codeDir ?? path.dirname(settings.entry));
    const { bundleFunction } = await import('./bundle-function.ts');
    const made = await bundleFunction(entry, path.join(dataDir, 'cache', 'bundles', name));
    bundles.set(name, typeof made === 'string' ? { entry: made, codeDir } : { codeDir, problem: made });
  }
  return bundles;
}

function urlOf({ triggers = [] }: FunctionSettings): Pick<FunctionConfig, 'url'> {
  const trigger = triggers.find((one) => one.type === 'url');
  return trigger === undefined ? {} : { url: { responseMode: trigger.responseMode ?? 'BUFFERED' } };
}

function asyncOf(settings: FunctionSettings): Partial<FunctionConfig> {
  const { maximumRetryAttempts, maximumEventAgeSeconds, retryDelaysMs, onSuccess, onFailure } = settings;
  return {
    ...(maximumRetryAttempts === undefined ? {} : { maximumRetryAttempts }),
    ...(maximumEventAgeSeconds === undefined ? {} : { maximumEventAgeSeconds }),
    ...(retryDelaysMs === undefined ? {} : { retryDelaysMs }),
    ...(onSuccess === undefined ? {} : { onSuccess }),
    ...(onFailure === undefined ? {} : { onFailure }),
  };
}

/** What a function may know of the configuration; nothing else of the server's environment reaches it. */
function functionEnvironment(config: ResolvedConfig): Record<string, string> {
  const environment: Record<string, string> = {
    THROUGHLINE_MODEL: config.model,
    THROUGHLINE_DOCS_DIR: config.docs,
    THROUGHLINE_DOCS_PACE_MS: process.env['THROUGHLINE_DOCS_PACE_MS'] ?? String(defaults.docsPaceMs),
    THROUGHLINE_MODEL_TIMEOUT_MS: process.env['THROUGHLINE_MODEL_TIMEOUT_MS'] ?? String(defaults.modelTimeoutMs),
  };
  if (config.modelUrl !== undefined) environment['THROUGHLINE_MODEL_URL'] = config.modelUrl;
  if (config.modelId !== undefined) environment['THROUGHLINE_MODEL_ID'] = config.modelId;
  if (config.modelKey !== undefined) environment['THROUGHLINE_MODEL_KEY'] = config.modelKey;
  return environment;
}
