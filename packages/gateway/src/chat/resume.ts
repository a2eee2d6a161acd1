// GET /api/chat/:id/stream: 204 when nothing runs; else the reply from its `start`, compacted, and then live. An unmodified
// useChat asks this after a reload and after a cut. A reader that names an offset (Last-Event-ID, as EventSource does, or
// ?offset=) gets only what comes after it.
import type { Run } from '@throughline/event';
import type { GatewayContext } from '../context/context.ts';
import * as defaults from '../defaults.ts';
import { checkParameters } from '../http/query.ts';
import { EventStream, type NodeBindings } from '../http/sse.ts';
import type { LiveConversation } from '../live/live-conversation.ts';
import { assertOnLog, tokenOf, type OffsetToken } from '../stream-index/offset-token.ts';
import { readRun } from './read-run.ts';
import { ReplyStream, uiStreamHeaders } from './reply-stream.ts';

export async function resumeChat(
  context: GatewayContext,
  conversationId: string,
  request: Request,
  env: NodeBindings | undefined,
): Promise<Response> {
  checkParameters(new URL(request.url), ['offset']);
  const token = tokenOf(request, context.conversations.incarnation.generation);
  return context.conversations.cache.use(conversationId, (live) => {
    if (token !== undefined)
      assertOnLog(token, context.conversations.tail.position(context.conversations.reader.partitionOf(conversationId)));
    const run = token === undefined ? live.newestLiveRun() : runAt(live, token);
    if (live.conversation.isDeleted || run === undefined) return new Response(null, { status: 204 });
    if (request.method === 'HEAD') return new Response(null, { headers: { 'content-type': 'text/event-stream' } });
    return openReply(context, env, live, { isResumed: true }, (reply) =>
      token === undefined || token.position < BigInt(run.requestedOffset)
        ? reply.follow(run)
        : reply.resume(run, token),
    );
  });
}

/** Opens the response of a reply and lets `begin` choose which. */
export function openReply(
  context: GatewayContext,
  env: NodeBindings | undefined,
  live: LiveConversation,
  { isResumed, onFirstChunk = () => {} }: { readonly isResumed: boolean; readonly onFirstChunk?: () => void },
  begin: (reply: ReplyStream) => void,
): Response {
  const { clock, logger } = context;
  const { reader, incarnation } = context.conversations;
  const { generation } = incarnation;
  const { id } = live.conversation;
  const stream = new EventStream(env, { queueBytesMax: defaults.readerQueueBytes, headers: uiStreamHeaders });
  context.streams.add(stream);
  live.pin(stream.closed);
  const reply = new ReplyStream({
    live,
    stream,
    generation,
    readRun: (runId, position) => readRun(reader, id, runId, position, live.conversation.lastOffset + 1n, generation),
    isResumed,
    siblingWaitMs: defaults.siblingWaitMs,
    clock,
    onFirstChunk,
    onFailure: (error) => logger.error({ conversation: id, reason: String(error) }, 'a reply could not be read'),
  });
  begin(reply);
  return stream.response;
}

/** The run that a reader at `token` was reading, unless it has all of it; else the newest that is going on. */
function runAt(live: LiveConversation, token: OffsetToken): Run | undefined {
  const begun = [...live.conversation.runs.values()].filter((run) => BigInt(run.requestedOffset) <= token.position);
  const run = begun.findLast(({ ended }) => ended === undefined || BigInt(ended.offset) > token.position);
  return run ?? live.newestLiveRun();
}
