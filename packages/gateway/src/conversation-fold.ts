// The stream index: a fold of topic `conversations` into SQLite that knows of each conversation what the list shows, and
// where on the log its records are. The records themselves stay on the log; a conversation is folded from them when
// somebody opens it (conversations-in-memory.ts).
//
//   conversation(id, title, created_ms, updated_ms, is_archived, is_deleted, last_offset, open_runs)
//   record_range(conversation, first_offset, last_offset)    inclusive; may span a few foreign records (rangeGapRecords)
//   run(conversation, id, state)                             state: JSON of `Run` until it ends, then null
//   written(conversation, id, offset)                        events that clients retry by id, and where they landed
//
// All offsets of a conversation are of one partition, which follows from its key. A record that a foreign producer put on
// another partition has no place in the conversation's order; it is skipped like any other record that is no event.
import {
  conversationOf,
  eventFromRecord,
  fromUtf8,
  reduceRun,
  runFrom,
  ThroughlineError,
  type Clock,
  type Logger,
  type LogRecord,
  type PlacedEvent,
  type Run,
} from '@throughline/event';
import { fold, sqliteStore, type Fold, type FoldMismatch, type FoldStatus, type SqliteState } from '@throughline/fold';
import { partitionFor, type Log } from '@throughline/log';
import type { DatabaseSync } from 'node:sqlite';

/** What the list of conversations shows. */
export interface ConversationSummary {
  readonly id: string;
  readonly title: string;
  readonly createdMs: number;
  /** When somebody last wrote, renamed or archived, or a reply ended. */
  readonly updatedMs: number;
  readonly isArchived: boolean;
  readonly isDeleted: boolean;
  readonly isRunning: boolean;
  readonly lastOffset: bigint;
}

/** Offsets from `first` to `last`, both included. */
export interface OffsetRange {
  readonly first: bigint;
  readonly last: bigint;
}

export interface SummaryPage {
  readonly conversations: readonly ConversationSummary[];
  /** Pass it as `after` for the next page; null at the end. */
  readonly next: string | null;
}

