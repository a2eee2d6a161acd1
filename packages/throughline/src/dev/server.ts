// The all-in-one server: the only place that knows all systems. It builds each from its options object, hands the log to
// all of them, and closes them in the opposite order. No system gets to see another one.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { serveKafka, type Broker, type ServedKafka } from '@throughline/broker';
import { errorTable, guardedClock, systemClock, systemRandom, ThroughlineError, type Logger } from '@throughline/event';
import { buildPage } from '@throughline/console';
import { createFunctionHost, createSupervisor, type Supervisor } from '@throughline/functions';
import { createGateway, type GatewayOptions } from '@throughline/gateway';
import type { Durability, Log, TopicDescription } from '@throughline/log';
import { startPipelines, type Pipelines } from '@throughline/pipelines';
import type { ResolvedConfig } from '../config.ts';
import * as defaults from '../defaults.ts';
import type { ProcessDefects } from '../process-defects.ts';
import { removeServerFile, writeServerFile } from '../server-file.ts';
import { version } from '../version.ts';
import { prepareDataDir, watchDataDir } from './data-dir.ts';
import { docsProblem } from './docs-check.ts';
import { fixTopic } from './fixed-topic.ts';
import { functionConfigs } from './function-configs.ts';
import { kafkaMetricsText } from './kafka-metrics-text.ts';
import { dataDirId, openLog, type Shared } from './open-log.ts';
import { PythonEnvironments } from './python-environments.ts';
import { checkPortIsFree } from './port-check.ts';
import { serverLog } from './server-log.ts';

export interface ServerHooks {
  /** What the process does about defects. */
  readonly defects: ProcessDefects;
  onProgress(text: string): void;
  /** Aborts once the process is asked to stop, also while it starts. */
  readonly stopping: AbortSignal;
  /** Ends this process as if it were killed, after the launcher knows that somebody asked for it. */
  crash(): Promise<void>;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** `host:port` of the Kafka protocol; null where the log is on a cluster of its own. */
  readonly kafka: string | null;
  close(): Promise<void>;
}

type Closer = () => Promise<void>;

const topic = defaults.conversationsTopic;

/**
 * Starts log, functions, pipelines and gateway for an application; where one cannot start, what has started is closed.
 *
 * @throws ThroughlineError DATA_DIR_IN_USE, DATA_FORMAT_UNSUPPORTED, PORT_IN_USE, CONFIG_INVALID and what a part's start throws
 */
