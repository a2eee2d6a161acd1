// What people may write to a conversation by hand.
import {
  conversationStream,
  idSchema,
  isUlid,
  narrowNewEvent,
  object,
  optional,
  string,
  ThroughlineError,
  toRecord,
  unknown,
  type RawEvent,
} from '@throughline/event';
import { stopRequest } from '../chat/stop.ts';
import { appendRecords } from '../context/append.ts';
import type { GatewayContext } from '../context/context.ts';
import * as defaults from '../defaults.ts';
import { jsonResponse } from '../http/error-response.ts';
import { readJson } from '../http/request-body.ts';
import { existing } from '../live/existing.ts';
import type { LiveConversation } from '../live/live-conversation.ts';
import { formatToken } from '../stream-index/offset-token.ts';

/** Messages and runs come through /api/chat. */
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
