// Ways through the tree of a conversation.
import type { Conversation, MessageNode } from './reduce-conversation.ts';

/** The messages that are shown: from the selected root down, at each fork the branch chosen or else the newest. */
export function visiblePath(conversation: Conversation): MessageNode[] {
  const path: MessageNode[] = [];
  let next = shownChild(conversation, '', conversation.rootIds);
  while (next !== undefined) {
    path.push(next);
    next = shownChild(conversation, next.id, next.childIds);
  }
  return path;
}

/** The messages from the root down to `messageId`, both included; empty when there is no such message. */
export function pathTo(conversation: Conversation, messageId: string): MessageNode[] {
  const path: MessageNode[] = [];
  let next = conversation.messages.get(messageId);
  while (next !== undefined) {
    path.push(next);
    next = next.parentId === null ? undefined : conversation.messages.get(next.parentId);
  }
  return path.reverse();
}

/** The ids of the branches that `messageId` is one of, itself included, oldest first; empty when there is no such message. */
export function siblingsOf(conversation: Conversation, messageId: string): readonly string[] {
  const message = conversation.messages.get(messageId);
  if (message === undefined) return [];
  const parent = message.parentId === null ? undefined : conversation.messages.get(message.parentId);
  return parent?.childIds ?? conversation.rootIds;
}

function shownChild(
  conversation: Conversation,
  parentKey: string,
  childIds: readonly string[],
): MessageNode | undefined {
  const id = conversation.selectedIds.get(parentKey) ?? childIds.at(-1);
  return id === undefined ? undefined : conversation.messages.get(id);
}
