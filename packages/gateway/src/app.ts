// The routes. A path that is known answers 405 with Allow to a method that it does not take; anything else is the page's or
// nothing's. Every failure leaves as coded JSON, and every answer says that it is not to be sniffed.
import { idSchema, parse, ThroughlineError } from '@throughline/event';
import { Hono, type Context } from 'hono';
import { crashServer, killFunction } from './admin/dev.ts';
import { getFunction, listFunctions } from './admin/functions.ts';
import { getMetrics, getReadiness, getStatus } from './admin/status.ts';
import { listTables, readTable, runSql } from './admin/tables.ts';
import { postChat } from './chat/post.ts';
import { resumeChat } from './chat/resume.ts';
import { stopChat } from './chat/stop.ts';
import type { GatewayContext } from './context/context.ts';
import { getConversation, listConversations, streamEvents } from './conversations/read.ts';
import { writeEvent } from './conversations/write.ts';
import type { HttpCaller } from './context/ports.ts';
import * as defaults from './defaults.ts';
import { getDocument } from './files/docs-files.ts';
import { getPage } from './files/page.ts';
import { errorResponse, jsonResponse } from './http/error-response.ts';
import type { App } from './http/node-server.ts';
import { checkOrigin } from './http/origin-guard.ts';
import { checkParameters } from './http/query.ts';
import type { NodeBindings } from './http/sse.ts';
import { consumeRecords, produceRecords } from './topics/records.ts';
import { listTopics } from './topics/topics.ts';

type Call = Context<{ Bindings: NodeBindings }>;
type Handler = (call: Call) => Response | Promise<Response>;

