// A conversation as JSON and back. A snapshot taken while a run is going on holds what the next chunk needs, so that
// snapshot + tail of the log = the whole log.
//
//   { version: 1, id, title, isArchived, isDeleted, createdMs, changedMs, lastOffset,
//     selectedIds: { parentId: childId }, runs: [Run], messages: [{ id, parentId, role, parts, …, open? }] }
//
// Messages stand in the order of their making; the branches of each follow from their `parentId`.
import { idSchema } from './conversation-events.ts';
import { messageParts, open, type MessageParts } from './message-parts.ts';
import { emptyConversation, type Conversation, type MessageNode } from './reduce-conversation.ts';
import type { Run } from './reduce-run.ts';
import {
  array,
  boolean,
  literal,
  nullable,
  number,
  object,
  optional,
  parse,
  record,
  string,
  unknown,
  type OutputOf,
} from './schema.ts';

const count = number({ min: 0, integer: true });
const openSchema = object({
  texts: record(count),
  reasonings: record(count),
  toolInputs: record(count),
  stepStart: count,
});
const messageSchema = object({
  id: idSchema,
  parentId: nullable(idSchema),
  role: literal('system', 'user', 'assistant'),
  parts: array(object({ type: string() })),
  metadata: optional(unknown()),
  finishReason: optional(string()),
  runId: optional(idSchema),
  createdMs: number(),
  feedback: optional(object({ value: literal('up', 'down'), comment: optional(string()) })),
  ignoredChunks: optional(count),
  open: optional(openSchema),
});
const runSchema = object({
  id: idSchema,
  stream: string(),
  partition: count,
  messageId: idSchema,
  replyId: idSchema,
  function: string(),
  requestedMs: number(),
  requestedOffset: string(),
  phase: literal('waiting', 'running', 'ended'),
  attempt: count,
  leaseUntilMs: number(),
  leaseMs: number(),
  nextSeq: count,
  isBroken: boolean(),
  isStopRequested: boolean(),
  attempts: array(object({ attempt: count, owner: string(), offset: string() })),
  droppedRecords: count,
  outcome: optional(literal('done', 'stopped', 'failed', 'superseded')),
});
const snapshotSchema = object({
  version: number({ min: 1, integer: true }),
  id: idSchema,
  title: string(),
  isArchived: boolean(),
  isDeleted: boolean(),
  createdMs: number(),
  changedMs: number(),
  lastOffset: string({ pattern: /^(-1|\d{1,19})$/, what: 'an offset' }),
  selectedIds: record(idSchema),
  runs: array(runSchema),
  messages: array(messageSchema),
});

/** A JSON value for `conversation`; `conversationFromSnapshot` is its inverse. */
export function snapshotOf(conversation: Conversation): unknown {
  const { id, title, isArchived, isDeleted, createdMs, changedMs } = conversation;
  return {
    version: 1,
    id,
    title,
    isArchived,
    isDeleted,
    createdMs,
    changedMs,
    lastOffset: String(conversation.lastOffset),
    selectedIds: Object.fromEntries(conversation.selectedIds),
    runs: [...conversation.runs.values()].map((run) => ({
      ...run,
      attempts: run.attempts.map((attempt) => ({ ...attempt })),
    })),
    messages: [...conversation.messages.values()].map(messageToJson),
  };
}

/**
 * The conversation that a value of `snapshotOf` stands for; events go on from its `lastOffset`.
 *
 * @throws ThroughlineError INVALID_ARGUMENT with the path of the first value that does not fit
 */
export function conversationFromSnapshot(value: unknown): Conversation {
  const snapshot = parse(snapshotSchema, value);
  const conversation: Conversation = {
    ...emptyConversation(snapshot.id),
    title: snapshot.title,
    isArchived: snapshot.isArchived,
    isDeleted: snapshot.isDeleted,
    createdMs: snapshot.createdMs,
    changedMs: snapshot.changedMs,
    lastOffset: BigInt(snapshot.lastOffset),
  };
  for (const message of snapshot.messages) {
    if (conversation.messages.has(message.id)) continue;
    // A parent stands before its children; anything else would let a cycle in.
    const parent = message.parentId === null ? undefined : conversation.messages.get(message.parentId);
    (parent?.childIds ?? conversation.rootIds).push(message.id);
    conversation.messages.set(message.id, messageFromJson(message, parent?.id ?? null));
  }
  for (const [parentId, childId] of Object.entries(snapshot.selectedIds)) {
    const child = conversation.messages.get(childId);
    if (child !== undefined && (child.parentId ?? '') === parentId) conversation.selectedIds.set(parentId, childId);
  }
  for (const run of snapshot.runs) {
    conversation.runs.set(run.id, runFromJson(run));
    if (run.phase !== 'ended') conversation.liveRunIds.add(run.id);
  }
  return conversation;
}

function messageToJson(message: MessageNode): unknown {
  const { id, parentId, role, parts, metadata, finishReason, runId, createdMs, feedback, ignoredChunks } = message;
  const open = {
    texts: Object.fromEntries(message.openTexts),
    reasonings: Object.fromEntries(message.openReasonings),
    toolInputs: Object.fromEntries(message.openToolInputs),
    stepStart: message.stepStart,
  };
  return {
    id,
    parentId,
    role,
    parts: [...parts],
    createdMs,
    ...(metadata === undefined ? {} : { metadata }),
    ...(finishReason === undefined ? {} : { finishReason }),
    ...(runId === undefined ? {} : { runId }),
    ...(feedback === undefined ? {} : { feedback }),
    ...(ignoredChunks === 0 ? {} : { ignoredChunks }),
    ...(runId === undefined ? {} : { open }),
  };
}

type MessageJson = OutputOf<typeof messageSchema>;

function messageFromJson(json: MessageJson, parentId: string | null): MessageNode {
  const { id, role, parts, metadata, finishReason, runId, createdMs, feedback, ignoredChunks = 0 } = json;
  const content = { ...messageParts(parts, metadata), finishReason, ignoredChunks };
  if (json.open !== undefined) {
    content.stepStart = Math.min(json.open.stepStart, parts.length);
    reopen(content, 'openTexts', json.open.texts);
    reopen(content, 'openReasonings', json.open.reasonings);
    reopen(content, 'openToolInputs', json.open.toolInputs);
  }
  return { ...content, id, parentId, role, childIds: [], runId, createdMs, feedback };
}

function reopen(
  content: MessageParts,
  kind: Parameters<typeof open>[1],
  indexes: Readonly<Record<string, number>>,
): void {
  for (const [id, index] of Object.entries(indexes)) if (index < content.parts.length) open(content, kind, id, index);
}

function runFromJson(json: unknown): Run {
  const run = json as Run;
  const absent = {
    model: undefined,
    settings: undefined,
    supersedes: undefined,
    owner: undefined,
    outcome: undefined,
    ended: undefined,
  };
  return { ...absent, ...run, attempts: run.attempts.map((attempt) => ({ ...attempt })) };
}
