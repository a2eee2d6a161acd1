// `throughline sql "select …"`: runs in the server, because DuckDB lets one process at a time open a database file.
import * as z from 'zod';
import { sqlRowsMax } from '../defaults.ts';
import { textForm } from '../terminal/foreign-text.ts';
import { connect } from './api-client.ts';
import { dataDirOption, type Options } from './options.ts';
import { printJson, printTable, say } from '../terminal/output.ts';

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
  if (value === null || value === undefined) return textForm(null);
  if (typeof value !== 'string') return cut(JSON.stringify(value));
  // Most long cells are text of several lines, which is easier to read with blanks in their place.
  return textForm(cut(value.replaceAll(/(?<=\S)\s+(?=\S)/g, ' ')));
}

/** At most 60 characters, none of them cut in half. */
function cut(text: string): string {
  const characters = Array.from(text);
  return characters.length > 60 ? `${characters.slice(0, 59).join('')}…` : text;
}
