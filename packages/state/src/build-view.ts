// From the folded conversation and what is still on its way to the values that subscribers see. Pure: called only for keys
// that somebody looks at and whose source has changed.
import {
  siblingsOf,
  toUiPart,
  visiblePath,
  type Conversation,
  type MessageNode,
  type Run,
  type UiPart,
} from '@throughline/event';
import type { OutgoingMessage } from './outbox.ts';
import {
  shareIds,
  type BranchesView,
  type ConversationStatus,
  type ConversationView,
  type MessageView,
  type RunView,
  type ViewKey,
} from './views.ts';

export interface ViewSource {
  readonly conversation: Conversation;
  readonly outgoing: readonly OutgoingMessage[];
  /** False until the first snapshot, or the word that there is none. */
  readonly isLoaded: boolean;
  /** The run that somebody here asked to stop, before the log says so. */
  readonly stoppingRunId: string | undefined;
  /** Ids of the messages shown; see `shownIds`. */
  readonly shownIds: readonly string[];
}

/** The messages shown: those of the log, then what is on its way, on the branch that the first of these begins. */
export function shownIds(conversation: Conversation, outgoing: readonly OutgoingMessage[]): string[] {
  const ids = visiblePath(conversation).map(({ id }) => id);
  for (const entry of outgoing) {
    const place = placeOf(conversation, entry);
    if (place !== undefined) {
      const parentIndex = place === null ? -1 : ids.indexOf(place);
      // It belongs to a branch that is not shown.
      if (place !== null && parentIndex < 0) continue;
      const follower = ids[parentIndex + 1];
      // A new branch hides the one that it begins beside; what else is on its way from there stays.
      if (follower !== undefined && conversation.messages.has(follower)) ids.length = parentIndex + 1;
    }
    ids.push(entry.messageId);
  }
  return ids;
}

/** The message that an outgoing one goes below; null at the top, undefined below whatever is last. */
function placeOf(conversation: Conversation, entry: OutgoingMessage): string | null | undefined {
  if (entry.editOf !== undefined) return conversation.messages.get(entry.editOf)?.parentId ?? null;
  return entry.parentId;
}

function conversationView(source: ViewSource): ConversationView {
  const { conversation, shownIds: messageIds } = source;
  const live = liveRun(source);
  return {
    id: conversation.id,
    title: conversation.title,
    isArchived: conversation.isArchived,
    isDeleted: conversation.isDeleted,
    exists: conversation.lastOffset >= 0n,
    messageIds,
    status: statusOf(source, live),
    liveRunId: live?.id,
  };
}

function liveRun({ conversation }: ViewSource): Run | undefined {
  const id = [...conversation.liveRunIds].at(-1);
  return id === undefined ? undefined : conversation.runs.get(id);
}

function statusOf(source: ViewSource, live: Run | undefined): ConversationStatus {
  const { conversation, outgoing, isLoaded, stoppingRunId, shownIds: ids } = source;
  if (outgoing.some(({ delivery }) => delivery === 'sending' || delivery === 'waiting')) return 'submitted';
  if (live !== undefined) {
    if (live.isStopRequested || live.id === stoppingRunId) return 'stopping';
    return live.nextSeq > 0 ? 'streaming' : 'submitted';
  }
  if (outgoing.some(({ delivery }) => delivery === 'failed')) return 'error';
  if (outgoing.length > 0) return 'submitted';
  if (!isLoaded) return 'loading';
  const last = conversation.messages.get(ids.at(-1) ?? '');
  const run = last?.runId === undefined ? undefined : conversation.runs.get(last.runId);
  return run?.outcome === 'failed' ? 'error' : 'ready';
}

function messageView({ conversation, outgoing }: ViewSource, id: string): MessageView | undefined {
  const message = conversation.messages.get(id);
  if (message !== undefined) return sentView(message);
  const entry = outgoing.find(({ messageId }) => messageId === id);
  if (entry === undefined) return undefined;
  return {
    id,
    parentId: placeOf(conversation, entry) ?? null,
    role: 'user',
    partCount: entry.parts.length,
    metadata: undefined,
    runId: undefined,
    createdMs: entry.createdMs,
    feedback: undefined,
    delivery: entry.delivery,
    error: entry.error,
  };
}

function sentView(message: MessageNode): MessageView {
  const { id, parentId, role, metadata, runId, createdMs, feedback } = message;
  const partCount = message.parts.length;
  return { id, parentId, role, partCount, metadata, runId, createdMs, feedback, delivery: 'sent', error: undefined };
}

/** The parts of a message; those that did not change are the same values as before. */
function partsView({ conversation, outgoing }: ViewSource, id: string): readonly UiPart[] | undefined {
  const message = conversation.messages.get(id);
  if (message !== undefined) return message.parts.map(shownPart);
  return outgoing.find(({ messageId }) => messageId === id)?.parts;
}

function partView({ conversation, outgoing }: ViewSource, id: string, index: number): UiPart | undefined {
  const part = conversation.messages.get(id)?.parts[index];
  if (part !== undefined) return shownPart(part);
  return outgoing.find(({ messageId }) => messageId === id)?.parts[index];
}

function branchesView({ conversation }: ViewSource, id: string): BranchesView | undefined {
  const ids = siblingsOf(conversation, id);
  // The list is the tree's own and grows; what a subscriber holds must not.
  return ids.length === 0 ? undefined : { ids: [...ids], index: ids.indexOf(id) };
}

function runView({ conversation }: ViewSource, id: string): RunView | undefined {
  const run = conversation.runs.get(id);
  return run === undefined ? undefined : { ...run, attempts: run.attempts.map((attempt) => ({ ...attempt })) };
}

/** A streaming tool input is parsed once per value of the part, however many look at it. */
const parsedParts = new WeakMap<UiPart, UiPart>();

function shownPart(part: UiPart): UiPart {
  if (part['state'] !== 'input-streaming') return part;
  const known = parsedParts.get(part);
  if (known !== undefined) return known;
  const shown = toUiPart(part);
  parsedParts.set(part, shown);
  return shown;
}

/** The value under `key`; `before` is what it was, and what has not changed in it is kept. */
export function viewOf(source: ViewSource, key: ViewKey, before: unknown): unknown {
  if (key === 'conversation') return conversationView(source);
  const colon = key.indexOf(':');
  const id = key.slice(colon + 1);
  switch (key.slice(0, colon)) {
    case 'message':
      return messageView(source, id);
    case 'parts':
      return partsView(source, id);
    case 'part': {
      const last = id.lastIndexOf(':');
      return partView(source, id.slice(0, last), Number(id.slice(last + 1)));
    }
    case 'branches': {
      const view = branchesView(source, id);
      const ids = (before as typeof view)?.ids;
      return view === undefined || ids === undefined ? view : { ...view, ids: shareIds(ids, view.ids) };
    }
    case 'run':
      return runView(source, id);
    default:
      return undefined;
  }
}
