// What a Kafka client is told for one of our errors, as the table of errors has it. Whether those are Kafka's names can only be
// checked from here on, where Kafka's are known. What has none is a defect of ours and goes out as UNKNOWN_SERVER_ERROR.
import { errorTable, ThroughlineError, type ErrorCode, type ErrorEntry } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';

interface KafkaEntry extends ErrorEntry {
  readonly kafka?: KafkaErrorName;
}

const table: Readonly<Record<ErrorCode, KafkaEntry>> = errorTable;

/** What a client is told for what was thrown. */
export function kafkaErrorOf(error: unknown): KafkaErrorName {
  return (error instanceof ThroughlineError ? table[error.code].kafka : undefined) ?? 'UNKNOWN_SERVER_ERROR';
}
