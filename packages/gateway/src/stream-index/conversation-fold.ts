// The stream index: a fold of topic `conversations` into SQLite that knows of each conversation what the list shows, and
// where on the log its records are. The records themselves stay on the log; a conversation is folded from them when
// somebody opens it (live/conversation-cache.ts). What a record changes is in conversation-rows.ts.
import { ThroughlineError, type Clock, type Logger, type LogRecord } from '@throughline/event';
import { fold, sqliteStore, type Fold, type FoldStatus, type SqliteState } from '@throughline/fold';
import type { Log } from '@throughline/log';
import type { DatabaseSync } from 'node:sqlite';
import { changedSummariesMax } from '../defaults.ts';
import { codeVersion, createTables, reduceRecord } from './conversation-rows.ts';
import type { Incarnation } from './incarnation.ts';

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
  /** The incarnation that is shown: while the fold is of another one, nobody may look at it. */
  readonly incarnation: Pick<Incarnation, 'topicId'>;
  readonly rangeGapRecords: number;
  readonly commitDelayMs: number;
  /** Called after a commit with the summaries that it changed. */
  readonly onSummaries: (summaries: readonly ConversationSummary[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ConversationFold {
  readonly #options: ConversationFoldOptions;
  readonly #store;
  readonly #changed = new Set<string>();
  #fold!: Fold;
  #offsets: readonly bigint[] = [];
  /** What is stored is of other code or of another log. */
  #isReplaying = false;
  #topicId = '';
  #partitionCount = 1;

  private constructor(options: ConversationFoldOptions) {
    this.#options = options;
    this.#store = sqliteStore({
      path: options.storePath,
      initial: (database: DatabaseSync) => database.exec(createTables),
      clock: options.clock,
    });
  }

  /** @throws ThroughlineError what `fold` and the store throw on opening */
  static async start(options: ConversationFoldOptions): Promise<ConversationFold> {
    const index = new ConversationFold(options);
    index.#fold = await index.#start();
    index.#offsets = index.#fold.status().offsets;
    return index;
  }

  /** Index = partition: the next offset that the index does not know yet; empty while it is folded again. */
  get offsets(): readonly bigint[] {
    return this.#isOfAnother() ? [] : this.#offsets;
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
    if (this.#isOfAnother()) return [];
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
    const [updatedMs, id] = options.after === undefined ? [Infinity, ''] : parseAfter(options.after);
    if (this.#isOfAnother()) return { conversations: [], next: null };
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
    if (this.#isOfAnother()) return undefined;
    return this.#store.read((state) => {
      const row = big(state, 'select offset from written where conversation = ? and id = ?').get(
        conversationId,
        eventId,
      );
      return row?.['offset'] as bigint | undefined;
    });
  }

  /** Until it is folded again, what is stored says nothing of the log that is shown. */
  #isOfAnother(): boolean {
    return this.#isReplaying || this.#topicId !== this.#options.incarnation.topicId;
  }

  #start(): Promise<Fold> {
    const { log, topic, clock, logger, commitDelayMs } = this.#options;
    return fold({
      log,
      topic,
      name: 'gateway-conversations',
      codeVersion,
      store: this.#store,
      reduce: (state, record) => this.#reduce(state, record),
      onCommitted: (offsets) => this.#committed(offsets),
      onTopic: ({ topicId, partitions }) => {
        this.#topicId = topicId;
        this.#partitionCount = partitions.length;
      },
      onReplay: () => {
        this.#isReplaying = true;
      },
      // The index is derived from the log alone: folding again is always right.
      replayOn: () => true,
      commitDelayMs,
      clock,
      logger,
    });
  }

  #reduce(state: SqliteState, record: LogRecord): void {
    const { rangeGapRecords } = this.#options;
    const changed = reduceRecord(state, record, { partitionCount: this.#partitionCount, rangeGapRecords });
    if (changed !== undefined) this.#changed.add(changed);
  }

  #committed(offsets: readonly bigint[]): void {
    this.#offsets = offsets;
    this.#isReplaying = false;
    // More than a transaction's worth is a replay: it changes what is stored, and nothing that anybody was shown.
    const ids = this.#changed.size > changedSummariesMax ? [] : [...this.#changed];
    this.#changed.clear();
    const summaries = ids.flatMap((id) => this.summary(id) ?? []);
    if (summaries.length > 0) this.#options.onSummaries(summaries);
  }
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
  const [, updatedMs = '', id = ''] = /^(-?\d{1,19})_([A-Za-z0-9_:.-]{1,128})$/.exec(after) ?? [];
  if (id === '') throw new ThroughlineError('INVALID_ARGUMENT', 'after: expected the `next` of an earlier page');
  return [Number(updatedMs), id];
}

/** The prepared statement of `sql`, giving integers as bigint: offsets may be beyond 2^53. */
function big(state: SqliteState, sql: string) {
  const statement = state.prepare(sql);
  statement.setReadBigInts(true);
  return statement;
}
