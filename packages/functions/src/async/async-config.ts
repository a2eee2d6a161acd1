// What is said of a function's asynchronous invocations, with AWS's names and bounds.
// Source: AWS Lambda API reference, PutFunctionEventInvokeConfig.
import { array, number, optional } from '@throughline/event';
import { asyncDefaults, asyncLimits } from '../defaults.ts';
import { destinationField } from './destination.ts';

export interface AsyncConfig {
  /** Times that an event is tried again after the function has failed. */
  readonly maximumRetryAttempts: number;
  /** An event that is older is given up. */
  readonly maximumEventAgeSeconds: number;
  /** How long after each failure it is tried again, in milliseconds; the last one goes on. */
  readonly retryDelaysMs: readonly number[];
  /** Where the result of an event goes that has succeeded (destination.ts). */
  readonly onSuccess?: string;
  /** … and of one that is given up. */
  readonly onFailure?: string;
}

/** Schemas of the fields. */
export const asyncFields = {
  maximumRetryAttempts: number({ min: 0, integer: true }),
  maximumEventAgeSeconds: number({ min: 0, integer: true }),
  retryDelaysMs: array(number({ min: 0, integer: true })),
  onSuccess: optional(destinationField),
  onFailure: optional(destinationField),
};

/**
 * What is wrong with a configuration beyond its types; undefined where nothing is.
 *
 * @example asyncProblem(asyncConfigOf({ maximumRetryAttempts: 3 })) // 'maximumRetryAttempts: expected a number from 0 to 2'
 */
export function asyncProblem(config: AsyncConfig): string | undefined {
  const { maximumRetryAttempts, maximumEventAgeSeconds } = config;
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
  const { maximumRetryAttempts, maximumEventAgeSeconds, retryDelaysMs, onSuccess, onFailure } = {
    ...asyncDefaults,
    ...asked,
  };
  return {
    maximumRetryAttempts,
    maximumEventAgeSeconds,
    retryDelaysMs,
    ...(onSuccess === undefined ? {} : { onSuccess }),
    ...(onFailure === undefined ? {} : { onFailure }),
  };
}
