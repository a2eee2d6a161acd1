// The tables that pipelines keep, as the gateway shows them, and the SQL endpoint beside them.
import {
  array,
  boolean,
  nullable,
  number,
  object,
  optional,
  record,
  string,
  unknown,
  type OutputOf,
} from '@throughline/event';
import { postJson, request } from '../api.ts';
import { tablePageRows } from '../defaults.ts';

const columnSchema = object({ name: string(), type: optional(string()) });
const tablesSchema = object({
  tables: array(object({ name: string(), rowCount: optional(number({ min: 0 })) })),
});
const pageSchema = object({
  columns: array(columnSchema),
  rows: array(record(unknown())),
  next: optional(nullable(string())),
});
const sqlSchema = object({
  columns: array(columnSchema),
  rows: array(record(unknown())),
  isTruncated: optional(boolean()),
});
const sourceSchema = object({ topic: string(), partition: number({ min: 0 }), offset: string() });

export type TableInfo = OutputOf<typeof tablesSchema>['tables'][number];
export type Row = Readonly<Record<string, unknown>>;
type Source = OutputOf<typeof sourceSchema>;

export interface Rows {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}
export interface TablePage extends Rows {
  /** What to ask for the older rows with; undefined at the end. */
  readonly next: string | undefined;
}
export interface SqlAnswer extends Rows {
  /** There was more than the server gives at once. */
  readonly isTruncated: boolean;
}

export async function listTables(signal: AbortSignal): Promise<readonly TableInfo[]> {
  return (await request('/v1/tables', tablesSchema, { signal })).tables;
}

/** One page of a table, the newest rows first. */
export async function readTable(name: string, after: string | undefined, signal: AbortSignal): Promise<TablePage> {
  const query = new URLSearchParams({ limit: String(tablePageRows), ...(after === undefined ? {} : { after }) });
  const page = await request(`/v1/tables/${encodeURIComponent(name)}?${query.toString()}`, pageSchema, { signal });
  return { columns: namesOf(page.columns), rows: page.rows, next: page.next ?? undefined };
}

export async function runSql(sql: string): Promise<SqlAnswer> {
  const { columns, rows, isTruncated } = await request('/v1/sql', sqlSchema, postJson({ sql }));
  return { columns: namesOf(columns), rows, isTruncated: isTruncated === true };
}

function namesOf(columns: readonly { readonly name: string }[]): string[] {
  return columns.map(({ name }) => name);
}

/** Where a row came from. */
export function sourceOf(row: Row): Source | undefined {
  const source = row['source'];
  return sourceSchema.problem(source, '') === undefined ? (source as Source) : undefined;
}

/** The conversation that a row is about, where it names one. */
export function conversationIdOf(row: Row): string | undefined {
  const id = row['conversation_id'] ?? row['conversationId'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}
