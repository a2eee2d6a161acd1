// The engine: each declared table is a fold into one DuckDB file, rows, carried state and offsets in one transaction. It
// knows the log and nothing else; what it keeps is derived and can be made again at any time.
//
// When a stored table cannot be carried on (its definition changed, or the topic is another), it is folded again by
// itself, beside the old one, which is shown until the new one is complete; but only where the log still has its first
// record. Where retention has removed some, a replay would lose rows that nobody can bring back: then the table stands
// still with its reason in the status, and `replay` is a decision that a person takes
// (docs/decisions/0034-changed-definitions-replay-by-themselves.md).
import {
  guardedClock,
  silentLogger,
  systemClock,
  ThroughlineError,
  unattended,
  type Clock,
  type Logger,
} from '@throughline/event';
import {
  DuckDbDatabase,
  duckdbStore,
  fold,
  SharedAssignment,
  type Fold,
  type FoldMismatch,
  type FoldOptions,
  type FoldStatus,
} from '@throughline/fold';
import { partitionFor, type Log } from '@throughline/log';
import { defaults } from './defaults.ts';
import type { HeldPartitions } from './held-partitions.ts';
import { QueryRunner } from './query.ts';
import type { TableDefinition } from './table.ts';
import { tablesReader, type TablesReader } from './tables.ts';

export interface PipelinesOptions {
  readonly log: Log;
  readonly definitions: readonly TableDefinition[];
  /** The DuckDB file; its folder must be there. */
  readonly path: string;
  /**
   * Topics that keep their number of partitions (docs/decisions/0095-protected-topics.md): the place of each key can be told,
   * and an event that is elsewhere does not count. In others partitions may have been added at any time, so that an event
   * may rightly be where any smaller number had placed it; there all count, now and in every replay.
   */
  readonly fixedTopics?: readonly string[];
  /**
   * Shares the tables out among all that are started with this name: each has the rows of the partitions that a consumer
   * group (one for each table, `<group>.<table>`) assigns to it, and says so with every answer. Without it every table is
   * whole.
   */
  readonly group?: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly commitRecordsMax?: number;
  readonly commitDelayMs?: number;
  readonly queryTimeoutMs?: number;
}

