// The tables as others read them: a list, pages of rows, queries. All of it goes through this process, because DuckDB lets
// one process at a time open a file.
//
// A page goes from the newest record to older ones. Its cursor names the last row's place on the log, not a count, so that
// rows that come in between two pages neither repeat nor hide one: <time in ms>_<partition>_<offset>_<index>.
import { ThroughlineError } from '@throughline/event';
import type { DuckDbDatabase } from '@throughline/fold';
import { defaults } from './defaults.ts';
import { isHeldSql, type HeldPartitions } from './held-partitions.ts';
import { jsonCells, typeName } from './json-cells.ts';
import type { Column, QueryOptions, QueryResult, QueryRunner } from './query.ts';
import { sourceColumns } from './table.ts';

// These are types, not interfaces, so that they fit the gateway's port, which takes any facts, by their shape.
export type TableDescription = {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rowCount: number;
  /** The partitions that it has, where others have the rest; absent where it is whole. */
  readonly partitions?: readonly number[];
};

/** A row as JSON: its columns, and the record that it was made at. */
export interface TableRow {
  readonly source: { readonly topic: string; readonly partition: number; readonly offset: string };
  readonly [column: string]: unknown;
}

export type TablePage = {
  readonly columns: readonly Column[];
  readonly rows: readonly TableRow[];
  /** As in `TableDescription`. */
  readonly partitions?: readonly number[];
  /** The cursor of the next page; absent on the last. */
  readonly next?: string;
};

export interface TablesReader {
  list(): Promise<readonly TableDescription[]>;
  /**
   * Rows, the newest first.
   *
   * @param options `limit` 1 to 1000; `after` = `next` of the page before
   * @throws ThroughlineError UNKNOWN_TABLE, INVALID_ARGUMENT
   */
  rows(name: string, options: { readonly limit: number; readonly after?: string }): Promise<TablePage>;
  /**
   * The answer to one SELECT.
   *
   * @throws ThroughlineError SQL_INVALID, INVALID_ARGUMENT, THROTTLED
   */
  sql(text: string, options: QueryOptions): Promise<QueryResult>;
}

type Rows = readonly Readonly<Record<string, unknown>>[];

export interface TablesReaderOptions {
  readonly database: DuckDbDatabase;
  readonly names: readonly string[];
  readonly queries: QueryRunner;
  /** @throws ThroughlineError why nobody assigns partitions any more */
  readonly held: () => HeldPartitions;
}

/** Reads the tables of these names. */
export function tablesReader({ database, names, queries, held }: TablesReaderOptions): TablesReader {
  const read = async (
    sql: string,
    values: (string | number | bigint)[] = [],
  ): Promise<{ columns: Column[]; rows: Rows }> => {
    const { library } = await database.open();
    const connection = await database.connect();
    try {
      const result = await connection.run(sql, values);
      const columns = result.columnNames().map((name, index) => ({ name, type: typeName(result.columnType(index)) }));
      return { columns, rows: await result.convertRowObjects(jsonCells(library)) };
    } finally {
      connection.closeSync();
    }
  };

  return {
    async list() {
      if (names.length === 0) return [];
      const shared = held();
      return Promise.all(
        names.map(async (name) => {
          const partitions = shared.get(name);
          const { columns } = await read(`from "${name}" limit 0`);
          const { rows } = await read(`select count(*) as row_count from "${name}" where ${shownSql(partitions)}`);
          const rowCount = Number(rows[0]?.['row_count']);
          return { name, columns: columns.filter(isOwn), rowCount, ...told(partitions) };
        }),
      );
    },
    async rows(name, { limit, after }) {
      if (!names.includes(name)) throw new ThroughlineError('UNKNOWN_TABLE', `no table ${JSON.stringify(name)}`);
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > defaults.pageRowsMax)
        throw new ThroughlineError('INVALID_ARGUMENT', `limit: expected 1 to ${defaults.pageRowsMax}`);
      const partitions = held().get(name);
      const place = `(${orderMs}, source_partition, source_offset, source_index)`;
      const { columns, rows } = await read(
        `select *, ${orderMs} as source_ms from "${name}"
         where ${shownSql(partitions)} ${after === undefined ? '' : `and ${place} < ($1, $2, $3, $4)`}
         order by source_time desc nulls last, source_partition desc, source_offset desc, source_index desc limit ${limit + 1}`,
        after === undefined ? [] : parseCursor(after),
      );
      const last = rows.length > limit ? rows[limit - 1] : undefined;
      return {
        columns: columns.filter(isOwn),
        rows: rows.slice(0, limit).map(toTableRow),
        ...told(partitions),
        ...(last === undefined ? {} : { next: cursorOf(last) }),
      };
    },
    sql: (text, options) => queries.run(text, options),
  };
}

const shownSql = (partitions: readonly number[] | undefined): string =>
  partitions === undefined ? 'true' : isHeldSql(partitions);

function told(partitions: readonly number[] | undefined): { readonly partitions?: readonly number[] } {
  return partitions === undefined ? {} : { partitions };
}

/** A row of a record without a time comes after all others: below the smallest time that there can be. */
const orderMs = 'coalesce(epoch_ms(source_time), -8640000000000001)';

/** Not one of the columns that the engine adds. */
function isOwn({ name }: Column): boolean {
  return name !== 'source_ms' && !Object.hasOwn(sourceColumns, name);
}

function toTableRow(row: Readonly<Record<string, unknown>>): TableRow {
  const {
    source_topic,
    source_partition,
    source_offset,
    source_index: _,
    source_time: _time,
    source_ms: _ms,
    ...cells
  } = row;
  return {
    ...cells,
    source: { topic: String(source_topic), partition: Number(source_partition), offset: String(source_offset) },
  };
}

function cursorOf(row: Readonly<Record<string, unknown>>): string {
  return [row['source_ms'], row['source_partition'], row['source_offset'], row['source_index']].join('_');
}

function parseCursor(cursor: string): [bigint, number, bigint, number] {
  const [, timeMs, partition, offset, index] = /^(-?\d{1,16})_(\d{1,9})_(\d{1,19})_(\d{1,9})$/.exec(cursor) ?? [];
  if (timeMs === undefined || partition === undefined || offset === undefined || index === undefined)
    throw new ThroughlineError('INVALID_ARGUMENT', 'after: expected the `next` of the page before');
  return [BigInt(timeMs), Number(partition), BigInt(offset), Number(index)];
}
