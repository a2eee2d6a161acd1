// One conversation as a page has it open: the fold of its events, what is on its way, the connection, and the values that
// subscribers see.
//
// Events wait in a queue and are folded when the flusher says so, and everything a subscriber can `get` is of one such
// moment. So what is on the screen is always one state of the log, and a token costs no more in a long conversation.
import {
  conversationFromSnapshot,
  emptyConversation,
  reduceConversation,
  textOf,
  ThroughlineError,
  type Conversation,
  type PlacedEvent,
  type UiPart,
} from '@throughline/event';
import { shownIds, viewOf, type ViewSource } from './build-view.ts';
import { Connection } from './connection.ts';
import { DirtyKeys } from './dirty-keys.ts';
import type { ClientEnvironment } from './client-environment.ts';
import { Flusher } from './flush.ts';
import { Listeners } from './listeners.ts';
import { Outbox } from './outbox.ts';
import { ViewCache } from './view-cache.ts';
import { shareIds, type ViewKey, type ViewOf } from './views.ts';

/** What a person says: a text, or AI SDK UI message parts. */
export type MessageContent = string | { readonly text: string } | { readonly parts: readonly UiPart[] };

export interface SendOptions {
  /** The message that it goes below; below the last one shown where absent. Another than the last begins a branch. */
  readonly parentId?: string;
  readonly model?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface OpenConversationHandlers {
  onSummary(summary: unknown): void;
  /** Something was written, which may change the list. */
  onWritten(): void;
}

/** An open conversation; made by `Client.conversation`. All methods may be passed around without it. */
export class OpenConversation {
  readonly id: string;
  readonly #environment: ClientEnvironment;
  readonly #handlers: OpenConversationHandlers;
  readonly #listeners: Listeners;
  readonly #views: ViewCache;
  readonly #flusher: Flusher;
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  #conversation: Conversation;
  #queue: PlacedEvent[] = [];
  #shownIds: readonly string[] = [];
  #isLoaded = false;
  #isSubscribed = false;
  #isReplaying = true;
  #stoppingRunId: string | undefined;
  #lingerTimer: { cancel(): void } | undefined;
  /** Attempts whose gap has been answered by a new snapshot; a gap that is on the log itself stays one. */
  readonly #resyncedGaps = new Set<string>();

