// POST /api/chat: the question is on the log, at the topic's durability, before anything else happens; only then the reply
// is streamed, from the log. The same request sent again finds its message and its run and reads on.
import { ThroughlineError, toRecord } from '@throughline/event';
import { appendRecords } from '../context/append.ts';
import type { GatewayContext } from '../context/context.ts';
import * as defaults from '../defaults.ts';
import { jsonResponse } from '../http/error-response.ts';
import { readJson } from '../http/request-body.ts';
import type { NodeBindings } from '../http/sse.ts';
import type { LiveConversation } from '../live/live-conversation.ts';
import { formatToken } from '../stream-index/offset-token.ts';
import { chatBodySchema } from './chat-body.ts';
import { planChat, type ChatPlan } from './plan.ts';
import { openReply } from './resume.ts';

/** Appends what a chat request asks for and answers with the reply's stream, or with 202 where JSON is accepted. */
export async function postChat(
  context: GatewayContext,
  request: Request,
  env: NodeBindings | undefined,
): Promise<Response> {
  const startedMs = context.clock.monotonicMs();
  // The AI SDK's transport, and the app by its `body` option, add fields of their own.
  const body = await readJson(request, chatBodySchema, context.settings.bodyBytesMax, { mayHaveMore: true });
  return context.conversations.cache.use(body.id, async (live) => {
    const plan = await live.exclusive(() =>
      append(context, live, planChat(live.conversation, body, planContext(context))),
    );
    const run = live.conversation.runs.get(plan.runId);
    if (run === undefined) throw new ThroughlineError('INTERNAL', `run ${plan.runId} was appended and does not stand`);
    if (wantsJson(request)) {
      // As it stands: another gateway may have requested the same run a moment before.
      const { id: runId, replyId, messageId, requestedOffset } = run;
      const offset = formatToken(context.conversations.incarnation.generation, BigInt(requestedOffset));
      return jsonResponse({ conversationId: body.id, messageId, runId, replyId, offset }, 202);
    }
    const onFirstChunk = (): void => {
      if (plan.events.length > 0) context.metrics.firstToken((context.clock.monotonicMs() - startedMs) / 1000);
    };
    return openReply(context, env, live, { isResumed: false, onFirstChunk }, (reply) => reply.follow(run));
  });
}

function planContext({ ulid, settings }: GatewayContext) {
  return { ulid, functionName: settings.functionName, liveRunsMax: defaults.liveRunsMax };
}

/** Appends the events of a plan in one call and waits until the conversation in memory has them. */
async function append(context: GatewayContext, live: LiveConversation, plan: ChatPlan): Promise<ChatPlan> {
  if (plan.events.length === 0) return plan;
  await appendRecords(context, plan.events.map(toRecord));
  return plan;
}

function wantsJson(request: Request): boolean {
  const accept = request.headers.get('accept') ?? '';
  return accept.includes('application/json') && !accept.includes('text/event-stream');
}
