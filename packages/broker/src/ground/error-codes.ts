// Our codes as Kafka's. What is not here is a defect of ours and goes out as UNKNOWN_SERVER_ERROR.
import { ThroughlineError, type ErrorCode } from '@throughline/event';
import { kafkaErrors, type KafkaErrorName } from '@throughline/wire';

const names: Partial<Record<ErrorCode, KafkaErrorName>> = {
  INVALID_ARGUMENT: 'INVALID_REQUEST',
  UNKNOWN_TOPIC: 'UNKNOWN_TOPIC_OR_PARTITION',
  TOPIC_PROTECTED: 'POLICY_VIOLATION',
  TOPIC_EXISTS: 'TOPIC_ALREADY_EXISTS',
  INVALID_TOPIC: 'INVALID_TOPIC_EXCEPTION',
  INVALID_CONFIG: 'INVALID_CONFIG',
  INVALID_PARTITIONS: 'INVALID_PARTITIONS',
  INVALID_RECORD: 'INVALID_RECORD',
  INVALID_TIMESTAMP: 'INVALID_TIMESTAMP',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  INVALID_PRODUCER_EPOCH: 'INVALID_PRODUCER_EPOCH',
  RECORD_TOO_LARGE: 'MESSAGE_TOO_LARGE',
  OFFSET_OUT_OF_RANGE: 'OFFSET_OUT_OF_RANGE',
  CORRUPT_RECORD: 'CORRUPT_MESSAGE',
  OUT_OF_DISK: 'KAFKA_STORAGE_ERROR',
  PARTITION_OFFLINE: 'KAFKA_STORAGE_ERROR',
  THROTTLED: 'REQUEST_TIMED_OUT',
  CLOSED: 'NOT_LEADER_OR_FOLLOWER',
  // Who writes to a sealed partition is to look for the leader anew.
  PARTITION_SEALED: 'NOT_LEADER_OR_FOLLOWER',
  LEADER_EPOCH_FENCED: 'FENCED_LEADER_EPOCH',
};

/** The code that a client is told for what was thrown. */
export function kafkaErrorOf(error: unknown): number {
  const name = error instanceof ThroughlineError ? names[error.code] : undefined;
  return kafkaErrors[name ?? 'UNKNOWN_SERVER_ERROR'];
}
