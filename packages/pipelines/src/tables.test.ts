import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { number, object, string, systemClock, ThroughlineError, utf8, type Clock } from '@throughline/event';
import { MemoryLog } from '@throughline/testkit';
import { defaults } from './defaults.ts';
import { startPipelines, table, topic, type Pipelines, type TableDefinition } from './index.ts';

const Order = object({ id: string(), euros: number(), note: string() });
const orders = table('orders', {
  from: topic('orders', { schema: Order }),
  columns: { id: 'VARCHAR', euros: 'DOUBLE', note: 'JSON' },
  rows: ({ value }) => ({ id: value.id, euros: value.euros, note: { said: value.note } }),
});

async function logWith(count: number): Promise<MemoryLog> {
  // As of topics that take any time.
  const log = new MemoryLog(systemClock, { timestampAfterMaxMs: Infinity });
  await log.admin.createTopic('orders', { partitions: 2 });
  await order(log, 0, count);
  return log;
}
async function order(log: MemoryLog, from: number, to: number): Promise<void> {
  const records = Array.from({ length: to - from }, (_, index) => ({
    key: utf8('k'),
    value: utf8(JSON.stringify({ id: `o${from + index}`, euros: from + index, note: 'n' })),
    partition: (from + index) % 2,
    // Several records share a millisecond, as they do.
    timestampMs: 1_700_000_000_000 + Math.floor((from + index) / 3),
  }));
  await log.append('orders', records);
}
function file(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tables-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'tables.duckdb');
}
async function start(
  t: TestContext,
  log: MemoryLog,
  definitions: TableDefinition[] = [orders],
  clock?: Clock,
): Promise<Pipelines> {
  const pipelines = await startPipelines({
    log,
    definitions,
    path: file(t),
    commitDelayMs: 0,
    ...(clock === undefined ? {} : { clock }),
  });
  t.after(() => pipelines.close());
  await pipelines.caughtUp();
  return pipelines;
}
const withCode = (code: string) => (error: unknown) => ThroughlineError.is(error) && error.code === code;

