import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import {
  conversationStream,
  eventFromRecord,
  integerBetween,
  reduceRun,
  runFrom,
  seededRandom,
  systemClock,
  toRecord,
  ulids,
  utf8,
  type LogRecord,
  type PlacedEvent,
  type RawEvent,
} from '@throughline/event';
import { partitionFor } from '@throughline/log';
import { MemoryLog } from '@throughline/testkit';
import { startPipelines, table, topic, turns, type Pipelines } from './index.ts';

const ulid = ulids(
  { nowMs: () => 1_700_000_000_000, monotonicMs: () => 0, after: () => ({ cancel() {} }) },
  seededRandom(1),
);

/** The events of one conversation, said briefly. */
function conversation(id: string) {
  const event = (type: string, payload: unknown, envelope: Partial<RawEvent> = {}): RawEvent => ({
    type,
    id: ulid(),
    stream: conversationStream(id),
    payload,
    ...envelope,
  });
  const environment = { id: 'env', pid: 1 };
  return {
    asks: (messageId: string, text: string) =>
      event('message-created', { messageId, parentId: null, role: 'user', parts: [{ type: 'text', text }] }),
    requests: (run: string, messageId: string, supersedes?: string) =>
      event(
        'run-requested',
        {
          messageId,
          replyId: `reply-${run}`,
          function: 'answer',
          model: 'docs',
          ...(supersedes === undefined ? {} : { supersedes }),
        },
        { run },
      ),
    starts: (run: string, attempt: number) =>
      event(
        'attempt-started',
        { function: 'answer', environment, owner: 'a', leaseMs: 1000, keep: 0 },
        { run, attempt },
      ),
    chunk: (run: string, attempt: number, seq: number) =>
      event('chunk', { chunks: [{ type: 'text-delta', id: '1', delta: 'x' }] }, { run, attempt, seq }),
    ends: (run: string, attempt: number, payload: Record<string, unknown> = {}) =>
      event('run-ended', { outcome: 'done', ...payload }, { run, attempt }),
  };
}

async function newLog(): Promise<MemoryLog> {
  // As of topics that take any time.
  const log = new MemoryLog(systemClock, { timestampAfterMaxMs: Infinity });
  await log.admin.createTopic('conversations', { partitions: 4 });
  return log;
}
async function write(log: MemoryLog, events: readonly RawEvent[]): Promise<void> {
  await log.append(
    'conversations',
    events.map((event, index) => ({ ...toRecord(event), timestampMs: 1_700_000_000_000 + index })),
  );
}
function file(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'turns-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'tables.duckdb');
}
async function start(t: TestContext, log: MemoryLog, path = file(t)): Promise<Pipelines> {
  const pipelines = await startPipelines({
    log,
    definitions: [turns()],
    path,
    commitDelayMs: 0,
    fixedTopics: ['conversations'],
  });
  t.after(() => pipelines.close());
  return pipelines;
}
const all = async (
  { tables }: Pipelines,
  sql = 'select * from turns order by run_id',
): Promise<Record<string, unknown>[]> => [...(await tables.sql(sql, { rowsMax: 10_000 })).rows];

test('a table over a topic that has grown has the same rows after a restart and a replay', async (t) => {
  // Events that the smaller number of partitions had placed were skipped by whoever read them with the larger one.
  const log = new MemoryLog();
  await log.admin.createTopic('asked', { partitions: 2 });
  const ask = (round: number): Promise<unknown> =>
    log.append(
      'asked',
      Array.from({ length: 20 }, (_, id) => toRecord(conversation(`c${id}`).asks(`m${id}-${round}`, `round ${round}`))),
    );
  const asked = table('asked', {
    from: topic('asked', { events: ['message-created'] }),
    columns: { message: 'VARCHAR' },
    rows: ({ payload }) => ({ message: payload.messageId }),
  });
  const path = file(t);
  const open = (at: string): Promise<Pipelines> =>
    startPipelines({ log, definitions: [asked], path: at, commitDelayMs: 0 });
  const state = async (pipelines: Pipelines): Promise<unknown> => {
    await pipelines.caughtUp();
    const sql = 'select message, source_partition as at_partition from asked order by message';
    return [pipelines.status()[0]!.skippedRecords, await all(pipelines, sql)];
  };
  const first = await open(path);
  t.after(() => first.close());
  await ask(1);
  await first.caughtUp();
  log.grow('asked', 4);
  await ask(2);
  const before = await state(first);
  assert.deepEqual([(before as [number])[0], (before as [number, unknown[]])[1].length], [0, 40]);
  await first.replay('asked');
  assert.deepEqual(await state(first), before);
  await first.close();
  log.grow('asked', 7);
  const second = await open(path);
  t.after(() => second.close());
  await second.replay('asked');
  assert.deepEqual(await state(second), before);
  const elsewhere = await open(file(t));
  t.after(() => elsewhere.close());
  assert.deepEqual(await state(elsewhere), before);
});

