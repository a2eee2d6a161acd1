// The events that the gateway writes: what people did (docs/PROTOCOL.md §3.1). A conversation is a stream of topic
// `conversations`; its path is `conversations/<conversation id>`. The run that an event belongs to stands in its envelope.
import { array, boolean, literal, nullable, object, optional, record, string, unknown } from './schema.ts';

/** Ids of conversations, messages, runs and calls: what an AI SDK client may make up, and nothing that hurts in a path. */
export const idSchema = string({
  lengthMax: 128,
  pattern: /^[A-Za-z0-9][A-Za-z0-9_:.-]*$/,
  what: 'an id (letters, digits, "_", ":", ".", "-"; at most 128; starting with a letter or digit)',
});
export const titleSchema = string({ lengthMax: 200, what: 'a title' });

export const conversationSchemas = {
  'conversation-created': object({ title: titleSchema }),
  'conversation-renamed': object({ title: titleSchema }),
  'conversation-archived': object({ archived: boolean() }),
  'conversation-deleted': object({}),
  'message-created': object({
    messageId: idSchema,
    /** The message it answers or follows; null for the first. Two messages with one parent are sibling branches. */
    parentId: nullable(idSchema),
    role: literal('system', 'user', 'assistant'),
    /** AI SDK UI message parts, opaque. */
    parts: array(record(unknown())),
    metadata: optional(unknown()),
  }),
  'run-requested': object({
    /** The user message that the run answers. */
    messageId: idSchema,
    /** The id that the reply will have, minted by whoever requests the run. */
    replyId: idSchema,
    /** Name of the function that answers. */
    function: string({ lengthMax: 128 }),
    model: optional(string({ lengthMax: 256 })),
    settings: optional(record(unknown())),
    /** The run that this one takes over from after it diverged (carry-on rule). */
    supersedes: optional(idSchema),
  }),
  'stop-requested': object({}),
  'branch-selected': object({ messageId: idSchema }),
  'feedback-given': object({
    messageId: idSchema,
    value: literal('up', 'down', 'none'),
    comment: optional(string({ lengthMax: 4000 })),
  }),
  'tool-approval-answered': object({ approvalId: idSchema, approved: boolean(), reason: optional(string()) }),
  'tool-output': object({ toolCallId: idSchema, output: unknown() }),
} as const;

/** The title that a conversation gets from its first question: its first line, cut at a word. */
export function titleFrom(text: string): string {
  const line = text.trim().split('\n', 1)[0] ?? '';
  if (line.length <= 80) return line === '' ? 'New conversation' : line;
  const cut = line.slice(0, 80);
  const space = cut.lastIndexOf(' ');
  return `${space > 40 ? cut.slice(0, space) : cut}…`;
}

const prefix = 'conversations/';

/** The stream path of a conversation. */
export function conversationStream(conversationId: string): string {
  return prefix + conversationId;
}

/** The conversation of a stream path, or undefined when the path is of something else. */
export function conversationOf(stream: string): string | undefined {
  if (!stream.startsWith(prefix)) return undefined;
  const id = stream.slice(prefix.length);
  return idSchema.problem(id, '') === undefined ? id : undefined;
}
