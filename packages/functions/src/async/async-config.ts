// What is said of a function's asynchronous invocations, with AWS's names and bounds.
// Source: AWS Lambda API reference, PutFunctionEventInvokeConfig.
import { array, number } from '@throughline/event';
import { asyncDefaults, asyncLimits } from '../defaults.ts';

export interface AsyncConfig {
  /** Times that an event is tried again after the function has failed. */
  readonly maximumRetryAttempts: number;
  /** An event that is older is given up. */
  readonly maximumEventAgeSeconds: number;
  /** How long after each failure it is tried again, in milliseconds; the last one goes on. */
  readonly retryDelaysMs: readonly number[];
}

/** Schemas of the fields. */
export const asyncFields = {
  maximumRetryAttempts: number({ min: 0, integer: true }),
  maximumEventAgeSeconds: number({ min: 0, integer: true }),
  retryDelaysMs: array(number({ min: 0, integer: true })),
};

/**
 * What is wrong with a configuration beyond its types; undefined where nothing is.
 *
 * @example asyncProblem(asyncConfigOf({ maximumRetryAttempts: 3 })) // 'maximumRetryAttempts: expected a number from 0 to 2'
 */
export function asyncProblem({ maximumRetryAttempts, maximumEventAgeSeconds }: AsyncConfig): string | undefined {
  const { maximumRetryAttemptsMax, maximumEventAgeSecondsMin: min, maximumEventAgeSecondsMax: max } = asyncLimits;
  if (maximumRetryAttempts > maximumRetryAttemptsMax) {
    return `maximumRetryAttempts: expected a number from 0 to ${maximumRetryAttemptsMax}`;
  }
  if (maximumEventAgeSeconds < min || maximumEventAgeSeconds > max) {
    return `maximumEventAgeSeconds: expected a number from ${min} to ${max}`;
  }
  return undefined;
}

/** Fills in the defaults. */
export function asyncConfigOf(asked: Partial<AsyncConfig>): AsyncConfig {
  const { maximumRetryAttempts, maximumEventAgeSeconds, retryDelaysMs } = { ...asyncDefaults, ...asked };
  return { maximumRetryAttempts, maximumEventAgeSeconds, retryDelaysMs };
}
