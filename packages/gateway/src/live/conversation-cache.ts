// The conversations that are held in memory, the least recently used leaving first, bounded by count and by bytes. One
// that is being read or worked on stays. A conversation is loaded from the log once, however many ask for it at the same
// time, and what the live tail brings in the meantime waits until the load is done.
import { conversationOf, fromUtf8, type LogRecord } from '@throughline/event';
import type { Incarnation } from '../stream-index/incarnation.ts';
import type { StreamReader } from '../stream-index/stream-reader.ts';
import { LiveConversation } from './live-conversation.ts';
import { LiveEvent } from './live-event.ts';
import type { LiveTail } from './live-tail.ts';

export interface ConversationCacheOptions {
  readonly reader: StreamReader;
  readonly tail: Pick<LiveTail, 'position'>;
  readonly incarnation: Pick<Incarnation, 'generation'>;
  readonly bytesMax: number;
  readonly countMax: number;
  /** Called for every event of a conversation in memory, after it was applied. */
  readonly onEvent: (event: LiveEvent, conversation: LiveConversation) => void;
}

interface Entry {
  readonly live: LiveConversation;
  /** What arrived during the load; undefined when it is done. */
  pending: LiveEvent[] | undefined;
  loaded: Promise<void>;
}

export class ConversationCache {
  readonly #options: ConversationCacheOptions;
  /** By conversation id, in the order of use: the least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(options: ConversationCacheOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Bytes of the records that the conversations in memory were folded from. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Runs `work` with a conversation that is up to date with the live tail and stays so while it runs. A conversation that
   * the log does not know is empty (`exists` is false).
   *
   * @throws ThroughlineError what reading the log throws
   */
  async use<Result>(
    conversationId: string,
    work: (live: LiveConversation) => Result | Promise<Result>,
  ): Promise<Result> {
    const entry = this.#entries.get(conversationId) ?? this.#load(conversationId);
    entry.live.pinCount++;
    try {
      await entry.loaded;
      // Used last: to the end of the order.
      if (this.#entries.get(conversationId) === entry) {
        this.#entries.delete(conversationId);
        this.#entries.set(conversationId, entry);
      }
      return await work(entry.live);
    } finally {
      entry.live.pinCount--;
      if (!entry.live.exists && !entry.live.isInUse) this.#drop(conversationId, entry);
      this.#evict();
    }
  }

  /** Forgets every conversation: what they were folded from is gone. Whoever works on one keeps it, and nobody else gets it. */
  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  /** Takes a record of the live tail. What belongs to no conversation in memory is not even parsed. */
  deliver(record: LogRecord): void {
    const id = record.key === null ? undefined : conversationOf(fromUtf8(record.key));
    const entry = id === undefined ? undefined : this.#entries.get(id);
    if (id === undefined || entry === undefined || this.#options.reader.partitionOf(id) !== record.partition) return;
    const event = LiveEvent.of(record, this.#options.incarnation.generation);
    if (event === undefined) return;
    if (entry.pending === undefined) this.#apply(entry, event);
    else entry.pending.push(event);
  }

  #load(conversationId: string): Entry {
    const entry: Entry = { live: new LiveConversation(conversationId), pending: [], loaded: Promise.resolve() };
    this.#entries.set(conversationId, entry);
    entry.loaded = this.#fill(conversationId, entry);
    return entry;
  }

  async #fill(conversationId: string, entry: Entry): Promise<void> {
    const { reader, tail } = this.#options;
    // Everything at or after this offset comes by the live tail, into `pending`.
    const to = tail.position(reader.partitionOf(conversationId));
    try {
      for await (const records of reader.read(conversationId, 0n, to)) {
        for (const record of records) {
          const event = LiveEvent.of(record, this.#options.incarnation.generation);
          if (event !== undefined) this.#apply(entry, event, true);
        }
      }
      for (const event of entry.pending ?? []) this.#apply(entry, event);
      entry.pending = undefined;
    } catch (error) {
      // Whoever asks next tries again.
      this.#drop(conversationId, entry);
      throw error;
    }
  }

  #apply(entry: Entry, event: LiveEvent, isHistory = false): void {
    const { live } = entry;
    const before = live.bytes;
    live.apply(event);
    // One that was forgotten while it was being loaded is in nobody's memory but its user's.
    if (this.#entries.get(live.conversation.id) === entry) this.#bytes += live.bytes - before;
    if (!isHistory) this.#options.onEvent(event, live);
  }

  #evict(): void {
    const { bytesMax, countMax } = this.#options;
    if (this.#bytes <= bytesMax && this.#entries.size <= countMax) return;
    for (const [id, entry] of this.#entries) {
      if (entry.pending === undefined && !entry.live.isInUse) this.#drop(id, entry);
      if (this.#bytes <= bytesMax && this.#entries.size <= countMax) return;
    }
  }

  #drop(conversationId: string, entry: Entry): void {
    if (this.#entries.get(conversationId) !== entry) return;
    this.#entries.delete(conversationId);
    this.#bytes -= entry.live.bytes;
  }
}
