// The functions of the configuration as the supervisor wants them, and what they may know of the server's settings.
import path from 'node:path';
import type { FunctionConfig } from '@throughline/functions';
import type { FunctionSettings } from '../config-schema.ts';
import type { ResolvedConfig } from '../config.ts';
import * as defaults from '../defaults.ts';
import { PythonFinder } from './python-finder.ts';

/** @throws ThroughlineError CONFIG_INVALID where a function is in Python and there is none */
export function functionConfigs(config: ResolvedConfig): FunctionConfig[] {
  const environment = functionEnvironment(config);
  const python = new PythonFinder(config.appDir);
  return Object.entries(config.app.functions).map(([name, settings]) => ({
    name,
    entry: path.resolve(config.appDir, settings.entry),
    runtime: isPython(settings) ? python.runtime(`functions.${name}`) : { kind: 'nodejs' },
    ...(settings.handler === undefined ? {} : { handler: settings.handler }),
    timeoutMs: settings.timeoutMs ?? defaults.functionTimeoutMs,
    memoryMb: settings.memoryMb ?? defaults.functionMemoryMb,
    environmentsMax: settings.environmentsMax ?? defaults.functionEnvironmentsMax,
    invocationsPerEnvironment:
      settings.invocationsPerEnvironment ?? (isPython(settings) ? 1 : defaults.invocationsPerEnvironment),
    env: { ...environment, ...settings.environment },
    ...urlOf(settings),
    triggers: (settings.triggers ?? []).filter(({ type }) => type !== 'url'),
  }));
}

function isPython({ runtime, entry }: FunctionSettings): boolean {
  return runtime === undefined ? entry.endsWith('.py') : runtime === 'python';
}

function urlOf({ triggers = [] }: FunctionSettings): Pick<FunctionConfig, 'url'> {
  const trigger = triggers.find((one) => one.type === 'url');
  return trigger === undefined ? {} : { url: { responseMode: trigger.responseMode ?? 'BUFFERED' } };
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
