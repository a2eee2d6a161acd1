import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { number, object, string, ThroughlineError, utf8, type Logger } from '@throughline/event';
import { overLog } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import { startPipelines, table, topic, type Pipelines, type TableDefinition } from './index.ts';

const Payment = object({ account: string(), cents: number({ integer: true }) });
/** The balance of each account: a row by key, made from state that is carried. */
const balances = (version = '1', factor = 1): TableDefinition =>
  table('balances', {
    from: topic('payments', { schema: Payment }),
    columns: { account: 'VARCHAR', cents: 'BIGINT' },
    key: ['account'],
    version,
    state: () => ({ cents: 0 }),
    rows({ value }, state) {
      state.cents += value.cents * factor;
      return { account: value.account, cents: state.cents };
    },
  });

async function newLog(): Promise<MemoryLog> {
  const log = new MemoryLog();
  await log.admin.createTopic('payments', { partitions: 3 });
  return log;
}
async function pay(log: MemoryLog, payments: readonly (readonly [string, unknown])[]): Promise<void> {
  await log.append(
    'payments',
    payments.map(([account, cents]) => ({ key: utf8(account), value: utf8(JSON.stringify({ account, cents })) })),
  );
}
function file(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pipelines-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'tables.duckdb');
}
const balancesIn = async ({ tables }: Pipelines): Promise<string> => {
  const sql = "select string_agg(account || '=' || cents, ' ' order by account) as said from balances";
  const { rows } = await tables.sql(sql, { rowsMax: 1 });
  return (rows[0]?.['said'] ?? '') as string;
};
const withCode = (code: string) => (error: unknown) => ThroughlineError.is(error) && error.code === code;

describe('a table', () => {
  test('is rejected when a name, a type or the key is not as it may be', () => {
    const from = topic('payments', { schema: Payment });
    const rows = (): undefined => undefined;
    const wrong: (() => unknown)[] = [
      () => table('Balances', { from, columns: { a: 'VARCHAR' }, rows }),
      () => table('x; drop', { from, columns: { a: 'VARCHAR' }, rows }),
      () => table('x', { from, columns: { source_offset: 'BIGINT' }, rows }),
      () => table('x', { from, columns: { a: 'VARCHAR) primary key (b' as 'VARCHAR' }, rows }),
    ];
    for (const declare of wrong) assert.throws(declare, withCode('INVALID_ARGUMENT'));
  });

  test('has another code version when its rows, columns, key or source change, and the same when nothing does', () => {
    const from = topic('payments', { schema: Payment });
    const one = table('x', {
      from,
      columns: { a: 'VARCHAR' },
      rows: ({ value }) => ({ a: value.account }),
    }).codeVersion;
    const versions = [
      table('x', { from, columns: { a: 'VARCHAR' }, rows: ({ value }) => ({ a: value.account.trim() }) }).codeVersion,
      table('x', { from, columns: { a: 'VARCHAR', b: 'JSON' }, rows: ({ value }) => ({ a: value.account }) })
        .codeVersion,
      table('x', { from, columns: { a: 'VARCHAR' }, key: ['a'], rows: ({ value }) => ({ a: value.account }) })
        .codeVersion,
      table('x', {
        from: topic('other', { schema: Payment }),
        columns: { a: 'VARCHAR' },
        rows: ({ value }) => ({ a: value.account }),
      }).codeVersion,
      table('x', { from, columns: { a: 'VARCHAR' }, version: '1', rows: ({ value }) => ({ a: value.account }) })
        .codeVersion,
    ];
    assert.equal(new Set([one, ...versions]).size, 6);
    assert.equal(balances().codeVersion, balances().codeVersion);
  });
});

