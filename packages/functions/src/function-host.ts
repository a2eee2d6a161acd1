// The functions of an application, each with its invoker: what every trigger calls. The runs of conversations, AWS's API and
// function URLs share a function's environments, its concurrency and its queue.
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  guardedClock,
  silentLogger,
  systemClock,
  systemRandom,
  ulids,
  type Clock,
  type Logger,
  type Random,
} from '@throughline/event';
import type { Durability, Log } from '@throughline/log';
import { asyncConfigOf, asyncInForce, settingOf } from './async/async-config.ts';
import { AsyncInvocations, type AsyncStatus } from './async/async-invocations.ts';
import { resolveFunction, type FunctionConfig, type ResolvedFunction } from './function-config.ts';
import type { HandlerError } from './invoker/invocation-contract.ts';
import { Invoker } from './invoker/invoker.ts';
import { newRequestId } from './invoker/request-id.ts';
import { createLambdaApi, type LambdaApi } from './lambda/lambda-api.ts';
import type { HostedFunction } from './lambda/hosted-function.ts';
import type { FunctionOfRuns } from './runs/run-keeper.ts';
import { FunctionSettings, type FunctionSettingsOptions } from './settings/function-settings.ts';
import { SourceWatch } from './watch/source-watch.ts';
import { startTrigger } from './triggers/kinds.ts';
import { Mapping } from './triggers/mapping/mapping.ts';
import { Mappings } from './triggers/mapping/mappings.ts';
import type { TriggerServices, TriggerStatus } from './triggers/trigger.ts';

