// What a posted chat request means for the conversation: the events to append, or the run to go on reading. A pure
// function of the folded conversation and the body, so that the same request sent twice gives the same answer.
//
//   submit, last message unknown      the message, after what the body says stands before it, and a run
//   submit, last message known        a retry: read the run of that message (a run, where it has none)
//   submit with `messageId` (edit)    a sibling of that message with the new content, and a run
//   regenerate                        another run for the user message, whose reply becomes a sibling
//
// Messages before the last that the conversation does not know are taken over in order: an app may begin a chat with
// messages of its own, and the model must see what the user sees.
import { createHash } from 'node:crypto';
import {
  conversationStream,
  siblingsOf,
  textOf,
  ThroughlineError,
  titleFrom,
  visiblePath,
  type Conversation,
  type MessageNode,
  type RawEvent,
} from '@throughline/event';
import type { ChatBody, ChatMessage } from './chat-body.ts';

export interface ChatPlan {
  /** To be appended in one call; none when the request was seen before. */
  readonly events: readonly RawEvent[];
  readonly runId: string;
  readonly replyId: string;
  /** The user message that the run answers. */
  readonly messageId: string;
}

export interface PlanContext {
  readonly ulid: () => string;
  readonly functionName: string;
  /** Runs of one conversation that may be going on at once. */
  readonly liveRunsMax: number;
}

/**
 * Plans a chat request.
 *
 * @throws ThroughlineError UNKNOWN_CONVERSATION when it was deleted; INVALID_ARGUMENT; THROTTLED; NOT_BUILT_YET
 */
export function planChat(conversation: Conversation, body: ChatBody, context: PlanContext): ChatPlan {
  if (conversation.isDeleted) throw new ThroughlineError('UNKNOWN_CONVERSATION', `${body.id} was deleted`);
  const known = body.runId === undefined ? undefined : conversation.runs.get(body.runId);
  if (known !== undefined) return attach(known);
  return new Planner(conversation, body, context).plan();
}

class Planner {
  readonly #conversation: Conversation;
  readonly #body: ChatBody;
  readonly #context: PlanContext;
  readonly #events: RawEvent[] = [];

  constructor(conversation: Conversation, body: ChatBody, context: PlanContext) {
    this.#conversation = conversation;
    this.#body = body;
    this.#context = context;
  }

  plan(): ChatPlan {
    const { trigger, messages } = this.#body;
    const last = messages.at(-1)!;
    if (trigger === 'regenerate-message') {
      const question = this.#regenerated(last);
      if (question !== undefined) return this.#request(question.id);
    }
    if (last.role !== 'user') {
      throw new ThroughlineError(
        'NOT_BUILT_YET',
        'the last message is not of the user: going on after client-side tool results is not built yet',
      );
    }
    const found = this.#conversation.messages.get(last.id);
    if (found === undefined) return this.#request(this.#addMessage(last, this.#parentOf()));
    if (found.role !== 'user')
      throw new ThroughlineError('INVALID_ARGUMENT', `messages: ${last.id} is of another role`);
    if (sameParts(found.parts, last.parts) && this.#body.messageId !== last.id) {
      return this.#newestRun(found.id) ?? this.#request(found.id);
    }
    return this.#edit(found, last);
  }

  /** The user message that is to be answered again, when the conversation knows it. */
  #regenerated(last: ChatMessage): MessageNode | undefined {
    const { messages } = this.#conversation;
    const named = messages.get(this.#body.messageId ?? '');
    const parent = named?.role === 'assistant' ? messages.get(named.parentId ?? '') : named;
    if (parent?.role === 'user') return parent;
    // A question, or an edit of one, that never arrived is asked now: "try again" after a failed request means just that.
    const shown = messages.get(last.id);
    return shown?.role === 'user' ? this.#sameQuestion(shown, last) : undefined;
  }

