// Tables that several processes share out: each answers for the partitions that it has, says so, and shows nothing of what
// it had before.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { object, string, utf8 } from '@throughline/event';
import { MemoryLog } from '@throughline/testkit';
import { startPipelines, table, topic, type Pipelines } from './index.ts';

const words = table('words', {
  from: topic('words', { schema: object({ word: string() }) }),
  columns: { word: 'VARCHAR' },
  rows: ({ value }) => value,
});
const partitionCount = 4;

async function open(t: TestContext, log: MemoryLog, group?: string, definition = words): Promise<Pipelines> {
  const folder = mkdtempSync(join(tmpdir(), 'shared-tables-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'tables.duckdb');
  const shared = group === undefined ? {} : { group };
  const pipelines = await startPipelines({ log, definitions: [definition], path, commitDelayMs: 0, ...shared });
  t.after(() => pipelines.close());
  return pipelines;
}

/** Says a word in every partition. */
async function say(log: MemoryLog, word: string): Promise<void> {
  const value = utf8(JSON.stringify({ word }));
  const records = Array.from({ length: partitionCount }, (_, partition) => ({ key: null, value, partition }));
  await log.append('words', records);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 10_000; tries++) {
    if (await condition()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  assert.fail('it did not come to that');
}

const held = async ({ tables }: Pipelines): Promise<readonly number[]> => (await tables.list())[0]?.partitions ?? [];

/** Every word with its partition. */
async function shown({ tables }: Pipelines): Promise<readonly string[]> {
  const { rows } = await tables.rows('words', { limit: 1000 });
  return rows.map(({ word, source }) => `${String(word)}${source.partition}`).toSorted();
}

/** Fails unless it has these partitions and rows in each of the three ways to read it. */
async function assertShown(pipelines: Pipelines, partitions: readonly number[], ...words: string[]): Promise<void> {
  const { tables } = pipelines;
  const expected = said(partitions, ...words);
  assert.deepEqual(await shown(pipelines), expected);
  const asked = await tables.sql('select word || source_partition as said from words order by said', { rowsMax: 1000 });
  assert.deepEqual(
    asked.rows.map(({ said }) => said),
    expected,
  );
  const [listed] = await tables.list();
  assert.equal(listed?.rowCount, expected.length);
  const page = await tables.rows('words', { limit: 1 });
  assert.deepEqual(
    [page.partitions, listed?.partitions, asked.partitions],
    [partitions, partitions, { words: partitions }],
  );
}

const said = (partitions: readonly number[], ...spoken: readonly string[]): readonly string[] =>
  spoken.flatMap((word) => partitions.map((partition) => word + partition)).toSorted();

const all = [0, 1, 2, 3];

test(
  'two processes share a table by partition, and neither shows what the other has',
  { timeout: 60_000 },
  async (t) => {
    const log = new MemoryLog();
    t.after(() => log.close());
    await log.admin.createTopic('words', { partitions: partitionCount });
    await say(log, 'a');
    const first = await open(t, log, 'shop');
    await until(async () => (await shown(first)).length === partitionCount);

    const second = await open(t, log, 'shop');
    await until(async () => (await held(first)).length === 2 && (await held(second)).length === 2);
    assert.deepEqual(
      [...(await held(first)), ...(await held(second))].toSorted((a, b) => a - b),
      all,
    );
    // What the first has stored of the partitions that it gave away is not shown from then on.
    await assertShown(first, await held(first), 'a');
    await say(log, 'b');
    await until(async () => (await shown(first)).length + (await shown(second)).length === 2 * partitionCount);
    for (const each of [first, second]) await assertShown(each, await held(each), 'a', 'b');

    // What comes back is carried on from where it was left: once each, with what the other saw meanwhile.
    await second.close();
    await until(async () => (await shown(first)).length === 2 * partitionCount);
    assert.deepEqual(await held(first), all);
    assert.deepEqual(await shown(first), said(all, 'a', 'b'));
  },
);

test(
  'a table that stands still has nothing, and others take over until it is folded again',
  { timeout: 60_000 },
  async (t) => {
    const log = new MemoryLog();
    t.after(() => log.close());
    await log.admin.createTopic('words', { partitions: partitionCount });
    await say(log, 'a');
    let isBroken = true;
    const breaking = table('words', {
      from: topic('words', { schema: object({ word: string() }) }),
      columns: { word: 'VARCHAR' },
      version: '1',
      rows: ({ value }) => {
        if (isBroken && value.word === 'b') throw new Error('a bug of the definition');
        return value;
      },
    });
    const first = await open(t, log, 'shop', breaking);
    const second = await open(t, log, 'shop');
    await until(async () => (await held(first)).length === 2 && (await held(second)).length === 2);
    await say(log, 'b');
    await until(async () => (await shown(second)).length === 2 * partitionCount);
    await assertShown(second, all, 'a', 'b');
    await assertShown(first, []);
    assert.equal(first.status()[0]?.lastError?.code, 'FOLD_REDUCER_FAILED');

    isBroken = false;
    await first.replay('words');
    await until(async () => (await held(first)).length === 2 && (await held(second)).length === 2);
    await until(async () => (await shown(first)).length + (await shown(second)).length === 2 * partitionCount);
    for (const each of [first, second]) await assertShown(each, await held(each), 'a', 'b');
  },
);

test('without a group each process has every table whole, and no answer speaks of partitions', async (t) => {
  const log = new MemoryLog();
  t.after(() => log.close());
  await log.admin.createTopic('words', { partitions: partitionCount });
  await say(log, 'a');
  for (const each of [await open(t, log), await open(t, log)]) {
    await each.caughtUp();
    const page = await each.tables.rows('words', { limit: 10 });
    const [listed] = await each.tables.list();
    const asked = await each.tables.sql('select word from words', { rowsMax: 10 });
    assert.equal(page.rows.length, partitionCount);
    for (const answer of [page, listed, asked]) assert.ok(!Object.hasOwn(answer ?? {}, 'partitions'));
  }
});
