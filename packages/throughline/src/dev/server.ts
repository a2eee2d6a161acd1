// The all-in-one server: the only place that knows all systems. It builds each from its options object, hands the log to
// all of them, and closes them in the opposite order. No system gets to see another one.
import path from 'node:path';
import { systemClock, systemRandom, ThroughlineError, type ErrorCode } from '@throughline/event';
import { buildPage } from '@throughline/console';
import { createSupervisor, type FunctionConfig } from '@throughline/functions';
import { createGateway } from '@throughline/gateway';
import { openEmbeddedLog, type Log } from '@throughline/log';
import { startPipelines } from '@throughline/pipelines';
import type { ResolvedConfig } from '../config.ts';
import * as defaults from '../defaults.ts';
import { removeServerFile, writeServerFile } from '../server-file.ts';
import { version } from '../version.ts';
import { serverLog } from './server-log.ts';

export interface ServerHooks {
  onProgress(text: string): void;
  /** Ends this process as if it were killed, after the launcher knows that somebody asked for it. */
  crash(): Promise<void>;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The topic of all conversations. */
const topic = 'conversations';

/**
 * Starts log, functions, pipelines and gateway for an application.
 *
 * @throws ThroughlineError DATA_DIR_IN_USE, DATA_FORMAT_UNSUPPORTED, PORT_IN_USE, CONFIG_INVALID and what a part's start throws
 */
export async function startServer(config: ResolvedConfig, hooks: ServerHooks): Promise<RunningServer> {
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await start(config, hooks, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(
  config: ResolvedConfig,
  hooks: ServerHooks,
  closers: (() => Promise<void>)[],
  closeAll: () => Promise<void>,
): Promise<RunningServer> {
  const startedMs = systemClock.nowMs();
  const logger = serverLog(config.dataDir);
  closers.push(async () => logger.flush());
  const shared = { clock: systemClock, random: systemRandom, logger };

  // The log first: it takes the data folder, so that nothing else is touched when another server has it.
  const log = await openEmbeddedLog({ dataDir: path.join(config.dataDir, 'log'), ...shared });
  closers.push(() => log.close());
  await ensureTopic(log, config);
  const page = await buildPage({ logger, onProgress: (text) => hooks.onProgress(text) });

  const supervisor = await createSupervisor({
    log,
    topic,
    functions: functionConfigs(config),
    // The data folder is locked: whoever held a lease on it is dead.
    takeOverAtOnce: true,
    storePath: path.join(config.dataDir, 'functions.sqlite'),
    compileCacheDir: path.join(config.dataDir, 'cache', 'compile'),
    ...shared,
  });
  closers.push(() => supervisor.close());
  const pipelines = await startPipelines({
    log,
    definitions: config.app.pipelines ?? [],
    path: path.join(config.dataDir, 'tables.duckdb'),
    ...shared,
  });
  closers.push(() => pipelines.close());

  const gateway = await createGateway({
    log,
    topic,
    storePath: path.join(config.dataDir, 'gateway.sqlite'),
    functionName: config.app.answer ?? defaults.answerFunction,
    tables: pipelines.tables,
    status: async () => ({
      version,
      mode: 'development',
      pid: process.pid,
      startedMs,
      durability: config.durability,
      model: config.model,
      functions: supervisor.status(),
      folds: pipelines.status(),
    }),
    pageDir: page.dir,
    docsDir: config.docs,
    dev: {
      killFunction: async (run) => {
        const pid = supervisor.killEnvironment(run);
        if (pid === undefined) throw new ThroughlineError('NOT_FOUND', 'no function process runs');
        return { pid };
      },
      crashServer: () => hooks.crash(),
    },
    allowedOrigins: config.app.allowedOrigins ?? [],
    longPollMs: config.longPollMs,
    ...shared,
  });
  closers.push(() => gateway.close());
  const listener = await gateway.listen({ host: config.host, port: config.httpPort });
  closers.push(() => listener.close());
  writeServerFile(config.dataDir, { pid: process.pid, http: listener.url, kafka: null, version });
  closers.push(async () => removeServerFile(config.dataDir));
  logger.info({ url: listener.url, version, durability: config.durability }, 'server is ready');
  return { url: listener.url, port: listener.port, close: closeAll };
}

/** Makes the topic where it is missing, and gives it the durability that is asked for now. */
async function ensureTopic(log: Log, config: ResolvedConfig): Promise<void> {
  try {
    await log.admin.createTopic(topic, {
      partitions: defaults.conversationPartitions,
      // Conversations are what the product keeps: nothing expires unless the operator says so.
      config: { durability: config.durability, retentionMs: null, retentionBytes: null },
    });
  } catch (error) {
    const exists: ErrorCode = 'TOPIC_EXISTS';
    if (!ThroughlineError.is(error, exists)) throw error;
    await log.admin.alterTopic(topic, { durability: config.durability });
  }
}

function functionConfigs(config: ResolvedConfig): FunctionConfig[] {
  const environment = functionEnvironment(config);
  return Object.entries(config.app.functions).map(([name, settings]) => ({
    name,
    entry: path.resolve(config.appDir, settings.entry),
    ...(settings.handler === undefined ? {} : { handler: settings.handler }),
    timeoutMs: settings.timeoutMs ?? defaults.functionTimeoutMs,
    memoryMb: settings.memoryMb ?? defaults.functionMemoryMb,
    environmentsMax: settings.environmentsMax ?? defaults.functionEnvironmentsMax,
    invocationsPerEnvironment: settings.invocationsPerEnvironment ?? defaults.invocationsPerEnvironment,
    env: { ...environment, ...settings.env },
  }));
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
