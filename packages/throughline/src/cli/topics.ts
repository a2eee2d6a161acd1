// `throughline topics`
import * as z from 'zod';
import { connect } from './api-client.ts';
import { bytesText, printJson, printTable } from './output.ts';
import { dataDirOption, type Options } from './options.ts';

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

export async function run(options: Options): Promise<void> {
  const api = connect(dataDirOption(options));
  const { topics } = await api.json(z.object({ topics: z.array(topicSchema) }), '/v1/topics');
  if (options['json'] === true) return printJson(topics);
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
