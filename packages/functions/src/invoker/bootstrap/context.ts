// The second argument of a handler: AWS Lambda's context object for Node.js, plus `signal`, which aborts when nobody
// waits for the answer any more (Stop was pressed, or another supervisor owns the run).
// Source: AWS Lambda developer guide, "Using the Lambda context object to retrieve Node.js function information".
import type { InvokePayload } from '../framed-pipe.ts';

export interface LambdaContext {
  readonly functionName: string;
  readonly functionVersion: string;
  /** A decimal string, as on Lambda. */
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  readonly invokedFunctionArn: string;
  readonly awsRequestId: string;
  /** What the caller has sent along. */
  readonly clientContext: unknown;
  readonly xRayTraceId: string | undefined;
  /** Milliseconds until the invocation times out. */
  getRemainingTimeInMillis(): number;
  /** Ours: aborts when the invocation is cancelled. */
  readonly signal: AbortSignal;
}

/** The context of one invocation, from the environment variables that Lambda defines. */
export function contextOf(
  variables: Readonly<Record<string, string | undefined>>,
  invocation: Omit<InvokePayload, 'event'> & { readonly signal: AbortSignal },
): LambdaContext {
  const functionName = variables.AWS_LAMBDA_FUNCTION_NAME ?? '';
  const { deadlineMs = Date.now() + invocation.timeoutMs } = invocation;
  return {
    functionName,
    functionVersion: variables.AWS_LAMBDA_FUNCTION_VERSION ?? '$LATEST',
    memoryLimitInMB: variables.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? '',
    logGroupName: variables.AWS_LAMBDA_LOG_GROUP_NAME ?? '',
    logStreamName: variables.AWS_LAMBDA_LOG_STREAM_NAME ?? '',
    invokedFunctionArn:
      invocation.invokedFunctionArn ??
      `arn:aws:lambda:${variables.AWS_REGION ?? 'local'}:000000000000:function:${functionName}`,
    awsRequestId: invocation.requestId,
    clientContext: invocation.clientContext,
    xRayTraceId: invocation.traceId,
    // Another process may have set the deadline: only wall time is common to both.
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
    signal: invocation.signal,
  };
}
