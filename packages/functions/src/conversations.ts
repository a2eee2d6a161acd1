// The conversations of a topic, folded, within bounded memory: the supervisor asks them what a function is to answer and
// where its runs stand. Conversations that were not needed for longest are moved to an SQLite file (a fold's store) and
// fetched again by their stream path.
//
// A row says how far its conversation is folded (`lastOffset` in the snapshot), so rows may be ahead of the checkpoint:
// a start reads the log from the checkpoint on, and what a conversation has seen already changes nothing. The checkpoint
// of a partition is the first offset that a later start must read again: that of the oldest run which has not ended (so
// a start finds every such run), or of the first event that no row has yet.
import {
  conversationFromSnapshot,
  conversationOf,
  emptyConversation,
  reduceConversation,
  snapshotOf,
  type Change,
  type Conversation,
  type Logger,
  type PlacedEvent,
} from '@throughline/event';
import type { Checkpoint, SqliteStore } from '@throughline/fold';

/** Changes when the shape of the rows or the reducer does: another version folds again from the log. */
export const conversationsVersion = '1';

interface Entry {
  readonly conversation: Conversation;
  readonly partition: number;
  /** Estimate of what it takes in memory: the bytes of its events. */
  bytes: number;
  /** Offset of the first event that its row does not have. */
  dirtyFrom: bigint | undefined;
}

export interface ConversationsOptions {
  readonly store: SqliteStore;
  readonly topic: string;
  readonly topicId: string;
  readonly conversationsMax: number;
  readonly bytesMax: number;
  readonly logger: Logger;
}

export interface Folded {
  readonly conversation: Conversation;
  readonly change: Change;
}

export class Conversations {
  readonly #options: ConversationsOptions;
  /** In the order of their last use, oldest first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  /** Index = partition: the offset after the last event seen. */
  readonly #positions: bigint[];
  #checkpoint: Checkpoint;

  private constructor(options: ConversationsOptions, checkpoint: Checkpoint) {
    this.#options = options;
    this.#checkpoint = checkpoint;
    this.#positions = [...checkpoint.offsets];
  }

  /** Opens the store; one that belongs to another log or another version is emptied, and the fold begins again. */
  static async open(options: ConversationsOptions, startOffsets: readonly bigint[]): Promise<Conversations> {
    const { store, topic, topicId } = options;
    const name = `functions:${topic}`;
    const stored = await store.open(name);
    const isUsable =
      stored?.topicId === topicId &&
      stored.codeVersion === conversationsVersion &&
      stored.offsets.length === startOffsets.length &&
      startOffsets.every((start, partition) => start <= stored.offsets[partition]!);
    const fresh: Checkpoint = {
      name,
      topic,
      topicId,
      codeVersion: conversationsVersion,
      fencingEpoch: (stored?.fencingEpoch ?? 0) + 1,
      offsets: [...startOffsets],
      skippedRecords: 0,
    };
    if (stored === undefined || isUsable) {
      const claimed = stored === undefined ? fresh : { ...stored, fencingEpoch: stored.fencingEpoch + 1 };
      await store.transaction(stored, (state) => ({ state, next: claimed }));
      return new Conversations(options, claimed);
    }
    options.logger.warn(
      { topic, codeVersion: stored.codeVersion },
      'function checkpoint is of another log: folding again',
    );
    const rebuild = await store.rebuild();
    await rebuild.swap(stored, fresh);
    return new Conversations(options, fresh);
  }

  /** Table of the store. */
  static readonly initial =
    'create table conversations (stream text primary key, snapshot text not null) without rowid';

  /** Index = partition: the offset to read next. */
  get positions(): readonly bigint[] {
    return this.#positions;
  }

  /** What was before `offset` is gone from the log. */
  skipTo(partition: number, offset: bigint): void {
    this.#positions[partition] = maximum(offset, this.#positions[partition] ?? 0n);
  }

