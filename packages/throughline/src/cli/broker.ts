// `throughline broker`: the log alone on its Kafka port, in this very process. It is the log that `throughline dev` would
// serve from the same data folder, or one in memory that is gone with the process.
import { flushCompileCache } from 'node:module';
import path from 'node:path';
import { openBroker, serveKafka, type Broker, type ServedKafka } from '@throughline/broker';
import type { Logger } from '@throughline/event';
import * as defaults from '../defaults.ts';
import { prepareDataDir, takeDataDir } from '../dev/data-dir.ts';
import { growHeapFreely } from '../engine-flags.ts';
import { checkLoopback } from '../loopback.ts';
import { ProcessDefects } from '../process-defects.ts';
import { environmentNames, flagOf, type SettingName } from '../settings.ts';
import { countOption, dataDirOption, namedValues, textOption, type Options } from './options.ts';
import { printJsonLine, printLine, say } from '../terminal/output.ts';
import { terminalLogger } from '../terminal/terminal-logger.ts';
import { untilStopped } from './until-stopped.ts';

export async function run(options: Options): Promise<void> {
  // Each partition's fsync waits in a thread of libuv, which reads this when the first one is needed.
  process.env['UV_THREADPOOL_SIZE'] ??= String(defaults.threadPoolCount);
  growHeapFreely();
  const given = settingsOf(options);
  const dataDir = options['memory'] === true ? undefined : dataDirOption(options);
  const stopping = untilStopped();
  const defects = new ProcessDefects(terminalLogger);
  defects.guard(process);
  const logger = defects.watch(terminalLogger);
  const broker = await open(dataDir, configOf(options), logger);
  let served: ServedKafka;
  try {
    served = await serveKafka(broker, { ...given, logger });
  } catch (error) {
    await broker.close();
    throw error;
  }
  // Whenever it is killed from here on, it leaves what it has compiled for the next start.
  flushCompileCache();
  ready(served, dataDir, options['json'] === true);
  await Promise.race([stopping, defects.uncaught]);
  // After a defect that nobody has caught the close may meet the next one.
  setTimeout(() => process.exit(1), defaults.stopWithinMs).unref();
  await served.close();
  await broker.close();
  process.exitCode = defects.exitCode;
}

interface Given {
  readonly host: string;
  readonly port: number;
  readonly nodes: number | undefined;
  readonly advertisedHost: string | undefined;
  readonly advertisedPort: number | undefined;
}

function settingsOf(options: Options): Given {
  const withEnvironment = (name: SettingName): Options => ({ [name]: process.env[environmentNames[name]], ...options });
  const host = textOption(withEnvironment('host'), 'host') ?? defaults.host;
  checkLoopback(host, flagOf('host'));
  return {
    host,
    port: countOption(withEnvironment('kafkaPort'), 'kafkaPort') ?? defaults.kafkaPort,
    nodes: countOption(options, 'nodes'),
    advertisedHost: textOption(options, 'advertisedHost'),
    advertisedPort: countOption(options, 'advertisedPort'),
  };
}

/** `--set name=value`, by name. */
function configOf(options: Options): Readonly<Record<string, string>> {
  return Object.fromEntries(namedValues(options, 'set').map(({ name, value }) => [name, value]));
}

async function open(
  dataDir: string | undefined,
  config: Readonly<Record<string, string>>,
  logger: Logger,
): Promise<Broker> {
  if (dataDir === undefined) return openBroker({ memory: true, config, logger });
  prepareDataDir(dataDir);
  const logDir = path.join(dataDir, 'log');
  return takeDataDir(dataDir, () => openBroker({ dataDir: logDir, config, logger }), { onProgress: say });
}

function ready({ address, addresses }: ServedKafka, dataDir: string | undefined, isJson: boolean): void {
  const startedMs = Math.round(performance.now());
  if (isJson) {
    const log = dataDir ?? null;
    printJsonLine({ type: 'ready', kafka: address, addresses, dataDir: log, pid: process.pid, startedMs });
    return;
  }
  printLine('Throughline broker is ready');
  printLine(`  Kafka        ${addresses.join(', ')}`);
  printLine(`  data folder  ${dataDir ?? 'none: in memory, gone with this process'}`);
  printLine(`  started in   ${startedMs} ms; stop with Ctrl-C`);
}