export interface Pipelines {
  readonly tables: TablesReader;
  status(): readonly FoldStatus[];
  /** Resolves once every table has all records that its topic had at the time of the call, in the partitions that it has. */
  caughtUp(): Promise<void>;
  /**
   * Folds a table again from the first record that the topic has, beside the present one, and swaps it in.
   *
   * @throws ThroughlineError UNKNOWN_TABLE; what stops the fold, the present table being left as it was
   */
  replay(table: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a fold for each table and opens them for reading.
 *
 * @throws ThroughlineError INVALID_ARGUMENT for two tables of one name; UNKNOWN_TOPIC; DATA_DIR_IN_USE,
 *   DATA_FORMAT_UNSUPPORTED, CONFIG_INVALID for the file
 * @example
 * const pipelines = await startPipelines({ log, definitions: [turns()], path: 'tables.duckdb' });
 * await pipelines.tables.sql('select outcome, count(*) from turns group by all', { rowsMax: 100 });
 */
export async function startPipelines(options: PipelinesOptions): Promise<Pipelines> {
  const { definitions, path } = options;
  const clock = guardedClock(options.clock ?? systemClock, options.logger ?? silentLogger);
  const names = definitions.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ThroughlineError('INVALID_ARGUMENT', `two tables are named ${twice}`);
  const database = new DuckDbDatabase({ path });
  const running = new Map<string, RunningTable>();
  const held = (): HeldPartitions =>
    new Map(options.group === undefined ? [] : Array.from(running, ([name, table]) => [name, table.partitions()]));
  const queries = new QueryRunner(database, clock, options.queryTimeoutMs ?? defaults.queryTimeoutMs, held);
  const close = async (): Promise<void> => {
    await queries.close();
    await Promise.all([...running.values()].map((table) => table.close()));
    await database.close();
  };
  try {
    for (const definition of definitions) {
      const table = new RunningTable(options, definition, database);
      running.set(definition.name, table);
      await table.start();
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    tables: tablesReader({ database, names, queries, held }),
    status: () => [...running.values()].map((table) => table.status()),
    async caughtUp() {
      await Promise.all([...running.values()].map((table) => table.caughtUp()));
    },
    async replay(name) {
      const table = running.get(name);
      if (table === undefined) throw new ThroughlineError('UNKNOWN_TABLE', `no table ${JSON.stringify(name)}`);
      await table.replay();
    },
    close,
  };
}

const mismatches: readonly FoldMismatch[] = ['FOLD_CODE_CHANGED', 'FOLD_LOG_CHANGED', 'FOLD_BEHIND_LOG'];

/** One table: its fold, or the reason why there is none. */
class RunningTable {
  readonly #options: PipelinesOptions;
  readonly #definition: TableDefinition;
  readonly #database: DuckDbDatabase;
  readonly #logger: Logger;
  #fold: Fold | undefined;
  #mismatch: ThroughlineError | undefined;
  /** While the table is shared out and its fold runs. */
  #assignment: SharedAssignment | undefined;
  #left: Promise<void> = Promise.resolve();
  #partitionCount = 0;

  constructor(options: PipelinesOptions, definition: TableDefinition, database: DuckDbDatabase) {
    this.#options = options;
    this.#definition = definition;
    this.#database = database;
    this.#logger = options.logger ?? silentLogger;
  }

  async start(): Promise<void> {
    const { topic } = this.#definition;
    try {
      // The same holds while the table runs: a topic that is made again is whole.
      await this.#begin((_, { partitions }) => partitions.every(({ logStartOffset }) => logStartOffset === 0n));
    } catch (error) {
      if (!ThroughlineError.is(error) || !(mismatches as readonly string[]).includes(error.code)) throw error;
      this.#mismatch = error;
      this.#logger.error({ table: this.#definition.name, topic, ...error.toJSON() }, 'table stands still');
    }
  }

  /** Of a table that is shared out: the partitions that it has. One that stands still has none, for others have them. */
  partitions(): readonly number[] {
    return this.#assignment?.partitions(this.#partitionCount) ?? [];
  }

  status(): FoldStatus {
    const { name, topic } = this.#definition;
    if (this.#fold === undefined) {
      const lastError = (this.#mismatch ?? new ThroughlineError('CLOSED', `table ${name} has not started`)).toJSON();
      return {
        name,
        topic,
        phase: 'stopped',
        offsets: [],
        lagRecords: 0,
        skippedRecords: 0,
        damagedRecords: 0,
        lastError,
      };
    }
    return this.#fold.status();
  }

  async caughtUp(): Promise<void> {
    if (this.#mismatch !== undefined) throw this.#mismatch;
    await this.#fold?.caughtUp();
  }

  async replay(): Promise<void> {
    const before = this.#fold;
    const hasLeft = this.#options.group !== undefined && this.#assignment === undefined;
    if (before !== undefined && !hasLeft) return before.replay();
    await before?.close();
    await this.#begin(mismatches);
    if (before !== undefined) await this.#fold?.replay();
    this.#mismatch = undefined;
    await this.caughtUp();
  }

  async close(): Promise<void> {
    await this.#fold?.close();
    await this.#leave();
  }

  /** Others have its partitions at once. */
  #leave(): Promise<void> {
    const assignment = this.#assignment;
    this.#assignment = undefined;
    if (assignment !== undefined) this.#left = assignment.close();
    return this.#left;
  }

  async #begin(replayOn: FoldOptions<unknown>['replayOn'] & {}): Promise<void> {
    const { group, log } = this.#options;
    const { name, topic } = this.#definition;
    if (group !== undefined)
      this.#assignment = new SharedAssignment({ log, topic, group: `${group}.${name}`, logger: this.#logger });
    try {
      this.#fold = await this.#startFold(replayOn);
    } catch (error) {
      await this.#leave();
      throw error;
    }
    const { stopped } = this.#fold;
    unattended(this.#logger, 'leaving the group of a table', () => stopped.then(() => this.#leave()));
  }

  #startFold(replayOn: FoldOptions<unknown>['replayOn'] & {}): Promise<Fold> {
    const { log, fixedTopics = [], clock, logger, commitRecordsMax, commitDelayMs } = this.#options;
    const { name, topic, codeVersion, stored, initial, reduce, isKeyed } = this.#definition;
    const hasPlaces = isKeyed && fixedTopics.includes(topic);
    return fold({
      log,
      topic,
      name,
      codeVersion,
      store: duckdbStore({ database: this.#database, tables: [stored], initial }),
      reduce: (state, record) => {
        if (hasPlaces && partitionFor(record.key, this.#partitionCount) !== record.partition)
          throw new ThroughlineError('INVALID_EVENT', 'the record is on another partition than its key says');
        reduce(state, record);
      },
      onTopic: ({ partitions }) => {
        this.#partitionCount = partitions.length;
      },
      replayOn,
      ...(this.#assignment === undefined ? {} : { assignment: this.#assignment }),
      commitRecordsMax: commitRecordsMax ?? defaults.commitRecordsMax,
      commitDelayMs: commitDelayMs ?? defaults.commitDelayMs,
      ...(clock === undefined ? {} : { clock }),
      ...(logger === undefined ? {} : { logger }),
    });
  }
}
