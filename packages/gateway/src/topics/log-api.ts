// Topics and records of the HTTP interface over any log, without a server: what `throughline topics`, `produce` and `consume`
// ask when they reach a cluster by themselves, so that they say the same wherever the log is.
import { ThroughlineError } from '@throughline/event';
import type { LogApiContext } from './log-api-context.ts';
import { consumeRecords, produceRecords } from './records.ts';
import { listTopics } from './topics.ts';

/**
 * Answers `GET /v1/topics`, and `GET` and `POST /v1/topics/:topic/records`, as a server of this log would.
 *
 * @throws ThroughlineError what the server would answer as an error; NOT_FOUND for any other request
 * @example await logApi(context, new Request('http://log/v1/topics'))
 */
export async function logApi(context: LogApiContext, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === '/v1/topics' && request.method === 'GET') return listTopics(context);
  const topic = /^\/v1\/topics\/([^/]+)\/records$/.exec(pathname)?.[1];
  if (topic === undefined) throw new ThroughlineError('NOT_FOUND', `nothing is at ${pathname}`);
  const name = decodeURIComponent(topic);
  return request.method === 'POST'
    ? produceRecords(context, name, request)
    : consumeRecords(context, name, request, undefined);
}