export async function startServer(config: ResolvedConfig, hooks: ServerHooks): Promise<RunningServer> {
  const closers: Closer[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { ...(await start(config, hooks, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  config: ResolvedConfig,
  hooks: ServerHooks,
  closers: Closer[],
): Promise<Omit<RunningServer, 'close'>> {
  const startedMs = systemClock.nowMs();
  const { dataDir } = config;
  const onProgress = (text: string): void => hooks.onProgress(text);
  prepareDataDir(dataDir);
  const lines = serverLog(dataDir);
  closers.push(async () => lines.close());
  const logger = hooks.defects.watch(lines);
  const shared = { clock: guardedClock(systemClock, logger), random: systemRandom, logger };

  // The log first: it takes the data folder, so that nothing else is touched when another server has it. The ports next:
  // the supervisor takes over open runs, which a server that is about to be rejected should not do.
  const { log: opened, broker, isExclusive } = await openLog(config, shared, onProgress);
  closers.push(() => opened.close());
  const lost = watchDataDir(dataDir);
  await checkPortIsFree(config.host, config.httpPort);
  const served = broker === undefined ? undefined : await serveLog(broker, config, shared);
  if (served !== undefined) closers.push(() => served.close());
  const kafka = served?.address ?? null;
  const description = await ensureTopic(opened, config);
  const { log, wholeLog, warnings } = await fixTopic({
    log: opened,
    description,
    dataDir,
    isProtected: broker !== undefined,
    logger,
  });

  writeTemplate(config, onProgress, logger);
  const answer = config.app.answer ?? defaults.answerFunction;
  const folderId = dataDirId(dataDir, shared);
  const cacheDir = path.join(dataDir, 'cache');
  const environments = new PythonEnvironments({ cacheDir, onProgress, signal: hooks.stopping });
  environments.sweep();
  const configs = await functionConfigs(config, environments);
  for (const { name, problem } of configs) {
    if (problem === undefined) continue;
    logger.error({ function: name, code: problem.code, reason: problem.message }, 'function cannot run');
    onProgress(`${name} cannot run: ${problem.message} [${problem.code}] ${errorTable[problem.code].remedy}`);
  }
  const functions = createFunctionHost({
    log,
    // A cluster's own address; of the embedded log the one that it has just got.
    bootstrapServers: kafka ?? config.log.replace(/^kafka:\/\//, ''),
    member: { instanceId: folderId },
    ...askedDurability(config),
    functions: configs,
    scratchDir: path.join(dataDir, 'functions-scratch'),
    stateDir: path.join(dataDir, 'triggers'),
    compileCacheDir: path.join(cacheDir, 'compile'),
    sources: {
      dirs: [config.appDir, ...configs.map(({ entry }) => path.dirname(entry))],
      excluded: [path.resolve(dataDir)],
    },
    onUpdated: onProgress,
    ...shared,
  });
  closers.push(() => functions.close());
  const [supervisor, pipelines, page] = await startTogether(
    closers,
    createSupervisor({
      log,
      topic,
      functions,
      isExclusive,
      // The data folder is locked: whoever held a lease in its name is dead.
      ownerPrefix: `supervisor/${folderId}/`,
      member: { instanceId: folderId },
      storePath: path.join(dataDir, 'functions.sqlite'),
      ...shared,
    }),
    startPipelines({
      log,
      definitions: config.app.pipelines ?? [],
      path: path.join(dataDir, 'tables.duckdb'),
      fixedTopics: [topic],
      ...shared,
    }),
    buildPage({ logger, onProgress }),
  );

  const gateway = await createGateway({
    log,
    wholeLog,
    topic,
    storePath: path.join(dataDir, 'gateway.sqlite'),
    functionName: answer,
    tables: pipelines.tables,
    status: async () => ({
      ...status(config, await durabilityOf(log), startedMs, supervisor, pipelines),
      triggers: functions.triggers(),
    }),
    warnings,
    moreMetrics: () => (served === undefined ? '' : kafkaMetricsText(served.metrics)),
    trouble: () => lost()?.toJSON() ?? hooks.defects.problem,
    pageDir: page.dir,
    docsDir: config.docs,
    functions: functions.lambda,
    dev: devActions(supervisor, hooks),
    allowedOrigins: config.app.allowedOrigins ?? [],
    longPollMs: config.longPollMs,
    ...shared,
  });
  closers.push(() => gateway.close());
  const listener = await gateway.listen({ host: config.host, port: config.httpPort });
  closers.push(() => listener.close());
  writeServerFile(dataDir, {
    pid: process.pid,
    http: listener.url,
    kafka,
    log: config.log,
    version,
  });
  closers.push(async () => removeServerFile(dataDir));
  const { durability } = description.config;
  logger.info({ url: listener.url, kafka, version, log: config.log, durability }, 'server is ready');
  if (config.model === 'docs' && functions.functions.has(answer)) {
    const problem = await docsProblem(config.docs);
    if (problem !== undefined)
      logger.warn(
        { code: 'DOCS_UNREADABLE', problem },
        'answers will fail until --docs is a folder with .md, .txt or .html files',
      );
  }
  return { url: listener.url, port: listener.port, kafka };
}

/** Makes the folders and files of a SAM template, and says what of it is not done. */
function writeTemplate({ template, configFile }: ResolvedConfig, say: (text: string) => void, logger: Logger): void {
  if (template === undefined) return;
  for (const folder of template.folders) mkdirSync(folder, { recursive: true });
  for (const { path: file, text } of template.files) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const note of template.notes) {
    say(`${path.basename(configFile)}: ${note}`);
    logger.info({ file: configFile, note }, 'what is said of the template');
  }
}

/** Serves the embedded log on the Kafka port. */
function serveLog(broker: Broker, { host, kafkaPort }: ResolvedConfig, shared: Shared): Promise<ServedKafka> {
  return serveKafka(broker, { host, port: kafkaPort, ...shared });
}

/** Waits for parts that start side by side; each that has started is closed at the end, also when another one fails. */
async function startTogether<A extends Closable, B extends Closable, C>(
  closers: Closer[],
  ...starts: [Promise<A>, Promise<B>, Promise<C>]
): Promise<[A, B, C]> {
  const [first, second] = await Promise.allSettled(starts);
  for (const part of [first, second]) if (part.status === 'fulfilled') closers.push(() => part.value.close());
  return Promise.all(starts);
}

interface Closable {
  close(): Promise<void>;
}

/** A cluster that nobody asked to sync each append keeps its own way: it has replicas to lean on. */
function askedDurability(config: ResolvedConfig): { readonly durability?: Durability } {
  const isAsked = config.log === 'embedded' || config.origins.durability !== 'default';
  return isAsked ? { durability: config.durability } : {};
}

/** Makes the topic where it is missing, and gives it the durability that is asked for now. */
async function ensureTopic(log: Log, config: ResolvedConfig): Promise<TopicDescription> {
  const durability = askedDurability(config);
  try {
    return await log.admin.createTopic(topic, {
      partitions: defaults.conversationPartitions,
      // Conversations are what the product keeps: nothing expires unless the operator says so.
      config: { ...durability, retentionMs: null, retentionBytes: null },
    });
  } catch (error) {
    if (!ThroughlineError.is(error, 'TOPIC_EXISTS')) throw error;
    return log.admin.alterTopic(topic, durability);
  }
}

/** What an acknowledgement means now, whoever has changed it. */
async function durabilityOf(log: Log): Promise<Durability> {
  return (await log.admin.describeTopic(topic)).config.durability;
}

function status(
  config: ResolvedConfig,
  durability: Durability,
  startedMs: number,
  supervisor: Supervisor,
  pipelines: Pipelines,
): Readonly<Record<string, unknown>> {
  return {
    version,
    mode: 'development',
    pid: process.pid,
    startedMs,
    log: config.log,
    durability,
    model: config.model,
    functions: supervisor.status(),
    folds: [supervisor.reading(), ...pipelines.status()],
  };
}

function devActions(supervisor: Supervisor, hooks: ServerHooks): NonNullable<GatewayOptions['dev']> {
  return {
    killFunction: async (run) => {
      const pid = supervisor.killEnvironment(run);
      if (pid === undefined) throw new ThroughlineError('NOT_FOUND', 'no function process runs');
      return { pid };
    },
    crashServer: () => hooks.crash(),
  };
}
