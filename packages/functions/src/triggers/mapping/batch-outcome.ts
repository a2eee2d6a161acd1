// What became of a batch, read of the settlement of its invocation.
//
//   done      the handler came to its end, and named no record that failed
//   partial   it named some: those before the first of them are done
//   failed    it threw, ran out of time, died, or answered with what is no answer: all of the batch
//   pressure  it was not called: no room, or a function that cannot be loaded. That is no attempt; the batch waits
//
// Source: AWS Lambda developer guide, "Configuring partial batch response": what counts as success, and as complete failure.
import type { InvocationError, Settlement } from '../../invoker/invocation-contract.ts';

export interface BatchFailure {
  readonly errorCode: string;
  readonly errorType: string;
  readonly errorMessage: string;
}

export type BatchOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'partial'; readonly offset: bigint; readonly failure: BatchFailure }
  | { readonly kind: 'failed' | 'pressure'; readonly failure: BatchFailure };

/** Whether an error says nothing of the batch: it never came to the handler. */
export function isPressure({ code }: InvocationError): boolean {
  return notCalled.has(code);
}

const notCalled: ReadonlySet<string> = new Set([
  'THROTTLED',
  'FUNCTION_INIT_FAILED',
  'ENVIRONMENT_NOT_STARTED',
  'INVOCATION_CANCELLED',
  'CLOSED',
]);

/**
 * @param offsetOf which record of the batch an identifier means; undefined where it means none of them. Absent where the
 *   mapping does not read what its function answers.
 */
export function outcomeOf(
  { error, value }: Settlement,
  offsetOf: ((itemIdentifier: unknown) => bigint | undefined) | undefined,
): BatchOutcome {
  if (error !== undefined) return { kind: isPressure(error) ? 'pressure' : 'failed', failure: failureOf(error) };
  if (offsetOf === undefined || value === undefined || value === '') return { kind: 'done' };
  const named = namedFailures(value);
  if (named === undefined) return malformed('the answer is no { batchItemFailures: [{ itemIdentifier }] }');
  let first: bigint | undefined;
  for (const item of named) {
    const identifier =
      typeof item === 'object' && item !== null ? (item as { itemIdentifier?: unknown }).itemIdentifier : undefined;
    const offset = offsetOf(identifier);
    if (offset === undefined) {
      return malformed(`the answer names ${JSON.stringify(identifier) ?? 'nothing'}, which is not in the batch`);
    }
    if (first === undefined || offset < first) first = offset;
  }
  if (first === undefined) return { kind: 'done' };
  const errorMessage = 'the function named this record in batchItemFailures';
  return {
    kind: 'partial',
    offset: first,
    failure: { errorCode: 'FUNCTION_ERROR', errorType: 'BatchItemFailure', errorMessage },
  };
}

/** What `batchItemFailures` of an answer holds; undefined for an answer that is none. */
export function namedFailures(value: string): readonly unknown[] | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(value);
  } catch {
    // A process of another language may write what is no JSON.
    return undefined;
  }
  if (answer === null || answer === '') return [];
  if (typeof answer !== 'object' || Array.isArray(answer)) return undefined;
  const { batchItemFailures = null } = answer as { batchItemFailures?: unknown };
  if (batchItemFailures === null) return [];
  return Array.isArray(batchItemFailures) ? batchItemFailures : undefined;
}

function malformed(errorMessage: string): BatchOutcome {
  return {
    kind: 'failed',
    failure: { errorCode: 'FUNCTION_OUTPUT_INVALID', errorType: 'MalformedResponse', errorMessage },
  };
}

export function failureOf({ code, errorType, errorMessage }: InvocationError): BatchFailure {
  return { errorCode: code, errorType, errorMessage };
}