describe('the tables', () => {
  test('are listed with their columns and counts', async (t) => {
    const { tables } = await start(t, await logWith(5));
    assert.deepEqual(await tables.list(), [
      {
        name: 'orders',
        columns: [
          { name: 'id', type: 'VARCHAR' },
          { name: 'euros', type: 'DOUBLE' },
          { name: 'note', type: 'JSON' },
        ],
        rowCount: 5,
      },
    ]);
  });

  test('have null for a time that is none, and every row stands on one page', async (t) => {
    // A record with timestamp 1764500000000000000 stood in the table as of 1970.
    const log = new MemoryLog(systemClock, { timestampAfterMaxMs: Infinity });
    await log.admin.createTopic('orders', { partitions: 1 });
    const times = [1_764_500_000_000, 1_764_500_000_000_000, 8.64e15 + 1, 1_764_500_000_001, Number.MAX_SAFE_INTEGER];
    for (const [index, timestampMs] of times.entries()) {
      const value = utf8(JSON.stringify({ id: `o${index}`, euros: 1, note: '' }));
      await log.append('orders', [{ key: null, value, timestampMs }]);
    }
    const { tables } = await start(t, log);
    const { rows } = await tables.sql('select id, source_time from orders order by id', { rowsMax: 10 });
    assert.deepEqual(
      rows.map((row) => row['source_time']),
      ['2025-11-30T10:53:20.000Z', '+057884-10-11T16:53:20.000Z', null, '2025-11-30T10:53:20.001Z', null],
    );
    const seen: unknown[] = [];
    let after: string | undefined;
    do {
      const page = await tables.rows('orders', { limit: 1, ...(after === undefined ? {} : { after }) });
      seen.push(...page.rows.map((row) => row['id']));
      after = page.next;
    } while (after !== undefined);
    assert.deepEqual(seen, ['o1', 'o3', 'o0', 'o4', 'o2']);
  });

  test('show whole numbers and times with every digit', async (t) => {
    const { tables } = await start(t, await logWith(1));
    const numbers = "select 1764500000000000001::bigint as a, {'b': [9223372036854775807::bigint]} as c";
    const times =
      "make_timestamp(1764500000000001::bigint) as d, make_timestamp(-1::bigint) as e, 'infinity'::timestamp as f";
    const { rows } = await tables.sql(`${numbers}, ${times}`, { rowsMax: 1 });
    assert.deepEqual(rows, [
      {
        a: '1764500000000000001',
        c: { b: ['9223372036854775807'] },
        d: '2025-11-30T10:53:20.000001Z',
        e: '1969-12-31T23:59:59.999999Z',
        f: 'infinity',
      },
    ]);
  });

  test('need no file while none is declared', async (t) => {
    const path = file(t);
    const pipelines = await startPipelines({ log: new MemoryLog(), definitions: [], path });
    t.after(() => pipelines.close());
    assert.deepEqual(await pipelines.tables.list(), []);
    assert.equal(existsSync(path), false);
  });

  test('are paged from the newest to the oldest, and what comes in meanwhile repeats and hides nothing', async (t) => {
    const log = await logWith(20);
    const pipelines = await start(t, log);
    const ids: unknown[] = [];
    let after: string | undefined;
    do {
      const page = await pipelines.tables.rows('orders', { limit: 7, ...(after === undefined ? {} : { after }) });
      ids.push(...page.rows.map((row) => row['id']));
      after = page.next;
      await order(log, 20 + ids.length, 25 + ids.length);
      await pipelines.caughtUp();
    } while (after !== undefined);
    assert.equal(ids.length, 20);
    assert.deepEqual(new Set(ids), new Set(Array.from({ length: 20 }, (_, index) => `o${index}`)));
    assert.equal(ids[0], 'o19');
  });

  test('page through the rows of one record', async (t) => {
    const log = await logWith(1);
    const many = table('many', {
      from: topic('orders', { schema: Order }),
      columns: { n: 'INTEGER' },
      rows: () => [{ n: 0 }, { n: 1 }, { n: 2 }],
    });
    const { tables } = await start(t, log, [many]);
    const first = await tables.rows('many', { limit: 2 });
    const second = await tables.rows('many', { limit: 2, after: first.next! });
    assert.deepEqual(
      [...first.rows, ...second.rows].map((row) => row['n']),
      [2, 1, 0],
    );
    assert.equal(second.next, undefined);
  });

  test('reject an unknown table, a limit out of bounds and a cursor that is none', async (t) => {
    const { tables } = await start(t, await logWith(1));
    await assert.rejects(tables.rows('orders"; drop table orders; --', { limit: 1 }), withCode('UNKNOWN_TABLE'));
    await assert.rejects(tables.rows('_throughline_checkpoints', { limit: 1 }), withCode('UNKNOWN_TABLE'));
    for (const limit of [0, -1, 1.5, 1001, Number.NaN])
      await assert.rejects(tables.rows('orders', { limit }), withCode('INVALID_ARGUMENT'));
    for (const after of ['', '1_2_3', '1_2_3_4; drop table orders', 'x_1_1_1'])
      await assert.rejects(tables.rows('orders', { limit: 1, after }), withCode('INVALID_ARGUMENT'));
  });
});

