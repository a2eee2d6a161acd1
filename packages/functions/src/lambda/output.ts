// What an invocation writes, for callers who want it whole, and the prelude that stands in front of an HTTP answer in the
// bytes of a streaming handler: its JSON, then eight NUL bytes.
// Source: AWS Lambda developer guide, "Response streaming"; aws-lambda-ric 4 (HttpResponseStream.js).
import { ThroughlineError } from '@throughline/event';
import { lambdaLimits } from '../defaults.ts';
import type { InvocationError, InvocationSink, ResponseHead, Settlement } from '../invoker/invocation-contract.ts';

/** Lambda's content type for output that begins with a prelude. */
export const preludeContentType = 'application/vnd.awslambda.http-integration-response';

/** A sink that keeps what is written, up to Lambda's limit for an answer; more ends the invocation. */
export class CollectedOutput implements InvocationSink {
  #bytes = 0;
  readonly #chunks: Buffer[] = [];

  write(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#bytes > lambdaLimits.payloadBytesMax)
      throw new ThroughlineError('BODY_TOO_LARGE', 'the answer is too large');
    this.#chunks.push(bytes);
  }

  /** What the invocation answered: the value that was returned, or what was written. */
  answerOf({ value, error }: Settlement): Buffer | InvocationError {
    if (this.#bytes > lambdaLimits.payloadBytesMax) return responseTooLarge();
    if (error !== undefined) return error;
    const bytes = value === undefined ? Buffer.concat(this.#chunks) : Buffer.from(value);
    return bytes.length > lambdaLimits.payloadBytesMax ? responseTooLarge() : bytes;
  }
}

/** The prelude as a streaming handler's bytes have it; undefined where none was set. */
export function preludeBytes(head: ResponseHead | undefined): Buffer | undefined {
  if (head?.contentType !== preludeContentType) return undefined;
  const { statusCode, headers, cookies } = head;
  return Buffer.concat([Buffer.from(JSON.stringify({ statusCode, headers, cookies })), Buffer.alloc(8)]);
}

function responseTooLarge(): InvocationError {
  return {
    code: 'FUNCTION_ERROR',
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: `Response payload size exceeded maximum allowed payload size (${lambdaLimits.payloadBytesMax} bytes).`,
    trace: [],
    isRetriable: false,
  };
}