export function createApp(context: GatewayContext): App {
  const { wholeLog, settings, clock, logger, closing } = context;
  const { bodyBytesMax, longPollMs } = settings;
  const { dev } = context.neighbours;
  const records = { log: wholeLog, bodyBytesMax, longPollMs, clock, logger, closing };
  const hono = new Hono<{ Bindings: NodeBindings }>();
  const id = (call: Call): string => parse(idSchema, call.req.param('id'));
  const url = (call: Call): URL => new URL(call.req.url);
  const streaming = (handler: Handler): Handler => {
    return (call) => {
      if (context.streams.count < defaults.openStreamsMax) return handler(call);
      throw new ThroughlineError('THROTTLED', `${defaults.openStreamsMax} streams are open`, { retryAfterMs: 1_000 });
    };
  };

  /** What is kept in the topic of conversations cannot be had while that is gone. */
  const ofConversations = (handler: Handler): Handler => {
    return (call) => {
      const problem = context.conversations.tail.topicProblem;
      if (problem !== undefined) throw problem;
      return handler(call);
    };
  };

  /** An endpoint of ours that takes no parameters. */
  const plain = (handler: Handler): Handler => {
    return (call) => {
      checkParameters(url(call), []);
      return handler(call);
    };
  };

  const endpoints: Readonly<Record<string, Readonly<Partial<Record<'GET' | 'POST', Handler>>>>> = {
    '/api/chat': { POST: ofConversations(streaming((call) => postChat(context, call.req.raw, call.env))) },
    '/api/chat/:id/stream': {
      GET: ofConversations(streaming((call) => resumeChat(context, id(call), call.req.raw, call.env))),
    },
    '/api/chat/:id/stop': { POST: plain(ofConversations((call) => stopChat(context, id(call), call.req.raw))) },
    '/v1/conversations': { GET: ofConversations((call) => listConversations(context, url(call))) },
    '/v1/conversations/:id': { GET: plain(ofConversations((call) => getConversation(context, id(call)))) },
    '/v1/conversations/:id/events': {
      GET: ofConversations(streaming((call) => streamEvents(context, id(call), call.req.raw, call.env))),
      POST: plain(ofConversations((call) => writeEvent(context, id(call), call.req.raw))),
    },
    '/v1/tables': { GET: plain(() => listTables(context)) },
    '/v1/tables/:name': { GET: (call) => readTable(context, call.req.param('name') ?? '', url(call)) },
    '/v1/sql': { POST: plain((call) => runSql(context, call.req.raw)) },
    '/v1/functions': { GET: plain(() => listFunctions(context)) },
    '/v1/functions/:name': { GET: plain((call) => getFunction(context, call.req.param('name') ?? '')) },
    '/v1/status': { GET: plain(() => getStatus(context)) },
    '/v1/topics': { GET: plain(() => listTopics(records)) },
    '/v1/topics/:topic/records': {
      GET: streaming((call) => {
        context.streams.hold(call.env.outgoing);
        return consumeRecords(records, call.req.param('topic') ?? '', call.req.raw, call.env);
      }),
      POST: plain((call) => produceRecords(records, call.req.param('topic') ?? '', call.req.raw)),
    },
    ...(dev === undefined
      ? {}
      : {
          '/v1/dev/kill-function': { POST: plain((call) => killFunction(context, dev, call.req.raw)) },
          '/v1/dev/crash-server': { POST: plain((call) => crashServer(context, dev, call.req.raw)) },
        }),
    '/healthz': { GET: () => jsonResponse({ ok: true }) },
    '/readyz': { GET: () => getReadiness(context) },
    '/metrics': { GET: () => getMetrics(context) },
    '/docs/*': {
      GET: (call) => getDocument(context.settings.docsDir, call.req.path.slice('/docs'.length), call.req.raw),
    },
  };

  for (const [path, methods] of Object.entries(endpoints)) {
    for (const [method, handler] of Object.entries(methods)) hono.on(method, path, handler);
    const allow = [...Object.keys(methods), ...('GET' in methods ? ['HEAD'] : []), 'OPTIONS'].join(', ');
    hono.all(path, (call) => {
      if (call.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } });
      const message = `${call.req.path} takes ${allow}`;
      return errorResponse(new ThroughlineError('METHOD_NOT_ALLOWED', message), context.logger, { allow });
    });
  }
  const { functions } = context.neighbours;
  if (functions !== undefined) {
    // Whatever method and path: the function decides, and AWS's API has a shape of its own for what it has not.
    for (const path of ['/lambda-url/*', '/lambda-api/*'])
      hono.all(path, (call) => functions.fetchUrl(call.req.raw, callerOf(call.env)));
    hono.all('/:version{20[0-9]{2}-[0-9]{2}-[0-9]{2}}/*', (call) => functions.fetch(call.req.raw, callerOf(call.env)));
  }
  hono.all('/v1/stream/*', () => {
    throw new ThroughlineError('NOT_BUILT_YET', 'the Durable Streams protocol comes in a later version');
  });
  hono.all('*', (call) => {
    const { method, path } = call.req;
    const isReserved = /^\/(api|v1|docs|lambda-url|lambda-api)(\/|$)/.test(path);
    if (isReserved) throw new ThroughlineError('NOT_FOUND', `nothing is at ${path}`);
    if (method === 'GET' || method === 'HEAD') return getPage(context.settings.pageDir, path, call.req.raw);
    const allow = 'GET, HEAD';
    return errorResponse(new ThroughlineError('METHOD_NOT_ALLOWED', `${path} takes ${allow}`), context.logger, {
      allow,
    });
  });
  hono.onError((error) => errorResponse(error, context.logger));

  return async (request, env) => {
    const response = await answer(context, hono, request, env);
    context.metrics.request(request.method, response.status);
    return response;
  };
}

/** Where a request comes from; without a socket, from here. */
function callerOf({ outgoing }: NodeBindings): HttpCaller {
  const cut = outgoing === undefined ? undefined : (): void => void outgoing.destroy();
  return { sourceIp: outgoing?.socket?.remoteAddress ?? '127.0.0.1', cut };
}

async function answer(
  context: GatewayContext,
  hono: Hono<{ Bindings: NodeBindings }>,
  request: Request,
  env: NodeBindings | undefined,
): Promise<Response> {
  let allowedOrigin: string | undefined;
  try {
    if (context.closing.aborted) throw new ThroughlineError('CLOSED', 'the server is stopping');
    allowedOrigin = checkOrigin(request, context.settings.allowedOrigins);
  } catch (error) {
    return errorResponse(error, context.logger);
  }
  const response = await hono.fetch(request, env ?? {});
  if (allowedOrigin === undefined) return response;
  response.headers.set('access-control-allow-origin', allowedOrigin);
  response.headers.append('vary', 'origin');
  if (request.method === 'OPTIONS') {
    response.headers.set('access-control-allow-methods', response.headers.get('allow') ?? 'GET, HEAD');
    response.headers.set('access-control-allow-headers', 'content-type, accept, last-event-id');
  }
  return response;
}
