// What a caller of AWS's API is told of a function that failed: Lambda's own JSON for it.
// Source: AWS Lambda developer guide, "Understanding retry behavior" and "Troubleshoot invocation issues".
import type { InvocationError } from '../invoker/invocation-contract.ts';

/** The payload of a failed invocation; `timeoutMs` is the one that was in force. */
export function errorPayload(error: InvocationError, requestId: string, timeoutMs: number): string {
  const { code, errorType, errorMessage, trace } = error;
  switch (code) {
    case 'FUNCTION_TIMED_OUT': {
      const seconds = (timeoutMs / 1000).toFixed(2);
      return outside(errorType, `RequestId: ${requestId} Error: Task timed out after ${seconds} seconds`);
    }
    case 'FUNCTION_EXITED':
    case 'FUNCTION_OUT_OF_MEMORY':
      return outside(errorType, `RequestId: ${requestId} Error: ${errorMessage}`);
    default:
      return JSON.stringify({ errorType, errorMessage, trace });
  }
}

/** The function did not say so itself. */
function outside(errorType: string, errorMessage: string): string {
  return JSON.stringify({ errorType, errorMessage });
}
