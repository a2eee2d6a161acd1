// What a run's handler is given as its first argument (docs/PROTOCOL.md §4).
import {
  conversationOf,
  pathTo,
  textOf,
  ThroughlineError,
  toUiMessage,
  type Conversation,
  type Run,
} from '@throughline/event';
import { limits } from '../defaults.ts';

/**
 * The event of the next attempt at `run`, as JSON.
 *
 * @throws ThroughlineError INVALID_EVENT, BODY_TOO_LARGE
 */
export function handlerEvent(conversation: Conversation, run: Run): string {
  const messages = pathTo(conversation, run.messageId).map(toUiMessage);
  if (messages.length === 0) {
    throw new ThroughlineError('INVALID_EVENT', 'the message that the run answers is not in its conversation');
  }
  const event = JSON.stringify({
    conversationId: conversationOf(run.stream),
    runId: run.id,
    replyId: run.replyId,
    attempt: run.attempt + 1,
    messages,
    // A later attempt says again what stands before it goes on; a model that can may hurry through that much.
    standingCharacters: textOf(conversation.messages.get(run.replyId)?.parts ?? []).length,
    ...(run.model === undefined ? {} : { model: run.model }),
    ...(run.settings === undefined ? {} : { settings: run.settings }),
  });
  if (event.length <= limits.invokeBytesMax) return event;
  throw new ThroughlineError('BODY_TOO_LARGE', `the conversation is ${event.length} characters long`);
}
