// One read of the tables in SQL, from somebody who is not trusted to stop at reading. Four locks, each enough for most of
// what could be tried:
//
//   * the statement must be exactly one, without parameters, and a SELECT or an EXPLAIN by DuckDB's own parser;
//   * it runs in a read-only transaction, on a connection of its own, which the engine enforces;
//   * the instance has no access to files or the network, loads no extension, and its configuration is locked (fold floor);
//   * it ends after a time, a number of rows and a number of bytes.
import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBResult, Json } from '@duckdb/node-api';
import { ThroughlineError, type Clock } from '@throughline/event';
import type { DuckDbDatabase } from '@throughline/fold';
import { defaults } from './defaults.ts';
import { isHeldSql, type HeldPartitions } from './held-partitions.ts';
import { jsonCells, typeName } from './json-cells.ts';

export interface Column {
  readonly name: string;
  /** DuckDB's name of the type. */
  readonly type: string;
}

export interface QueryResult {
  readonly columns: readonly Column[];
  readonly rows: readonly Readonly<Record<string, Json>>[];
  /** There was more than the limit of rows or bytes. */
  readonly isTruncated: boolean;
  /** The partitions that the tables have, by name, where others have the rest; absent where all are whole. */
  readonly partitions?: Readonly<Record<string, readonly number[]>>;
}

export interface QueryOptions {
  /** Rows of the answer at most. */
  readonly rowsMax: number;
}

/** Runs queries one after the other, so that they never take more than one of the process's I/O threads. */
export class QueryRunner {
  readonly #database: DuckDbDatabase;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #held: () => HeldPartitions;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Interrupts the query that runs. */
  #interrupt: (() => void) | undefined;
  #isClosed = false;

  constructor(database: DuckDbDatabase, clock: Clock, timeoutMs: number, held: () => HeldPartitions) {
    this.#database = database;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#held = held;
  }

  /** @throws ThroughlineError SQL_INVALID, INVALID_ARGUMENT, THROTTLED, CLOSED */
  async run(text: string, options: QueryOptions): Promise<QueryResult> {
    const { rowsMax } = options;
    if (!Number.isSafeInteger(rowsMax) || rowsMax < 1 || rowsMax > defaults.queryRowsMax)
      throw new ThroughlineError('INVALID_ARGUMENT', `rowsMax: expected 1 to ${defaults.queryRowsMax}`);
    if (text.length > defaults.queryLengthMax)
      throw new ThroughlineError('SQL_INVALID', `the statement is longer than ${defaults.queryLengthMax} characters`);
    if (this.#waiting >= defaults.queriesWaitingMax)
      throw new ThroughlineError('THROTTLED', `${this.#waiting} queries wait already`, { retryAfterMs: 1000 });
    this.#waiting++;
    const turn = this.#last.then(() => this.#runNow(text, rowsMax));
    // The next in line waits for the end of this one, however it ends; its own caller hears how.
    this.#last = turn.then(
      () => {},
      () => {},
    );
    return turn.finally(() => this.#waiting--);
  }

  /** Interrupts the query that runs and rejects those that wait. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#interrupt?.();
    await this.#last;
  }

  async #runNow(text: string, rowsMax: number): Promise<QueryResult> {
    if (this.#isClosed) throw new ThroughlineError('CLOSED', 'the tables are closed');
    const held = this.#held();
    const connection = await this.#database.connect();
    let isOverdue = false;
    let timer = this.#clock.after(this.#timeoutMs, () => {
      isOverdue = true;
      interrupt();
    });
    // An interrupt that comes before a statement has begun is lost, so it is repeated until the query has ended.
    const interrupt = (): void => {
      connection.interrupt();
      timer.cancel();
      timer = this.#clock.after(defaults.interruptEveryMs, interrupt);
    };
    this.#interrupt = interrupt;
    try {
      for (const [name, partitions] of held) await narrow(connection, name, partitions);
      await connection.run('begin transaction read only');
      const statement = await prepareRead(connection, text);
      const result = await this.#collect(await statement.stream(), rowsMax);
      return held.size === 0 ? result : { ...result, partitions: Object.fromEntries(held) };
    } catch (error) {
      if (this.#isClosed) throw new ThroughlineError('CLOSED', 'the tables are closed', { cause: error });
      if (isOverdue) throw invalid(`it took longer than ${this.#timeoutMs} ms`, error);
      throw ThroughlineError.is(error) ? error : invalid(error instanceof Error ? error.message : String(error), error);
    } finally {
      this.#interrupt = undefined;
      timer.cancel();
      // Closing a connection rolls its transaction back.
      connection.closeSync();
    }
  }

  async #collect(result: DuckDBResult, rowsMax: number): Promise<QueryResult> {
    const { library } = await this.#database.open();
    const convert = jsonCells(library);
    const names = result.deduplicatedColumnNames();
    const columns = names.map((name, index) => ({ name, type: typeName(result.columnType(index)) }));
    const rows: Record<string, Json>[] = [];
    let bytes = 0;
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      for (let index = 0; index < chunk.rowCount; index++) {
        if (rows.length === rowsMax || bytes > defaults.answerMb * 1024 * 1024)
          return { columns, rows, isTruncated: true };
        const cells = chunk.convertRowValues(index, convert);
        const row = Object.fromEntries(names.map((name, column) => [name, cells[column] ?? null]));
        for (const cell of cells) bytes += typeof cell === 'string' ? cell.length : 8;
        rows.push(row);
      }
    }
    return { columns, rows, isTruncated: false };
  }
}

/** The name of a table means, to this connection, its rows of these partitions; with the file's before it, what is stored. */
async function narrow(connection: DuckDBConnection, name: string, partitions: readonly number[]): Promise<void> {
  const found = await connection.runAndReadAll('select current_database()');
  // It is the name of the file.
  const [[catalog]] = found.getRowsJS() as [[string]];
  const stored = `"${catalog.replaceAll('"', '""')}".main."${name}"`;
  await connection.run(`create temporary view "${name}" as from ${stored} where ${isHeldSql(partitions)}`);
}

async function prepareRead(connection: DuckDBConnection, text: string): Promise<DuckDBPreparedStatement> {
  // DuckDB rewrites some PRAGMA statements into a SELECT; none of them is a read of a table.
  const bare = text.replace(/^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|\()+/, '');
  if (bare === '') throw invalid('there is no statement');
  if (/^pragma\b/i.test(bare)) throw invalid('PRAGMA is no read of a table');
  const extracted = await connection.extractStatements(text);
  if (extracted.count !== 1) throw invalid(`expected one statement, not ${extracted.count}`);
  const statement = await extracted.prepare(0);
  const { StatementType } = await import('@duckdb/node-api');
  const { statementType } = statement;
  if (statementType !== StatementType.SELECT && statementType !== StatementType.EXPLAIN)
    throw invalid(`${StatementType[statementType]} is no read; send one SELECT`);
  if (statement.parameterCount > 0) throw invalid('it has parameters, and there is nothing to bind to them');
  return statement;
}

function invalid(message: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('SQL_INVALID', message, { cause });
}
