// One side of a migration: a cluster, or a data folder, which is served to this process alone on a port of loopback. So both
// sides are Kafka clusters, and any two of the kinds can be copied into each other in one way.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createBroker } from '@throughline/broker';
import { ThroughlineError, type Logger } from '@throughline/event';
import { kafkaCluster, type KafkaCluster } from '@throughline/log';
import { prepareDataDir } from '../dev/data-dir.ts';

export interface Side {
  /** As its user wrote it. */
  readonly name: string;
  readonly cluster: KafkaCluster;
  close(): Promise<void>;
}

/**
 * Opens one side.
 *
 * @param name `kafka://host:port`, or the data folder of a server; the folder of a log itself is known by its files
 * @param role a target's folder is made when it is missing; a source that is missing is a slip of the pen
 * @throws ThroughlineError LOG_UNREACHABLE, DATA_DIR_IN_USE, DATA_FORMAT_UNSUPPORTED, INVALID_ARGUMENT
 */
export async function openSide(
  name: string,
  role: 'source' | 'target',
  { workingDir, logger }: { readonly workingDir: string; readonly logger: Logger },
): Promise<Side> {
  if (name.startsWith('kafka://')) {
    const cluster = await kafkaCluster({ bootstrap: name, clientId: 'throughline-migrate', logger });
    return { name, cluster, close: () => cluster.log.close() };
  }
  const dataDir = logDirOf(path.resolve(workingDir, name));
  if (role === 'source' && !existsSync(dataDir)) {
    throw new ThroughlineError('INVALID_ARGUMENT', `--from ${name}: there is no log in this folder`);
  }
  prepareDataDir(dataDir);
  const broker = await createBroker({ dataDir, logger });
  try {
    const cluster = await kafkaCluster({ bootstrap: broker.address, clientId: 'throughline-migrate', logger });
    return {
      name,
      cluster,
      close: async () => {
        await cluster.log.close();
        await broker.close();
      },
    };
  } catch (error) {
    await broker.close();
    throw error;
  }
}

/** Files that stand in the folder of a log, ours or Apache Kafka's. */
const logFiles = ['__cluster_metadata-0', 'meta.properties', 'recovery-point-offset-checkpoint'];

/** The log of a server's data folder stands in its folder `log`. */
function logDirOf(folder: string): string {
  return logFiles.some((file) => existsSync(path.join(folder, file))) ? folder : path.join(folder, 'log');
}
