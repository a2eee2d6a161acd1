// POST /2021-11-15/functions/{FunctionName}/response-streaming-invocations: what a function writes comes as it is written,
// as events of AWS's binary event stream: PayloadChunk for each write, InvokeComplete at the end.
// Source: AWS Lambda API reference, InvokeWithResponseStream; the event stream encoding is that of @smithy/eventstream-codec.
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { newRequestId } from '../invoker/request-id.ts';
import { invalidParameter, notInvoked } from './aws-error.ts';
import { errorPayload } from './function-error.ts';
import { invocationArn, readInvocation, type LambdaServices } from './invocation-request.ts';
import { logTail } from './log-tail.ts';
import { preludeBytes } from './output.ts';
import { openAnswer, type CutConnection } from './streamed-answer.ts';

const codec = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString(),
  (text) => Buffer.from(text),
);

export async function invokeStreaming(
  services: LambdaServices,
  name: string,
  request: Request,
  cut: CutConnection,
): Promise<Response> {
  const called = await readInvocation(services, name, request);
  const type = request.headers.get('x-amz-invocation-type') ?? 'RequestResponse';
  if (type === 'DryRun') return new Response(null, { status: 204 });
  if (type !== 'RequestResponse')
    throw invalidParameter(`X-Amz-Invocation-Type: ${JSON.stringify(type)} cannot stream`);

  const { invoker } = called.hosted;
  const requestId = newRequestId(services.random);
  const body = openAnswer(cut);
  const answer = Promise.withResolvers<Response>();
  let isBegun = false;
  const begin = (): void => {
    if (isBegun) return;
    isBegun = true;
    answer.resolve(new Response(body.stream, { status: 200, headers: headersOf(requestId) }));
  };
  const chunk = (bytes: Buffer): Promise<void> | undefined =>
    body.write(event('PayloadChunk', 'application/octet-stream', bytes));
  const invoking = invoker.invoke(
    {
      requestId,
      event: called.event,
      clientContext: called.clientContext,
      invokedFunctionArn: invocationArn(called),
      isThrottledAtOnce: true,
    },
    {
      started: begin,
      head: (head) => {
        const prelude = preludeBytes(head);
        if (prelude !== undefined) void chunk(prelude);
      },
      write: chunk,
    },
    new AbortController().signal,
  );
  const end = async (): Promise<void> => {
    const settlement = await invoking;
    const { value, error } = settlement;
    const rejection = error === undefined ? undefined : notInvoked(error);
    if (rejection !== undefined && !isBegun) throw rejection;
    begin();
    if (value !== undefined) void chunk(Buffer.from(value));
    const complete = {
      ...(error === undefined
        ? {}
        : { ErrorCode: error.errorType, ErrorDetails: errorPayload(error, requestId, invoker.config.timeoutMs) }),
      ...(called.isLogAsked ? { LogResult: await logTail(settlement) } : {}),
    };
    void body.write(event('InvokeComplete', 'application/json', Buffer.from(JSON.stringify(complete))));
    body.end();
  };
  end().catch((error: unknown) => {
    if (isBegun) body.cut(error);
    answer.reject(error);
  });
  return answer.promise;
}

function headersOf(requestId: string): Record<string, string> {
  return {
    'content-type': 'application/vnd.amazon.eventstream',
    'x-amzn-requestid': requestId,
    'x-amz-executed-version': '$LATEST',
    // The Node adapter would otherwise wait some turns for a short body before it sends the headers.
    'transfer-encoding': 'chunked',
  };
}

function event(type: 'PayloadChunk' | 'InvokeComplete', contentType: string, body: Uint8Array): Buffer {
  const text = (value: string): { readonly type: 'string'; readonly value: string } => ({ type: 'string', value });
  const headers = {
    ':event-type': text(type),
    ':content-type': text(contentType),
    ':message-type': text('event'),
  };
  return Buffer.from(codec.encode({ headers, body }));
}
