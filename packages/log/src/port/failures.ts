// What a cluster's error codes mean for a caller of the Log port. Whatever may be otherwise in a moment (no leader, a
// restart, too few replicas) is LOG_UNREACHABLE: the retry loop knows by that code what to try again, and a caller who
// gets it knows that nothing is wrong with what was asked.
import { ThroughlineError, type ErrorCode } from '@throughline/event';
import { isRetriableKafkaError, kafkaErrorName, kafkaErrors, type KafkaErrorName } from '@throughline/wire';

const codes: Partial<Record<KafkaErrorName, ErrorCode>> = {
  OFFSET_OUT_OF_RANGE: 'OFFSET_OUT_OF_RANGE',
  UNKNOWN_TOPIC_OR_PARTITION: 'UNKNOWN_TOPIC',
  UNKNOWN_TOPIC_ID: 'UNKNOWN_TOPIC',
  INCONSISTENT_TOPIC_ID: 'UNKNOWN_TOPIC',
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
 * The error for a code that a broker has answered.
 *
 * @param what what was asked, for the message: `append to notes-0`
 * @param words the broker's own message, where it sent one
 */
export function failureOf(
  kafkaCode: number,
  what: string,
  words?: string | null,
  details: Readonly<Record<string, unknown>> = {},
): ThroughlineError {
  const name = kafkaErrorName(kafkaCode) ?? `error ${kafkaCode}`;
  const message = `${what}: ${name}${words === undefined || words === null || words === '' ? '' : `: ${words}`}`;
  return new ThroughlineError(codeOf(kafkaCode, words), message, { details: { ...details, kafkaError: name } });
}

function codeOf(kafkaCode: number, words: string | null | undefined): ErrorCode {
  const name = kafkaErrorName(kafkaCode);
  if (name === undefined) return 'LOG_REFUSED';
  // A broker of ours says which of the two it is; Kafka's means a log directory that has failed.
  if (name === 'KAFKA_STORAGE_ERROR') return words?.includes('OUT_OF_DISK') ? 'OUT_OF_DISK' : 'PARTITION_OFFLINE';
  return codes[name] ?? (isRetriableKafkaError(name) ? 'LOG_UNREACHABLE' : 'LOG_REFUSED');
}

/** Whether the same may work in a moment, or with newer metadata. */
export function isPassing(error: unknown): boolean {
  return ThroughlineError.is(error, 'LOG_UNREACHABLE');
}

/** Whether a code says that somebody else leads the partition now, or that the broker has not heard of it yet. */
export function saysStaleMetadata(kafkaCode: number): boolean {
  return staleMetadata.has(kafkaCode);
}

const staleMetadata: ReadonlySet<number> = new Set([
  kafkaErrors.NOT_LEADER_OR_FOLLOWER,
  kafkaErrors.LEADER_NOT_AVAILABLE,
  kafkaErrors.FENCED_LEADER_EPOCH,
  kafkaErrors.UNKNOWN_LEADER_EPOCH,
  kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION,
  kafkaErrors.UNKNOWN_TOPIC_ID,
  kafkaErrors.INCONSISTENT_TOPIC_ID,
  kafkaErrors.REPLICA_NOT_AVAILABLE,
  kafkaErrors.KAFKA_STORAGE_ERROR,
]);