describe('the table of turns', () => {
  test('has one row of every fact for each finished run, and names the record that ended it', async (t) => {
    const log = await newLog();
    const { asks, requests, starts, chunk, ends } = conversation('c1');
    await write(log, [
      asks('m1', 'How does it\nsurvive?'),
      requests('r1', 'm1'),
      starts('r1', 1),
      chunk('r1', 1, 0),
      starts('r1', 2),
      ends('r1', 2, {
        model: 'docs-1',
        usage: { inputTokens: 12, outputTokens: 34 },
        costUsd: 0.0125,
        durationMs: 321.5,
      }),
      requests('open', 'm1'),
    ]);
    const pipelines = await start(t, log);
    await pipelines.caughtUp();
    const partition = pipelines.status()[0]!.offsets.findIndex((offset) => offset !== 0n);
    assert.deepEqual(await pipelines.tables.rows('turns', { limit: 10 }), {
      columns: [
        { name: 'run_id', type: 'VARCHAR' },
        { name: 'conversation_id', type: 'VARCHAR' },
        { name: 'question', type: 'VARCHAR' },
        { name: 'model', type: 'VARCHAR' },
        { name: 'input_tokens', type: 'BIGINT' },
        { name: 'output_tokens', type: 'BIGINT' },
        { name: 'cost_usd', type: 'DOUBLE' },
        { name: 'duration_ms', type: 'DOUBLE' },
        { name: 'outcome', type: 'VARCHAR' },
        { name: 'attempts', type: 'INTEGER' },
        { name: 'ended_at', type: 'TIMESTAMP' },
        { name: 'error_code', type: 'VARCHAR' },
      ],
      rows: [
        {
          run_id: 'r1',
          conversation_id: 'c1',
          question: 'How does it\nsurvive?',
          model: 'docs-1',
          input_tokens: 12,
          output_tokens: 34,
          cost_usd: 0.0125,
          duration_ms: 321.5,
          outcome: 'done',
          attempts: 2,
          ended_at: '2023-11-14T22:13:20.005Z',
          error_code: null,
          source: { topic: 'conversations', partition, offset: '5' },
        },
      ],
    });
  });

  test('takes the first end of a run: not that of a fenced attempt, not a second one, not one of a run asked for twice', async (t) => {
    const log = await newLog();
    const { asks, requests, starts, ends } = conversation('c1');
    await write(log, [
      asks('m1', 'q'),
      requests('r1', 'm1'),
      starts('r1', 1),
      starts('r1', 2),
      ends('r1', 1, { outcome: 'failed', error: { code: 'FUNCTION_EXITED', message: 'zombie' } }),
      ends('r1', 2, { outcome: 'failed', error: { code: 'FUNCTION_ERROR', message: 'thrown' } }),
      ends('r1', 2),
      requests('r1', 'm1'),
      ends('r1', 1),
    ]);
    const pipelines = await start(t, log);
    await pipelines.caughtUp();
    assert.deepEqual(await all(pipelines, 'select run_id, outcome, attempts, error_code from turns'), [
      { run_id: 'r1', outcome: 'failed', attempts: 2, error_code: 'FUNCTION_ERROR' },
    ]);
  });

  test('finds the question of a retry long after the first run has ended', async (t) => {
    const log = await newLog();
    const path = file(t);
    const { asks, requests, ends } = conversation('constructor');
    await write(log, [asks('constructor', 'Why?\0 \ud800 ☃'), requests('r1', 'constructor'), ends('r1', 0)]);
    const first = await startPipelines({ log, definitions: [turns()], path });
    await first.caughtUp();
    await first.close();
    await write(log, [
      requests('r2', 'constructor', 'r1'),
      ends('r2', 0, { outcome: 'superseded', supersededBy: 'r3' }),
      requests('__proto__', 'constructor'),
    ]);
    await write(log, [ends('__proto__', 0)]);
    const second = await start(t, log, path);
    await second.caughtUp();
    assert.deepEqual(await all(second, 'select run_id, question, outcome from turns order by run_id'), [
      { run_id: '__proto__', question: 'Why?\0 \ufffd ☃', outcome: 'done' },
      { run_id: 'r1', question: 'Why?\0 \ufffd ☃', outcome: 'done' },
      { run_id: 'r2', question: 'Why?\0 \ufffd ☃', outcome: 'superseded' },
    ]);
  });

  test('skips and counts records that are no events, and never stops at one', async (t) => {
    const log = await newLog();
    const good = conversation('c1');
    await write(log, [good.asks('m1', 'q'), good.requests('r1', 'm1')]);
    const elsewhere = (partitionFor(utf8('conversations/c1'), 4) + 1) % 4;
    await log.append('conversations', [
      { key: null, value: null, partition: 0 },
      { key: utf8('conversations/c1'), value: utf8('{') },
      { ...toRecord({ ...good.ends('r1', 0), stream: 'elsewhere/c1' }) },
      { ...toRecord({ ...good.ends('r1', 0), payload: { outcome: 'perhaps' } }) },
      { ...toRecord({ ...good.ends('r1', 0), type: 'no-such-type' }) },
      { ...toRecord(good.chunk('r1', 1, 0)), value: utf8('{"chunks":[]}') },
      // On another partition than its key says.
      { ...toRecord(good.ends('r1', 0)), partition: elsewhere },
      { ...toRecord(good.asks('m9', 'old and far')), timestampMs: 9e15 },
    ]);
    const odd = conversation('odd');
    await log.append('conversations', [
      toRecord(odd.requests('r9', 'm1')),
      {
        ...toRecord(
          odd.ends('r9', 0, { durationMs: 1e300, costUsd: 1e-300, usage: { inputTokens: Number.MAX_SAFE_INTEGER } }),
        ),
        timestampMs: 9e15,
      },
    ]);
    await write(log, [good.ends('r1', 0)]);
    const pipelines = await start(t, log);
    await pipelines.caughtUp();
    const [status] = pipelines.status();
    assert.deepEqual([status!.phase, status!.skippedRecords, status!.lastError], ['live', 7, undefined]);
    assert.deepEqual(
      await all(
        pipelines,
        'select run_id, duration_ms, input_tokens, ended_at is null as without from turns order by run_id',
      ),
      [
        { run_id: 'r1', duration_ms: null, input_tokens: null, without: false },
        { run_id: 'r9', duration_ms: 1e300, input_tokens: Number.MAX_SAFE_INTEGER, without: true },
      ],
    );
  });

  test('has the runs that the rule of all readers ends, whatever is on the log, restarted anywhere and replayed', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed);
        const log = await newLog();
        const path = file(t);
        await write(log, anyEvents(seed));
        const expected = await expectedRows(log);
        const first = await startPipelines({
          log,
          definitions: [turns()],
          path,
          fixedTopics: ['conversations'],
          commitRecordsMax: integerBetween(random, 1, 40),
        });
        await first.caughtUp();
        await first.close();
        await write(log, anyEvents(seed + 1));
        const after = await expectedRows(log);
        const second = await startPipelines({
          log,
          definitions: [turns()],
          path,
          fixedTopics: ['conversations'],
          commitRecordsMax: integerBetween(random, 1, 40),
        });
        try {
          await second.caughtUp();
          const sql =
            'select run_id, conversation_id, outcome, attempts, source_partition, source_offset from turns order by all';
          const kept = await all(second, sql);
          assert.deepEqual(kept, after);
          assert.ok(expected.every((row) => kept.some((found) => found['run_id'] === row['run_id'])));
          await second.replay('turns');
          assert.deepEqual(await all(second, sql), after);
        } finally {
          await second.close();
        }
      }),
      { numRuns: 5 },
    );
  });
});

