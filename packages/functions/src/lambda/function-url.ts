// /lambda-url/{name}/…: any request becomes an event of payload format 2.0, and what the function returns or streams becomes
// the answer. BUFFERED waits for the end; RESPONSE_STREAM passes on what is written as it is written.
//
// A function that fails is an answer of 502 (504 after its time-out) with our coded JSON. One that fails in the middle of a
// stream cuts the connection, so that nobody takes what came for the whole.
// Source: AWS Lambda developer guide, "Lambda function URLs" and "Response streaming".
import { ThroughlineError } from '@throughline/event';
import { lambdaLimits } from '../defaults.ts';
import type { InvocationError, ResponseHead } from '../invoker/invocation-contract.ts';
import type { Invoker } from '../invoker/invoker.ts';
import { newRequestId } from '../invoker/request-id.ts';
import type { MatchedRoute } from './api-routes.ts';
import { arnOf } from './function-name.ts';
import type { LambdaServices } from './invocation-request.ts';
import { CollectedOutput, preludeContentType } from './output.ts';
import { readBody } from './read-body.ts';
import { restEvent } from './rest-event.ts';
import { openAnswer, type CutConnection } from './streamed-answer.ts';
import { answerHead, mayHaveBody, readAnswer, type AnswerHead } from './url-answer.ts';
import { urlEvent } from './url-event.ts';

export interface UrlRequest {
  readonly name: string;
  /** The path behind the function's own. */
  readonly path: string;
  readonly request: Request;
  readonly caller: Caller;
  /** The route that it came by, where it came by an API and not by the function's own URL. */
  readonly matched?: MatchedRoute;
}

/** Who sent a request. */
export interface Caller {
  readonly sourceIp: string;
  readonly cut: CutConnection;
}

/** @throws ThroughlineError UNKNOWN_FUNCTION, NOT_FOUND, BODY_TOO_LARGE, and what became of the function */
export async function callUrl(
  services: LambdaServices,
  { name, path, request, caller, matched }: UrlRequest,
): Promise<Response> {
  const hosted = services.functions.get(name);
  if (hosted === undefined) throw new ThroughlineError('UNKNOWN_FUNCTION', `no function ${JSON.stringify(name)}`);
  if (hosted.url === undefined && matched === undefined) {
    const message = `function ${name} has no URL: give it triggers: [{ type: 'url' }] in throughline.config.ts`;
    throw new ThroughlineError('NOT_FOUND', message);
  }
  const body = await readBody(request, lambdaLimits.payloadBytesMax);
  const requestId = newRequestId(services.random);
  const { route, pathParameters } = matched ?? {};
  const isRest = route?.payloadFormatVersion === '1.0';
  const about = { name, path, request, body, requestId, sourceIp: caller.sourceIp, route, pathParameters };
  const event = isRest ? restEvent(services.clock, about) : urlEvent(services.clock, about);
  const call: Call = {
    invoker: hosted.invoker,
    name,
    requestId,
    event,
    isRest,
    isHead: request.method === 'HEAD',
    cut: caller.cut,
  };
  return matched !== undefined || hosted.url?.responseMode !== 'RESPONSE_STREAM' ? buffered(call) : streamed(call);
}

interface Call {
  readonly invoker: Invoker;
  readonly name: string;
  readonly requestId: string;
  readonly event: string;
  /** REST APIs take nothing but an HTTP answer. */
  readonly isRest: boolean;
  readonly isHead: boolean;
  readonly cut: CutConnection;
}

async function buffered(call: Call): Promise<Response> {
  const output = new CollectedOutput();
  const { requestId, event, name } = call;
  const settlement = await call.invoker.invoke(
    { requestId, event, invokedFunctionArn: arnOf(name), isThrottledAtOnce: true },
    output,
    never(),
  );
  const answer = output.answerOf(settlement);
  if (!Buffer.isBuffer(answer)) throw failure(answer);
  if (settlement.head === undefined) return whole(call, readAnswer(answer, call.isRest));
  return whole(call, { ...answerHead(settlement.head, streamType(settlement.head)), body: answer });
}

function streamed(call: Call): Promise<Response> {
  const { requestId, event, name, cut } = call;
  const body = openAnswer(cut);
  const answer = Promise.withResolvers<Response>();
  let isBegun = false;
  const begin = (head: ResponseHead): void => {
    const response = respond(call, answerHead(head, streamType(head)), body.stream);
    // A function whose answer has no body must not wait for a reader of one.
    if (response.body === null) body.drop();
    answer.resolve(response);
    isBegun = true;
  };
  const invoking = call.invoker.invoke(
    { requestId, event, invokedFunctionArn: arnOf(name), isThrottledAtOnce: true },
    {
      head: begin,
      write: (bytes) => {
        if (!isBegun) begin({});
        return body.write(bytes);
      },
    },
    never(),
  );
  const end = async (): Promise<void> => {
    const { value, head, error } = await invoking;
    if (error !== undefined) throw failure(error);
    if (isBegun) body.end();
    else if (value !== undefined) answer.resolve(whole(call, readAnswer(Buffer.from(value), call.isRest)));
    else answer.resolve(whole(call, { ...answerHead(head ?? {}, streamType(head)), body: Buffer.alloc(0) }));
  };
  end().catch((error: unknown) => {
    if (isBegun) body.cut(error);
    answer.reject(error);
  });
  return answer.promise;
}

function whole(call: Call, { body, ...head }: AnswerHead & { readonly body: Buffer }): Response {
  return respond(call, head, new Uint8Array(body));
}

function respond({ requestId, isHead }: Call, { status, headers }: AnswerHead, body: BodyInit): Response {
  headers.set('x-amzn-requestid', requestId);
  const sent = isHead || !mayHaveBody(status) ? null : body;
  // The Node adapter would otherwise wait some turns for a short body before it sends the headers.
  if (sent instanceof ReadableStream) headers.set('transfer-encoding', 'chunked');
  return new Response(sent, { status, headers });
}

function streamType(head: ResponseHead | undefined): string {
  const type = head?.contentType;
  return type === undefined || type === preludeContentType ? 'application/octet-stream' : type;
}

/** Lambda's functions run to their end, whether or not somebody still waits. */
function never(): AbortSignal {
  return new AbortController().signal;
}

function failure({ code, errorType, errorMessage }: InvocationError): ThroughlineError {
  return new ThroughlineError(code, `${errorType}: ${errorMessage}`);
}
