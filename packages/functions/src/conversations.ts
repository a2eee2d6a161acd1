// The conversations of a topic, folded, within bounded memory: the supervisor asks them what a function is to answer and
// where its runs stand. Conversations that were not needed for longest are moved to an SQLite file (a fold's store) and
// fetched again by their stream path.
//
// A row says how far its conversation is folded (`lastOffset` in the snapshot), so rows may be ahead of the checkpoint:
// a start reads the log from the checkpoint on, and what a conversation has seen already changes nothing. The checkpoint
// of a partition is the first offset that a later start must read again: that of the first event that no row has yet.
//
// Runs that have not ended, ours and those that are other supervisors' business, do not hold the checkpoint back: a row says
// how many its conversation has, written in the transaction of the checkpoint, and a start fetches those conversations first.
import {
  conversationFromSnapshot,
  conversationOf,
  emptyConversation,
  reduceConversation,
  snapshotOf,
  ThroughlineError,
  utf8,
  type Change,
  type Conversation,
  type Logger,
  type LogRecord,
  type PlacedEvent,
} from '@throughline/event';
import { claimState, type Checkpoint, type SqliteStore } from '@throughline/fold';
import { partitionFor, unknownEpoch, type Log, type TopicDescription } from '@throughline/log';
import { heldBackRecordsMax } from './defaults.ts';

/** Changes when the shape of the rows or the reducer does: another version folds again from the log. */
export const conversationsVersion = '2';

interface Entry {
  readonly conversation: Conversation;
  readonly partition: number;
  /** Estimate of what it takes in memory: the bytes of its events. */
  bytes: number;
  /** Offset of the first event that its row does not have. */
  dirtyFrom: bigint | undefined;
  /** Counts up with each use of any conversation. */
  usedAt: number;
}

export interface ConversationsOptions {
  readonly store: SqliteStore;
  readonly log: Log;
  readonly topic: string;
  readonly conversationsMax: number;
  readonly bytesMax: number;
  readonly logger: Logger;
}

export interface Folded {
  readonly conversation: Conversation;
  readonly change: Change;
}

/** How far the topic has been read. */
export interface ReadPosition {
  /** Index = partition: the offset to read next. */
  readonly offsets: readonly bigint[];
  /** Index = partition: the mark of the last record read. */
  readonly marks: readonly (string | null)[];
  /** Index = partition: the leader epoch of that record; -1 where it is not known. */
  readonly lastEpochs: readonly number[];
}