/** Records of a few runs in any order, with any attempt and seq. */
function anyEvents(seed: number): RawEvent[] {
  const random = seededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[integerBetween(random, 0, items.length - 1)]!;
  return Array.from({ length: 60 }, () => {
    const id = pick(['c1', 'c2', 'c3']);
    const says = conversation(id);
    const run = `${id}-${pick(['a', 'b', 'c'])}`;
    const attempt = integerBetween(random, 0, 3);
    return pick([
      () => says.asks(pick(['m1', 'm2']), 'q'),
      () => says.requests(run, pick(['m1', 'm2'])),
      () => says.requests(run, 'm1'),
      () => says.starts(run, attempt),
      () => says.starts(run, attempt),
      () => says.chunk(run, attempt, integerBetween(random, 0, 3)),
      () => says.chunk(run, attempt, integerBetween(random, 0, 3)),
      () => says.ends(run, attempt, { outcome: pick(['done', 'stopped', 'failed']) }),
    ])();
  });
}

/** What the rule itself says, from every record, chunks and all. */
async function expectedRows(log: MemoryLog): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (let partition = 0; partition < 4; partition++) {
    const runs = new Map<string, ReturnType<typeof runFrom>>();
    const { records } = await log.read({ topic: 'conversations', partition, offset: 0n });
    for (const event of records.map((record: LogRecord): PlacedEvent => eventFromRecord(record))) {
      if (event.run === undefined) continue;
      const run = runs.get(event.run);
      if (run === undefined) {
        if (event.type === 'run-requested') runs.set(event.run, runFrom(event));
      } else if (reduceRun(run, event) === 'counts' && event.type === 'run-ended') {
        rows.push({
          run_id: run.id,
          conversation_id: run.stream.slice('conversations/'.length),
          outcome: run.outcome,
          attempts: run.attempts.length,
          source_partition: partition,
          source_offset: Number(event.at.offset),
        });
      }
    }
  }
  return rows.sort((a, b) => (String(a['run_id']) < String(b['run_id']) ? -1 : 1));
}
