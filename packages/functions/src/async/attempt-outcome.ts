// What follows from one attempt at an event: AWS's rules for asynchronous invocations.
//
//   succeeded   the handler came to its end
//   retried     it failed, and may be tried again: 1 and 2 minutes later by default
//   delayed     it was not called, or the machine was in the way: tried again after 1 s, doubled up to 5 min, and no attempt
//   failed      it failed as often as it may (RetriesExhausted), or it would be too old for another try (EventAgeExceeded)
//   given back  we are ending: whoever takes it over calls it again
//
// Source: AWS Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation".
import { asyncBackoffMsMax, asyncBackoffMsMin, asyncLimits } from '../defaults.ts';
import type { InvocationError } from '../invoker/invocation-contract.ts';
import type { AsyncConfig } from './async-config.ts';
import type { EventOutcome, FailureCondition, OutcomeError } from './async-record.ts';
import type { OpenEvent } from './open-events.ts';

/** Failures of the function itself: each is an attempt. */
const functionsOwn: ReadonlySet<string> = new Set([
  'FUNCTION_ERROR',
  'FUNCTION_EXITED',
  'FUNCTION_TIMED_OUT',
  'FUNCTION_OUT_OF_MEMORY',
  'FUNCTION_OUTPUT_INVALID',
  'BODY_TOO_LARGE',
]);

type Event = Pick<OpenEvent, 'id' | 'offset' | 'acceptedMs' | 'attempts' | 'delays'>;

/** @returns undefined where the event is given back */
export function outcomeOf(
  error: InvocationError | undefined,
  event: Event,
  config: AsyncConfig,
  nowMs: number,
): EventOutcome | undefined {
  const what = { id: event.id, event: event.offset };
  if (error === undefined) return { ...what, kind: 'succeeded', attempts: event.attempts + 1 };
  if (error.code === 'INVOCATION_CANCELLED' || error.code === 'CLOSED') return undefined;
  const failure = failureOf(error);
  if (!functionsOwn.has(error.code)) return delayed(event, failure, config, nowMs);
  const attempts = event.attempts + 1;
  if (attempts > config.maximumRetryAttempts) return failed(event, attempts, 'RetriesExhausted', failure);
  const { retryDelaysMs } = config;
  const dueMs = nowMs + (retryDelaysMs[attempts - 1] ?? retryDelaysMs.at(-1) ?? 0);
  if (isTooOld(event, config, dueMs)) return failed(event, attempts, 'EventAgeExceeded', failure);
  return { ...what, kind: 'retried', attempts, dueMs, error: failure };
}

/** An event that cannot be called now, by no fault of the function. */
export function delayed(event: Event, error: OutcomeError, config: AsyncConfig, nowMs: number): EventOutcome {
  const waitMs = Math.min(asyncBackoffMsMin * 2 ** Math.min(event.delays, 16), asyncBackoffMsMax);
  const dueMs = nowMs + waitMs;
  if (isTooOld(event, config, dueMs)) return failed(event, event.attempts, 'EventAgeExceeded', error);
  return { id: event.id, event: event.offset, kind: 'delayed', delays: event.delays + 1, dueMs, error };
}

export function isTooOld({ acceptedMs }: Pick<OpenEvent, 'acceptedMs'>, config: AsyncConfig, nowMs: number): boolean {
  return nowMs - acceptedMs > config.maximumEventAgeSeconds * 1000;
}

export function failed(
  event: Pick<OpenEvent, 'id' | 'offset'>,
  attempts: number,
  condition: FailureCondition,
  error: OutcomeError,
): EventOutcome {
  return { id: event.id, event: event.offset, kind: 'failed', attempts, condition, error };
}

export function failureOf({ code, errorType, errorMessage }: InvocationError): OutcomeError {
  return { code, type: errorType, message: errorMessage.slice(0, asyncLimits.errorMessageLengthMax) };
}
