// What whoever has a function called says and hears: the request, the sink for its output, and the settlement. A run of a
// conversation, an HTTP request, a batch of records and a schedule are callers alike; nothing here knows any of them.
//
//   invoke(request, sink, signal) → settlement
//
//   started ─► head? ─► write* ─► ended        the calls of a sink, in this order; `ended` comes always, and once
//                                              (alone, where the invocation was never started)
//
// Source: AWS Lambda developer guide, "Using the Lambda runtime API", for what a request and an error consist of.
import type { ErrorCode } from '@throughline/event';

export interface InvocationRequest {
  /** Lambda's request id; a UUID as a rule. */
  readonly requestId: string;
  /**
   * The handler's first argument, as JSON. A function is called when an environment is free, so that what waits takes no
   * memory and is not out of date; when it throws a ThroughlineError, the invocation settles with its code.
   */
  readonly event: string | (() => string);
  /** A time-out shorter than the function's own. */
  readonly timeoutMs?: number;
  /** Longest time to wait for a free environment; after it the invocation settles THROTTLED. */
  readonly queueMsMax?: number;
  /**
   * It does not wait where the function's reserved concurrency is what keeps it waiting: it settles THROTTLED, as Lambda has it
   * for whoever waits for the answer.
   */
  readonly isThrottledAtOnce?: boolean;
  /** It goes before those that wait: somebody is reading what an interrupted one has begun. */
  readonly isUrgent?: boolean;
  /** No other invocation may run beside it in its process. */
  readonly isAlone?: boolean;
  /** What Lambda's context object says beside the request id. */
  readonly invokedFunctionArn?: string;
  readonly traceId?: string;
  /** `clientContext` of the caller: any JSON value. */
  readonly clientContext?: unknown;
}

/** An invocation that has an environment. */
export interface StartedInvocation {
  readonly environment: { readonly id: string; readonly pid: number };
  /** The function was not loaded yet when it came. */
  readonly isCold: boolean;
  /** What it would be billed if it ended now; afterwards what it is billed. */
  billedMs(): number;
}

/** How an HTTP answer begins, as far as the handler has said so. */
export interface ResponseHead {
  readonly contentType?: string;
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
  /** What the handler has said of it that fits no HTTP answer, by its names. */
  readonly leftOut?: readonly string[];
}

/** Takes what an invocation says. What it throws fails the invocation, which is then cancelled, and nobody else. */
export interface InvocationSink {
  /** It has an environment and is sent to it in this turn. */
  started?(invocation: StartedInvocation): void;
  /** Before the first bytes, where the handler has set a content type, a status, headers or cookies. */
  head?(head: ResponseHead): void;
  /**
   * Bytes of a streaming handler, in order. A promise asks to wait: until it resolves no more is read from the process,
   * and the handler waits as well. What was read before still comes.
   */
  write(bytes: Buffer): Promise<void> | void;
  /**
   * The settlement that `invoke` resolves with, a little earlier: in the very turn in which the end was read, so that what
   * it leads to can go together with the last output.
   */
  ended?(settlement: Settlement): void;
}

export interface Settlement {
  readonly head: ResponseHead | undefined;
  /** What the handler returned, as JSON; undefined where it streams or failed. */
  readonly value: string | undefined;
  /** Why it failed; undefined where the handler has come to its end. */
  readonly error: InvocationError | undefined;
  readonly metering: InvocationMetering;
}

/** The codes of invocations that fail; a few more where the event cannot be made. */
export type InvocationErrorCode = Extract<
  ErrorCode,
  | 'FUNCTION_ERROR'
  | 'FUNCTION_INIT_FAILED'
  | 'FUNCTION_EXITED'
  | 'FUNCTION_TIMED_OUT'
  | 'FUNCTION_OUT_OF_MEMORY'
  | 'INVOCATION_CANCELLED'
  | 'THROTTLED'
>;

export interface InvocationError extends HandlerError {
  readonly code: InvocationErrorCode | ErrorCode;
  /** The same invocation may succeed: it never began, or its process died by what may not have been its own doing. */
  readonly isRetriable: boolean;
  /** It was throttled by the function's reserved concurrency. */
  readonly isReservedUp?: boolean;
}

/** An error in the shape of Lambda's Runtime API. */
export interface HandlerError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace: readonly string[];
  /** The thrown error's own `code`, where it is a string. */
  readonly thrownCode?: string;
}

export interface InvocationMetering {
  /** From `invoke` until it had an environment, or had none and was settled. */
  readonly queueMs: number;
  readonly isCold: boolean;
  /** What loading the function took, where this invocation waited for it. */
  readonly initMs: number | undefined;
  readonly durationMs: number;
  /** Whole milliseconds, the load time of a cold start with them. */
  readonly billedMs: number;
  /** Peak resident memory seen; 0 where the platform does not tell, or nothing was started. */
  readonly memoryBytesMax: number;
  /** Undefined where it was never started. */
  readonly environmentId: string | undefined;
  /** Lambda's START, END and REPORT with the function's own lines between them; complete a turn after the settlement. */
  readonly logLines: Promise<readonly string[]>;
}
