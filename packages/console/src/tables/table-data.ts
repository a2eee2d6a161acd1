// The tables that pipelines keep, as the gateway shows them, and the SQL endpoint beside them.
import { array, nullable, number, object, optional, record, string, unknown, type OutputOf } from '@throughline/event';
import { postJson, request } from '../api.ts';
import { tablePageRows } from '../defaults.ts';

const columnSchema = object({ name: string(), type: optional(string()) });
const tablesSchema = object({
  tables: array(object({ name: string(), description: optional(string()), columns: optional(array(columnSchema)) })),
});
const pageSchema = object({ rows: array(record(unknown())), nextAfter: optional(nullable(string())) });
const sqlSchema = object({
  columns: array(columnSchema),
  rows: array(record(unknown())),
  rowCount: optional(number({ min: 0 })),
});
const sourceSchema = object({ topic: string(), partition: number({ min: 0 }), offset: string() });

export type TableInfo = OutputOf<typeof tablesSchema>['tables'][number];
export type Row = Readonly<Record<string, unknown>>;
export type Source = OutputOf<typeof sourceSchema>;
export interface TablePage {
  readonly rows: readonly Row[];
  /** What to ask for the following rows with; undefined at the end. */
  readonly nextAfter: string | undefined;
}
export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export async function listTables(signal: AbortSignal): Promise<readonly TableInfo[]> {
  return (await request('/v1/tables', tablesSchema, { signal })).tables;
}

export async function readTable(name: string, after: string | undefined, signal: AbortSignal): Promise<TablePage> {
  const query = new URLSearchParams({ limit: String(tablePageRows), ...(after === undefined ? {} : { after }) });
  const page = await request(`/v1/tables/${encodeURIComponent(name)}?${query}`, pageSchema, { signal });
  return { rows: page.rows, nextAfter: page.nextAfter ?? undefined };
}

export async function runSql(sql: string): Promise<SqlAnswer> {
  const { columns, rows } = await request('/v1/sql', sqlSchema, postJson({ sql }));
  return { columns: columns.map(({ name }) => name), rows };
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
