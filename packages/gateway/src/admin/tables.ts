// GET /v1/tables, GET /v1/tables/:name, POST /v1/sql: what the pipelines keep, read through the interface that they
// implement (context/ports.ts).
import { number, object, optional, string } from '@throughline/event';
import type { GatewayContext } from '../context/context.ts';
import * as defaults from '../defaults.ts';
import { jsonResponse } from '../http/error-response.ts';
import { checkParameters, countParameter } from '../http/query.ts';
import { readJson } from '../http/request-body.ts';

const sqlSchema = object({
  sql: string({ lengthMax: 100_000 }),
  rowsMax: optional(number({ min: 1, integer: true })),
});

export async function listTables({ neighbours: { tables } }: GatewayContext): Promise<Response> {
  return jsonResponse({ tables: await tables.list() });
}

export async function readTable({ neighbours: { tables } }: GatewayContext, name: string, url: URL): Promise<Response> {
  checkParameters(url, ['limit', 'after']);
  const limit = countParameter(url, 'limit', { default: defaults.pageLimit, max: defaults.pageLimitMax });
  const after = url.searchParams.get('after');
  return jsonResponse(await tables.rows(name, { limit, ...(after === null ? {} : { after }) }));
}

export async function runSql(
  { neighbours: { tables }, settings }: GatewayContext,
  request: Request,
): Promise<Response> {
  const { sql, rowsMax = defaults.sqlRowsMax } = await readJson(request, sqlSchema, settings.bodyBytesMax);
  return jsonResponse(await tables.sql(sql, { rowsMax: Math.min(rowsMax, defaults.sqlRowsLimit) }));
}
