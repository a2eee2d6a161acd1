// What is wrong with one part of a request that answers for its parts one by one: a topic, a config resource.
import { ThroughlineError, type Logger } from '@throughline/event';
import type { KafkaErrorName } from '@throughline/wire';
import { errorMessageLengthMax } from '../defaults.ts';
import { kafkaErrorOf } from '../ground/error-codes.ts';

export interface Problem {
  readonly errorCode: KafkaErrorName;
  /** Null where Kafka says no more than the name. */
  readonly errorMessage: string | null;
}

export function problem(errorCode: KafkaErrorName, errorMessage: string | null = null): Problem {
  return { errorCode, errorMessage: errorMessage === null ? null : shortened(errorMessage) };
}

/** What was thrown, as an answer. A defect of ours is logged, and its text stays here. */
export function problemOf(error: unknown, logger: Logger): Problem {
  const errorCode = kafkaErrorOf(error);
  if (errorCode !== 'UNKNOWN_SERVER_ERROR') {
    return { errorCode, errorMessage: shortened(ThroughlineError.from(error).message) };
  }
  logger.error({ error }, 'a part of a request met a defect');
  return { errorCode, errorMessage: null };
}

/** A message that fits into an answer, however long the names are that the client sent and that it repeats. */
export function shortened(message: string): string {
  return message.length <= errorMessageLengthMax ? message : `${message.slice(0, errorMessageLengthMax)}…`;
}
