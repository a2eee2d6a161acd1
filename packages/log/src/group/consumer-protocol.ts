// What members of a consumer group say of themselves when they join, and what the leader gives them (Kafka's
// ConsumerProtocolSubscription and ConsumerProtocolAssignment): an INT16 version, then the fields of that version. Newer
// versions begin with the fields of older ones.
import { MessageReader, MessageWriter, type RecordSchema, type Read } from '@throughline/wire';
import { consumerProtocolAssignmentSchema, consumerProtocolSubscriptionSchema } from '@throughline/wire/records';
import type { TopicPartition } from '../port/port.ts';

/** The type of a group whose members read topics. */
export const consumerProtocolType = 'consumer';
/**
 * The name of our assignor. It is not one of Kafka's, so that a foreign consumer that takes the name of a group by mistake is
 * turned away (INCONSISTENT_GROUP_PROTOCOL) and never shares work with members that it knows nothing of.
 */
export const assignorName = 'throughline-cooperative';

export interface Subscription {
  readonly topics: readonly string[];
  /** What it holds and has not released. */
  readonly owned: readonly TopicPartition[];
  /** In which generation; -1 for a new member. */
  readonly generation: number;
}

/** The first version that has the generation (KIP-792). */
const subscriptionVersion = 2;
const assignmentVersion = 0;

export function encodeSubscription({ topics, owned, generation }: Subscription): Uint8Array {
  const value = { topics, userData: null, ownedPartitions: byTopic(owned), generationId: generation };
  return encode(consumerProtocolSubscriptionSchema, subscriptionVersion, value);
}

/** @throws ThroughlineError INVALID_ARGUMENT for bytes of another form */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const { topics, ownedPartitions, generationId } = decode(consumerProtocolSubscriptionSchema, bytes);
  return { topics, owned: flat(ownedPartitions), generation: generationId };
}

export function encodeAssignment(partitions: readonly TopicPartition[]): Uint8Array {
  return encode(consumerProtocolAssignmentSchema, assignmentVersion, { assignedPartitions: byTopic(partitions) });
}

/** @throws ThroughlineError INVALID_ARGUMENT for bytes of another form */
export function decodeAssignment(bytes: Uint8Array): readonly TopicPartition[] {
  // A member that the leader has passed over gets no bytes at all.
  return bytes.length === 0 ? [] : flat(decode(consumerProtocolAssignmentSchema, bytes).assignedPartitions);
}

interface PartitionsOfTopic {
  readonly topic: string;
  readonly partitions: readonly number[];
}

function byTopic(partitions: readonly TopicPartition[]): readonly PartitionsOfTopic[] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of partitions) {
    const list = topics.get(topic);
    if (list === undefined) topics.set(topic, [partition]);
    else list.push(partition);
  }
  return Array.from(topics, ([topic, list]) => ({ topic, partitions: list.sort((a, b) => a - b) }));
}

function flat(topics: readonly PartitionsOfTopic[]): readonly TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}

function encode<Value>(schema: RecordSchema<Value>, version: number, value: Value): Uint8Array {
  const to = new MessageWriter({ version, isFlexible: false });
  to.int16(version);
  schema.write(to, value);
  return to.finish();
}

function decode<Value>(schema: RecordSchema<Value>, bytes: Uint8Array): Read<Value> {
  const version = new MessageReader(bytes, { version: 0, isFlexible: false }).int16();
  const format = { version: Math.min(Math.max(version, schema.versionMin), schema.versionMax), isFlexible: false };
  return schema.read(new MessageReader(bytes, format, { start: 2 }));
}
