// The state of a conversation: a tree of messages, the runs that wrote the replies, and which branch is shown. Browser,
// gateway, supervisor and pipelines all fold topic `conversations` with this one reducer.
//
// Rules (docs/PROTOCOL.md §3, §4):
//   * It is total and deterministic: any event of the log's order gives the same state everywhere, and none throws.
//   * An event at or below `lastOffset` has been seen. So a replay, an overlap of two connections or a second tab is harmless.
//   * A message has its id and its parent for good. A message that names a parent which is not there (yet) starts a root:
//     within a conversation the log has parents before children, so waiting would only hide a writer's mistake.
//   * Siblings (children of one parent) are branches. The newest is shown until somebody selects another.
//   * A run writes the message of its `replyId`; whether a record of a run counts is for `reduceRun` to say.
//   * A superseded run keeps its text, and the sibling that took over is shown in its place.
//
// The state is mutable, because an immutable one costs O(history) per token (measured: research of Redux-style tables);
// parts are immutable values (message-parts.ts), so a reader that wants snapshots copies only what `Change` names.
import { conversationStream } from './conversation-events.ts';
import type { PlacedEvent } from './events.ts';
import { closeTexts, messageParts, toUiPart, type MessageParts, type UiPart } from './message-parts.ts';
import { reduceParts } from './reduce-parts.ts';
import { reduceRun, runFrom, type Run, type RunVerdict } from './reduce-run.ts';
import type { UiChunk } from './run-events.ts';

export type MessageRole = 'system' | 'user' | 'assistant';

export interface MessageNode extends MessageParts {
  readonly id: string;
  /** Null at a root. */
  readonly parentId: string | null;
  readonly role: MessageRole;
  /** Branches that go on from here, oldest first. */
  readonly childIds: string[];
  /** The run that writes it. */
  readonly runId: string | undefined;
  readonly createdMs: number;
  feedback: { readonly value: 'up' | 'down'; readonly comment?: string } | undefined;
}

export interface Conversation {
  readonly id: string;
  /** Its stream path; events of another one change nothing. */
  readonly stream: string;
  title: string;
  isArchived: boolean;
  isDeleted: boolean;
  createdMs: number;
  changedMs: number;
  /** All messages in the order of their making. */
  readonly messages: Map<string, MessageNode>;
  readonly rootIds: string[];
  readonly runs: Map<string, Run>;
  /** Runs that have not ended. */
  readonly liveRunIds: Set<string>;
  /** The child that is shown below a message, where somebody chose another one than the newest; '' stands for the top. */
  readonly selectedIds: Map<string, string>;
  /** Offset of the last event seen; -1 before the first. */
  lastOffset: bigint;
}

/** What an event changed. */
export interface Change {
  /** Whether the event counts, and if not, why: seen already, of another conversation, or what `reduceRun` says. */
  readonly verdict: RunVerdict | 'foreign';
  /** The message whose parts, metadata or feedback changed. */
  readonly messageId?: string;
  /** The run that changed. */
  readonly runId?: string;
  /** Messages were added, or another branch is shown. */
  readonly isStructural?: boolean;
  /** Title, archived or deleted changed. */
  readonly isConversation?: boolean;
}

/** An AI SDK UI message. */
export interface UiMessage {
  id: string;
  role: MessageRole;
  parts: UiPart[];
  metadata?: unknown;
}

const duplicate: Change = { verdict: 'duplicate' };
const foreign: Change = { verdict: 'foreign' };

/** A conversation before its first event. */
export function emptyConversation(id: string): Conversation {
  return {
    id,
    stream: conversationStream(id),
    title: '',
    isArchived: false,
    isDeleted: false,
    createdMs: 0,
    changedMs: 0,
    messages: new Map(),
    rootIds: [],
    runs: new Map(),
    liveRunIds: new Set(),
    selectedIds: new Map(),
    lastOffset: -1n,
  };
}

/**
 * Applies an event of the log to `conversation`, in O(1) of the conversation's length.
 *
 * @returns what changed; never throws
 * @example for (const event of events) reduceConversation(conversation, event)
 */
export function reduceConversation(conversation: Conversation, event: PlacedEvent): Change {
  if (event.stream !== conversation.stream) return foreign;
  if (event.at.offset <= conversation.lastOffset) return duplicate;
  conversation.lastOffset = event.at.offset;
  conversation.changedMs = event.at.timestampMs;
  if (conversation.createdMs === 0) conversation.createdMs = event.at.timestampMs;
  switch (event.type) {
    case 'conversation-created':
    case 'conversation-renamed':
      conversation.title = event.payload.title;
      return { verdict: 'counts', isConversation: true };
    case 'conversation-archived':
      conversation.isArchived = event.payload.archived;
      return { verdict: 'counts', isConversation: true };
    case 'conversation-deleted':
      conversation.isDeleted = true;
      return { verdict: 'counts', isConversation: true };
    case 'message-created': {
      const { messageId, parentId, role, parts, metadata } = event.payload;
      if (conversation.messages.has(messageId)) return duplicate;
      const content = messageParts(parts as UiPart[], metadata);
      addMessage(conversation, { id: messageId, parentId, role, createdMs: event.at.timestampMs }, content);
      return { verdict: 'counts', messageId, isStructural: true };
    }
    case 'branch-selected':
      if (!selectBranch(conversation, event.payload.messageId)) return { verdict: 'counts' };
      return { verdict: 'counts', messageId: event.payload.messageId, isStructural: true };
    case 'feedback-given': {
      const { messageId, value, comment } = event.payload;
      const message = conversation.messages.get(messageId);
      if (message === undefined) return { verdict: 'counts' };
      message.feedback = value === 'none' ? undefined : { value, ...(comment === undefined ? {} : { comment }) };
      return { verdict: 'counts', messageId };
    }
    case 'run-requested':
      return requestRun(conversation, event);
    default:
      return continueRun(conversation, event);
  }
}