export interface ConversationFoldOptions {
  readonly log: Log;
  readonly topic: string;
  readonly storePath: string;
  readonly partitionCount: number;
  readonly rangeGapRecords: number;
  readonly commitDelayMs: number;
  /** Called after a commit with the summaries that it changed. */
  readonly onSummaries: (summaries: readonly ConversationSummary[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Counted up whenever the reducer or its tables change: stored state of another version is folded again. */
const codeVersion = '1';
/** Reasons for which a stored state cannot be carried on. */
const mismatches: readonly FoldMismatch[] = ['FOLD_CODE_CHANGED', 'FOLD_LOG_CHANGED', 'FOLD_BEHIND_LOG'];
const changedMax = 2_000;
const createTables = `
  create table conversation(id text primary key, title text not null, created_ms integer not null, updated_ms integer not null,
    is_archived integer not null, is_deleted integer not null, last_offset integer not null, open_runs integer not null
  ) strict, without rowid;
  create index conversation_by_update on conversation(is_deleted, is_archived, updated_ms desc, id desc);
  create table record_range(conversation text not null, first_offset integer not null, last_offset integer not null,
    primary key (conversation, first_offset)) strict, without rowid;
  create table run(conversation text not null, id text not null, state text, primary key (conversation, id)) strict, without rowid;
  create table written(conversation text not null, id text not null, offset integer not null,
    primary key (conversation, id)) strict, without rowid;`;

export class ConversationFold {
  readonly #options: ConversationFoldOptions;
  readonly #store;
  readonly #changed = new Set<string>();
  #fold!: Fold;
  #offsets: readonly bigint[] = [];
  #isReplaying = false;

  private constructor(options: ConversationFoldOptions) {
    this.#options = options;
    this.#store = sqliteStore({
      path: options.storePath,
      initial: (database: DatabaseSync) => database.exec(createTables),
    });
  }

  /** @throws ThroughlineError what `fold` and the store throw on opening */
  static async start(options: ConversationFoldOptions): Promise<ConversationFold> {
    const index = new ConversationFold(options);
    try {
      index.#fold = await index.#start([]);
    } catch (error) {
      const mismatch = mismatches.find((code) => ThroughlineError.is(error, code));
      if (mismatch === undefined) throw error;
      // The index is derived from the log alone: folding again is always right. Until that is done what is stored is of
      // other code or of another log, and nobody may look at it.
      index.#isReplaying = true;
      index.#fold = await index.#start([mismatch]);
    }
    index.#offsets = index.#fold.status().offsets;
    return index;
  }

  /** Index = partition: the next offset that the index does not know yet; empty while it is folded again. */
  get offsets(): readonly bigint[] {
    return this.#isReplaying ? [] : this.#offsets;
  }

  status(): FoldStatus {
    return this.#fold.status();
  }

  /**
   * Resolves once the index has everything that is on the log now, but after `waitMsMax` at the latest: an index that is
   * folded again for minutes must not hold up the list for so long.
   *
   * @throws ThroughlineError what stopped the fold; CLOSED
   */
  async caughtUp(waitMsMax: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(waitMsMax, () => late.resolve());
    try {
      await Promise.race([this.#fold.caughtUp(), late.promise]);
    } finally {
      timer.cancel();
    }
  }

  close(): Promise<void> {
    return this.#fold.close();
  }

  /** Where the records of a conversation are, at or after `from`, as far as the index knows. */
  ranges(conversationId: string, from: bigint): OffsetRange[] {
    if (this.#isReplaying) return [];
    return this.#store.read((state) =>
      big(
        state,
        'select first_offset, last_offset from record_range where conversation = ? and last_offset >= ? order by first_offset',
      )
        .all(conversationId, from)
        .map((row) => {
          const first = row['first_offset'] as bigint;
          return { first: first < from ? from : first, last: row['last_offset'] as bigint };
        }),
    );
  }

  summary(conversationId: string): ConversationSummary | undefined {
    return this.#store.read((state) => {
      const row = big(state, 'select * from conversation where id = ?').get(conversationId);
      return row === undefined ? undefined : summaryOf(row);
    });
  }

  /** Conversations that are not deleted, newest change first. */
  list(options: {
    readonly limit: number;
    readonly after: string | undefined;
    readonly isArchived: boolean;
  }): SummaryPage {
    const [updatedMs, id] = options.after === undefined ? [Number.MAX_SAFE_INTEGER, ''] : parseAfter(options.after);
    if (this.#isReplaying) return { conversations: [], next: null };
    const rows = this.#store.read((state) =>
      big(
        state,
        `select * from conversation where is_deleted = 0 and is_archived = ? and (updated_ms, id) < (?, ?)
          order by updated_ms desc, id desc limit ?`,
      ).all(options.isArchived ? 1 : 0, updatedMs, id, options.limit + 1),
    );
    const conversations = rows.slice(0, options.limit).map(summaryOf);
    const last = conversations.at(-1);
    return {
      conversations,
      next: rows.length > options.limit && last !== undefined ? `${last.updatedMs}_${last.id}` : null,
    };
  }

  /** Where an event landed that a client wrote under this id, if it did. */
  offsetOfWritten(conversationId: string, eventId: string): bigint | undefined {
    if (this.#isReplaying) return undefined;
    return this.#store.read((state) => {
      const row = big(state, 'select offset from written where conversation = ? and id = ?').get(
        conversationId,
        eventId,
      );
      return row?.['offset'] as bigint | undefined;
    });
  }

  #start(replayOn: readonly FoldMismatch[]): Promise<Fold> {
    const { log, topic, clock, logger, commitDelayMs } = this.#options;
    return fold({
      log,
      topic,
      name: 'gateway-conversations',
      codeVersion,
      store: this.#store,
      reduce: (state, record) => this.#reduce(state, record),
      onCommitted: (offsets) => this.#committed(offsets),
      replayOn,
      commitDelayMs,
      clock,
      logger,
    });
  }

  #reduce(state: SqliteState, record: LogRecord): void {
    const event = eventFromRecord(record);
    const id = conversationOf(event.stream);
    if (id === undefined) throw new ThroughlineError('INVALID_EVENT', `${event.stream} is no conversation`);
    if (partitionFor(record.key, this.#options.partitionCount) !== record.partition) {
      throw new ThroughlineError(
        'INVALID_EVENT',
        `${fromUtf8(record.key ?? new Uint8Array())} is on another partition`,
      );
    }
    this.#addToRange(state, id, record.offset);
    // A chunk changes nothing that the list shows; at fifty a second it is not worth a row.
    if (event.type === 'chunk' || event.type === 'lease-renewed') return;
    const { timestampMs, offset } = event.at;
    state
      .prepare(
        `insert into conversation values (?, '', ?, ?, 0, 0, ?, 0)
          on conflict do update set last_offset = excluded.last_offset`,
      )
      .run(id, timestampMs, timestampMs, offset);
    if (changeRow(state, id, event)) {
      state.prepare('update conversation set updated_ms = max(updated_ms, ?) where id = ?').run(timestampMs, id);
    }
    this.#changed.add(id);
  }

  #addToRange(state: SqliteState, id: string, offset: bigint): void {
    const extended = state
      .prepare(
        `update record_range set last_offset = ?1 where conversation = ?2 and last_offset >= ?3
          and first_offset = (select max(first_offset) from record_range where conversation = ?2)`,
      )
      .run(offset, id, offset - BigInt(this.#options.rangeGapRecords));
    if (Number(extended.changes) === 0) {
      state.prepare('insert into record_range values (?, ?, ?)').run(id, offset, offset);
    }
  }

  #committed(offsets: readonly bigint[]): void {
    this.#offsets = offsets;
    this.#isReplaying = false;
    // More than a transaction's worth is a replay: it changes what is stored, and nothing that anybody was shown.
    const ids = this.#changed.size > changedMax ? [] : [...this.#changed];
    this.#changed.clear();
    const summaries = ids.flatMap((id) => this.summary(id) ?? []);
    if (summaries.length > 0) this.#options.onSummaries(summaries);
  }
}

