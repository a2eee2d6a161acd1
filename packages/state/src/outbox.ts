// Messages on their way: shown at once, sent one after the other in the order they were written, sent again after a network
// failure with the same ids, so that a message is never asked twice, and kept with a reason when they cannot be sent.
//
// One at a time is what keeps the order, and it is what tells the next message where it belongs: below the reply to the one
// before it, whose id only the answer brings.
import { ThroughlineError, type ErrorBody, type Timer, type UiPart } from '@throughline/event';
import { backoffMs } from './backoff.ts';
import type { Environment } from './environment.ts';
import type { Delivery } from './views.ts';

export interface OutgoingMessage {
  /** ULID, minted here: the message's id for good, unless it edits the very first message. */
  readonly messageId: string;
  /** ULID of the run that answers it: what makes sending it again harmless. */
  readonly runId: string;
  /** The message it goes below; null at the top, undefined for "below what is shown last". */
  parentId: string | null | undefined;
  /** The first message of the conversation, when this takes its place on a branch of its own. */
  readonly editOf: string | undefined;
  readonly parts: readonly UiPart[];
  readonly model: string | undefined;
  readonly settings: Readonly<Record<string, unknown>> | undefined;
  readonly createdMs: number;
  delivery: Delivery;
  tries: number;
  error: ErrorBody | undefined;
  /** The id that it has on the log, once the gateway has it. */
  sentId: string | undefined;
}

export interface OutboxHandlers {
  /** The message that is shown last, as far as the log is known; null in an empty conversation. */
  lastShownId(): string | null;
  onChange(): void;
  /** The gateway has it. */
  onSent(): void;
}

interface Receipt {
  readonly messageId: string;
  readonly replyId: string;
}

export class Outbox {
  readonly #conversationId: string;
  readonly #environment: Environment;
  readonly #handlers: OutboxHandlers;
  readonly #storageKey: string;
  #entries: OutgoingMessage[] = [];
  #isSending = false;
  #isClosed = false;
  #timer: Timer | undefined;
  /** The reply to the message sent last, until the log shows it. */
  #lastReplyId: string | undefined;

  constructor(conversationId: string, environment: Environment, handlers: OutboxHandlers) {
    this.#conversationId = conversationId;
    this.#environment = environment;
    this.#handlers = handlers;
    this.#storageKey = `throughline/outbox/${conversationId}`;
    this.#restore();
  }

  get entries(): readonly OutgoingMessage[] {
    return this.#entries;
  }

  find(messageId: string): OutgoingMessage | undefined {
    return this.#entries.find((entry) => entry.messageId === messageId);
  }