/** The message that `run` writes, unless its id was taken by another one. */
export function replyOf(conversation: Conversation, run: Run): MessageNode | undefined {
  const reply = conversation.messages.get(run.replyId);
  return reply?.runId === run.id ? reply : undefined;
}

/** A message as the AI SDK has it. */
export function toUiMessage(message: MessageNode): UiMessage {
  const { id, role, metadata } = message;
  return { id, role, parts: message.parts.map(toUiPart), ...(metadata === undefined ? {} : { metadata }) };
}

type RunEvent = Extract<PlacedEvent, { run: string }>;

function requestRun(conversation: Conversation, event: Extract<PlacedEvent, { type: 'run-requested' }>): Change {
  const known = conversation.runs.get(event.run);
  if (known !== undefined) return { verdict: reduceRun(known, event), runId: event.run };
  const run = runFrom(event);
  conversation.runs.set(run.id, run);
  conversation.liveRunIds.add(run.id);
  if (conversation.messages.has(run.replyId)) return { verdict: 'counts', runId: run.id };
  const place = { id: run.replyId, parentId: run.messageId, role: 'assistant', createdMs: run.requestedMs } as const;
  addMessage(conversation, { ...place, runId: run.id }, messageParts());
  return { verdict: 'counts', runId: run.id, messageId: run.replyId, isStructural: true };
}

function continueRun(conversation: Conversation, event: RunEvent): Change {
  const run = conversation.runs.get(event.run);
  // A record of a run that nobody asked for belongs to no message: it is fenced like one of an attempt that never began.
  if (run === undefined) return { verdict: 'fenced' };
  const verdict = reduceRun(run, event);
  if (verdict !== 'counts') return { verdict, runId: run.id };
  const reply = replyOf(conversation, run);
  switch (event.type) {
    case 'chunk':
      if (reply === undefined) return { verdict, runId: run.id };
      for (const chunk of event.payload.chunks) reduceParts(reply, chunk as unknown as UiChunk);
      return { verdict, runId: run.id, messageId: reply.id };
    case 'tool-output':
      return applyToReply(reply, run, { type: 'tool-output-available', ...event.payload });
    case 'tool-approval-answered':
      return applyToReply(reply, run, { type: 'tool-approval-response', ...event.payload });
    case 'run-ended': {
      conversation.liveRunIds.delete(run.id);
      if (reply === undefined) return { verdict, runId: run.id };
      closeTexts(reply);
      const isMoved = run.outcome === 'superseded' && leaveBranch(conversation, reply, run.ended?.supersededBy);
      return { verdict, runId: run.id, messageId: reply.id, ...(isMoved ? { isStructural: true } : {}) };
    }
    default:
      return { verdict, runId: run.id };
  }
}

function applyToReply(reply: MessageNode | undefined, run: Run, chunk: UiChunk): Change {
  if (reply === undefined || reduceParts(reply, chunk) === 'nothing') return { verdict: 'counts', runId: run.id };
  return { verdict: 'counts', runId: run.id, messageId: reply.id };
}

type Place = Pick<MessageNode, 'id' | 'parentId' | 'role' | 'createdMs'> & { readonly runId?: string };

function addMessage(conversation: Conversation, place: Place, content: MessageParts): void {
  const parent = place.parentId === null ? undefined : conversation.messages.get(place.parentId);
  const siblings = parent?.childIds ?? conversation.rootIds;
  siblings.push(place.id);
  // What is new is shown, whatever was selected before.
  conversation.selectedIds.delete(parent?.id ?? '');
  conversation.messages.set(place.id, {
    ...place,
    parentId: parent?.id ?? null,
    runId: place.runId,
    childIds: [],
    feedback: undefined,
    ...content,
  });
}

/** Shows the branch that `messageId` is on; false when there is no such message. */
function selectBranch(conversation: Conversation, messageId: string): boolean {
  let message = conversation.messages.get(messageId);
  if (message === undefined) return false;
  while (message !== undefined) {
    const parent: MessageNode | undefined =
      message.parentId === null ? undefined : conversation.messages.get(message.parentId);
    const key = parent?.id ?? '';
    // The newest needs no entry: it is what is shown where there is none.
    if ((parent?.childIds ?? conversation.rootIds).at(-1) === message.id) conversation.selectedIds.delete(key);
    else conversation.selectedIds.set(key, message.id);
    message = parent;
  }
  return true;
}

/** Shows the run that took over where the superseded reply was chosen by hand; otherwise the newest is shown anyway. */
function leaveBranch(conversation: Conversation, reply: MessageNode, supersededBy: string | undefined): boolean {
  const key = reply.parentId ?? '';
  if (conversation.selectedIds.get(key) !== reply.id) return false;
  const next = supersededBy === undefined ? undefined : conversation.runs.get(supersededBy);
  if (next === undefined || replyOf(conversation, next) === undefined) conversation.selectedIds.delete(key);
  else selectBranch(conversation, next.replyId);
  return true;
}
