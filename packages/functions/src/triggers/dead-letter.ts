// A record that was given up, on a topic of its own: as it was, with key, value, headers and time, and with headers behind its own
// that say where it came from and why. Whoever reads such a topic, or hands its records back (redrive), finds all it needs.
//
// Source of the idea: AWS Lambda developer guide, "Kafka destinations for failed invocations".
import { utf8, type LogRecord, type ProducerRecord, type RecordHeader } from '@throughline/event';
import { mappingLimits } from '../defaults.ts';

/** The headers of a dead letter; each value is text. */
export const deadLetterHeaders = {
  topic: 'throughline-origin-topic',
  partition: 'throughline-origin-partition',
  offset: 'throughline-origin-offset',
  /** AWS's word for why: RetryAttemptsExhausted, RecordAgeExceeded, RecordTooLarge. */
  condition: 'throughline-condition',
  errorCode: 'throughline-error-code',
  errorType: 'throughline-error-type',
  errorMessage: 'throughline-error-message',
  /** How many invocations with it have failed. */
  attempts: 'throughline-attempts',
  mapping: 'throughline-mapping',
  functionName: 'throughline-function',
} as const;

export type DeadLetterCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded' | 'RecordTooLarge';

export interface DeadLetterReason {
  readonly condition: DeadLetterCondition;
  readonly errorCode: string;
  readonly errorType: string;
  readonly errorMessage: string;
  readonly attempts: number;
  /** The mapping's UUID, as in AWS's API. */
  readonly mapping: string;
  readonly functionName: string;
}

const names: ReadonlySet<string> = new Set(Object.values(deadLetterHeaders));

/** The record for the topic of dead letters. One that has been there before keeps none of the headers of then. */
export function deadLetter(record: LogRecord, reason: DeadLetterReason): ProducerRecord {
  const { topic, partition, offset, key, value, headers, timestampMs, exactTimestampMs } = record;
  const fields: Record<keyof typeof deadLetterHeaders, string> = {
    topic,
    partition: String(partition),
    offset: String(offset),
    condition: reason.condition,
    errorCode: reason.errorCode,
    errorType: reason.errorType,
    errorMessage: reason.errorMessage.slice(0, mappingLimits.errorMessageLengthMax),
    attempts: String(reason.attempts),
    mapping: reason.mapping,
    functionName: reason.functionName,
  };
  const ours = Object.entries(fields).map(([field, text]): RecordHeader => ({
    key: deadLetterHeaders[field as keyof typeof deadLetterHeaders],
    value: utf8(text),
  }));
  return {
    key,
    value,
    headers: [...headers.filter(({ key: name }) => !names.has(name)), ...ours],
    ...(exactTimestampMs === undefined ? { timestampMs } : { exactTimestampMs }),
  };
}
