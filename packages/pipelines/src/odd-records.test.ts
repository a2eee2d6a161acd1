import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock, utf8, type StandardSchema } from '@throughline/event';
import { MemoryLog } from '@throughline/testkit';
import { startPipelines, table, topic, type Pipelines, type TableDefinition } from './index.ts';

/** Takes whatever is JSON, as a schema that nobody has thought about for long. */
const anything: StandardSchema<{ readonly [name: string]: unknown }> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Record<string, unknown> }) },
};
const from = topic('things', { schema: anything });

function file(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'odd-records-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'tables.duckdb');
}
async function logWith(values: readonly unknown[]): Promise<MemoryLog> {
  const log = new MemoryLog(systemClock, { timestampAfterMaxMs: Infinity });
  await log.admin.createTopic('things', { partitions: 1 });
  for (const value of values)
    await log.append('things', [{ key: utf8('k'), value: utf8(JSON.stringify(value)), timestampMs: 1 }]);
  return log;
}
async function open(t: TestContext, log: MemoryLog, path: string, definition: TableDefinition): Promise<Pipelines> {
  const pipelines = await startPipelines({ log, definitions: [definition], path, commitDelayMs: 0 });
  t.after(() => pipelines.close());
  await pipelines.caughtUp();
  return pipelines;
}
const read = async ({ tables }: Pipelines, sql: string): Promise<readonly unknown[]> =>
  (await tables.sql(sql, { rowsMax: 100 })).rows.map((row) => Object.values(row));

test('a time that no number holds is exact where it is handed in exactly, and null where it is not', async (t) => {
  // A record with a timestamp beyond 2^53, which a topic may allow, stopped its table for good.
  const times = [1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), -1n];
  const log = await logWith([]);
  for (const exactTimestampMs of times)
    await log.append('things', [{ key: null, value: utf8('{}'), exactTimestampMs }]);
  const definition = table('times', {
    from,
    columns: { exact: 'BIGINT', plain: 'BIGINT', happened: 'TIMESTAMP' },
    rows({ at }) {
      const exact = at.exactTimestampMs ?? at.timestampMs;
      return { exact, plain: at.timestampMs, happened: exact };
    },
  });
  const pipelines = await open(t, log, file(t), definition);
  assert.deepEqual(await read(pipelines, 'select exact::varchar, plain, happened from times order by source_offset'), [
    ['1', 1, '1970-01-01T00:00:00.001Z'],
    ['9007199254740991', Number.MAX_SAFE_INTEGER, null],
    ['9007199254740992', null, null],
    ['9007199254740993', null, null],
    ['9223372036854775807', null, null],
    ['-9223372036854775808', null, null],
    ['-1', -1, null],
  ]);
  const page = await pipelines.tables.rows('times', { limit: 10 });
  assert.deepEqual(
    page.rows.map(({ exact }) => String(exact)),
    // What has no time comes last, the newest record first.
    ['1', '-1', ...[-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, 2n ** 53n, 2n ** 53n - 1n].map(String)],
  );
  assert.equal(pipelines.status()[0]?.skippedRecords, 0);
});

test('a record whose rows do not fit is skipped and counted, whole, and the table is the same after a replay', async (t) => {
  // A text in the place of a number stopped the table; what the row before it had left behind would have been half a record.
  const log = await logWith([
    { id: 'a', count: 1 },
    { id: 'b', count: '2' },
    { id: 'c', count: 3, colour: 'red' },
    { id: null, count: 4 },
    { id: 'e', count: 1e300 },
    { id: 'f', count: true },
    { id: '\ud800', count: 7 },
    { id: '\ud801', count: 8 },
    [],
    7,
    { id: 'g', count: 9 },
  ]);
  const definition = table('things', {
    from,
    columns: { id: 'VARCHAR', count: 'INTEGER', seen: 'INTEGER' },
    key: ['id'],
    state: () => ({ seen: 0 }),
    rows({ value }, state) {
      state.seen++;
      const row = { ...value, seen: state.seen } as unknown as { id: string; count: number; seen: number };
      return [{ id: 'last', seen: state.seen }, row];
    },
  });
  const path = file(t);
  const first = await open(t, log, path, definition);
  const expected = [
    ['a', 1, 1],
    ['e', null, 5],
    ['g', 9, 11],
    ['last', null, 11],
    ['\ufffd', 8, 8],
  ];
  const sql = 'select id, count, seen from things order by id';
  assert.deepEqual(await read(first, sql), expected);
  assert.equal(first.status()[0]?.skippedRecords, 6);
  await first.replay('things');
  assert.deepEqual(await read(first, sql), expected);
  await first.close();
  const second = await open(t, log, path, definition);
  await log.append('things', [{ key: utf8('k'), value: utf8('{"id":"h","count":10}'), timestampMs: 1 }]);
  await second.caughtUp();
  assert.deepEqual((await read(second, sql)).at(3), ['h', 10, 12]);
  assert.equal(second.status()[0]?.skippedRecords, 6);
});

test('texts that are no Unicode, or hold a NUL, are stored, read and queried', async (t) => {
  // The escape of a lone surrogate in a JSON column made every query fail that looked into it.
  const log = await logWith([{ said: 'a\0b' }, { said: '\ud800' }, { said: 'x'.repeat(900_000) }, { '\udc00': 1 }]);
  const definition = table('texts', {
    from,
    columns: { text: 'VARCHAR', json: 'JSON' },
    rows: ({ value }) => ({ text: value['said'] as string, json: value }),
  });
  const pipelines = await open(t, log, file(t), definition);
  const sql = "select length(text), json->>'said' = text, left(text, 3) from texts order by source_offset";
  assert.deepEqual(await read(pipelines, sql), [
    [3, true, 'a\0b'],
    [1, true, '\ufffd'],
    [900_000, true, 'xxx'],
    [null, null, null],
  ]);
  assert.equal((await pipelines.tables.rows('texts', { limit: 10 })).rows.length, 4);
});