export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #entries = new Map<string, Entry>();
  #uses = 0;
  #bytes = 0;
  #partitionCount: number;
  #checkpoint: Checkpoint;

  private constructor(options: ConversationsOptions, checkpoint: Checkpoint, description: TopicDescription) {
    this.#options = options;
    this.#checkpoint = checkpoint;
    this.#partitionCount = description.partitions.length;
  }

  /** Opens the store; one that belongs to another log or another version is emptied, and the fold begins again. */
  static async open(options: ConversationsOptions, description: TopicDescription): Promise<Conversations> {
    const { store, log, topic, logger } = options;
    const { claimed, mismatch } = await claimState(
      { log, name: `functions:${topic}`, codeVersion: conversationsVersion, store, mayReplay: () => true },
      description,
    );
    const conversations = new Conversations(options, claimed, description);
    if (mismatch === undefined) conversations.#fetchOpen();
    else {
      const { message } = mismatch;
      logger.warn(
        { topic, reason: message },
        'checkpoint of functions cannot be used: the topic is read from its start',
      );
      await conversations.rebuild(description);
    }
    return conversations;
  }

  /** Table of the store. */
  static readonly initial = `create table conversations (stream text primary key, snapshot text not null, open_runs integer not null) without rowid;
    create index conversations_open on conversations (stream) where open_runs > 0`;

  /** Where to read on. */
  get position(): ReadPosition {
    const { offsets, marks, lastEpochs } = this.#checkpoint;
    return { offsets, marks, lastEpochs };
  }

  /** Conversations with runs that have not ended. */
  *withOpenRuns(): Generator<Conversation> {
    for (const { conversation } of this.#entries.values()) if (conversation.liveRunIds.size > 0) yield conversation;
  }

  /** The topic has more partitions. */
  grown({ partitions }: TopicDescription): void {
    this.#partitionCount = partitions.length;
  }

  /** Forgets everything, also what is stored: what follows is another history. */
  async rebuild(description: TopicDescription): Promise<void> {
    const { store, topic } = this.#options;
    const { name, fencingEpoch } = this.#checkpoint;
    const { topicId, partitions } = description;
    const fresh: Checkpoint = {
      name,
      topic,
      topicId,
      codeVersion: conversationsVersion,
      fencingEpoch,
      offsets: partitions.map(({ logStartOffset }) => logStartOffset),
      marks: partitions.map(() => null),
      lastEpochs: partitions.map(() => unknownEpoch),
      // Both are counted by the reader, since the start: some records are read again at each start.
      skippedRecords: 0,
      damagedRecords: 0,
    };
    const rebuild = await store.rebuild();
    try {
      await rebuild.swap(this.#checkpoint, fresh);
    } catch (error) {
      await rebuild.discard();
      throw error;
    }
    this.#checkpoint = fresh;
    this.#partitionCount = partitions.length;
    this.#entries.clear();
    this.#bytes = 0;
  }

  /**
   * Applies the event of a record.
   *
   * @throws ThroughlineError INVALID_EVENT when its stream is no conversation, or has its place on another partition:
   *   offsets of two partitions have no order, so that it would make events of the conversation look old
   */
  apply(event: PlacedEvent, { key, value }: LogRecord): Folded {
    const { partition, offset } = event.at;
    if (partitionFor(key, this.#partitionCount) !== partition)
      throw new ThroughlineError('INVALID_EVENT', `${event.stream} is on another partition than its key says`);
    const bytes = value?.length ?? 0;
    const entry = this.#entry(event.stream, partition, event.type === 'conversation-created');
    const change = reduceConversation(entry.conversation, event);
    if (offset === entry.conversation.lastOffset) {
      entry.dirtyFrom ??= offset;
      entry.bytes += bytes;
      this.#bytes += bytes;
    }
    return { conversation: entry.conversation, change };
  }

  get isTooLarge(): boolean {
    return this.#entries.size > this.#options.conversationsMax || this.#bytes > this.#options.bytesMax;
  }

  /**
   * Writes what has changed, with the offsets to start from, in one transaction; then evicts what is too much.
   *
   * @param isLast whether nothing comes after it: then everything is written
   */
  async save({ offsets, marks, lastEpochs }: ReadPosition, isLast = false): Promise<void> {
    const next = [...offsets];
    const rows: [string, Entry][] = [];
    for (const [stream, entry] of this.#entries) {
      const { conversation, dirtyFrom, partition } = entry;
      if (dirtyFrom === undefined) continue;
      const behindRecords = (offsets[partition] ?? 0n) - dirtyFrom;
      // A conversation that is being written to would be written again and again; its events are read again instead.
      const isHeldBack = conversation.liveRunIds.size > 0 && behindRecords < heldBackRecordsMax && !isLast;
      if (isHeldBack) lower(next, partition, dirtyFrom);
      else rows.push([stream, entry]);
    }
    const checkpoint: Checkpoint = {
      ...this.#checkpoint,
      offsets: next.map((offset, partition) => maximum(offset, this.#checkpoint.offsets[partition] ?? 0n)),
      marks,
      lastEpochs,
    };
    await this.#options.store.transaction(this.#checkpoint, (state) => {
      const write = state.prepare(
        'insert or replace into conversations (stream, snapshot, open_runs) values (?, ?, ?)',
      );
      for (const [stream, { conversation }] of rows)
        write.run(stream, JSON.stringify(snapshotOf(conversation)), conversation.liveRunIds.size);
      return { state, next: checkpoint };
    });
    this.#checkpoint = checkpoint;
    for (const [, entry] of rows) entry.dirtyFrom = undefined;
    this.#evict();
  }

  async close(): Promise<void> {
    await this.#options.store.close();
  }

  /** Evicts what was not used for longest, down to half of what may be kept. */
  #evict(): void {
    if (!this.isTooLarge) return;
    const { conversationsMax, bytesMax } = this.#options;
    const oldestFirst = [...this.#entries].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [stream, entry] of oldestFirst) {
      if (this.#entries.size <= conversationsMax / 2 && this.#bytes <= bytesMax / 2) return;
      if (entry.dirtyFrom !== undefined || entry.conversation.liveRunIds.size > 0) continue;
      this.#entries.delete(stream);
      this.#bytes -= entry.bytes;
    }
  }

  #entry(stream: string, partition: number, isNew: boolean): Entry {
    const usedAt = ++this.#uses;
    const known = this.#entries.get(stream);
    if (known !== undefined) {
      known.usedAt = usedAt;
      return known;
    }
    const id = conversationOf(stream);
    if (id === undefined) throw new ThroughlineError('INVALID_EVENT', `${stream} is no conversation`);
    const entry = (isNew ? undefined : this.#load(stream, partition)) ?? {
      conversation: emptyConversation(id),
      partition,
      bytes: 0,
      dirtyFrom: undefined,
      usedAt,
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
    return typeof snapshot === 'string' ? this.#entryOf(snapshot, partition) : undefined;
  }

  /** Fetches what has open runs: whoever looks after runs must know of them without reading the log again. */
  #fetchOpen(): void {
    const rows = this.#options.store.read((state) =>
      state.prepare('select stream, snapshot from conversations where open_runs > 0').all(),
    );
    for (const row of rows) {
      const stream = String(row['stream']);
      const entry = this.#entryOf(String(row['snapshot']), partitionFor(utf8(stream), this.#partitionCount));
      this.#entries.set(stream, entry);
      this.#bytes += entry.bytes;
    }
  }

  #entryOf(snapshot: string, partition: number): Entry {
    const conversation = conversationFromSnapshot(JSON.parse(snapshot));
    return { conversation, partition, bytes: snapshot.length, dirtyFrom: undefined, usedAt: this.#uses };
  }
}

function lower(offsets: bigint[], partition: number, offset: bigint): void {
  const known = offsets[partition];
  if (known === undefined || offset < known) offsets[partition] = offset;
}

function maximum(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