export interface FunctionHostOptions {
  readonly functions: readonly FunctionConfig[];
  /** What triggers follow, and what waits for a function waits on. */
  readonly log: Log;
  /** What an event survives that is accepted to be called later; the log's own default where absent. */
  readonly durability?: Durability;
  /** Where Kafka clients reach that log, as events of Kafka's shape say it; empty where they do not. */
  readonly bootstrapServers?: string;
  /** What it is as a member of consumer groups, where processes on one log share the work of triggers. */
  readonly member?: TriggerServices['member'];
  /**
   * A folder of this host alone, for what environments write; what a killed one left in it is removed. A temporary one where
   * absent.
   */
  readonly scratchDir?: string;
  /** A folder that outlives the host, for what triggers have seen of this machine; `scratchDir` where absent. */
  readonly stateDir?: string;
  /** Folder of V8's compile cache; it takes a quarter off the load time of a function. */
  readonly compileCacheDir?: string;
  /** Where the sources of the functions are watched; a function whose sources change is loaded again. Not at all where absent. */
  readonly sources?: { readonly dirs: readonly string[]; readonly excluded: readonly string[] };
  /** Told of each function whose changed sources serve now, or cannot be loaded: a line for people. */
  readonly onUpdated?: (text: string) => void;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface FunctionHost {
  /** By name, in the order of their configuration. */
  readonly functions: ReadonlyMap<string, FunctionOfRuns & HostedFunction>;
  /** AWS's API and function URLs. */
  readonly lambda: LambdaApi;
  /** What calls the functions, beside AWS's API and the runs of conversations. */
  triggers(): TriggerStatus[];
  /** What waits to be called asynchronously, as far as it is this process's business. */
  asynchronous(): AsyncStatus;
  /** Lets triggers come to an end, then ends all processes; invocations that wait or run settle with their reason. */
  close(): Promise<void>;
}

/**
 * Makes functions ready to be called; a spare environment of each is loaded ahead.
 *
 * @throws ThroughlineError CONFIG_INVALID
 * @example const host = createFunctionHost({ log, functions: [{ name: 'hello', entry: '/srv/app/hello.ts' }] });
 */
export function createFunctionHost(options: FunctionHostOptions): FunctionHost {
  const {
    log,
    bootstrapServers = '',
    member = {},
    random = systemRandom,
    logger = silentLogger,
    compileCacheDir,
  } = options;
  const configs = options.functions.map(resolveFunction);
  const clock = guardedClock(options.clock ?? systemClock, logger);
  const scratchDir = emptyDir(options.scratchDir);
  const newId = ulids(clock, random);
  const settings = new FunctionSettings({
    log,
    configured: configuredSettings(options, clock),
    clock,
    logger,
    onConcurrency(name) {
      functions.get(name)?.invoker.concurrencyChanged();
      asynchronous.concurrencyChanged(name);
    },
  });
  const functions = new Map(
    configs.map((resolved) => {
      const config = withLiveConcurrency(resolved, settings);
      const onUpdated = (error: HandlerError | undefined): void => tellUpdate(options, config.name, error);
      const invoker = new Invoker({ config, clock, logger, scratchDir, compileCacheDir, newId, onUpdated });
      return [config.name, { config, invoker, url: config.url, routes: config.routes }];
    }),
  );
  const asynchronous = new AsyncInvocations({
    functions: new Map(
      Array.from(functions, ([name, { config, invoker }]) => {
        const configured = asyncConfigOf(config);
        const live = {
          invoker,
          get config() {
            return asyncInForce(settings.eventInvoke(name), configured);
          },
        };
        return [name, live];
      }),
    ),
    ready: settings.ready,
    log,
    durability: options.durability,
    member,
    clock,
    random,
    logger,
  });
  const accept: TriggerServices['accept'] = async (event) => void (await asynchronous.accept(event));
  const stateDir = options.stateDir ?? scratchDir;
  const services: TriggerServices = {
    log,
    bootstrapServers,
    member,
    clock,
    random,
    logger,
    stateDir,
    newId,
    accept,
  };
  const triggers = Array.from(functions, ([name, { config, invoker }]) =>
    config.triggers.map((trigger) => startTrigger(trigger, { name, invoker }, services)),
  ).flat();
  const read = (file: string): Promise<Buffer> => readFile(file);
  const mappings = new Mappings({
    functions: new Map(Array.from(functions, ([name, { invoker }]) => [name, { name, invoker }])),
    configured: triggers.filter((trigger) => trigger instanceof Mapping),
    services,
    newUuid: () => newRequestId(random),
  });
  const mapping = { mappings, bootstrapServers };
  const watch = watchSources(options, clock, (files) => {
    logger.info({ files: files.slice(0, 10) }, 'sources have changed: functions are loaded again');
    for (const { invoker } of functions.values()) invoker.update();
  });
  return {
    functions,
    lambda: createLambdaApi({ functions, mapping, settings, accept, clock, random, logger, readFile: read }),
    triggers: () => [...triggers.map((trigger) => trigger.status()), ...mappings.status()],
    asynchronous: () => asynchronous.status(),
    async close() {
      watch?.close();
      await Promise.all([...triggers.map((trigger) => trigger.close()), mappings.close(), settings.close()]);
      await asynchronous.close();
      await Promise.all(Array.from(functions.values(), ({ invoker }) => invoker.close()));
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
}

/** A configuration whose concurrency is what AWS's API has set, while it has; there are as many processes as that needs. */
function withLiveConcurrency(config: ResolvedFunction, settings: FunctionSettings): ResolvedFunction {
  const { name, invocationsPerEnvironment } = config;
  return {
    ...config,
    get reservedConcurrency() {
      return settings.reserved(name)?.count ?? config.reservedConcurrency;
    },
    get provisionedConcurrency() {
      return settings.provisioned(name)?.count ?? config.provisionedConcurrency;
    },
    get environmentsMax() {
      const reserved = Math.ceil((settings.reserved(name)?.count ?? 0) / invocationsPerEnvironment);
      return Math.max(config.environmentsMax, reserved, settings.provisioned(name)?.count ?? 0);
    },
  };
}

/** By function: what its configuration says of what AWS's API can set. */
function configuredSettings({ functions }: FunctionHostOptions, clock: Clock): FunctionSettingsOptions['configured'] {
  return new Map(
    functions.map((config) => {
      const { name, reservedConcurrency, provisionedConcurrency } = config;
      return [name, { eventInvoke: settingOf(config, clock.nowMs()), reservedConcurrency, provisionedConcurrency }];
    }),
  );
}

function watchSources(
  { sources, logger = silentLogger }: FunctionHostOptions,
  clock: Clock,
  onChange: (files: readonly string[]) => void,
): SourceWatch | undefined {
  return sources === undefined ? undefined : new SourceWatch({ ...sources, clock, logger, onChange });
}

/** One line for each function, in the log and for people. */
function tellUpdate(
  { logger = silentLogger, onUpdated }: FunctionHostOptions,
  name: string,
  error?: HandlerError,
): void {
  if (error === undefined) {
    logger.info({ function: name }, 'changed sources serve now');
    onUpdated?.(`function ${name} is updated: its changed sources serve now`);
    return;
  }
  const reason = `${error.errorType}: ${error.errorMessage}`;
  logger.error({ function: name, code: 'FUNCTION_INIT_FAILED', reason }, 'changed sources cannot be loaded');
  onUpdated?.(`function ${name} is not updated: what was loaded before serves on. ${reason}`);
}

/**
 * It is made with the first environment's folder, so that a disk that is full at the start is waited for like one that gets
 * full later.
 */
function emptyDir(dir: string | undefined): string {
  if (dir === undefined) return mkdtempSync(path.join(tmpdir(), 'throughline-functions-'));
  rmSync(dir, { recursive: true, force: true });
  return dir;
}
