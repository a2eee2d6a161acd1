// What a topic may be called, and which names are the broker's own (Kafka's common/internals/Topic.java). The messages are
// Kafka's, because people search for them.
import { topicNameLengthMax } from '../defaults.ts';

/** The committed offsets and the members of all groups. */
export const groupMetadataTopic = '__consumer_offsets';
/** Transactions (a later issue); internal already, so that nobody can take the name. */
export const transactionStateTopic = '__transaction_state';
/** What topics there are. No topic that a client could read, write or make. */
export const clusterMetadataTopic = '__cluster_metadata';

const internalTopics: ReadonlySet<string> = new Set([groupMetadataTopic, transactionStateTopic]);

/** Whether a topic belongs to the broker: clients see it and usually leave it out. */
export function isInternalTopic(topic: string): boolean {
  return internalTopics.has(topic);
}

/** What is wrong with a name, or undefined for a good one. */
export function topicNameProblem(topic: string): string | undefined {
  if (topic === '') return 'Topic name is invalid: the empty string is not allowed';
  if (topic === '.' || topic === '..') return `Topic name is invalid: '${topic}' is not allowed`;
  if (topic.length > topicNameLengthMax) {
    return `Topic name is invalid: the length of '${topic}' is longer than the max allowed length ${topicNameLengthMax}`;
  }
  return /^[A-Za-z0-9._-]+$/.test(topic)
    ? undefined
    : `Topic name is invalid: '${topic}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`;
}

/**
 * What a name is to those who cannot tell `.` from `_`: metrics. Kafka rejects a topic whose name becomes that of another
 * there. Undefined for a name without either.
 */
export function collisionName(topic: string): string | undefined {
  return /[._]/.test(topic) ? topic.replaceAll('.', '_') : undefined;
}
