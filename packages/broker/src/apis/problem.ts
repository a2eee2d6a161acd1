// What is wrong with one part of a request that answers for its parts one by one: a topic, a config resource.
import { ThroughlineError, type Logger } from '@throughline/event';
import { kafkaErrors, type KafkaErrorName } from '@throughline/wire';
import { kafkaErrorOf } from './error-codes.ts';

export interface Problem {
  readonly errorCode: number;
  /** Null where Kafka says no more than the code. */
  readonly errorMessage: string | null;
}

export function problem(name: KafkaErrorName, errorMessage: string | null = null): Problem {
  return { errorCode: kafkaErrors[name], errorMessage };
}

/** What was thrown, as an answer. A defect of ours is logged, and its text stays here. */
export function problemOf(error: unknown, logger: Logger): Problem {
  const errorCode = kafkaErrorOf(error);
  if (errorCode !== kafkaErrors.UNKNOWN_SERVER_ERROR) {
    return { errorCode, errorMessage: ThroughlineError.from(error).message };
  }
  logger.error({ error }, 'a part of a request met a defect');
  return { errorCode, errorMessage: null };
}
