// The event of a REST API: payload format 1.0, with every header and parameter once as text and once as a list.
// Source: Amazon API Gateway developer guide, "Lambda proxy integrations in API Gateway", input format.
import type { Clock } from '@throughline/event';
import { bodyOf, clfTime, type UrlCall } from './url-event.ts';

/** The event as JSON. */
export function restEvent(clock: Clock, call: UrlCall): string {
  const { path, request, requestId, sourceIp, route } = call;
  const url = new URL(request.url);
  const search = [...new Set(url.searchParams.keys())];
  const parameters = call.pathParameters ?? {};
  const timeEpoch = clock.nowMs();
  const { body, isBase64Encoded } = bodyOf(call);
  const names = [...request.headers.keys()];
  const resource = route?.path ?? path;
  return JSON.stringify({
    version: '1.0',
    resource,
    path,
    httpMethod: request.method,
    headers: Object.fromEntries(names.map((name) => [name, request.headers.get(name)])),
    multiValueHeaders: Object.fromEntries(names.map((name) => [name, [request.headers.get(name)]])),
    queryStringParameters: orNull(search.map((name) => [name, url.searchParams.getAll(name).at(-1)])),
    multiValueQueryStringParameters: orNull(search.map((name) => [name, url.searchParams.getAll(name)])),
    pathParameters: orNull(Object.entries(parameters)),
    stageVariables: null,
    requestContext: {
      accountId: '000000000000',
      apiId: route?.api ?? call.name,
      domainName: url.host,
      domainPrefix: route?.api ?? call.name,
      extendedRequestId: requestId,
      httpMethod: request.method,
      identity: { sourceIp, userAgent: request.headers.get('user-agent') ?? '' },
      path,
      protocol: 'HTTP/1.1',
      requestId,
      requestTime: clfTime(timeEpoch),
      requestTimeEpoch: timeEpoch,
      resourceId: resource,
      resourcePath: resource,
      stage: 'Prod',
    },
    body: body ?? null,
    isBase64Encoded,
  });
}

/** What has no entries is null in this format. */
function orNull(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> | null {
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
