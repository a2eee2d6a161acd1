// The list of conversations: read page by page, and kept up to date by the summaries that any open conversation's connection
// brings; while none is open, it is read again now and then.
import {
  array,
  boolean,
  nullable,
  number,
  object,
  optional,
  parse,
  string,
  ThroughlineError,
  type OutputOf,
  type Timer,
} from '@throughline/event';
import type { ClientEnvironment } from './client-environment.ts';
import { Listeners } from './listeners.ts';
import type { ConversationListView, ConversationSummary } from './views.ts';

const summarySchema = object({
  id: string(),
  title: string(),
  createdMs: number(),
  updatedMs: number(),
  isArchived: boolean(),
  isDeleted: optional(boolean()),
  isRunning: boolean(),
});
const pageSchema = object({ conversations: array(summarySchema), next: optional(nullable(string())) });

interface ListPage {
  readonly conversations: readonly OutputOf<typeof summarySchema>[];
  readonly next: string | undefined;
  readonly isArchived: boolean;
}

/** Made by `Client.conversations`. */
export class ConversationList {
  readonly #environment: ClientEnvironment;
  readonly #isFollowed: () => boolean;
  readonly #listeners: Listeners;
  readonly #byId = new Map<string, ConversationSummary>();
  #view: ConversationListView = { conversations: [], state: 'loading', hasMore: false, error: undefined };
  #next: string | undefined;
  #timer: Timer | undefined;
  #reading: Promise<void> | undefined;

  /** `isFollowed` tells whether a live connection brings the changes. */
  constructor(environment: ClientEnvironment, isFollowed: () => boolean) {
    this.#environment = environment;
    this.#isFollowed = isFollowed;
    let stopListening = (): void => {};
    this.#listeners = new Listeners((count) => {
      if (count === 0) {
        stopListening();
        this.#timer?.cancel();
        this.#timer = undefined;
      } else if (this.#timer === undefined) {
        stopListening = environment.page.onChange(() => {
          if (!environment.page.isHidden()) void this.refresh();
        });
        this.#poll();
      }
    });
  }

  get = (): ConversationListView => this.#view;

  subscribe = (listener: () => void): (() => void) => this.#listeners.add('list', listener);

  /** Reads the newest page again. A failure is shown in the view. */
  refresh = (): Promise<void> => {
    this.#reading ??= this.#read(undefined).finally(() => (this.#reading = undefined));
    return this.#reading;
  };

  /** Reads the next page of older conversations. */
  loadMore = async (): Promise<void> => {
    if (this.#next !== undefined) await this.#read(this.#next);
  };

  /** Takes in what a connection says of one conversation. */
  take(value: unknown): void {
    const summary = parse(summarySchema, value);
    this.#put(summary);
    this.#show({ state: this.#view.state === 'error' ? 'ready' : this.#view.state, error: undefined });
  }

  close(): void {
    this.#timer?.cancel();
  }

  #poll(): void {
    const { clock, page, settings } = this.#environment;
    if (this.#view.state !== 'ready' || (!this.#isFollowed() && !page.isHidden())) void this.refresh();
    this.#timer = clock.after(settings.listPollMs, () => this.#poll());
  }

  async #read(after: string | undefined): Promise<void> {
    const { logger } = this.#environment;
    try {
      const isFirst = after === undefined;
      const pages = await Promise.all([this.#page(after, false), ...(isFirst ? [this.#page(undefined, true)] : [])]);
      for (const page of pages) this.#takePage(page, isFirst);
      // Reading the first page again must not forget how far down the list was read.
      if (!isFirst || this.#view.state === 'loading') this.#next = pages[0]?.next;
      this.#show({ state: 'ready', error: undefined });
    } catch (thrown) {
      const error = ThroughlineError.from(thrown);
      logger.info({ code: error.code }, 'the conversation list could not be read');
      this.#show({ state: 'error', error: error.toJSON() });
    }
  }

  async #page(after: string | undefined, isArchived: boolean): Promise<ListPage> {
    const { http, settings } = this.#environment;
    const query = new URLSearchParams({ limit: String(settings.listLimit), archived: String(isArchived) });
    if (after !== undefined) query.set('after', after);
    const { conversations, next } = parse(pageSchema, await http.get(`/v1/conversations?${query.toString()}`));
    return { conversations, next: next ?? undefined, isArchived };
  }

  /** Takes a page in; what should be in a first page and is not has been deleted. */
  #takePage({ conversations, next, isArchived }: ListPage, isFirst: boolean): void {
    const last = conversations.at(-1);
    const ids = new Set(conversations.map(({ id }) => id));
    if (isFirst) {
      for (const known of this.#byId.values()) {
        const isInRange = next === undefined || (last !== undefined && compare(known, last) < 0);
        if (known.isArchived === isArchived && isInRange && !ids.has(known.id)) this.#byId.delete(known.id);
      }
    }
    for (const summary of conversations) this.#put(summary);
  }

  #put(summary: Omit<ConversationSummary, 'isDeleted'> & { isDeleted?: boolean }): void {
    if (summary.isDeleted === true) this.#byId.delete(summary.id);
    else this.#byId.set(summary.id, { ...summary, isDeleted: false });
  }

  #show(view: Pick<ConversationListView, 'state' | 'error'>): void {
    const conversations = [...this.#byId.values()].sort(compare);
    this.#view = { ...view, conversations, hasMore: this.#next !== undefined };
    this.#listeners.notify('list');
  }
}

/** The list's order: newest change first. */
function compare(one: ConversationSummary | ListPage['conversations'][number], other: typeof one): number {
  return other.updatedMs - one.updatedMs || (one.id < other.id ? 1 : -1);
}