  /** `found` or the sibling of it that has the content of `message`. */
  #sameQuestion(found: MessageNode, message: ChatMessage): MessageNode | undefined {
    return siblingsOf(this.#conversation, found.id)
      .map((id) => this.#conversation.messages.get(id))
      .find((sibling) => sibling?.role === 'user' && sameParts(sibling.parts, message.parts));
  }

  /** A sibling of `found` with other content. The same edit sent twice has the same id, so it is made once. */
  #edit(found: MessageNode, last: ChatMessage): ChatPlan {
    const same = this.#sameQuestion(found, last);
    if (same !== undefined) {
      const run = this.#newestRun(same.id);
      const isGoingOn = run !== undefined && this.#conversation.liveRunIds.has(run.runId);
      return isGoingOn ? run : this.#request(same.id);
    }
    return this.#request(this.#addMessage({ ...last, id: `edit-${digest(found.id, last.parts)}` }, found.parentId));
  }

  /** The parent of the last message: the newest one before it that the conversation knows, the others being taken over. */
  #parentOf(): string | null {
    const before = this.#body.messages.slice(0, -1);
    if (before.length === 0) return visiblePath(this.#conversation).at(-1)?.id ?? null;
    const knownIndex = before.findLastIndex(({ id }) => this.#conversation.messages.has(id));
    let parentId = before[knownIndex]?.id ?? null;
    for (const message of before.slice(knownIndex + 1)) parentId = this.#addMessage(message, parentId);
    return parentId;
  }

  #addMessage(message: ChatMessage, parentId: string | null): string {
    if (message.role === 'user' && message.parts.length === 0) {
      throw new ThroughlineError('INVALID_ARGUMENT', `messages: ${message.id} has no parts`);
    }
    this.#add({
      type: 'message-created',
      payload: {
        messageId: message.id,
        parentId,
        role: message.role,
        parts: message.parts,
        ...(message.metadata === undefined ? {} : { metadata: message.metadata }),
      },
    });
    return message.id;
  }

  #newestRun(messageId: string): ChatPlan | undefined {
    const run = [...this.#conversation.runs.values()].findLast((run) => run.messageId === messageId);
    return run === undefined ? undefined : attach(run);
  }

  #request(messageId: string): ChatPlan {
    const { ulid, functionName, liveRunsMax } = this.#context;
    const { model, settings } = this.#body;
    if (this.#conversation.liveRunIds.size >= liveRunsMax) {
      throw new ThroughlineError('THROTTLED', `${liveRunsMax} runs of this conversation are going on`, {
        retryAfterMs: 1_000,
        details: { liveRunsMax },
      });
    }
    const isFirst = this.#newestRun(messageId) === undefined;
    const runId = this.#body.runId ?? (isFirst ? firstRunId(this.#body.id, messageId) : ulid());
    const replyId = ulid();
    this.#add({
      type: 'run-requested',
      run: runId,
      payload: {
        messageId,
        replyId,
        function: functionName,
        ...(model === undefined ? {} : { model }),
        ...(settings === undefined ? {} : { settings }),
      },
    });
    return { events: this.#withCreation(), runId, replyId, messageId };
  }

  /** A conversation begins with its title, which is its first question. */
  #withCreation(): RawEvent[] {
    if (this.#conversation.lastOffset >= 0n) return this.#events;
    const first = this.#body.messages.find(({ role }) => role === 'user');
    const title = titleFrom(textOf(first?.parts ?? []));
    return [this.#event({ type: 'conversation-created', payload: { title } }), ...this.#events];
  }

  #add(event: Pick<RawEvent, 'type' | 'run' | 'payload'>): void {
    this.#events.push(this.#event(event));
  }

  #event(event: Pick<RawEvent, 'type' | 'run' | 'payload'>): RawEvent {
    return { ...event, id: this.#context.ulid(), stream: conversationStream(this.#body.id), actor: 'gateway' };
  }
}

/**
 * The first run of a message: two gateways that are asked the same at the same moment mean the same run, and the order of the
 * log makes it one.
 */
function firstRunId(conversationId: string, messageId: string): string {
  return `run-${digest(conversationId, messageId)}`;
}

function digest(...values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 32);
}

function attach(run: { readonly id: string; readonly replyId: string; readonly messageId: string }): ChatPlan {
  return { events: [], runId: run.id, replyId: run.replyId, messageId: run.messageId };
}

/** Both come from JSON text of the same client, so the order of names is the same as well. */
function sameParts(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
