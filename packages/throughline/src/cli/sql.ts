// `throughline sql "select …"`: runs in the server, because DuckDB lets one process at a time open a database file.
import * as z from 'zod';
import { sqlRowsMax } from '../defaults.ts';
import { connect } from './api-client.ts';
import { dataDirOption, type Options } from './options.ts';
import { printJson, printTable, say } from './output.ts';

const answerSchema = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.record(z.string(), z.unknown())),
});

export async function run(options: Options, [sql = '']: readonly string[]): Promise<void> {
  const api = connect(dataDirOption(options));
  const { columns, rows } = await api.json(answerSchema, '/v1/sql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sql, rowsMax: sqlRowsMax }),
  });
  if (options['json'] === true) return printJson(rows);
  const names = columns.map(({ name }) => name);
  printTable([names, ...rows.map((row) => names.map((name) => cellText(row[name])))]);
  if (rows.length === sqlRowsMax) say(`the first ${sqlRowsMax} rows; add a LIMIT and OFFSET for others`);
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
