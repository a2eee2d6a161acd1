// What is read of conversations: the list, one conversation folded, and its events as they come.
import { snapshotOf } from '@throughline/event';
import type { GatewayContext } from '../context/context.ts';
import * as defaults from '../defaults.ts';
import { jsonResponse } from '../http/error-response.ts';
import { checkParameters, countParameter, flagParameter } from '../http/query.ts';
import { EventStream, type NodeBindings } from '../http/sse.ts';
import { existing } from '../live/existing.ts';
import { feedEvents } from '../live/subscriptions.ts';
import { assertOnLog, formatToken, tokenOf } from '../stream-index/offset-token.ts';
import { summaryJson } from '../stream-index/summary-feed.ts';

/** GET /v1/conversations?limit=&after=&archived= */
export async function listConversations(context: GatewayContext, url: URL): Promise<Response> {
  checkParameters(url, ['limit', 'after', 'archived']);
  const limit = countParameter(url, 'limit', { default: defaults.pageLimit, max: defaults.pageLimitMax });
  const after = url.searchParams.get('after') ?? undefined;
  // What a request before this one was told is in the list.
  await context.conversations.index.caughtUp(defaults.indexWaitMs);
  const { conversations, next } = context.conversations.index.list({
    limit,
    after,
    isArchived: flagParameter(url, 'archived'),
  });
  return jsonResponse({
    conversations: conversations.map((summary) => summaryJson(summary, context.conversations.incarnation.generation)),
    next,
  });
}

/**
 * GET /v1/conversations/:id
 *
 * @throws ThroughlineError UNKNOWN_CONVERSATION
 */
export function getConversation(context: GatewayContext, conversationId: string): Promise<Response> {
  return context.conversations.cache.use(conversationId, (live) => {
    const { conversation } = existing(live);
    const offset = formatToken(context.conversations.incarnation.generation, conversation.lastOffset);
    return jsonResponse({ conversation: snapshotOf(conversation), offset });
  });
}

/**
 * GET /v1/conversations/:id/events?offset= as server-sent events: what follows the offset (all of it where there is none),
 * `caught-up`, and then everything as it comes, with `summary` events whenever a line of the list changes.
 *
 * @throws ThroughlineError UNKNOWN_CONVERSATION, INVALID_ARGUMENT, OFFSET_OUT_OF_RANGE
 */
export function streamEvents(
  context: GatewayContext,
  conversationId: string,
  request: Request,
  env: NodeBindings | undefined,
): Promise<Response> {
  checkParameters(new URL(request.url), ['offset']);
  const token = tokenOf(request, context.conversations.incarnation.generation);
  return context.conversations.cache.use(conversationId, (live) => {
    existing(live);
    if (token !== undefined)
      assertOnLog(token, context.conversations.tail.position(context.conversations.reader.partitionOf(conversationId)));
    if (request.method === 'HEAD') return new Response(null, { headers: { 'content-type': 'text/event-stream' } });
    const stream = new EventStream(env, { queueBytesMax: defaults.readerQueueBytes });
    context.streams.add(stream);
    live.pin(stream.closed);
    feedEvents(context.conversations, live, stream, token === undefined ? 0n : token.position + 1n).catch(
      (error: unknown) => {
        context.logger.error({ conversation: conversationId, reason: String(error) }, 'a reader of events was cut');
        stream.cut();
      },
    );
    return stream.response;
  });
}