/** Applies what the list shows; tells whether the conversation moves to the top by it. */
function changeRow(state: SqliteState, id: string, event: PlacedEvent): boolean {
  switch (event.type) {
    case 'conversation-created':
    case 'conversation-renamed':
      state.prepare('update conversation set title = ? where id = ?').run(event.payload.title, id);
      return noteWritten(state, id, event);
    case 'conversation-archived':
      state.prepare('update conversation set is_archived = ? where id = ?').run(event.payload.archived ? 1 : 0, id);
      return noteWritten(state, id, event);
    case 'conversation-deleted':
      state.prepare('update conversation set is_deleted = 1 where id = ?').run(id);
      return noteWritten(state, id, event);
    case 'branch-selected':
    case 'feedback-given':
      noteWritten(state, id, event);
      return false;
    case 'message-created':
      return true;
    case 'run-requested':
    case 'attempt-started':
    case 'run-ended':
      return changeRun(state, id, event);
    default:
      return false;
  }
}

function noteWritten(state: SqliteState, id: string, event: PlacedEvent): boolean {
  state.prepare('insert into written values (?, ?, ?) on conflict do nothing').run(id, event.id, event.at.offset);
  return true;
}

/**
 * Follows a run as far as needed to know whether it is over. Chunks are left out: whether an end counts depends on the
 * attempts alone, so `reduceRun` gives the same answer without them.
 */
function changeRun(
  state: SqliteState,
  id: string,
  event: Extract<PlacedEvent, { type: 'run-requested' | 'attempt-started' | 'run-ended' }>,
): boolean {
  const row = state.prepare('select state from run where conversation = ? and id = ?').get(id, event.run);
  if (event.type === 'run-requested') {
    if (row !== undefined) return false;
    state.prepare('insert into run values (?, ?, ?)').run(id, event.run, JSON.stringify(runFrom(event)));
    state.prepare('update conversation set open_runs = open_runs + 1 where id = ?').run(id);
    return true;
  }
  if (typeof row?.['state'] !== 'string') return false;
  const run = JSON.parse(row['state']) as Run;
  if (reduceRun(run, event) !== 'counts') return false;
  const hasEnded = run.phase === 'ended';
  const update = state.prepare('update run set state = ? where conversation = ? and id = ?');
  update.run(hasEnded ? null : JSON.stringify(run), id, event.run);
  if (hasEnded) state.prepare('update conversation set open_runs = open_runs - 1 where id = ?').run(id);
  return hasEnded;
}

function summaryOf(row: Record<string, unknown>): ConversationSummary {
  return {
    id: String(row['id']),
    title: String(row['title']),
    createdMs: Number(row['created_ms']),
    updatedMs: Number(row['updated_ms']),
    isArchived: row['is_archived'] === 1n,
    isDeleted: row['is_deleted'] === 1n,
    isRunning: (row['open_runs'] as bigint) > 0n,
    lastOffset: row['last_offset'] as bigint,
  };
}

function parseAfter(after: string): [number, string] {
  const [, updatedMs = '', id = ''] = /^(\d{1,16})_([A-Za-z0-9_:.-]{1,128})$/.exec(after) ?? [];
  if (id === '') throw new ThroughlineError('INVALID_ARGUMENT', 'after: expected the `next` of an earlier page');
  return [Number(updatedMs), id];
}

/** The prepared statement of `sql`, giving integers as bigint: offsets may be beyond 2^53. */
function big(state: SqliteState, sql: string) {
  const statement = state.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}