describe('a query', () => {
  test('answers in values that are JSON', async (t) => {
    const { tables } = await start(t, await logWith(3));
    const { columns, rows, isTruncated } = await tables.sql(
      `select count(*) as n, sum(euros)::decimal(10, 2) as euros, 9007199254740993::bigint as big, 12::hugeint as huge,
         123456789012345.678::decimal(18, 3) as wide, max(source_time) as at, now() > '2020-01-01' as later, 'nan'::double as nothing,
         [1::bigint, null] as list, {'a': date '2026-01-02'} as struct, null as none, 'x' as n from orders`,
      { rowsMax: 10 },
    );
    assert.equal(isTruncated, false);
    assert.deepEqual(columns.slice(0, 3), [
      { name: 'n', type: 'BIGINT' },
      { name: 'euros', type: 'DECIMAL(10,2)' },
      { name: 'big', type: 'BIGINT' },
    ]);
    const [row] = JSON.parse(JSON.stringify(rows)) as Record<string, unknown>[];
    assert.deepEqual(row, {
      n: 3,
      euros: 3,
      big: '9007199254740993',
      huge: 12,
      wide: '123456789012345.678',
      at: '2023-11-14T22:13:20.000Z',
      later: true,
      nothing: 'NaN',
      list: [1, null],
      struct: { a: '2026-01-02' },
      none: null,
      'n:1': 'x',
    });
  });

  test('gives no more rows than asked for, and says that there were more', async (t) => {
    const { tables } = await start(t, await logWith(5));
    const { rows, isTruncated } = await tables.sql('from orders', { rowsMax: 2 });
    assert.deepEqual([rows.length, isTruncated], [2, true]);
    const wide = await tables.sql("select repeat('x', 1000000) as x from range(100)", { rowsMax: 1000 });
    assert.ok(wide.isTruncated && wide.rows.length < 20);
    for (const rowsMax of [0, 1e9, 0.5])
      await assert.rejects(tables.sql('select 1', { rowsMax }), withCode('INVALID_ARGUMENT'));
  });

  test('may read in many ways', async (t) => {
    const { tables } = await start(t, await logWith(2));
    for (const sql of [
      'select 1;',
      'from orders',
      '-- what is there\nshow tables',
      'describe orders',
      'explain select * from orders',
      'with o as (from orders) select count(*) from o',
      'values (1), (2)',
      'summarize orders',
      '(select 1)',
    ])
      await tables.sql(sql, { rowsMax: 10 });
  });

  test('that is anything but one read of the tables is rejected and changes nothing', async (t) => {
    const { tables } = await start(t, await logWith(2));
    for (const sql of [
      '',
      '  -- nothing',
      'selec 1',
      'select 1; select 2',
      'select 1; drop table orders',
      "attach '/tmp/other.duckdb'",
      "copy orders to '/tmp/orders.csv'",
      "copy orders from '/etc/passwd'",
      "export database '/tmp/all'",
      "select * from read_csv('/etc/passwd')",
      "select * from read_text('/etc/hostname')",
      "select * from glob('/etc/*')",
      "select * from '/etc/passwd'",
      "select * from read_parquet('http://127.0.0.1/x')",
      'pragma database_list',
      '/* x */ PRAGMA version',
      "pragma memory_limit='8GB'",
      'set threads = 8',
      'set enable_external_access = true',
      'reset threads',
      'call pragma_version()',
      'load json',
      'install httpfs',
      "insert into orders values ('x', 1, null, 't', 0, 0, 0, now())",
      'update orders set euros = 0',
      'delete from orders',
      'drop table orders',
      'truncate orders',
      'alter table orders add column x integer',
      'create table x (a integer)',
      'create temp table x as from orders',
      'merge into orders using (select 1) on true when matched then delete',
      'explain analyze delete from orders',
      'prepare x as delete from orders',
      'execute x',
      'begin',
      'commit',
      'checkpoint',
      'select * from force_checkpoint()',
      'vacuum',
      'use memory',
      'set variable x = 1',
      'select * from orders where id = $1',
      "select * from query('delete from orders')",
      `select '${'x'.repeat(100_001)}'`,
    ])
      await assert.rejects(tables.sql(sql, { rowsMax: 10 }), withCode('SQL_INVALID'), sql);
    assert.deepEqual((await tables.sql('select count(*) as n, sum(euros) as euros from orders', { rowsMax: 1 })).rows, [
      { n: 2, euros: 1 },
    ]);
  });

  test('that runs for too long is interrupted, and the next one runs', async (t) => {
    const started = Promise.withResolvers<() => void>();
    // The time-out comes when the test says so; what is repeated after it comes in its time.
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, action) => {
        if (delayMs !== defaults.queryTimeoutMs) return systemClock.after(delayMs, action);
        started.resolve(action);
        return { cancel() {} };
      },
    };
    const { tables } = await start(t, await logWith(1), [orders], clock);
    const endless = tables.sql('select count(*) from range(1000000000) a, range(1000000) b', { rowsMax: 1 });
    const next = tables.sql('select 1 as one', { rowsMax: 1 });
    const fire = await started.promise;
    fire();
    await assert.rejects(endless, (error) => withCode('SQL_INVALID')(error) && /took longer/.test(String(error)));
    assert.deepEqual((await next).rows, [{ one: 1 }]);
  });

  test('waits its turn, and is told to come back when too many wait', async (t) => {
    const { tables } = await start(t, await logWith(1));
    const many = await Promise.allSettled(Array.from({ length: 20 }, () => tables.sql('select 1', { rowsMax: 1 })));
    assert.equal(many.filter(({ status }) => status === 'fulfilled').length, 16);
    const rejected = many.find((result) => result.status === 'rejected');
    assert.ok(withCode('THROTTLED')(rejected?.reason));
    await tables.sql('select 1', { rowsMax: 1 });
  });

  test('is ended by the close', async (t) => {
    const pipelines = await start(t, await logWith(1));
    const endless = assert.rejects(
      pipelines.tables.sql('select count(*) from range(1000000000) a, range(1000000) b', { rowsMax: 1 }),
      withCode('CLOSED'),
    );
    await pipelines.close();
    await endless;
    await assert.rejects(pipelines.tables.sql('select 1', { rowsMax: 1 }), withCode('CLOSED'));
  });
});
