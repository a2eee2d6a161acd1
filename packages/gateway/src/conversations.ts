// The /v1/conversations endpoints: the list, one conversation folded, its events as they come, and what people may write
// beside messages.
import {
  conversationStream,
  idSchema,
  isUlid,
  narrowNewEvent,
  object,
  optional,
  snapshotOf,
  string,
  ThroughlineError,
  toRecord,
  unknown,
  type RawEvent,
} from '@throughline/event';
import { appendRecords } from './append.ts';
import { stopRequest } from './chat/stop.ts';
import type { GatewayContext } from './context.ts';
import * as defaults from './defaults.ts';
import { jsonResponse } from './error-response.ts';
import type { LiveConversation } from './live-conversation.ts';
import { assertOnLog, formatToken, parseToken } from './offset-token.ts';
import { readJson } from './request-body.ts';
import { checkParameters, countParameter, flagParameter } from './query.ts';
import { EventStream, type NodeBindings } from './sse.ts';
import { feedEvents } from './subscriptions.ts';
import { summaryJson } from './summary-feed.ts';

/** What people may write to a conversation by hand; messages and runs come through /api/chat. */
const writable: readonly string[] = [
  'conversation-renamed',
  'conversation-archived',
  'conversation-deleted',
  'branch-selected',
  'feedback-given',
];

const writeSchema = object({
  id: string({ lengthMax: 26 }),
  type: string({ lengthMax: 64 }),
  payload: unknown(),
  run: optional(idSchema),
});

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
  const url = new URL(request.url);
  checkParameters(url, ['offset']);
  const text = request.headers.get('last-event-id') ?? url.searchParams.get('offset') ?? '';
  const token = text === '' ? undefined : parseToken(text, context.conversations.incarnation.generation);
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

/**
 * POST /v1/conversations/:id/events `{ id, type, payload, run? }`: idempotent by `id`.
 *
 * @throws ThroughlineError UNKNOWN_CONVERSATION, INVALID_ARGUMENT, INVALID_EVENT
 */
export async function writeEvent(context: GatewayContext, conversationId: string, request: Request): Promise<Response> {
  const body = await readJson(request, writeSchema, context.settings.bodyBytesMax);
  if (!isUlid(body.id)) throw new ThroughlineError('INVALID_ARGUMENT', 'id: expected a ULID');
  if (!writable.includes(body.type)) {
    throw new ThroughlineError('INVALID_ARGUMENT', `type: expected ${writable.join(' or ')}`);
  }
  const { id, type, payload, run } = body;
  const event: RawEvent = {
    id,
    type,
    payload,
    stream: conversationStream(conversationId),
    actor: 'gateway',
    ...(run === undefined ? {} : { run }),
  };
  narrowNewEvent(event);
  return context.conversations.cache.use(conversationId, (live) =>
    live.exclusive(async () => {
      const written = context.conversations.index.offsetOfWritten(conversationId, id);
      const offset = written ?? (await append(context, live, event));
      return jsonResponse({ id, offset: formatToken(context.conversations.incarnation.generation, offset) }, 202);
    }),
  );
}

async function append(context: GatewayContext, live: LiveConversation, event: RawEvent): Promise<bigint> {
  const { conversation } = existing(live);
  const messageId = (event.payload as { messageId?: unknown }).messageId;
  if (typeof messageId === 'string' && !conversation.messages.has(messageId)) {
    throw new ThroughlineError('INVALID_ARGUMENT', `messageId: the conversation has no message ${messageId}`);
  }
  // Nobody is left to read the replies of a conversation that is deleted.
  const runIds = event.type === 'conversation-deleted' ? [...conversation.liveRunIds] : [];
  const stops = runIds.map((runId) => stopRequest(context, conversation.id, runId));
  const offset = await appendRecords(context, [...stops, event].map(toRecord));
  // A retry asks the index; it has to know before the first answer is out.
  await context.conversations.index.caughtUp(defaults.indexWaitMs);
  return offset;
}

function existing(live: LiveConversation): LiveConversation {
  const { id, isDeleted } = live.conversation;
  if (!live.exists || isDeleted) throw new ThroughlineError('UNKNOWN_CONVERSATION', id);
  return live;
}
