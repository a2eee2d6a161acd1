// The configuration in force: flag > environment > file > default (contract.md). Each setting remembers where it came
// from, because "which value is it using, and why" is the first question when something is off.
import path from 'node:path';
import { ThroughlineError } from '@throughline/event';
import { readTrigger } from '@throughline/functions';
import { parseBootstrap } from '@throughline/log';
import { findConfigFile, loadConfigFile } from './config-file.ts';
import { settingsSchema, type Settings, type ThroughlineConfig } from './config-schema.ts';
import * as defaults from './defaults.ts';
import { checkLoopback } from './loopback.ts';
import { isTemplate } from './sam/find-template.ts';
import type { LoadedTemplate } from './sam/load-template.ts';
import { environmentNames, flagOf, settingNames, type SettingName } from './settings.ts';

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
  /** What else a SAM template asks for, where the application is one. */
  readonly template: LoadedTemplate | undefined;
  readonly origins: Readonly<Partial<Record<SettingName, Origin>>>;
}

export interface ConfigSources {
  /** Folder of the application, or its configuration file. */
  readonly app: string;
  /** Settings given as flags, still text. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDir: string;
  /** Called with what to say when the configuration file ends the process that loads it. */
  readonly onExit?: (reason: ThroughlineError) => void;
}

/**
 * Loads throughline.config.ts of an application and puts flags, environment and defaults together.
 *
 * @throws ThroughlineError CONFIG_INVALID naming the setting and where its value came from; NOT_BUILT_YET
 */
