// The way in: one client per page.
import {
  silentLogger,
  systemClock,
  systemRandom,
  ulids,
  type Clock,
  type Logger,
  type Random,
} from '@throughline/event';
import { ConversationList } from './conversation-list.ts';
import { defaults, type StateSettings } from './defaults.ts';
import type { ClientEnvironment, OutboxStorage } from './client-environment.ts';
import { http } from './http.ts';
import { OpenConversation } from './open-conversation.ts';
import { browserPage, type Page } from './page.ts';
import { Tabs, type TabLocks } from './tabs.ts';

export interface ClientOptions {
  /** Where the gateway is, for instance `http://127.0.0.1:4437`; the page's own origin where absent. */
  readonly baseUrl?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly page?: Page;
  /** Where messages that are not sent yet survive a reload, for instance `localStorage`; nowhere where absent. */
  readonly storage?: OutboxStorage;
  /** How pages over one storage know of each other: the browser's `navigator.locks` where absent. */
  readonly locks?: TabLocks;
  readonly settings?: Partial<StateSettings>;
}

export interface Client {
  /** The conversation of that id, new or not; the same object for as long as it is used. */
  conversation(id: string): OpenConversation;
  /** The list of conversations. */
  conversations(): ConversationList;
  /** An id for a new conversation. */
  newId(): string;
  /** Ends all connections and timers. */
  close(): void;
}

/**
 * Makes a client of a gateway.
 *
 * @example
 * const client = createClient({ baseUrl: 'http://127.0.0.1:4437' });
 * const conversation = client.conversation(client.newId());
 * conversation.subscribe('conversation', () => console.log(conversation.get('conversation').messageIds));
 * conversation.send('How does Throughline survive a crash?');
 */
export function createClient(options: ClientOptions = {}): Client {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const settings = { ...defaults, ...options.settings };
  const logger = options.logger ?? silentLogger;
  const ulid = ulids(clock, random);
  const environment: ClientEnvironment = {
    http: http({
      baseUrl: (options.baseUrl ?? '').replace(/\/$/, ''),
      // Called without its receiver, the browser's fetch throws; looked up late, because pages replace it.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      clock,
      requestTimeoutMs: settings.requestTimeoutMs,
    }),
    page: options.page ?? browserPage(),
    clock,
    random,
    ulid,
    logger,
    settings,
    storage: options.storage,
    // Pages of old browsers and of insecure addresses have no locks, whatever the type says.
    tabs: new Tabs(ulid(), options.locks ?? (globalThis.navigator as Partial<Navigator> | undefined)?.locks, logger),
  };
  const conversations = new Map<string, OpenConversation>();
  const isFollowed = (): boolean => {
    for (const conversation of conversations.values()) if (conversation.get('connection').state === 'live') return true;
    return false;
  };
  const list = new ConversationList(environment, isFollowed);
  const handlers = {
    onSummary: (summary: unknown) => list.take(summary),
    onWritten: () => {
      if (!isFollowed()) void list.refresh();
    },
  };
  const forgetUnused = (exceptId: string): void => {
    for (const [id, conversation] of conversations) {
      if (conversations.size <= settings.conversationsMax) return;
      if (id === exceptId || conversation.isInUse) continue;
      conversation.close();
      conversations.delete(id);
    }
  };
  return {
    conversation(id) {
      const known = conversations.get(id);
      const conversation = known ?? new OpenConversation(id, environment, handlers);
      // The map's order is that of last use.
      if (known !== undefined) conversations.delete(id);
      conversations.set(id, conversation);
      if (known === undefined) forgetUnused(id);
      return conversation;
    },
    conversations: () => list,
    newId: environment.ulid,
    close() {
      for (const conversation of conversations.values()) conversation.close();
      conversations.clear();
      list.close();
    },
  };
}
