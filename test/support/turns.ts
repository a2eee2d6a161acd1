// The table of turns as the fault tests look at it.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

const statement =
  'select count(*) as n, count(distinct run_id) as runs, ' +
  "count(*) filter (outcome = 'done') as done, count(*) filter (outcome = 'failed') as failed from turns";
/** The table follows the log: the last run's row may be a moment away. */
const waitMs = 50;
const triesMax = 100;

/** Checks that the table `turns` has exactly one row per run, with these outcomes. */
export async function expectOneRowPerRun(url: string, outcomes: { done: number; failed: number }): Promise<void> {
  const runs = outcomes.done + outcomes.failed;
  let row: Record<string, number> = {};
  for (let tries = 0; tries < triesMax && row['n'] !== runs; tries++) {
    const response = await fetch(`${url}/v1/sql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql: statement }),
    });
    const { rows } = (await response.json()) as { rows: Record<string, unknown>[] };
    row = Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, value]) => [name, Number(value)]));
    await pause(waitMs);
  }
  assert.deepEqual(row, { n: runs, runs, ...outcomes });
}

/** The rows of a conversation, as soon as there are `count`; fails when there are more, or never as many. */
export async function turnsOf(url: string, conversationId: string, count: number): Promise<Record<string, unknown>[]> {
  let rows: Record<string, unknown>[] = [];
  for (let tries = 0; tries < triesMax && rows.length < count; tries++) {
    const response = await fetch(`${url}/v1/sql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql: `select * from turns where conversation_id = '${conversationId}'` }),
    });
    ({ rows } = (await response.json()) as { rows: Record<string, unknown>[] });
    if (rows.length < count) await pause(waitMs);
  }
  assert.equal(rows.length, count, JSON.stringify(rows));
  return rows;
}