export async function resolveConfig(sources: ConfigSources): Promise<ResolvedConfig> {
  const { workingDir, onExit = () => {} } = sources;
  // Flags and environment first: they are at hand, and a typing error there should not wait for the application to load.
  const flags = parseSettings(sources.flags, flagOf);
  const environment = parseSettings(fromEnvironment(sources.environment), (name) => environmentNames[name]);
  const configFile = findConfigFile(path.resolve(workingDir, sources.app));
  const appDir = path.dirname(configFile);
  const dataDirGiven = flags.dataDir ?? environment.dataDir ?? defaults.dataDir;
  const parameters = parseOverrides(sources.flags['parameterOverrides']);
  let template: LoadedTemplate | undefined;
  if (isTemplate(configFile)) {
    const { loadTemplate } = await import('./sam/load-template.ts');
    template = loadTemplate(configFile, { dataDir: path.resolve(workingDir, dataDirGiven), parameters });
  }
  const app = template?.app ?? (await loadConfigFile(configFile, onExit));

  const layers = [
    ['flag', flags],
    ['environment', environment],
    ['file', app],
  ] as const;
  const origins: Partial<Record<SettingName, Origin>> = {};
  function pick<N extends SettingName, V>(name: N, fallback: V): NonNullable<Settings[N]> | V {
    for (const [origin, values] of layers) {
      const value = values[name];
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
    const base = { file: appDir, default: fallbackBase, flag: workingDir, environment: workingDir };
    return path.resolve(base[origins[name] ?? 'default'], value);
  }
  const resolved: ResolvedConfig = {
    appDir,
    configFile,
    httpPort: pick('httpPort', defaults.httpPort),
    kafkaPort: pick('kafkaPort', defaults.kafkaPort),
    host: pick('host', defaults.host),
    dataDir: pickPath('dataDir', defaults.dataDir, workingDir),
    docs: pickPath('docs', defaults.docs, appDir),
    model: pick('model', defaults.model),
    modelUrl: pick('modelUrl', undefined),
    modelId: pick('modelId', undefined),
    // Only ever from the environment: a key on a command line is seen by everybody who lists processes.
    modelKey: sources.environment['THROUGHLINE_MODEL_KEY'],
    log: pick('log', 'embedded'),
    longPollMs: pick('longPollMs', defaults.longPollMs),
    durability: pick('durability', defaults.durability),
    app,
    template,
    origins,
  };
  check(resolved);
  return resolved;
}

/**
 * Values for the parameters of a template: `Name=value`, or `ParameterKey=Name,ParameterValue=value` as AWS's own tools take it.
 *
 * @throws ThroughlineError CONFIG_INVALID
 */
function parseOverrides(given: unknown): Record<string, string> {
  const words = (Array.isArray(given) ? given : []).map(String);
  return Object.fromEntries(
    words.map((word) => {
      const [, name, value] =
        /^ParameterKey=([^,]+),ParameterValue=(.*)$/s.exec(word) ?? /^([A-Za-z0-9]+)=(.*)$/s.exec(word) ?? [];
      if (name !== undefined) return [name, value ?? ''];
      throw new ThroughlineError('CONFIG_INVALID', `--parameter-overrides ${word}: expected Name=value`);
    }),
  );
}

function checkAddress(log: string, called: string): void {
  try {
    parseBootstrap(log);
  } catch (error) {
    throw new ThroughlineError('CONFIG_INVALID', `${called}: ${ThroughlineError.from(error).message}`, {
      cause: error,
    });
  }
}

function fromEnvironment(environment: ConfigSources['environment']): Partial<Record<SettingName, string>> {
  const found: Partial<Record<SettingName, string>> = {};
  for (const name of settingNames) {
    const value = environment[environmentNames[name]];
    // An empty variable is how a shell unsets one for a single command.
    if (value !== undefined && value !== '') found[name] = value;
  }
  return found;
}

const numberSettings: ReadonlySet<SettingName> = new Set(['httpPort', 'kafkaPort', 'longPollMs']);

/** Narrows settings that are still text; `called` names a setting as its user wrote it. */
function parseSettings(values: Readonly<Record<string, unknown>>, called: (name: SettingName) => string): Settings {
  const settings: Record<string, unknown> = {};
  for (const name of settingNames) {
    const value = values[name];
    if (value === undefined) continue;
    const isWholeNumber = typeof value === 'string' && /^\d{1,15}$/.test(value);
    const parsed = settingsSchema.shape[name].safeParse(
      numberSettings.has(name) && isWholeNumber ? Number(value) : value,
    );
    if (!parsed.success) {
      const reason = parsed.error.issues[0]?.message ?? parsed.error.message;
      throw new ThroughlineError('CONFIG_INVALID', `${called(name)}: ${reason}; it is ${JSON.stringify(value)}`);
    }
    settings[name] = parsed.data;
  }
  return settings;
}

function checkTriggers({ app, configFile }: ResolvedConfig): void {
  for (const [name, { triggers = [] }] of Object.entries(app.functions)) {
    for (const [index, trigger] of triggers.entries()) {
      if (trigger.type !== 'url' && trigger.type !== 'api')
        readTrigger(trigger, `${configFile}: functions.${name}.triggers.${index}`);
    }
    if (triggers.filter(({ type }) => type === 'url').length > 1) {
      throw new ThroughlineError('CONFIG_INVALID', `${configFile}: functions.${name}.triggers: a function has one URL`);
    }
  }
}

/** What no setting can be judged by alone. */
function check(config: ResolvedConfig): void {
  const called = (name: SettingName): string => {
    const origin = config.origins[name];
    if (origin === 'environment') return environmentNames[name];
    return origin === 'file' ? `${config.configFile}: ${name}` : flagOf(name);
  };
  checkLoopback(config.host, called('host'));
  if (config.log !== 'embedded') checkAddress(config.log, called('log'));
  checkTriggers(config);
  const { answer } = config.app;
  if (answer !== undefined && !Object.hasOwn(config.app.functions, answer)) {
    throw new ThroughlineError(
      'CONFIG_INVALID',
      `${config.configFile}: functions.${answer} is missing: it answers the conversations`,
    );
  }
  if (config.model !== 'openai-compatible') return;
  for (const name of ['modelUrl', 'modelId'] as const) {
    if (config[name] !== undefined) continue;
    throw new ThroughlineError(
      'CONFIG_INVALID',
      `${called('model')}: openai-compatible needs ${flagOf(name)} (${environmentNames[name]})`,
    );
  }
}
