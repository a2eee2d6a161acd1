// Messages on their way: shown at once, sent one after the other in the order they were written, sent again after a network
// failure with the same ids, so that a message is never asked twice, and kept with a reason when they cannot be sent.
//
// One at a time is what keeps the order, and it is what tells the next message where it belongs: below the reply to the one
// before it, whose id only the answer brings.
//
// Each message that is not sent is an item of the storage by itself, which names the page ("tab") that works on it:
//
//   throughline/outbox/<conversation id>/<message id>  →  { …OutgoingMessage, tab }
//
// So pages over one storage never write each other's messages, and each removes only what it has sent. A page takes over
// the messages of pages that are gone (tabs.ts). It looks for them when it opens the conversation and when its connection
// comes back.
import { ThroughlineError, type ErrorBody, type Timer, type UiPart } from '@throughline/event';
import { backoffMs } from './backoff.ts';
import type { ClientEnvironment } from './client-environment.ts';
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

type StoredMessage = OutgoingMessage & { readonly tab: string };

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
  readonly #environment: ClientEnvironment;
  readonly #handlers: OutboxHandlers;
  readonly #keyPrefix: string;
  /** What the storage holds of this page, by key. */
  readonly #stored = new Map<string, string>();
  /** Ends the hold that says to other pages that this one is alive; undefined while nothing waits. */
  #release: (() => void) | undefined;
  #entries: OutgoingMessage[] = [];
  #isSending = false;
  readonly #closing = new AbortController();
  /** Keys of messages whose page was alive when this one last looked: they are taken over when it is gone. */
  readonly #watched = new Set<string>();
  #timer: Timer | undefined;
  /** The reply to the message sent last, until the log shows it. */
  #lastReplyId: string | undefined;

  constructor(conversationId: string, environment: ClientEnvironment, handlers: OutboxHandlers) {
    this.#conversationId = conversationId;
    this.#environment = environment;
    this.#handlers = handlers;
    this.#keyPrefix = `throughline/outbox/${conversationId}/`;
    this.#adopt();
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

  /** Tries again at once what waits for its next try, and takes over what other pages have left. */
  wake(): void {
    this.#adopt();
    for (const entry of this.#entries) if (entry.delivery === 'waiting') entry.delivery = 'sending';
    this.#next();
  }

  /** Ends the timer; what is not sent stays stored. */
  close(): void {
    this.#closing.abort();
    this.#timer?.cancel();
    this.#release?.();
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
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

  /** Makes the storage hold what this page has not sent. */
  #store(): void {
    const { storage, logger, tabs } = this.#environment;
    const open = this.#entries.filter(({ delivery }) => delivery !== 'sent');
    if (storage === undefined) return;
    if (open.length > 0 && !this.#isClosed) this.#release ??= tabs.hold();
    try {
      const gone = new Set(this.#stored.keys());
      for (const entry of open) {
        const key = this.#keyPrefix + entry.messageId;
        const text = JSON.stringify({ ...entry, tab: tabs.id } satisfies StoredMessage);
        gone.delete(key);
        if (this.#stored.get(key) === text) continue;
        storage.setItem(key, text);
        this.#stored.set(key, text);
      }
      for (const key of gone) {
        storage.removeItem(key);
        this.#stored.delete(key);
      }
    } catch (error) {
      // A full or forbidden storage costs surviving a reload, not the message.
      logger.warn({ message: String(error) }, 'the outbox could not be stored');
    }
    if (open.length > 0) return;
    this.#release?.();
    this.#release = undefined;
  }

  /** Takes over the messages of this conversation whose page is gone. */
  #adopt(): void {
    const { storage, logger, tabs } = this.#environment;
    if (storage === undefined || this.#isClosed) return;
    try {
      const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? '');
      for (const key of keys) {
        if (!key.startsWith(this.#keyPrefix) || this.#stored.has(key) || this.#watched.has(key)) continue;
        const owner = storedMessage(storage.getItem(key))?.tab;
        // What is no message of ours is left alone.
        if (owner === undefined || owner === tabs.id) continue;
        this.#watched.add(key);
        tabs.whenGone(owner, this.#closing.signal, () => {
          this.#watched.delete(key);
          this.#take(key, owner);
        });
      }
    } catch (error) {
      logger.warn({ message: String(error) }, 'the stored outbox could not be read');
    }
  }

  #take(key: string, owner: string): void {
    const { storage, settings } = this.#environment;
    const stored = storedMessage(storage?.getItem(key) ?? null);
    // It was sent or taken over by another page, or there is no room for it here: it stays for a later page.
    if (stored?.tab !== owner || this.#entries.length >= settings.outboxMax) return;
    const { tab: _, ...message } = stored;
    if (this.find(message.messageId) !== undefined) return;
    this.#entries.push({ ...message, tries: 0, delivery: message.delivery === 'failed' ? 'failed' : 'sending' });
    // Ids are ULIDs: their order is the order in which the messages were written.
    this.#entries.sort((a, b) => (a.messageId < b.messageId ? -1 : 1));
    this.#changed();
    this.#next();
  }
}

/** A stored message, as far as it is one: the storage is open to everything that runs on the page's origin. */
function storedMessage(text: string | null): StoredMessage | undefined {
  let value: Partial<StoredMessage> | null;
  try {
    value = JSON.parse(text ?? 'null') as Partial<StoredMessage> | null;
  } catch {
    // No JSON is no message.
    return undefined;
  }
  const isMessage =
    typeof value?.messageId === 'string' &&
    typeof value.runId === 'string' &&
    typeof value.tab === 'string' &&
    Array.isArray(value.parts);
  return isMessage ? (value as StoredMessage) : undefined;
}

function receiptOf(answer: unknown): Receipt {
  const { messageId, replyId } = (answer ?? {}) as Partial<Record<keyof Receipt, unknown>>;
  if (typeof messageId !== 'string' || typeof replyId !== 'string')
    throw new ThroughlineError('SERVER_UNREACHABLE', 'the answer to a sent message has no ids');
  return { messageId, replyId };
}
