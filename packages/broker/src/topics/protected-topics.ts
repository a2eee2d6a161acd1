// Topics that are protected: they get no more partitions, are not removed and lose no records to DeleteRecords, whoever asks,
// because what is in them is found by a hash over the number of their partitions, or nobody could go on without them. The broker protects its own;
// whoever opens it names others, each with its reason (docs/decisions/0095-protected-topics.md). Apache Kafka lets a client
// grow and remove even `__consumer_offsets`: its groups then look for their offsets in other partitions than they wrote them to.
import { ThroughlineError } from '@throughline/event';
import { groupMetadataTopic, transactionStateTopic } from '../ground/topic-name.ts';

/** The reason by the name of the topic: `{ conversations: 'each conversation is found by a hash of its id' }`. */
export type ProtectedTopics = Readonly<Record<string, string>>;

const own: ProtectedTopics = {
  [groupMetadataTopic]: 'which partition keeps the offsets of which groups follows from the number of its partitions',
  [transactionStateTopic]: 'which partition keeps which transactions follows from the number of its partitions',
};

/** Each protected topic with its reason. */
export function withOwnTopics(given: ProtectedTopics = {}): ReadonlyMap<string, string> {
  return new Map([...Object.entries(given), ...Object.entries(own)]);
}

/** Why the partitions of a topic are not to change, for people. */
export function protectionText(topic: string, reason: string): string {
  return `Topic ${topic} is protected: it gets no more partitions and is not deleted, because ${reason}.`;
}

export function topicProtected(topic: string, reason: string): ThroughlineError {
  return new ThroughlineError('TOPIC_PROTECTED', protectionText(topic, reason), { details: { topic, reason } });
}
