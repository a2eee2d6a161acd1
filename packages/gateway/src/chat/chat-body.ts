// The body that the AI SDK's DefaultChatTransport posts (ai 7.0.173, http-chat-transport.ts), and what an app may add to
// it by the transport's `body` option: model, settings, and a run id of its own so that a retry is recognised.
import {
  array,
  idSchema,
  literal,
  nullable,
  object,
  optional,
  record,
  string,
  unknown,
  type OutputOf,
} from '@throughline/event';

const messageSchema = object({
  id: idSchema,
  role: literal('system', 'user', 'assistant'),
  parts: array(object({ type: string({ lengthMax: 128 }) })),
  metadata: optional(unknown()),
});

export const chatBodySchema = object({
  /** The conversation. */
  id: idSchema,
  messages: array(messageSchema, { lengthMin: 1 }),
  trigger: optional(literal('submit-message', 'regenerate-message')),
  /** The message that is edited or regenerated. */
  messageId: optional(nullable(idSchema)),
  model: optional(string({ lengthMax: 256 })),
  settings: optional(record(unknown())),
  /** Minted by a client that wants to send the same request again without asking twice. */
  runId: optional(idSchema),
});

export type ChatBody = OutputOf<typeof chatBodySchema>;
export type ChatMessage = ChatBody['messages'][number];
