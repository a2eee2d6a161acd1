// The settings of a topic on their way to another cluster. While records are copied the target must neither delete, compact
// nor re-date anything; what the source has said about that is set when the copy is complete.
import { ThroughlineError } from '@throughline/event';
import type { ConfigEntry, KafkaCluster } from '@throughline/log';

/** Copied also where the source has them from a default: the defaults of the target are others. */
const always: readonly string[] = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
  'message.timestamp.type',
  'message.timestamp.before.max.ms',
  'message.timestamp.after.max.ms',
  'durability',
];

/** What belongs to the brokers of the source, not to its topic. */
const never = /^(leader|follower)\.replication\.throttled\.replicas$|^remote\.|^local\.retention\./;

const forAnyTime = '9223372036854775807';
/** In force while records are copied. */
const whileCopying: ReadonlyMap<string, string> = new Map([
  ['cleanup.policy', 'delete'],
  ['retention.ms', '-1'],
  ['retention.bytes', '-1'],
  ['message.timestamp.type', 'CreateTime'],
  ['message.timestamp.before.max.ms', forAnyTime],
  ['message.timestamp.after.max.ms', forAnyTime],
]);

export interface PlannedConfigs {
  readonly whileCopying: ReadonlyMap<string, string>;
  readonly final: ReadonlyMap<string, string>;
  /** Settings of the source that the target does not take. */
  readonly leftOut: readonly string[];
}

/** Which settings a topic gets at the target. */
export async function planConfigs(
  source: KafkaCluster,
  target: KafkaCluster,
  topic: string,
  partitions: number,
): Promise<PlannedConfigs> {
  const wanted = new Map<string, string>();
  for (const [name, { value, isOwn }] of await source.topicConfigs(topic)) {
    if (value !== null && !never.test(name) && (isOwn || always.includes(name))) wanted.set(name, value);
  }
  translateDurability(wanted, await source.topicConfigs(topic), await target.dialect());
  const { taken: final, leftOut } = await takenOf(target, topic, partitions, wanted);
  const { taken } = await takenOf(target, topic, partitions, whileCopying);
  return { whileCopying: new Map([...final, ...taken]), final, leftOut };
}

/** Kafka says by flush.messages = 1 what a broker of ours says by durability = fsync. */
function translateDurability(
  wanted: Map<string, string>,
  found: ReadonlyMap<string, ConfigEntry>,
  target: 'throughline' | 'kafka',
): void {
  const durability = found.get('durability')?.value;
  if (target === 'kafka' && durability !== undefined) {
    wanted.delete('durability');
    if (durability === 'fsync') wanted.set('flush.messages', '1');
  }
  if (target === 'throughline' && durability === undefined && found.get('flush.messages')?.value === '1') {
    wanted.set('durability', 'fsync');
  }
}

/** Those that the target takes, found out one by one where it does not take all of them. */
async function takenOf(
  target: KafkaCluster,
  topic: string,
  partitions: number,
  configs: ReadonlyMap<string, string>,
): Promise<{ readonly taken: ReadonlyMap<string, string>; readonly leftOut: readonly string[] }> {
  if (await isTaken(target, topic, partitions, configs)) return { taken: configs, leftOut: [] };
  const taken = new Map<string, string>();
  const leftOut: string[] = [];
  for (const [name, value] of configs) {
    if (await isTaken(target, topic, partitions, new Map([[name, value]]))) taken.set(name, value);
    else leftOut.push(`${name}=${value}`);
  }
  return { taken, leftOut };
}

async function isTaken(
  target: KafkaCluster,
  topic: string,
  partitions: number,
  configs: ReadonlyMap<string, string>,
): Promise<boolean> {
  try {
    // Under a name that no topic has: one that is there already would be rejected for that.
    await target.tryCreateTopic(`throughline-migrate-${topic.slice(0, 200)}`, partitions, configs);
    return true;
  } catch (error) {
    if (ThroughlineError.is(error, 'INVALID_CONFIG') || ThroughlineError.is(error, 'INVALID_ARGUMENT')) return false;
    throw error;
  }
}
