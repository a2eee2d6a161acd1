// The conversations of a topic, folded, within bounded memory: the supervisor asks them what a function is to answer and
// where its runs stand. Conversations that were not needed for longest are moved to an SQLite file (a fold's store) and
// fetched again by their stream path.
//
// A row says how far its conversation is folded (`lastOffset` in the snapshot), so rows may be ahead of the checkpoint:
// a start reads the log from the checkpoint on, and what a conversation has seen already changes nothing. The checkpoint
// of a partition is the first offset that a later start must read again: that of the oldest run which has not ended (so
// a start finds every such run), or of the first event that no row has yet.
import { crc32 } from 'node:zlib';
import {
  conversationFromSnapshot,
  conversationOf,
  emptyConversation,
  reduceConversation,
  snapshotOf,
  ThroughlineError,
  type Change,
  type Conversation,
  type Logger,
  type LogRecord,
  type PlacedEvent,
} from '@throughline/event';
import type { Checkpoint, SqliteStore } from '@throughline/fold';
import { partitionFor, readOn, type Log, type TopicDescription } from '@throughline/log';

/** Changes when the shape of the rows or the reducer does: another version folds again from the log. */
export const conversationsVersion = '1';

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

export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #entries = new Map<string, Entry>();
  #uses = 0;
  #bytes = 0;
  /** Index = partition: the offset to read next, and what the record before it looked like. */
  readonly #positions: bigint[];
  readonly #marks: (string | null)[];
  readonly #lastRecords: (LogRecord | undefined)[] = [];
  #checkpoint: Checkpoint;

  private constructor(options: ConversationsOptions, checkpoint: Checkpoint) {
    this.#options = options;
    this.#checkpoint = checkpoint;
    this.#positions = [...checkpoint.offsets];
    this.#marks = [...checkpoint.marks];
  }

  /** Opens the store; one that belongs to another log or another version is emptied, and the fold begins again. */
  static async open(options: ConversationsOptions): Promise<Conversations> {
    const { store, log, topic, logger } = options;
    const description = await log.admin.describeTopic(topic);
    const name = `functions:${topic}`;
    const stored = await store.open(name);
    const fresh: Checkpoint = {
      name,
      topic,
      topicId: description.topicId,
      codeVersion: conversationsVersion,
      fencingEpoch: (stored?.fencingEpoch ?? 0) + 1,
      offsets: description.partitions.map(({ logStartOffset }) => logStartOffset),
      marks: description.partitions.map(() => null),
      // Both are counted by the reader, since the start: some records are read again at each start.
      skippedRecords: 0,
      damagedRecords: 0,
    };
    if (stored === undefined) {
      await store.transaction(stored, (state) => ({ state, next: fresh }));
      return new Conversations(options, fresh);
    }
    const refusal = await mismatchOf(stored, log, description);
    if (refusal === undefined) {
      const claimed = { ...stored, fencingEpoch: fresh.fencingEpoch };
      await store.transaction(stored, (state) => ({ state, next: claimed }));
      return new Conversations(options, claimed);
    }
    logger.warn({ topic, reason: refusal }, 'checkpoint of functions cannot be used: the topic is read from its start');
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

  /** A record has been read; `apply` follows if it is an event. */
  passed(record: LogRecord): void {
    this.#positions[record.partition] = record.offset + 1n;
    this.#lastRecords[record.partition] = record;
  }

  /**
   * Applies the event of a record.
   *
   * @throws ThroughlineError INVALID_EVENT when its stream is no conversation, or has its place on another partition:
   *   offsets of two partitions have no order, so that it would make events of the conversation look old
   */
  apply(event: PlacedEvent, { key, value }: LogRecord): Folded {
    const { partition, offset } = event.at;
    if (partitionFor(key, this.#positions.length) !== partition)
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

  /** Writes what has changed, with the offsets to start from, in one transaction; then lets go of what is too much. */
  async save(): Promise<void> {
    const next = [...this.#positions];
    for (const [partition, record] of this.#lastRecords.entries()) {
      if (record !== undefined) this.#marks[partition] = markOf(record);
    }
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
      marks: [...this.#marks],
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

  /** Lets go of what was not used for longest, down to half of what may be kept. */
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
    if (typeof snapshot !== 'string') return undefined;
    const conversation = conversationFromSnapshot(JSON.parse(snapshot));
    return { conversation, partition, bytes: snapshot.length, dirtyFrom: undefined, usedAt: this.#uses };
  }
}

/**
 * Why a stored state is not one of this log, or undefined when it is. Rows may be ahead of the checkpoint, so the marks are
 * of the last record that was read: a log that has lost it (a power cut) has another history under the same offsets.
 */
async function mismatchOf(stored: Checkpoint, log: Log, description: TopicDescription): Promise<string | undefined> {
  const { topic, topicId, partitions } = description;
  if (stored.topic !== topic || stored.topicId !== topicId) return 'it is of another topic';
  if (stored.codeVersion !== conversationsVersion) return `it is of version ${stored.codeVersion}`;
  if (stored.offsets.length !== partitions.length) return 'the topic has another number of partitions';
  for (const { partition, logStartOffset, highWatermark } of partitions) {
    if (stored.offsets[partition]! < logStartOffset) return 'records are gone unseen';
    const mark = stored.marks[partition] ?? null;
    if (mark === null) continue;
    const offset = BigInt(mark.slice(0, mark.indexOf(':')));
    if (offset >= highWatermark) return 'it is ahead of the log';
    if (offset < logStartOffset) continue;
    let isDamaged = false;
    const { records } = await readOn(log, { topic, partition, offset, bytesMax: 1 }, () => (isDamaged = true));
    // Damage says nothing of which history this is; the topic's reader reports what it meets.
    if (isDamaged) continue;
    if (records[0] === undefined || markOf(records[0]) !== mark) return 'the log has another record than was read';
  }
  return undefined;
}

/** What a record looked like: `<offset>:<timestamp>:<CRC-32 of its value>`. */
function markOf(record: LogRecord): string {
  return `${record.offset}:${record.timestampMs}:${crc32(record.value ?? '').toString(36)}`;
}

function lower(offsets: bigint[], partition: number, offset: bigint): void {
  const known = offsets[partition];
  if (known === undefined || offset < known) offsets[partition] = offset;
}

function maximum(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
