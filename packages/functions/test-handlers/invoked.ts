// Handlers for tests of the invoker: one that streams and one that does not, which do what their event asks.
import { setTimeout as sleep } from 'node:timers/promises';
import type { LambdaContext, ResponseStream } from '../src/index.ts';

interface Event {
  readonly do: 'echo' | 'head' | 'throw' | 'wait' | 'nothing' | 'flood' | 'exit';
}

export async function handler(event: Event, context: LambdaContext): Promise<unknown> {
  switch (event.do) {
    case 'echo': {
      process.stdout.write('it echoes\n');
      const { awsRequestId, clientContext, xRayTraceId, invokedFunctionArn } = context;
      return { event, awsRequestId, clientContext, xRayTraceId, invokedFunctionArn };
    }
    case 'throw':
      throw Object.assign(new RangeError('too far'), { code: 'FAR' });
    case 'wait':
      await sleep(60_000, undefined, { signal: context.signal });
      break;
    case 'exit':
      process.exit(3);
  }
  return undefined;
}

export const streaming = awslambda.streamifyResponse(async (event: Event, stream: ResponseStream): Promise<void> => {
  if (event.do === 'head') {
    const answer = awslambda.HttpResponseStream.from(stream, {
      statusCode: 418,
      headers: { a: 'b' },
      cookies: ['c=d'],
    });
    answer.write('short and ');
    answer.end('stout');
  } else if (event.do === 'flood') {
    for (let index = 0; index < 400; index++) {
      const bytes = Buffer.alloc(64 * 1024, index % 256);
      await new Promise<void>((resolve) => stream.write(bytes, () => resolve()));
      process.stdout.write(`${index}\n`);
    }
    stream.end();
  }
});
