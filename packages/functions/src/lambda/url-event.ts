// The event of a function URL: payload format 2.0, which API Gateway's HTTP APIs have as well.
// Source: AWS Lambda developer guide, "Invoking Lambda function URLs", "Request payload format".
import type { Clock } from '@throughline/event';
import type { ApiRoute } from './hosted-function.ts';

export interface UrlCall {
  readonly name: string;
  /** The path behind the function's own, with its slash in front. */
  readonly path: string;
  readonly request: Request;
  readonly body: Buffer;
  readonly requestId: string;
  readonly sourceIp: string;
  /** The route of an API that it came by. */
  readonly route?: ApiRoute | undefined;
  readonly pathParameters?: Readonly<Record<string, string>> | undefined;
}

/** The event as JSON. */
export function urlEvent(clock: Clock, call: UrlCall): string {
  const { name, path, request, requestId, sourceIp, route, pathParameters = {} } = call;
  const url = new URL(request.url);
  const { headers, cookies } = headersOf(request);
  const parameters = parametersOf(url.searchParams);
  const timeEpoch = clock.nowMs();
  const { body, isBase64Encoded } = bodyOf(call);
  const routeKey = route === undefined || route.path === '$default' ? '$default' : `${route.method} ${route.path}`;
  const apiId = route?.api ?? name;
  return JSON.stringify({
    version: '2.0',
    routeKey,
    rawPath: path,
    // As it was sent: a parser would decode it and write it anew.
    rawQueryString: url.search.slice(1),
    ...(cookies.length === 0 ? {} : { cookies }),
    headers,
    ...(parameters === undefined ? {} : { queryStringParameters: parameters }),
    ...(Object.keys(pathParameters).length === 0 ? {} : { pathParameters }),
    requestContext: {
      accountId: 'anonymous',
      apiId,
      domainName: url.host,
      domainPrefix: apiId,
      http: {
        method: request.method,
        path,
        protocol: 'HTTP/1.1',
        sourceIp,
        userAgent: request.headers.get('user-agent') ?? '',
      },
      requestId,
      routeKey,
      stage: '$default',
      time: clfTime(timeEpoch),
      timeEpoch,
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded,
  });
}

/** The body as text, in Base64 where it is none; undefined where there is none. */
export function bodyOf({ body, request }: UrlCall): { readonly body?: string; readonly isBase64Encoded: boolean } {
  if (body.length === 0) return { isBase64Encoded: false };
  const isText = isTextType(request.headers.get('content-type'), request.headers.get('content-encoding'));
  return { body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText };
}

/** Header names in lower case; one that came several times has its values joined by commas. */
function headersOf(request: Request): { headers: Record<string, string>; cookies: string[] } {
  const headers: [string, string][] = [];
  let cookies: string[] = [];
  for (const [name, value] of request.headers) {
    if (name === 'cookie') cookies = value.split(';').map((cookie) => cookie.trim());
    else headers.push([name, value]);
  }
  // fromEntries, for a header may be called __proto__.
  return { headers: Object.fromEntries(headers), cookies: cookies.filter((cookie) => cookie !== '') };
}

/** A parameter that came several times has its values joined by commas. */
function parametersOf(search: URLSearchParams): Record<string, string> | undefined {
  const names = [...new Set(search.keys())];
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, search.getAll(name).join(',')]));
}

/** What AWS passes on as text; anything else goes in Base64. */
function isTextType(contentType: string | null, contentEncoding: string | null): boolean {
  if (contentEncoding !== null && contentEncoding !== 'identity') return false;
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return type.startsWith('text/') || /^application\/(?:json|javascript|xml|.+\+(?:json|xml))$/.test(type);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Common Log Format in UTC: `12/Mar/2020:19:03:58 +0000`. */
export function clfTime(timeMs: number): string {
  const time = new Date(timeMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  return `${date}:${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`;
}
