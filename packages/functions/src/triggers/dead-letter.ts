// A record that was given up, on a topic of its own: as it was, with key, value, headers and time, and with headers behind its own
// that say where it came from and why. Whoever reads such a topic, or hands its records back (redrive), finds all it needs.
//
// Source of the idea: AWS Lambda developer guide, "Kafka destinations for failed invocations".
import { utf8, type LogRecord, type ProducerRecord, type RecordHeader, type RecordPosition } from '@throughline/event';
import { mappingLimits } from '../defaults.ts';

/** The headers of a dead letter; each value is text. */
export const deadLetterHeaders = {
  topic: 'throughline-origin-topic',
  partition: 'throughline-origin-partition',
  offset: 'throughline-origin-offset',
  /** AWS's word for why: of a mapping RetryAttemptsExhausted, RecordAgeExceeded, RecordTooLarge; of a queue ReceiveCountExceeded, RecordTooLarge; else RetriesExhausted, EventAgeExceeded. */
  condition: 'throughline-condition',
  errorCode: 'throughline-error-code',
  errorType: 'throughline-error-type',
  errorMessage: 'throughline-error-message',
  /** How many invocations with it have failed. */
  attempts: 'throughline-attempts',
  mapping: 'throughline-mapping',
  functionName: 'throughline-function',
} as const;

export type DeadLetterCondition =
  | 'RetryAttemptsExhausted'
  | 'RecordAgeExceeded'
  | 'RecordTooLarge'
  | 'ReceiveCountExceeded';

export interface DeadLetterReason {
  readonly condition: DeadLetterCondition | 'RetriesExhausted' | 'EventAgeExceeded';
  readonly errorCode: string;
  readonly errorType: string;
  readonly errorMessage: string;
  readonly attempts: number;
  /** The mapping's UUID, as in AWS's API; absent where none was in between. */
  readonly mapping?: string;
  readonly functionName: string;
}

const names: ReadonlySet<string> = new Set(Object.values(deadLetterHeaders));

/** The record for the topic of dead letters. One that has been there before keeps none of the headers of then. */
export function deadLetter(record: LogRecord, reason: DeadLetterReason): ProducerRecord {
  const { key, value, headers, timestampMs, exactTimestampMs } = record;
  return {
    key,
    value,
    headers: [...withoutDeadLetterHeaders(headers), ...deadLetterHeadersOf(record, reason)],
    ...(exactTimestampMs === undefined ? { timestampMs } : { exactTimestampMs }),
  };
}

/** The headers that say where a dead letter comes from, and why. */
export function deadLetterHeadersOf(
  { topic, partition, offset }: RecordPosition,
  reason: DeadLetterReason,
): readonly RecordHeader[] {
  const { mapping } = reason;
  const fields: Partial<Record<keyof typeof deadLetterHeaders, string>> = {
    topic,
    partition: String(partition),
    offset: String(offset),
    condition: reason.condition,
    errorCode: reason.errorCode,
    errorType: reason.errorType,
    errorMessage: reason.errorMessage.slice(0, mappingLimits.errorMessageLengthMax),
    attempts: String(reason.attempts),
    ...(mapping === undefined ? {} : { mapping }),
    functionName: reason.functionName,
  };
  return Object.entries(fields).map(([field, text]) => ({
    key: deadLetterHeaders[field as keyof typeof deadLetterHeaders],
    value: utf8(text),
  }));
}

/** A record's own headers: as it was before it became a dead letter. */
export function withoutDeadLetterHeaders(headers: readonly RecordHeader[]): readonly RecordHeader[] {
  return headers.filter(({ key }) => !names.has(key));
}