describe('the pipelines', () => {
  test('keep a row by key from carried state, over a restart and a replay', async (t) => {
    const path = file(t);
    const log = await newLog();
    await pay(log, [
      ['ann', 100],
      ['bob', 5],
      ['ann', -30],
      ['cy', 'much'],
      ['ann', 1],
    ]);
    const first = await startPipelines({ log, definitions: [balances()], path });
    await first.caughtUp();
    assert.equal(await balancesIn(first), 'ann=71 bob=5');
    await first.close();
    await pay(log, [
      ['ann', 1],
      ['bob', 1],
    ]);
    const second = await startPipelines({ log, definitions: [balances()], path });
    t.after(() => second.close());
    await second.caughtUp();
    assert.equal(await balancesIn(second), 'ann=72 bob=6');
    await second.replay('balances');
    assert.equal(await balancesIn(second), 'ann=72 bob=6');
    const [status] = second.status();
    assert.deepEqual([status!.phase, status!.lagRecords, status!.skippedRecords], ['live', 0, 1]);
    await assert.rejects(second.replay('nothing'), withCode('UNKNOWN_TABLE'));
  });

  test('fold a table again by themselves when its definition has changed', async (t) => {
    const path = file(t);
    const log = await newLog();
    await pay(log, [['ann', 100]]);
    const first = await startPipelines({ log, definitions: [balances()], path });
    await first.caughtUp();
    await first.close();
    const reasons: unknown[] = [];
    const logger: Logger = {
      debug() {},
      warn() {},
      error() {},
      info: (fields) => void reasons.push(fields['because']),
    };
    const second = await startPipelines({ log, definitions: [balances('2', 10)], path, logger });
    t.after(() => second.close());
    await second.caughtUp();
    assert.equal(await balancesIn(second), 'ann=1000');
    assert.equal(reasons[0], 'FOLD_CODE_CHANGED');
  });

  test('leave a table as it is, and say why, when the log no longer has its first records; a replay is asked for', async (t) => {
    const path = file(t);
    const whole = await newLog();
    await pay(whole, [['ann', 100]]);
    const first = await startPipelines({ log: whole, definitions: [balances()], path });
    await first.caughtUp();
    await first.close();
    // The log port of a topic whose first record retention has removed.
    const described = await whole.admin.describeTopic('payments');
    const gone = described.partitions.map(({ highWatermark }) => highWatermark);
    const log = overLog(whole, {
      admin: {
        describeTopic: async (topic) => {
          const found = await whole.admin.describeTopic(topic);
          return {
            ...found,
            partitions: found.partitions.map((each) => ({ ...each, logStartOffset: gone[each.partition]! })),
          };
        },
      },
    });
    await pay(whole, [
      ['ann', 1],
      ['bob', 1],
    ]);
    const second = await startPipelines({ log, definitions: [balances('2')], path });
    t.after(() => second.close());
    assert.equal(await balancesIn(second), 'ann=100');
    assert.deepEqual(
      second.status().map(({ phase, lastError }) => [phase, lastError?.code]),
      [['stopped', 'FOLD_CODE_CHANGED']],
    );
    await assert.rejects(second.caughtUp(), withCode('FOLD_CODE_CHANGED'));
    await second.replay('balances');
    assert.equal(await balancesIn(second), 'ann=1 bob=1');
    assert.equal(second.status()[0]!.phase, 'live');
  });

  test('are rejected for two tables of one name, an unknown topic and a file in use', async (t) => {
    const path = file(t);
    const log = await newLog();
    await assert.rejects(
      startPipelines({ log, definitions: [balances(), balances()], path }),
      withCode('INVALID_ARGUMENT'),
    );
    const elsewhere = table('elsewhere', { from: topic('nowhere'), columns: { a: 'VARCHAR' }, rows: () => undefined });
    await assert.rejects(startPipelines({ log, definitions: [elsewhere], path }), withCode('UNKNOWN_TOPIC'));
    const running = await startPipelines({ log, definitions: [balances()], path });
    t.after(() => running.close());
    await assert.rejects(startPipelines({ log, definitions: [balances()], path }), withCode('DATA_DIR_IN_USE'));
  });

  test('go on with the others when the reducer of one throws', async (t) => {
    const log = await newLog();
    const broken = table('broken', {
      from: topic('payments', { schema: Payment }),
      columns: { a: 'VARCHAR' },
      rows() {
        throw new TypeError('a mistake');
      },
    });
    const pipelines = await startPipelines({ log, definitions: [broken, balances()], path: file(t), commitDelayMs: 0 });
    t.after(() => pipelines.close());
    await pay(log, [['ann', 100]]);
    await assert.rejects(pipelines.caughtUp(), withCode('FOLD_REDUCER_FAILED'));
    assert.deepEqual(
      pipelines.status().map(({ name, lastError }) => [name, lastError?.code]),
      [
        ['broken', 'FOLD_REDUCER_FAILED'],
        ['balances', undefined],
      ],
    );
    while (pipelines.status()[1]!.lagRecords > 0 || (await balancesIn(pipelines)) === '')
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await balancesIn(pipelines), 'ann=100');
  });
});