  /** Applies an event; undefined when its stream is no conversation. */
  apply(event: PlacedEvent, bytes: number): Folded | undefined {
    const { partition, offset } = event.at;
    this.passed(partition, offset);
    const entry = this.#entry(event.stream, partition, event.type === 'conversation-created');
    if (entry === undefined) return undefined;
    const change = reduceConversation(entry.conversation, event);
    if (offset === entry.conversation.lastOffset) {
      entry.dirtyFrom ??= offset;
      entry.bytes += bytes;
      this.#bytes += bytes;
    }
    return { conversation: entry.conversation, change };
  }

  /** A record was read that is no event. */
  passed(partition: number, offset: bigint): void {
    if (offset >= (this.#positions[partition] ?? 0n)) this.#positions[partition] = offset + 1n;
  }

  get isTooLarge(): boolean {
    return this.#entries.size > this.#options.conversationsMax || this.#bytes > this.#options.bytesMax;
  }

  /** Writes what has changed, with the offsets to start from, in one transaction; then lets go of what is too much. */
  async save(): Promise<void> {
    const next = [...this.#positions];
    const rows: [string, Entry][] = [];
    for (const [stream, entry] of this.#entries) {
      for (const id of entry.conversation.liveRunIds) {
        const run = entry.conversation.runs.get(id);
        if (run !== undefined) lower(next, entry.partition, BigInt(run.requestedOffset));
      }
      if (entry.dirtyFrom === undefined) continue;
      // A conversation that is being written to would be written again and again; its events are read again instead.
      if (entry.conversation.liveRunIds.size > 0) lower(next, entry.partition, entry.dirtyFrom);
      else rows.push([stream, entry]);
    }
    const checkpoint: Checkpoint = {
      ...this.#checkpoint,
      offsets: next.map((offset, partition) => maximum(offset, this.#checkpoint.offsets[partition] ?? 0n)),
    };
    await this.#options.store.transaction(this.#checkpoint, (state) => {
      const write = state.prepare('insert or replace into conversations (stream, snapshot) values (?, ?)');
      for (const [stream, entry] of rows) write.run(stream, JSON.stringify(snapshotOf(entry.conversation)));
      return { state, next: checkpoint };
    });
    this.#checkpoint = checkpoint;
    for (const [, entry] of rows) entry.dirtyFrom = undefined;
    this.#evict();
  }

  async close(): Promise<void> {
    await this.#options.store.close();
  }

  #evict(): void {
    const { conversationsMax, bytesMax } = this.#options;
    for (const [stream, entry] of this.#entries) {
      if (this.#entries.size <= conversationsMax / 2 && this.#bytes <= bytesMax / 2) return;
      if (entry.dirtyFrom !== undefined || entry.conversation.liveRunIds.size > 0) continue;
      this.#entries.delete(stream);
      this.#bytes -= entry.bytes;
    }
  }

  #entry(stream: string, partition: number, isNew: boolean): Entry | undefined {
    const known = this.#entries.get(stream);
    if (known !== undefined) {
      this.#entries.delete(stream);
      this.#entries.set(stream, known);
      return known;
    }
    const id = conversationOf(stream);
    if (id === undefined) return undefined;
    const entry = (isNew ? undefined : this.#load(stream, partition)) ?? {
      conversation: emptyConversation(id),
      partition,
      bytes: 0,
      dirtyFrom: undefined,
    };
    this.#entries.set(stream, entry);
    this.#bytes += entry.bytes;
    return entry;
  }

  #load(stream: string, partition: number): Entry | undefined {
    const row = this.#options.store.read((state) =>
      state.prepare('select snapshot from conversations where stream = ?').get(stream),
    );
    const snapshot = row?.['snapshot'];
    if (typeof snapshot !== 'string') return undefined;
    const conversation = conversationFromSnapshot(JSON.parse(snapshot));
    return { conversation, partition, bytes: snapshot.length, dirtyFrom: undefined };
  }
}

function lower(offsets: bigint[], partition: number, offset: bigint): void {
  const known = offsets[partition];
  if (known === undefined || offset < known) offsets[partition] = offset;
}

function maximum(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