  /** @throws ThroughlineError THROTTLED when too many wait */
  add(message: Pick<OutgoingMessage, 'parts' | 'parentId' | 'editOf' | 'model' | 'settings'>): string {
    const { ulid, clock, settings } = this.#environment;
    if (this.#entries.length >= settings.outboxMax)
      throw new ThroughlineError('THROTTLED', `${settings.outboxMax} messages are waiting to be sent`);
    const messageId = ulid();
    this.#entries.push({
      ...message,
      messageId,
      runId: ulid(),
      createdMs: clock.nowMs(),
      delivery: 'sending',
      tries: 0,
      error: undefined,
      sentId: undefined,
    });
    this.#changed();
    this.#next();
    return messageId;
  }

  /** Tries a failed or waiting message again, now. */
  retry(messageId: string): void {
    const entry = this.find(messageId);
    if (entry === undefined || entry.delivery === 'sent' || entry.delivery === 'sending') return;
    entry.tries = 0;
    entry.delivery = 'sending';
    this.#changed();
    this.#next();
  }

  /** Gives up a failed or waiting message. */
  discard(messageId: string): void {
    const entry = this.find(messageId);
    if (entry === undefined || entry.delivery === 'sent' || entry.delivery === 'sending') return;
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#changed();
    this.#next();
  }

  /** Drops what the log shows by now. */
  confirm(isKnown: (messageId: string) => boolean): boolean {
    const open = this.#entries.filter((entry) => !isKnown(entry.sentId ?? entry.messageId));
    if (this.#lastReplyId !== undefined && isKnown(this.#lastReplyId)) this.#lastReplyId = undefined;
    if (open.length === this.#entries.length) return false;
    this.#entries = open;
    this.#store();
    return true;
  }

  /** Tries again at once what waits for its next try. */
  wake(): void {
    for (const entry of this.#entries) if (entry.delivery === 'waiting') entry.delivery = 'sending';
    this.#next();
  }

  /** Ends the timer; what is not sent stays stored. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #next(): void {
    if (this.#isSending || this.#isClosed) return;
    const entry = this.#entries.find(({ delivery }) => delivery === 'sending' || delivery === 'waiting');
    // The first one waits for its next try, and the others behind it.
    if (entry?.delivery !== 'sending') return;
    this.#timer?.cancel();
    this.#isSending = true;
    void this.#send(entry).finally(() => {
      this.#isSending = false;
      this.#changed();
      this.#next();
    });
  }

  async #send(entry: OutgoingMessage): Promise<void> {
    const { http, logger } = this.#environment;
    if (entry.parentId === undefined) entry.parentId = this.#lastReplyId ?? this.#handlers.lastShownId();
    entry.tries++;
    try {
      const receipt = receiptOf(await http.post('/api/chat', this.#bodyOf(entry)));
      entry.sentId = receipt.messageId;
      entry.delivery = 'sent';
      entry.error = undefined;
      this.#lastReplyId = receipt.replyId;
      this.#handlers.onSent();
    } catch (thrown) {
      const error = ThroughlineError.from(thrown);
      logger.info({ code: error.code, tries: entry.tries }, 'sending failed');
      entry.error = error.toJSON();
      this.#failed(entry, error);
    }
  }

  #failed(entry: OutgoingMessage, error: ThroughlineError): void {
    const { clock, random, settings } = this.#environment;
    if (!error.retriable || entry.tries >= settings.sendTriesMax) {
      entry.delivery = 'failed';
      return;
    }
    entry.delivery = 'waiting';
    const waitMs = error.retryAfterMs ?? backoffMs(random, entry.tries, settings.retryBaseMs, settings.retryMaxMs);
    this.#timer?.cancel();
    this.#timer = clock.after(waitMs, () => this.wake());
  }

  /** The body of the AI SDK's DefaultChatTransport, with the parent as the message before the last. */
  #bodyOf({ messageId, runId, parentId, editOf, parts, model, settings }: OutgoingMessage): unknown {
    const before = parentId === null || parentId === undefined ? [] : [{ id: parentId, role: 'assistant', parts: [] }];
    return {
      id: this.#conversationId,
      messages: [...before, { id: editOf ?? messageId, role: 'user', parts }],
      trigger: 'submit-message',
      runId,
      ...(editOf === undefined ? {} : { messageId: editOf }),
      ...(model === undefined ? {} : { model }),
      ...(settings === undefined ? {} : { settings }),
    };
  }

  #changed(): void {
    this.#store();
    this.#handlers.onChange();
  }

  #store(): void {
    const { storage, logger } = this.#environment;
    if (storage === undefined) return;
    try {
      const open = this.#entries.filter(({ delivery }) => delivery !== 'sent');
      if (open.length === 0) storage.removeItem(this.#storageKey);
      else storage.setItem(this.#storageKey, JSON.stringify(open));
    } catch (error) {
      // A full or forbidden storage costs surviving a reload, not the message.
      logger.warn({ message: String(error) }, 'the outbox could not be stored');
    }
  }

  #restore(): void {
    const { storage, logger, settings } = this.#environment;
    try {
      const stored: unknown = JSON.parse(storage?.getItem(this.#storageKey) ?? '[]');
      if (!Array.isArray(stored)) return;
      for (const entry of stored.slice(0, settings.outboxMax) as Partial<OutgoingMessage>[]) {
        if (typeof entry.messageId !== 'string' || typeof entry.runId !== 'string' || !Array.isArray(entry.parts))
          continue;
        const isFailed = entry.delivery === 'failed';
        this.#entries.push({
          ...(entry as OutgoingMessage),
          tries: 0,
          delivery: isFailed ? 'failed' : 'sending',
        });
      }
      this.#next();
    } catch (error) {
      logger.warn({ message: String(error) }, 'the stored outbox could not be read');
    }
  }
}

function receiptOf(answer: unknown): Receipt {
  const { messageId, replyId } = (answer ?? {}) as Partial<Record<keyof Receipt, unknown>>;
  if (typeof messageId !== 'string' || typeof replyId !== 'string')
    throw new ThroughlineError('SERVER_UNREACHABLE', 'the answer to a sent message has no ids');
  return { messageId, replyId };
}
