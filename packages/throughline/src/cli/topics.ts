// `throughline topics`
import * as z from 'zod';
import type { ApiClient } from './api-client.ts';
import { withTopics } from './cluster.ts';
import { bytesText, printJson, printTable } from '../terminal/output.ts';
import type { Options } from './options.ts';

export const topicSchema = z.looseObject({
  topic: z.string(),
  topicId: z.string(),
  partitions: z.array(
    z.looseObject({
      partition: z.int(),
      logStartOffset: z.string(),
      highWatermark: z.string(),
      bytes: z.number(),
      isOnline: z.boolean(),
    }),
  ),
  config: z.looseObject({ durability: z.string() }),
});

export function run(options: Options): Promise<void> {
  return withTopics(options, (api) => list(api, options['json'] === true));
}

async function list(api: ApiClient, isJson: boolean): Promise<void> {
  const { topics } = await api.json(z.object({ topics: z.array(topicSchema) }), '/v1/topics');
  if (isJson) return printJson(topics);
  const rows = topics.flatMap(({ topic, partitions, config }) =>
    partitions.map((partition) => [
      topic,
      String(partition.partition),
      partition.logStartOffset,
      partition.highWatermark,
      bytesText(partition.bytes),
      config.durability,
      partition.isOnline ? 'online' : 'offline',
    ]),
  );
  printTable([['topic', 'partition', 'start', 'end', 'size', 'durability', 'state'], ...rows]);
}
