// What is said of a function's asynchronous invocations, with AWS's names and bounds.
// Source: AWS Lambda API reference, PutFunctionEventInvokeConfig.
import { array, number, optional } from '@throughline/event';
import { asyncDefaults } from '../defaults.ts';
import type { EventInvokeSetting } from '../settings/function-settings.ts';
import { destinationField } from '../triggers/destination.ts';

export interface AsyncConfig {
  /** Times that an event is tried again after the function has failed. */
  readonly maximumRetryAttempts: number;
  /** An event that is older is given up. */
  readonly maximumEventAgeSeconds: number;
  /** How long after each failure it is tried again, in milliseconds; the last one goes on. */
  readonly retryDelaysMs: readonly number[];
  /** Where the result of an event goes that has succeeded (triggers/destination.ts). */
  readonly onSuccess?: string;
  /** … and of one that is given up. */
  readonly onFailure?: string;
}

type AskedAsync = { readonly [Name in keyof AsyncConfig]?: AsyncConfig[Name] | undefined };

/** Schemas of the fields. */
export const asyncFields = {
  maximumRetryAttempts: number({ min: 0, integer: true }),
  maximumEventAgeSeconds: number({ min: 0, integer: true }),
  retryDelaysMs: array(number({ min: 0, integer: true })),
  onSuccess: optional(destinationField),
  onFailure: optional(destinationField),
};

/** Fills in the defaults. */
export function asyncConfigOf(asked: AskedAsync): AsyncConfig {
  const { onSuccess, onFailure } = asked;
  return {
    maximumRetryAttempts: asked.maximumRetryAttempts ?? asyncDefaults.maximumRetryAttempts,
    maximumEventAgeSeconds: asked.maximumEventAgeSeconds ?? asyncDefaults.maximumEventAgeSeconds,
    retryDelaysMs: asked.retryDelaysMs ?? asyncDefaults.retryDelaysMs,
    ...(onSuccess === undefined ? {} : { onSuccess }),
    ...(onFailure === undefined ? {} : { onFailure }),
  };
}

/** What AWS's API has set, in place of what the configuration says; how long is waited before a retry, only that can say. */
export function asyncInForce(setting: EventInvokeSetting | undefined, configured: AsyncConfig): AsyncConfig {
  if (setting === undefined) return configured;
  const { maximumRetryAttempts, maximumEventAgeSeconds, onSuccess, onFailure } = setting;
  const { retryDelaysMs } = configured;
  const destinations = { onSuccess: onSuccess?.to, onFailure: onFailure?.to };
  return asyncConfigOf({ maximumRetryAttempts, maximumEventAgeSeconds, retryDelaysMs, ...destinations });
}

/** What a configuration says, as AWS's API would have set it; undefined where it says nothing of the kind. */
export function settingOf(asked: AskedAsync, changedMs: number): EventInvokeSetting | undefined {
  const { maximumRetryAttempts, maximumEventAgeSeconds, onSuccess, onFailure } = asked;
  const said = [maximumRetryAttempts, maximumEventAgeSeconds, onSuccess, onFailure];
  if (said.every((one) => one === undefined)) return undefined;
  const asSaid = (to: string | undefined) => (to === undefined ? undefined : { to, said: to });
  return {
    changedMs,
    maximumRetryAttempts,
    maximumEventAgeSeconds,
    onSuccess: asSaid(onSuccess),
    onFailure: asSaid(onFailure),
  };
}
