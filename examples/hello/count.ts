// A function that streams its answer: one line each time, as it is counted.
import { setTimeout as pause } from 'node:timers/promises';
import type { ResponseStream } from 'throughline';

export const handler = awslambda.streamifyResponse(async (_event: unknown, responseStream: ResponseStream) => {
  const answer = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 200,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  });
  for (let count = 1; count <= 5; count++) {
    answer.write(`${count}\n`);
    await pause(100);
  }
  answer.end();
});
