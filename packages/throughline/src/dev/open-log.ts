// The log that the configuration names: the embedded one in the data folder, or a Kafka cluster. Either way the data folder
// is held by one server, because what is folded from the log stands in it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openBroker, systemDisk, type Broker } from '@throughline/broker';
import { ulids, type Clock, type Logger, type Random } from '@throughline/event';
import { embedded, kafka, overLog, type Log } from '@throughline/log';
import type { ResolvedConfig } from '../config.ts';
import { conversationsTopic } from '../defaults.ts';
import { takeDataDir } from './data-dir.ts';
import { whileSlow } from './progress.ts';

export interface OpenedLog {
  readonly log: Log;
  /** What the embedded log is kept in; closing the log closes it. */
  readonly broker?: Broker;
  /** Nobody else writes to it: whoever owned something on it before is dead. */
  readonly isExclusive: boolean;
}

export interface Shared {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What the server relies on: on its own log nobody else can take it away. */
const protectedTopics = {
  [conversationsTopic]: 'each conversation is found by a hash of its id over the number of partitions',
};

/**
 * Opens the log and takes the data folder.
 *
 * @throws ThroughlineError DATA_DIR_IN_USE, DATA_FORMAT_UNSUPPORTED, LOG_UNREACHABLE, LOG_REFUSED
 */
export async function openLog(
  config: ResolvedConfig,
  shared: Shared,
  onProgress: (text: string) => void,
): Promise<OpenedLog> {
  const logDir = path.join(config.dataDir, 'log');
  if (config.log === 'embedded') {
    const open = (): Promise<Broker> =>
      whileSlow(openBroker({ dataDir: logDir, protectedTopics, ...shared }), 'Checking the log …', onProgress);
    const broker = await takeDataDir(config.dataDir, open, { onProgress });
    return { log: embedded({ broker, ...shared }), broker, isExclusive: true };
  }
  // The very lock that the embedded log takes, so that servers of both kinds keep out of each other's folder.
  mkdirSync(logDir, { recursive: true });
  const lock = await takeDataDir(config.dataDir, () => systemDisk.lock(path.join(logDir, '.lock')), { onProgress });
  try {
    const opening = kafka({ bootstrap: config.log, ...shared });
    const log = await whileSlow(opening, `Connecting to ${config.log} …`, onProgress);
    return { log: releasing(log, () => lock.release()), isExclusive: false };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The log, which releases the data folder once it is closed. */
function releasing(log: Log, release: () => Promise<void>): Log {
  return overLog(log, {
    close: async () => {
      await log.close();
      await release();
    },
  });
}

/** A name of the data folder that stays, made at its first start. */
export function dataDirId(dataDir: string, { clock, random }: Shared): string {
  const file = path.join(dataDir, 'id');
  try {
    const id = readFileSync(file, 'utf8').trim();
    if (id !== '') return id;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const id = ulids(clock, random)();
  writeFileSync(file, `${id}\n`);
  return id;
}
