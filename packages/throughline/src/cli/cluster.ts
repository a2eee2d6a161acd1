// The cluster that a command is about: any Kafka by `--bootstrap`, else that of the server which runs on the data folder.
import { silentLogger, systemClock, ThroughlineError } from '@throughline/event';
import { logApi } from '@throughline/gateway';
import { kafkaCluster, type KafkaCluster } from '@throughline/log';
import { bootstrapBodyBytesMax, progressAfterMs } from '../defaults.ts';
import { readServerFile } from '../server-file.ts';
import { say } from '../terminal/output.ts';
import { connect, narrowed, linesOfBody, type ApiClient } from './api-client.ts';
import { dataDirOption, textOption, type Options } from './options.ts';

/** Runs a command against the cluster, and ends its connections. */
export async function withCluster(options: Options, run: (cluster: KafkaCluster) => Promise<void>): Promise<void> {
  const bootstrap = bootstrapOf(options);
  const slow = setTimeout(() => say(`waiting for ${bootstrap} …`), progressAfterMs);
  const cluster = await kafkaCluster({ bootstrap, logger: silentLogger }).finally(() => clearTimeout(slow));
  try {
    await run(cluster);
  } finally {
    await cluster.log.close();
  }
}

/** Runs a command against topics and records: of a running server over HTTP, or of the cluster that `--bootstrap` names. */
export async function withTopics(options: Options, run: (api: ApiClient) => Promise<void>): Promise<void> {
  if (textOption(options, 'bootstrap') === undefined) return run(connect(dataDirOption(options)));
  await withCluster(options, (cluster) => run(clientOf(cluster, bootstrapOf(options))));
}

/** The same questions as to a server, answered by a log that is reached without one. */
function clientOf({ log }: KafkaCluster, name: string): ApiClient {
  const closing = new AbortController();
  const context = {
    log,
    bodyBytesMax: bootstrapBodyBytesMax,
    longPollMs: 0,
    clock: systemClock,
    logger: silentLogger,
    closing: closing.signal,
  };
  const request = (address: string, init?: RequestInit): Promise<Response> =>
    logApi(context, new Request(`http://log${address}`, init));
  return {
    name,
    json: async (schema, address, init) => narrowed(schema, address, await (await request(address, init)).json()),
    async *lines(address, signal) {
      const stop = (): void => closing.abort();
      signal.addEventListener('abort', stop, { once: true });
      try {
        yield* linesOfBody(await request(address));
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
  };
}

function bootstrapOf(options: Options): string {
  const given = textOption(options, 'bootstrap');
  if (given !== undefined) return given;
  const { kafka, log } = readServerFile(dataDirOption(options));
  const address = kafka ?? log;
  if (address === 'embedded') throw new ThroughlineError('SERVER_NOT_RUNNING', 'the server has no Kafka port');
  return address;
}
