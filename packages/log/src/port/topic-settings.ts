// What a topic may be called and told, checked before an adapter sees it, so that all of them reject the same input in
// the same words. Bounds that an adapter sets itself come on top.
import { literal, nullable, number, object, optional, parse, ThroughlineError } from '@throughline/event';
import type { TopicConfig } from './port.ts';

const bytes = number({ integer: true, min: 1 });
const configProperties = {
  durability: optional(literal('memory', 'os', 'fsync')),
  retentionMs: optional(nullable(number({ integer: true, min: 0 }))),
  retentionBytes: optional(nullable(number({ integer: true, min: 0 }))),
  segmentBytes: optional(bytes),
  recordBytesMax: optional(bytes),
};
const configSchema = object(configProperties);
const partitionCountSchema = object({ partitions: number({ integer: true, min: 1 }) });
/** Kafka's protocol counts partitions in 32 bits. */
const partitionCountMax = 2 ** 31 - 1;

/** @throws ThroughlineError INVALID_TOPIC for a name that Kafka does not allow */
export function checkTopicName(topic: string): void {
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic) || topic === '.' || topic === '..') {
    throw new ThroughlineError('INVALID_TOPIC', `${JSON.stringify(topic.slice(0, 300))} is no name for a topic`);
  }
}

/** @throws ThroughlineError INVALID_ARGUMENT for less than one, more than 2^31 - 1, or no whole number */
export function checkPartitionCount(partitions: number): void {
  parse(partitionCountSchema, { partitions });
  if (partitions > partitionCountMax)
    throw new ThroughlineError('INVALID_ARGUMENT', `partitions: ${partitions} is above ${partitionCountMax}`);
}

/** @throws ThroughlineError INVALID_ARGUMENT for an unknown setting, or a value of the wrong kind */
export function checkTopicConfig(config: Partial<TopicConfig>): void {
  parse(configSchema, config);
  for (const name of Object.keys(config)) {
    if (name in configProperties) continue;
    const known = Object.keys(configProperties).join(', ');
    throw new ThroughlineError('INVALID_ARGUMENT', `${name}: no such setting; a topic has ${known}`);
  }
}
