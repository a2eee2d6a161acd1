// What a cluster's errors mean for a caller of the Log port. Whatever may be otherwise in a moment (no leader, a
// restart, too few replicas) is LOG_UNREACHABLE: the retry loop knows by that code what to try again, and a caller who
// gets it knows that nothing is wrong with what was asked.
import { ThroughlineError, type ErrorCode } from '@throughline/event';
import { isRetriableKafkaError, type KafkaErrorName } from '@throughline/wire';

const codes: Partial<Record<KafkaErrorName, ErrorCode>> = {
  OFFSET_OUT_OF_RANGE: 'OFFSET_OUT_OF_RANGE',
  UNKNOWN_TOPIC_OR_PARTITION: 'UNKNOWN_TOPIC',
  UNKNOWN_TOPIC_ID: 'UNKNOWN_TOPIC',
  INCONSISTENT_TOPIC_ID: 'UNKNOWN_TOPIC',
  GROUP_ID_NOT_FOUND: 'UNKNOWN_GROUP',
  TOPIC_ALREADY_EXISTS: 'TOPIC_EXISTS',
  INVALID_TOPIC_EXCEPTION: 'INVALID_TOPIC',
  MESSAGE_TOO_LARGE: 'RECORD_TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'RECORD_TOO_LARGE',
  INVALID_RECORD: 'INVALID_RECORD',
  INVALID_TIMESTAMP: 'INVALID_TIMESTAMP',
  UNSUPPORTED_COMPRESSION_TYPE: 'INVALID_RECORD',
  INVALID_PARTITIONS: 'INVALID_PARTITIONS',
  INVALID_REPLICATION_FACTOR: 'INVALID_ARGUMENT',
  INVALID_REPLICA_ASSIGNMENT: 'INVALID_ARGUMENT',
  INVALID_CONFIG: 'INVALID_CONFIG',
  INVALID_REQUEST: 'INVALID_ARGUMENT',
  POLICY_VIOLATION: 'INVALID_ARGUMENT',
  THROTTLING_QUOTA_EXCEEDED: 'THROTTLED',
};

/**
 * Our error for the one that a broker has answered.
 *
 * @param what what was asked, for the message: `append to notes-0`
 * @param words the broker's own message, where it sent one
 */
export function failureOf(
  kafkaError: KafkaErrorName,
  what: string,
  words?: string | null,
  details: Readonly<Record<string, unknown>> = {},
): ThroughlineError {
  const message = `${what}: ${kafkaError}${words === undefined || words === null || words === '' ? '' : `: ${words}`}`;
  return new ThroughlineError(codeOf(kafkaError, words), message, { details: { ...details, kafkaError } });
}

function codeOf(kafkaError: KafkaErrorName, words: string | null | undefined): ErrorCode {
  // A broker of ours says which of the two it is; Kafka's means a log directory that has failed.
  if (kafkaError === 'KAFKA_STORAGE_ERROR') return words?.includes('OUT_OF_DISK') ? 'OUT_OF_DISK' : 'PARTITION_OFFLINE';
  return codes[kafkaError] ?? (isRetriableKafkaError(kafkaError) ? 'LOG_UNREACHABLE' : 'LOG_REFUSED');
}

/** Whether the same may work in a moment, or with newer metadata. */
export function isPassing(error: unknown): boolean {
  return ThroughlineError.is(error, 'LOG_UNREACHABLE');
}

/** Whether an error says that somebody else leads the partition now, or that the broker has not heard of it yet. */
export function saysStaleMetadata(kafkaError: KafkaErrorName): boolean {
  return staleMetadata.has(kafkaError);
}

const staleMetadata: ReadonlySet<KafkaErrorName> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
  'REPLICA_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
]);
