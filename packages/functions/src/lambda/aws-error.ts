// Errors in the shape of AWS's REST APIs: the type in a header, what happened in a JSON body, so that AWS SDKs throw the class
// of that name (`ResourceNotFoundException`) and retry what may be retried.
// Source: AWS Lambda API reference, "Common errors" and the errors of each action.
import { ThroughlineError } from '@throughline/event';
import type { InvocationError } from '../invoker/invocation-contract.ts';

/** An answer that is an error, with the name that AWS gives it. */
export class AwsError extends Error {
  readonly type: string;
  readonly status: number;
  /** What the body says beside the message. */
  readonly fields: Readonly<Record<string, string>>;

  constructor(type: string, status: number, message: string, fields: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'AwsError';
    this.type = type;
    this.status = status;
    this.fields = fields;
  }
}

export function notFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', 404, message);
}

export function invalidParameter(message: string): AwsError {
  return new AwsError('InvalidParameterValueException', 400, message);
}

/** What is to be removed was not made by the API. */
export function configuredOnly(what: string): AwsError {
  return invalidParameter(`${what} is in throughline.config.ts: remove it there.`);
}

export function invalidContent(message: string): AwsError {
  return new AwsError('InvalidRequestContentException', 400, message);
}

/** What AWS's API has and this version has not. */
export function notBuilt(message: string): AwsError {
  return new AwsError('ServiceException', 501, `${message}; docs/reference/limits.md lists what is not built`, {
    code: 'NOT_BUILT_YET',
  });
}

/** An invocation that never reached its function; undefined for one whose function has failed. */
export function notInvoked({ code, errorMessage, isReservedUp = false }: InvocationError): AwsError | undefined {
  switch (code) {
    case 'THROTTLED':
      return new AwsError('TooManyRequestsException', 429, `Rate Exceeded: ${errorMessage}`, {
        Reason: isReservedUp
          ? 'ReservedFunctionConcurrentInvocationLimitExceeded'
          : 'ConcurrentInvocationLimitExceeded',
      });
    case 'BODY_TOO_LARGE':
      return tooLarge(errorMessage);
    case 'CLOSED':
      return new AwsError('ServiceException', 503, errorMessage, { code });
    default:
      return undefined;
  }
}

/** The answer for anything thrown. */
export function errorAnswer(thrown: unknown, requestId: string): Response {
  const error = thrown instanceof AwsError ? thrown : fromOurs(ThroughlineError.from(thrown));
  const { type, status, message, fields } = error;
  const body = { Type: status < 500 ? 'User' : 'Service', message, Message: message, ...fields };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-errortype': type,
      'x-amzn-requestid': requestId,
      ...(status === 429 ? { 'retry-after': '1' } : {}),
    },
  });
}

function tooLarge(message: string): AwsError {
  return new AwsError('RequestTooLargeException', 413, message);
}

function fromOurs(error: ThroughlineError): AwsError {
  if (error.code === 'BODY_TOO_LARGE') return tooLarge(error.message);
  // An INTERNAL error keeps its words for the log.
  const message = error.code === 'INTERNAL' ? 'A defect of Throughline; the server log has more.' : error.message;
  return new AwsError('ServiceException', error.httpStatus, message, { code: error.code });
}
