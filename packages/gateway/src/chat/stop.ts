// POST /api/chat/:id/stop. A closed connection stops nothing (useChat closes one whenever its component goes away), so
// stopping is an event of its own: the supervisor reads it, tells the function, and ends the run `stopped`.
import { conversationStream, toRecord } from '@throughline/event';
import { appendRecords } from '../context/append.ts';
import type { GatewayContext } from '../context/context.ts';
import { jsonResponse } from '../http/error-response.ts';
import { readNothing } from '../http/request-body.ts';
import { existing } from '../live/existing.ts';

/**
 * Asks all runs of a conversation to stop; asking twice changes nothing.
 *
 * @throws ThroughlineError UNKNOWN_CONVERSATION; INVALID_ARGUMENT for a body that says something
 */
export async function stopChat(context: GatewayContext, conversationId: string, request: Request): Promise<Response> {
  await readNothing(request, context.settings.bodyBytesMax);
  return context.conversations.cache.use(conversationId, (live) =>
    live.exclusive(async () => {
      const { conversation } = existing(live);
      const runIds = [...conversation.liveRunIds];
      const records = runIds
        .filter((runId) => conversation.runs.get(runId)?.isStopRequested === false)
        .map((runId) => toRecord(stopRequest(context, conversationId, runId)));
      if (records.length > 0) await appendRecords(context, records);
      return jsonResponse({ conversationId, runIds }, 202);
    }),
  );
}

/** The event that asks a run to stop. */
export function stopRequest({ ulid }: Pick<GatewayContext, 'ulid'>, conversationId: string, runId: string) {
  return {
    type: 'stop-requested',
    id: ulid(),
    stream: conversationStream(conversationId),
    run: runId,
    actor: 'gateway',
    payload: {},
  } as const;
}
