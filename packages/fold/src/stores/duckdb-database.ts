// One DuckDB file: opened when it is first needed, written by one transaction at a time, read on connections of their own.
//
//   * The library is 70 MB of native code: it is loaded on opening, so that a process that folds nothing into DuckDB does
//     not carry it.
//   * DuckDB lets two transactions write at once and fails the second to touch a row; a queue is simpler and no slower.
//   * A second process cannot open the file (DuckDB locks it), but a second instance in this process could, and would
//     destroy it (record locks belong to processes). The set below forbids that.
//   * No statement can reach a file but this one: external access is off, extensions are not loaded, and the configuration
//     is locked (duckdb.org/docs/stable/operations_manual/securing_duckdb/overview).
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type * as duckdb from '@duckdb/node-api';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { systemClock, ThroughlineError, valueUnlessFailed, type Clock } from '@throughline/event';
import { defaults } from '../defaults.ts';
import { whenFree } from './busy.ts';

export type DuckDbLibrary = typeof duckdb;

export interface DuckDbOptions {
  /** The file; its folder must be there. */
  readonly path: string;
  /** The most memory that DuckDB takes for data, in MiB. */
  readonly memoryMb?: number;
  /** Threads that run a statement. */
  readonly threadCount?: number;
  /** How long the opening waits for another program that has the file open, in milliseconds. */
  readonly waitMs?: number;
  readonly clock?: Clock;
}

interface Opened {
  readonly library: DuckDbLibrary;
  readonly instance: DuckDBInstance;
  readonly writer: DuckDBConnection;
  readonly realPath: string;
}

const openPaths = new Set<string>();

export class DuckDbDatabase {
  readonly path: string;
  readonly #options: DuckDbOptions;
  #opening: Promise<Opened> | undefined;
  #queue: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: DuckDbOptions) {
    this.#options = options;
    this.path = options.path;
  }

  /**
   * Runs `work` in a transaction, after those before it; rolls back when it throws.
   *
   * @throws ThroughlineError OUT_OF_DISK, FOLD_FENCED on a conflict, what `open` throws, whatever `work` throws
   */
  async write<Result>(
    work: (connection: DuckDBConnection, library: DuckDbLibrary) => Promise<Result>,
  ): Promise<Result> {
    const before = this.#queue;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#queue = promise;
    try {
      await before;
      const { writer, library } = await this.open();
      await writer.run('begin transaction');
      try {
        const result = await work(writer, library);
        await writer.run('commit');
        return result;
      } catch (error) {
        await rollback(writer, error);
        throw error;
      }
    } catch (error) {
      throw this.#explain(error);
    } finally {
      resolve();
    }
  }

  /** A connection for reading. Whoever asks for it closes it. */
  async connect(): Promise<DuckDBConnection> {
    const { instance } = await this.open();
    return instance.connect();
  }

  /**
   * Opens the file unless it is open.
   *
   * @throws ThroughlineError DATA_DIR_IN_USE, DATA_FORMAT_UNSUPPORTED, CONFIG_INVALID, CLOSED
   */
  open(): Promise<Opened> {
    if (this.#isClosed) return Promise.reject(new ThroughlineError('CLOSED', `${this.path} is closed`));
    this.#opening ??= this.#openWhenFree();
    return this.#opening;
  }

  /** Waits for the transaction under way and closes the file. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#queue;
    // An opening that failed was reported to whoever asked for it, and leaves nothing to close.
    const opened = await valueUnlessFailed(this.#opening);
    if (opened === undefined) return;
    opened.writer.closeSync();
    opened.instance.closeSync();
    openPaths.delete(opened.realPath);
  }

  /** Waits for another program that has the file open. An opening that failed is tried again by the next who asks. */
  async #openWhenFree(): Promise<Opened> {
    const { clock = systemClock, waitMs = defaults.storeOpenWaitMs } = this.#options;
    try {
      return await whenFree(clock, waitMs, () => {
        if (this.#isClosed) throw new ThroughlineError('CLOSED', `${this.path} is closed`);
        return this.#open();
      });
    } catch (error) {
      this.#opening = undefined;
      if (!ThroughlineError.is(error, 'STORE_BUSY')) throw error;
      // Whoever holds it for that long works with it.
      throw new ThroughlineError('DATA_DIR_IN_USE', error.message, { cause: error, details: { path: this.path } });
    }
  }

  async #open(): Promise<Opened> {
    const { memoryMb = defaults.duckDbMemoryMb, threadCount = defaults.duckDbThreadCount } = this.#options;
    let realPath: string;
    try {
      realPath = join(realpathSync(dirname(this.path)), basename(this.path));
    } catch (cause) {
      throw new ThroughlineError('CONFIG_INVALID', `the folder of ${this.path} cannot be used`, { cause });
    }
    if (openPaths.has(realPath))
      throw new ThroughlineError('DATA_DIR_IN_USE', `${this.path} is open in this process (pid ${process.pid})`);
    openPaths.add(realPath);
    try {
      const library = await import('@duckdb/node-api');
      const instance = await library.DuckDBInstance.create(this.path, {
        memory_limit: `${memoryMb}MiB`,
        threads: String(threadCount),
        enable_external_access: 'false',
        autoinstall_known_extensions: 'false',
        autoload_known_extensions: 'false',
        checkpoint_threshold: `${defaults.duckDbCheckpointMb}MiB`,
        lock_configuration: 'true',
      });
      return { library, instance, writer: await instance.connect(), realPath };
    } catch (error) {
      openPaths.delete(realPath);
      throw this.#explain(error);
    }
  }

  /** DuckDB's errors have no codes; their first words are as stable as they get. */
  #explain(error: unknown): unknown {
    if (ThroughlineError.is(error) || !(error instanceof Error)) return error;
    const because = { cause: error, details: { path: this.path } };
    const { message } = error;
    if (message.includes('Could not set lock on file')) return new ThroughlineError('STORE_BUSY', message, because);
    if (/No space left on device|Disk quota exceeded/.test(message))
      return new ThroughlineError('OUT_OF_DISK', message, because);
    if (
      /not a valid DuckDB database|replaying WAL|Serialization Error|storage version|newer version of DuckDB/i.test(
        message,
      )
    )
      return new ThroughlineError(
        'DATA_FORMAT_UNSUPPORTED',
        `${message}; remove ${this.path} and ${this.path}.wal to fold again from the log`,
        because,
      );
    if (message.startsWith('IO Error: Cannot open file'))
      return new ThroughlineError('CONFIG_INVALID', message, because);
    if (/^TransactionContext Error:.*Conflict/s.test(message))
      return new ThroughlineError('FOLD_FENCED', message, because);
    return error;
  }
}

async function rollback(connection: DuckDBConnection, because: unknown): Promise<void> {
  try {
    await connection.run('rollback');
  } catch (error) {
    // A commit that failed has rolled back already. Anything else must not hide what went wrong first.
    if (error instanceof Error && error.message.includes('no transaction is active')) return;
    throw new AggregateError([because, error], `rollback failed after: ${String(because)}`, { cause: error });
  }
}
