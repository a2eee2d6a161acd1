// The functions over HTTP: AWS Lambda's own API, so that AWS SDKs and the AWS CLI work by endpoint alone, and function URLs.
// It answers requests and knows no server; whoever has one hands in the requests whose path is one of these.
//
//   /2015-03-31/functions/…      and the other dates of AWS's API: errors in AWS's shape
//   /lambda-url/{name}/…         function URLs: any method, any path; errors are ours
//   /lambda-api/{api}/…          APIs of several functions, by method and path; errors are ours
//
// Source: AWS Lambda API reference.
import { ThroughlineError, type Clock, type Logger, type Random } from '@throughline/event';
import { Hono, type Context } from 'hono';
import { newRequestId } from '../invoker/request-id.ts';
import type { FunctionSettings } from '../settings/function-settings.ts';
import { matchRoute } from './api-routes.ts';
import { getAccountSettings } from './account-settings.ts';
import { errorAnswer, notBuilt } from './aws-error.ts';
import {
  getFunction,
  getFunctionConfiguration,
  getFunctionUrlConfig,
  listAliases,
  listFunctions,
  listVersions,
} from './describe.ts';
import { addConcurrencyRoutes } from './concurrency.ts';
import { addEventInvokeRoutes } from './event-invoke-config.ts';
import { callUrl, type Caller } from './function-url.ts';
import type { CutConnection } from './streamed-answer.ts';
import type { HostedFunctions } from './hosted-function.ts';
import { invoke } from './invoke.ts';
import { invokeStreaming } from './invoke-streaming.ts';
import type { LambdaServices } from './invocation-request.ts';
import { addMappingRoutes, type MappingServices } from './mappings.ts';

export interface LambdaApi {
  /** Answers a request of AWS's API; every failure is an answer in AWS's shape. */
  fetch(request: Request, caller: Caller): Promise<Response>;
  /**
   * Answers a request to a function URL, or to a route of an API.
   *
   * @throws ThroughlineError UNKNOWN_FUNCTION, NOT_FOUND, BODY_TOO_LARGE, THROTTLED, and what became of the function
   */
  fetchUrl(request: Request, caller: Caller): Promise<Response>;
}

export interface LambdaApiOptions {
  readonly functions: HostedFunctions;
  /** What is behind AWS's API of event source mappings; absent where there is no log. */
  readonly mapping?: MappingServices;
  /** What AWS's API sets of functions; absent where there is no log. */
  readonly settings?: FunctionSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Reads the code of a function, for its size and hash. */
  readFile(file: string): Promise<Buffer>;
  /** Keeps an event that a function is called with later. */
  readonly accept: LambdaServices['accept'];
}

/**
 * Serves functions by AWS's API and by URLs.
 *
 * @example const api = createLambdaApi({ functions, clock, random, logger, readFile });
 *   const response = await api.fetch(new Request('http://localhost/2015-03-31/functions/hello/invocations', { method: 'POST' }));
 */
export function createLambdaApi(options: LambdaApiOptions): LambdaApi {
  const services: LambdaServices = { ...options, startedMs: options.clock.nowMs() };
  const hono = new Hono<{ Bindings: Caller }>();
  const named =
    (
      answer: (
        services: LambdaServices,
        name: string,
        request: Request,
        cut: CutConnection,
      ) => Response | Promise<Response>,
    ) =>
    (call: Context<{ Bindings: Caller }>) =>
      answer(services, call.req.param('name') ?? '', call.req.raw, call.env.cut);

  hono.get('/2015-03-31/functions/', () => listFunctions(services));
  hono.get('/2015-03-31/functions', () => listFunctions(services));
  hono.get('/2015-03-31/functions/:name', named(getFunction));
  hono.get('/2015-03-31/functions/:name/configuration', named(getFunctionConfiguration));
  hono.get('/2015-03-31/functions/:name/versions', named(listVersions));
  hono.get('/2015-03-31/functions/:name/aliases', named(listAliases));
  hono.get('/2021-10-31/functions/:name/url', named(getFunctionUrlConfig));
  hono.post('/2015-03-31/functions/:name/invocations', named(invoke));
  hono.post('/2021-11-15/functions/:name/response-streaming-invocations', named(invokeStreaming));
  hono.get('/2016-08-19/account-settings/', () => getAccountSettings(services));
  hono.get('/2016-08-19/account-settings', () => getAccountSettings(services));
  if (options.mapping !== undefined) addMappingRoutes(hono, options.mapping);
  if (options.settings !== undefined) {
    addEventInvokeRoutes(hono, services, options.settings);
    addConcurrencyRoutes(hono, services, options.settings);
  }
  hono.all('*', ({ req }) => {
    throw notBuilt(`${req.method} ${req.path} is not there`);
  });
  hono.onError((error) => errorAnswer(error, newRequestId(options.random)));

  return {
    fetch: async (request, caller) => hono.fetch(request, caller),
    async fetchUrl(request, caller) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith('/lambda-api/')) return callApi(services, pathname, request, caller);
      const [, name = '', path = ''] = /^\/lambda-url\/([^/]*)(.*)$/.exec(pathname) ?? [];
      return callUrl(services, { name: decoded(name), path: path === '' ? '/' : path, request, caller });
    },
  };
}

/** @throws ThroughlineError NOT_FOUND, and what callUrl throws */
function callApi(services: LambdaServices, pathname: string, request: Request, caller: Caller): Promise<Response> {
  const [, api = '', rest = ''] = /^\/lambda-api\/([^/]*)(.*)$/.exec(pathname) ?? [];
  const path = rest === '' ? '/' : rest;
  const matched = matchRoute(services.functions, decoded(api), request.method, path);
  if (matched !== undefined) return callUrl(services, { name: matched.name, path, request, caller, matched });
  throw new ThroughlineError('NOT_FOUND', `API ${decoded(api)} has no route for ${request.method} ${path}`);
}

/** A name as it is meant; one that cannot be decoded names nothing. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
