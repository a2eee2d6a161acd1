// A conversation that is there.
import { ThroughlineError } from '@throughline/event';
import type { LiveConversation } from './live-conversation.ts';

/** @throws ThroughlineError UNKNOWN_CONVERSATION where the log has nothing of it, or it was deleted */
export function existing(live: LiveConversation): LiveConversation {
  const { id, isDeleted } = live.conversation;
  if (!live.exists || isDeleted) throw new ThroughlineError('UNKNOWN_CONVERSATION', id);
  return live;
}
