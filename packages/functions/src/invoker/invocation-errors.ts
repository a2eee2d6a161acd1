// The ways in which an invocation can fail: each has one code of ours, the error type that Lambda gives it where Lambda
// knows it, and says whether the same invocation may succeed when it is tried again.
// Source of the types: aws-lambda-runtime-interface-emulator (fatalerror package), AWS Lambda developer guide.
import type { ThroughlineError } from '@throughline/event';
import type { HandlerError, InvocationError } from './invocation-contract.ts';
import type { InvokerConfig } from './invoker-config.ts';

export function threw(error: HandlerError): InvocationError {
  return { ...error, code: 'FUNCTION_ERROR', isRetriable: false };
}

export function initFailed(error: HandlerError): InvocationError {
  return { ...error, code: 'FUNCTION_INIT_FAILED', isRetriable: false };
}

export function timedOut(timeoutMs: number): InvocationError {
  const errorMessage = `the handler did not end within ${timeoutMs} ms`;
  return { code: 'FUNCTION_TIMED_OUT', errorType: 'Sandbox.Timedout', errorMessage, trace: [], isRetriable: false };
}

/** @param isShared other invocations ran in the process, so that it may not have been this one */
export function outOfMemory(memoryMb: number, isShared: boolean): InvocationError {
  const errorMessage = `the function used more than ${memoryMb} MB`;
  const errorType = 'Runtime.OutOfMemory';
  return { code: 'FUNCTION_OUT_OF_MEMORY', errorType, errorMessage, trace: [], isRetriable: isShared };
}

/** @param how what became of its process; that says nothing about the next try */
export function exited(how: string): InvocationError {
  return { code: 'FUNCTION_EXITED', errorType: 'Runtime.ExitError', errorMessage: how, trace: [], isRetriable: true };
}

export function cancelled(): InvocationError {
  const errorMessage = 'the caller stopped waiting';
  return { code: 'INVOCATION_CANCELLED', errorType: 'Sandbox.Cancelled', errorMessage, trace: [], isRetriable: true };
}

export function throttled(errorMessage: string): InvocationError {
  return { code: 'THROTTLED', errorType: 'TooManyRequestsException', errorMessage, trace: [], isRetriable: true };
}

/** @param config of a function whose reserved concurrency is used up */
export function reservedUp({ name, reservedConcurrency }: InvokerConfig): InvocationError {
  const errorMessage = `${name}: reservedConcurrency is ${reservedConcurrency}, and so many invocations are under way`;
  return { ...throttled(errorMessage), isReservedUp: true };
}

/** What was not the function's doing: its event could not be made, or whoever took its output has failed. */
export function notTheFunctions({ code, message, retriable }: ThroughlineError): InvocationError {
  return { code, errorType: `Throughline.${code}`, errorMessage: message, trace: [], isRetriable: retriable };
}
