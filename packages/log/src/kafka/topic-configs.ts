// The port's topic settings as Kafka's topic configs, and back.
//
//   retentionMs, retentionBytes   retention.ms, retention.bytes      null = -1
//   segmentBytes                  segment.bytes
//   recordBytesMax                max.message.bytes
//   durability                    `durability` on a broker of ours; elsewhere flush.messages: 1 = each append is synced
//                                 before it is acknowledged (`fsync`), anything else = the page cache (`os`)
//
// A level is only ever reported as the weakest that the cluster promises: replicas are not counted, and `memory` can be
// asked for but is `os` on Kafka, which never acknowledges less.
import type { Durability, TopicConfig } from '../port/port.ts';

/** flush.messages of a topic that leaves syncing to the operating system: Kafka's default. */
const neverFlush = '9223372036854775807';

/** How a cluster names durability. */
export type Dialect = 'throughline' | 'kafka';

/** The configs of a topic whose maker says nothing else: what a topic of the embedded log would be. */
export const newTopicConfigs: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'delete'],
  ['retention.ms', '-1'],
  ['retention.bytes', '-1'],
  ['message.timestamp.type', 'CreateTime'],
]);

/** Kafka's configs for those settings that are given. */
export function toKafkaConfigs(config: Partial<TopicConfig>, dialect: Dialect): Map<string, string> {
  const { durability, retentionMs, retentionBytes, segmentBytes, recordBytesMax } = config;
  const configs = new Map<string, string>();
  if (durability !== undefined) {
    if (dialect === 'throughline') configs.set('durability', durability);
    else configs.set('flush.messages', durability === 'fsync' ? '1' : neverFlush);
  }
  if (retentionMs !== undefined) configs.set('retention.ms', String(retentionMs ?? -1));
  if (retentionBytes !== undefined) configs.set('retention.bytes', String(retentionBytes ?? -1));
  if (segmentBytes !== undefined) configs.set('segment.bytes', String(segmentBytes));
  if (recordBytesMax !== undefined) configs.set('max.message.bytes', String(recordBytesMax));
  return configs;
}

/** The settings that Kafka's configs of a topic amount to. */
export function fromKafkaConfigs(configs: ReadonlyMap<string, string | null>): TopicConfig {
  const number = (name: string, fallback: number): number => {
    const value = configs.get(name);
    return value === undefined || value === null ? fallback : Number(value);
  };
  const bounded = (name: string): number | null => {
    const value = number(name, -1);
    return value < 0 ? null : value;
  };
  return {
    durability: durabilityOf(configs),
    retentionMs: bounded('retention.ms'),
    retentionBytes: bounded('retention.bytes'),
    segmentBytes: number('segment.bytes', 1024 ** 3),
    recordBytesMax: number('max.message.bytes', 1_048_588),
  };
}

function durabilityOf(configs: ReadonlyMap<string, string | null>): Durability {
  const own = configs.get('durability');
  if (own === 'memory' || own === 'os' || own === 'fsync') return own;
  return configs.get('flush.messages') === '1' ? 'fsync' : 'os';
}
