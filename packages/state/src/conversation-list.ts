// The list of conversations: read page by page, and kept up to date by the summaries that any open conversation's connection
// brings; while none is open, it is read again now and then.
import {
  array,
  boolean,
  number,
  object,
  optional,
  parse,
  string,
  ThroughlineError,
  type Timer,
} from '@throughline/event';
import type { Environment } from './environment.ts';
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
const pageSchema = object({ conversations: array(summarySchema) });

/** Made by `Client.conversations`. */
export class ConversationList {
  readonly #environment: Environment;
  readonly #isFollowed: () => boolean;
  readonly #listeners: Listeners;
  readonly #byId = new Map<string, ConversationSummary>();
  #view: ConversationListView = { conversations: [], state: 'loading', hasMore: false, error: undefined };
  #next: string | undefined;
  #timer: Timer | undefined;
  #reading: Promise<void> | undefined;

  /** `isFollowed` tells whether a live connection brings the changes. */
  constructor(environment: Environment, isFollowed: () => boolean) {
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
    const { http, settings, logger } = this.#environment;
    const query = `?limit=${settings.listLimit}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`;
    try {
      const answer = await http.get(`/v1/conversations${query}`);
      const page = parse(pageSchema, answer);
      const next = (answer as { next?: unknown }).next;
      for (const summary of page.conversations) this.#put(summary);
      // Reading the first page again must not forget how far down the list was read.
      if (after !== undefined || this.#view.state === 'loading')
        this.#next = typeof next === 'string' ? next : undefined;
      this.#show({ state: 'ready', error: undefined });
    } catch (thrown) {
      const error = ThroughlineError.from(thrown);
      logger.info({ code: error.code }, 'the conversation list could not be read');
      this.#show({ state: 'error', error: error.toJSON() });
    }
  }

  #put(summary: Omit<ConversationSummary, 'isDeleted'> & { isDeleted?: boolean }): void {
    if (summary.isDeleted === true) this.#byId.delete(summary.id);
    else this.#byId.set(summary.id, { ...summary, isDeleted: false });
  }

  #show(view: Pick<ConversationListView, 'state' | 'error'>): void {
    const conversations = [...this.#byId.values()].sort(
      (one, other) => other.updatedMs - one.updatedMs || (one.id < other.id ? 1 : -1),
    );
    this.#view = { ...view, conversations, hasMore: this.#next !== undefined };
    this.#listeners.notify('list');
  }
}
