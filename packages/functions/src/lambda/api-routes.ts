// The routes of APIs: which function answers a method and a path. As in API Gateway, a literal path wins over one with a
// parameter, that over a greedy one, and a method over ANY; `$default` takes what nothing else takes.
// Source: Amazon API Gateway developer guide, "Create routes for HTTP APIs in API Gateway".
import type { ApiRoute, HostedFunctions } from './hosted-function.ts';

export interface MatchedRoute {
  readonly name: string;
  readonly route: ApiRoute;
  readonly pathParameters: Readonly<Record<string, string>>;
}

/** The best route of an API for a request; undefined where it has none. */
export function matchRoute(
  functions: HostedFunctions,
  api: string,
  method: string,
  path: string,
): MatchedRoute | undefined {
  let best: (MatchedRoute & { readonly rank: string }) | undefined;
  for (const [name, { routes }] of functions) {
    for (const route of routes) {
      if (route.api !== api || (route.method !== 'ANY' && route.method !== method)) continue;
      const pathParameters = matchPath(route.path, path);
      const rank = rankOf(route);
      if (pathParameters !== undefined && (best === undefined || rank < best.rank)) {
        best = { name, route, pathParameters, rank };
      }
    }
  }
  return best;
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  if (pattern === '$default') return {};
  const wanted = segmentsOf(pattern);
  const given = segmentsOf(path);
  const parameters: [string, string][] = [];
  for (const [index, segment] of wanted.entries()) {
    const [, parameter, greedy] = /^\{(.+?)(\+?)\}$/.exec(segment) ?? [];
    const value = given[index];
    if (value === undefined) return undefined;
    if (greedy === '+') {
      parameters.push([parameter ?? '', given.slice(index).map(decoded).join('/')]);
      return Object.fromEntries(parameters);
    }
    if (parameter !== undefined) parameters.push([parameter, decoded(value)]);
    else if (segment !== value && segment !== decoded(value)) return undefined;
  }
  return wanted.length === given.length ? Object.fromEntries(parameters) : undefined;
}

/** Sorts before what is less exact: segment by segment literal, parameter, greedy; then a method before ANY. */
function rankOf({ path, method }: ApiRoute): string {
  const kinds =
    path === '$default'
      ? ['9']
      : segmentsOf(path).map((one) => (one.endsWith('+}') ? '2' : one.startsWith('{') ? '1' : '0'));
  return `${kinds.join('')}|${method === 'ANY' ? 1 : 0}`;
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

/** As it is meant; what cannot be decoded is what it is. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
