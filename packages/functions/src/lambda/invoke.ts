// POST /2015-03-31/functions/{FunctionName}/invocations: calls a function and answers with what it returned.
//
// A function that fails is an answer of 200 with X-Amz-Function-Error; an error status means that it was not called. The
// caller may go away: as on Lambda, the function goes on to its end.
// Source: AWS Lambda API reference, Invoke.
import { newRequestId } from '../invoker/request-id.ts';
import { invocationArn, readInvocation, type LambdaServices, type ReadInvocation } from './invocation-request.ts';
import { errorPayload } from './function-error.ts';
import { notInvoked, invalidParameter } from './aws-error.ts';
import { CollectedOutput, preludeBytes } from './output.ts';
import { logTail } from './log-tail.ts';

export async function invoke(services: LambdaServices, name: string, request: Request): Promise<Response> {
  const called = await readInvocation(services, name, request);
  const type = request.headers.get('x-amz-invocation-type') ?? 'RequestResponse';
  if (type === 'DryRun') return new Response(null, { status: 204 });
  if (type === 'Event') return invokeLater(services, called);
  if (type !== 'RequestResponse')
    throw invalidParameter(`X-Amz-Invocation-Type: ${JSON.stringify(type)} is no invocation type`);

  const { invoker } = called.hosted;
  const requestId = newRequestId(services.random);
  const output = new CollectedOutput();
  const settlement = await invoker.invoke(
    {
      requestId,
      event: called.event,
      clientContext: called.clientContext,
      invokedFunctionArn: invocationArn(called),
      isThrottledAtOnce: true,
    },
    output,
    new AbortController().signal,
  );
  const answer = output.answerOf(settlement);
  const failure = Buffer.isBuffer(answer) ? undefined : answer;
  const rejection = failure === undefined ? undefined : notInvoked(failure);
  if (rejection !== undefined) throw rejection;
  const payload = Buffer.isBuffer(answer)
    ? Buffer.concat([preludeBytes(settlement.head) ?? Buffer.alloc(0), answer])
    : errorPayload(answer, requestId, invoker.config.timeoutMs);
  return new Response(payload, {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'x-amzn-requestid': requestId,
      'x-amz-executed-version': '$LATEST',
      // Our code beside AWS's word for every failure: the command line tells them apart by it.
      ...(failure === undefined
        ? {}
        : { 'x-amz-function-error': 'Unhandled', 'x-throughline-error-code': failure.code }),
      ...(called.isLogAsked ? { 'x-amz-log-result': await logTail(settlement) } : {}),
    },
  });
}

/** The answer comes once the event is kept: it will be called, also when this server is gone. */
async function invokeLater(services: LambdaServices, { name, event }: ReadInvocation): Promise<Response> {
  const requestId = newRequestId(services.random);
  await services.accept({ functionName: name, event, origin: 'api', id: requestId });
  return new Response(null, { status: 202, headers: { 'x-amzn-requestid': requestId } });
}
