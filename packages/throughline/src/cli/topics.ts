// `throughline topics [list | create TOPIC | describe TOPIC | delete TOPIC]`, on the log of a server or on any Kafka. Whatever a
// change leaves open (partitions, settings) the broker decides, and what it rejects is said in its own words.
import { ThroughlineError } from '@throughline/event';
import { checkPartitionCount, type KafkaCluster } from '@throughline/log';
import * as z from 'zod';
import type { ApiClient } from './api-client.ts';
import { withCluster, withTopics } from './cluster.ts';
import { textForm } from '../terminal/foreign-text.ts';
import { bytesText, printJson, printLine, printTable } from '../terminal/output.ts';
import { countOption, namedValues, type Options } from './options.ts';

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

type Action = (cluster: KafkaCluster, topic: string, options: Options) => Promise<void>;

const actions: Readonly<Record<string, Action>> = { create, describe, delete: remove };

/** The broker decides how many partitions a topic gets (`num.partitions`). */
const brokerDefault = -1;

export function run(options: Options, [action = 'list', topic]: readonly string[]): Promise<void> {
  if (action === 'list') return withTopics(options, (api) => list(api, options['json'] === true));
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (act === undefined) {
    const names = ['list', ...Object.keys(actions)].join(', ');
    throw new ThroughlineError('INVALID_ARGUMENT', `topics ${action}: expected ${names}`);
  }
  if (topic === undefined) throw new ThroughlineError('INVALID_ARGUMENT', `topics ${action}: which topic?`);
  return withCluster(options, (cluster) => act(cluster, topic, options));
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

async function create(cluster: KafkaCluster, topic: string, options: Options): Promise<void> {
  const configs = new Map(namedValues(options, 'config').map(({ name, value }) => [name, value]));
  const partitions = countOption(options, 'partitions');
  if (partitions !== undefined) checkPartitionCount(partitions);
  await cluster.createTopic(topic, partitions ?? brokerDefault, configs);
  const made = await cluster.log.admin.describeTopic(topic);
  if (options['json'] === true) printJson(made);
  else printLine(`topic ${textForm(topic)} is made, partitions: ${made.partitions.length}`);
}

async function describe(cluster: KafkaCluster, topic: string, options: Options): Promise<void> {
  const description = await cluster.log.admin.describeTopic(topic);
  const configs = [...(await cluster.topicConfigs(topic))].map(([name, entry]) => ({ name, ...entry }));
  if (options['json'] === true) return printJson({ ...description, configs });
  const { topicId, partitions } = description;
  printLine(`${textForm(topic)}  id ${topicId}`);
  printLine('');
  const rows = partitions.map(({ partition, logStartOffset, highWatermark, bytes, isOnline }) => [
    String(partition),
    String(logStartOffset),
    String(highWatermark),
    bytesText(bytes),
    isOnline ? 'online' : 'offline',
  ]);
  printTable([['partition', 'start', 'end', 'size', 'state'], ...rows]);
  printLine('');
  const settings = configs.map(({ name, value, isOwn }) => [name, isOwn ? 'topic' : 'default', textForm(value)]);
  printTable([['setting', 'set for', 'value'], ...settings]);
}

async function remove(cluster: KafkaCluster, topic: string, options: Options): Promise<void> {
  if (options['yes'] !== true) {
    await cluster.log.admin.describeTopic(topic);
    throw new ThroughlineError('INVALID_ARGUMENT', `topics delete ${topic}: its records are gone then; --yes does it`);
  }
  await cluster.log.admin.deleteTopic(topic);
  if (options['json'] === true) printJson({ deleted: topic });
  else printLine(`topic ${textForm(topic)} is deleted`);
}