  constructor(id: string, environment: ClientEnvironment, handlers: OpenConversationHandlers) {
    this.id = id;
    this.#environment = environment;
    this.#handlers = handlers;
    this.#conversation = emptyConversation(id);
    this.#listeners = new Listeners((count) => this.#countChanged(count));
    this.#views = new ViewCache((key, before) => this.#build(key as ViewKey, before), this.#listeners);
    this.#flusher = new Flusher(environment.clock, () => this.#flush());
    this.#connection = new Connection(id, environment, {
      onSnapshot: (snapshot) => this.#load(snapshot),
      onEvent: (event) => this.#enqueue(event),
      onCaughtUp: () => {
        this.#isReplaying = false;
        this.#flusher.now();
      },
      onSummary: (summary) => handlers.onSummary(summary),
      onState: (view) => {
        if (view.state === 'connecting' || view.state === 'reconnecting') this.#isReplaying = true;
        if (view.state === 'live') this.#outbox.wake();
        this.#views.refresh(['connection']);
      },
    });
    this.#outbox = new Outbox(id, environment, {
      lastShownId: () => this.#lastConfirmedId(),
      onChange: () => this.#outgoingChanged(),
      onSent: () => this.#written(),
    });
    this.#shownIds = shownIds(this.#conversation, this.#outbox.entries);
  }

  /** The value under `key` now; the same value until something in it changes. */
  get = <Key extends ViewKey>(key: Key): ViewOf<Key> => this.#views.get(key) as ViewOf<Key>;

  /**
   * Calls `listener` after the value under `key` has changed. The conversation is connected while anybody subscribes.
   *
   * @returns what ends the subscription
   */
  subscribe = (key: ViewKey, listener: () => void): (() => void) => {
    // From now on the key has a value to compare with.
    this.#views.get(key);
    return this.#listeners.add(key, listener);
  };

  /**
   * Sends a message of the user and asks for a reply. It is shown at once, as pending; a failure shows at the message.
   *
   * @returns the message's id
   * @throws ThroughlineError INVALID_ARGUMENT when it is empty; THROTTLED when too many are waiting
   */
  send = (content: MessageContent, options: SendOptions = {}): string => {
    const { parentId, model, settings } = options;
    return this.#outbox.add({ parts: partsOf(content), parentId, editOf: undefined, model, settings });
  };

  /**
   * Asks another question in the place of `messageId`, as a sibling branch.
   *
   * @throws ThroughlineError INVALID_ARGUMENT when it is empty or there is no such message of the user
   */
  edit = (messageId: string, content: MessageContent, options: Omit<SendOptions, 'parentId'> = {}): string => {
    const message = this.#conversation.messages.get(messageId);
    if (message?.role !== 'user')
      throw new ThroughlineError('INVALID_ARGUMENT', `${messageId} is no message of the user`);
    const { model, settings } = options;
    return this.#outbox.add({
      parts: partsOf(content),
      parentId: message.parentId,
      editOf: message.parentId === null ? messageId : undefined,
      model,
      settings,
    });
  };

  /** Sends a failed or waiting message again, now. */
  retry = (messageId: string): void => this.#outbox.retry(messageId);

  /** Gives up a failed or waiting message. */
  discard = (messageId: string): void => this.#outbox.discard(messageId);

  /**
   * Asks for another reply, which becomes a sibling of the reply `messageId` (or of the replies to the question `messageId`).
   *
   * @throws ThroughlineError INVALID_ARGUMENT; what the gateway answers; SERVER_UNREACHABLE
   */
  regenerate = async (messageId: string, options: Omit<SendOptions, 'parentId'> = {}): Promise<void> => {
    const message = this.#conversation.messages.get(messageId);
    const question = message?.role === 'assistant' ? this.#conversation.messages.get(message.parentId ?? '') : message;
    if (question?.role !== 'user') throw new ThroughlineError('INVALID_ARGUMENT', `${messageId} answers no question`);
    await this.#write('/api/chat', {
      id: this.id,
      messages: [{ id: question.id, role: 'user', parts: question.parts }],
      trigger: 'regenerate-message',
      messageId,
      runId: this.#environment.ulid(),
      ...options,
    });
  };

  /**
   * Stops the reply that is being written; what is there stays.
   *
   * @throws ThroughlineError what the gateway answers; SERVER_UNREACHABLE
   */
  stop = async (): Promise<void> => {
    this.#stoppingRunId = this.get('conversation').liveRunId;
    this.#views.refresh(['conversation']);
    try {
      await this.#write(`/api/chat/${encodeURIComponent(this.id)}/stop`, {});
    } catch (error) {
      this.#stoppingRunId = undefined;
      this.#views.refresh(['conversation']);
      throw error;
    }
  };

  /** Shows the branch that `messageId` is on. @throws ThroughlineError what the gateway answers; SERVER_UNREACHABLE */
  select = (messageId: string): Promise<void> => this.#writeEvent('branch-selected', { messageId });

  /** @throws ThroughlineError what the gateway answers; SERVER_UNREACHABLE */
  rename = (title: string): Promise<void> => this.#writeEvent('conversation-renamed', { title });

  /** @throws ThroughlineError what the gateway answers; SERVER_UNREACHABLE */
  archive = (archived = true): Promise<void> => this.#writeEvent('conversation-archived', { archived });

  /** Deletes the conversation. @throws ThroughlineError what the gateway answers; SERVER_UNREACHABLE */
  remove = (): Promise<void> => this.#writeEvent('conversation-deleted', {});

  /** @throws ThroughlineError what the gateway answers; SERVER_UNREACHABLE */
  feedback = (messageId: string, value: 'up' | 'down' | 'none', comment?: string): Promise<void> =>
    this.#writeEvent('feedback-given', { messageId, value, ...(comment === undefined ? {} : { comment }) });

  /** Tries to connect now instead of at the next try's time. */
  reconnect = (): void => this.#connection.open();

  /** Cuts the connection as a bad network would; it comes back by itself. */
  cutConnection = (): void => this.#connection.cut();

  /** Ends the connection and all timers; the client makes a new one when it is asked for again. */
  close(): void {
    this.#lingerTimer?.cancel();
    this.#flusher.cancel();
    this.#connection.close();
    this.#outbox.close();
  }

  /** Somebody subscribes, or something is on its way. */
  get isInUse(): boolean {
    return this.#listeners.count > 0 || this.#outbox.entries.length > 0;
  }

  #countChanged(count: number): void {
    this.#lingerTimer?.cancel();
    const isFirst = count > 0 && !this.#isSubscribed;
    this.#isSubscribed = count > 0;
    if (isFirst && this.#connection.view.state === 'idle') this.#connection.open();
    if (count === 0) {
      const { clock, settings } = this.#environment;
      this.#lingerTimer = clock.after(settings.lingerMs, () => this.#connection.close());
    }
  }

  #load(snapshot: unknown): void {
    const conversation = snapshot === undefined ? emptyConversation(this.id) : conversationFromSnapshot(snapshot);
    if (conversation.id !== this.id)
      throw new ThroughlineError('SERVER_UNREACHABLE', 'the snapshot is of another conversation');
    this.#conversation = conversation;
    this.#queue = [];
    this.#isLoaded = true;
    this.#outbox.confirm((id) => this.#conversation.messages.has(id));
    this.#shownIds = shareIds(this.#shownIds, shownIds(conversation, this.#outbox.entries));
    this.#views.refresh(this.#views.keys());
  }

  #enqueue(event: PlacedEvent): void {
    this.#queue.push(event);
    const { settings, page } = this.#environment;
    if (this.#queue.length >= settings.queuedEventsMax) return this.#flusher.now();
    // What a person waits for is shown at once; tokens wait for each other.
    if (!this.#isReplaying && event.type !== 'chunk' && event.type !== 'lease-renewed') return this.#flusher.now();
    const waitMs = this.#isReplaying
      ? settings.replayFlushMs
      : page.isHidden()
        ? settings.hiddenFlushMs
        : settings.flushMs;
    this.#flusher.within(waitMs);
  }

  #flush(): void {
    if (this.#queue.length === 0) return;
    const events = this.#queue;
    this.#queue = [];
    const dirty = new DirtyKeys();
    let isStructural = false;
    for (const event of events) {
      const change = reduceConversation(this.#conversation, event);
      if (change.isStructural === true) isStructural = true;
      dirty.collect(change);
      if (change.verdict === 'gap') this.#answerGap(event);
    }
    if (this.#outbox.confirm((id) => this.#conversation.messages.has(id))) isStructural = true;
    if (isStructural) {
      this.#shownIds = shareIds(this.#shownIds, shownIds(this.#conversation, this.#outbox.entries));
      for (const key of this.#views.keys())
        if (key.startsWith('branches:') || key.startsWith('message:')) dirty.add(key);
    }
    dirty.add('conversation');
    this.#views.refresh(dirty.expanded(this.#conversation));
  }

  /** Chunks are missing here or on the log itself; a new snapshot tells which. */
  #answerGap(event: PlacedEvent): void {
    const gap = `${event.run}/${event.attempt}`;
    if (this.#resyncedGaps.has(gap)) return;
    this.#resyncedGaps.add(gap);
    this.#connection.resync();
  }

  #outgoingChanged(): void {
    this.#outbox.confirm((id) => this.#conversation.messages.has(id));
    this.#shownIds = shareIds(this.#shownIds, shownIds(this.#conversation, this.#outbox.entries));
    const keys = this.#views.keys().filter((key) => !key.startsWith('run:') && !key.startsWith('part'));
    this.#views.refresh(keys);
  }

  #lastConfirmedId(): string | null {
    const ids = this.#shownIds;
    for (let index = ids.length - 1; index >= 0; index--) {
      const id = ids[index]!;
      if (this.#conversation.messages.has(id)) return id;
    }
    return null;
  }

  async #writeEvent(type: string, payload: unknown): Promise<void> {
    const path = `/v1/conversations/${encodeURIComponent(this.id)}/events`;
    await this.#write(path, { id: this.#environment.ulid(), type, payload });
  }

  async #write(path: string, body: unknown): Promise<void> {
    await this.#environment.http.post(path, body);
    this.#written();
  }

  #written(): void {
    // A new conversation has something to follow now, and a server that answers can be connected to.
    if (this.#connection.view.state !== 'live' && this.#listeners.count > 0) this.#connection.open();
    this.#handlers.onWritten();
  }

  #source(): ViewSource {
    return {
      conversation: this.#conversation,
      outgoing: this.#outbox.entries,
      isLoaded: this.#isLoaded,
      stoppingRunId: this.#stoppingRunId,
      shownIds: this.#shownIds,
    };
  }

  #build(key: ViewKey, before: unknown): unknown {
    if (key === 'connection') return this.#connection.view;
    return viewOf(this.#source(), key, before);
  }
}

function partsOf(content: MessageContent): readonly UiPart[] {
  const parts =
    typeof content === 'string'
      ? [{ type: 'text', text: content }]
      : 'text' in content
        ? [{ type: 'text', text: content.text }]
        : content.parts;
  const isEmpty = parts.every((part) => part.type === 'text' && textOf([part]).trim() === '');
  if (isEmpty) throw new ThroughlineError('INVALID_ARGUMENT', 'a message needs some text or another part');
  return parts;
}
