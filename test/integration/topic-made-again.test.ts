// A topic that any Kafka tool deletes and makes again under those who read it: a table, a follower over HTTP and a fold go on
// with the new one by themselves, and say meanwhile that there is none. (A table and a `consume --follow` stood still for
// ever, with `live 0` in the status.)
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { openBroker, type Broker } from '@throughline/broker';
import { number, object, silentLogger, systemClock, utf8 } from '@throughline/event';
import { fold, memoryStore } from '@throughline/fold';
import { logApi } from '@throughline/gateway';
import { embedded, type Log } from '@throughline/log';
import { startPipelines, table, topic, type Pipelines } from '@throughline/pipelines';

const sums = table('sums', {
  from: topic('numbers', { schema: object({ value: number() }) }),
  columns: { value: 'DOUBLE' },
  rows: ({ value }) => ({ value: value.value }),
});

async function setUp(t: TestContext, partitions = 2): Promise<{ broker: Broker; log: Log }> {
  const broker = await openBroker({ memory: true });
  const log = embedded({ broker });
  t.after(() => log.close());
  await broker.createTopic('numbers', { partitions });
  return { broker, log };
}

const add = (log: Log, ...values: number[]): Promise<unknown> =>
  log.append(
    'numbers',
    values.map((value) => ({ key: null, value: utf8(JSON.stringify({ value })), partition: 0 })),
  );

/** Waits for what happens in the background, turn by turn. */
async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const giveUp = AbortSignal.timeout(30_000);
  while (!(await condition())) {
    if (giveUp.aborted) assert.fail(`it did not come to that: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

test(
  'a table says that its topic is gone, and is made anew from one that is made again',
  { timeout: 60_000 },
  async (t) => {
    const { broker, log } = await setUp(t);
    const folder = mkdtempSync(path.join(tmpdir(), 'made-again-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const pipelines: Pipelines = await startPipelines({
      log,
      definitions: [sums],
      path: path.join(folder, 't.duckdb'),
    });
    t.after(() => pipelines.close());
    await add(log, 1, 2, 3);
    await pipelines.caughtUp();
    const rows = async (): Promise<unknown> =>
      (await pipelines.tables.sql('select count(*) as n, sum(value) as s from sums', { rowsMax: 1 })).rows[0];
    assert.deepEqual(await rows(), { n: 3, s: 6 });
    // Not through the port: as a Kafka tool does it.
    await broker.deleteTopic('numbers');
    await until(() => pipelines.status()[0]?.phase === 'absent', 'the status says that the topic is gone');
    assert.equal(pipelines.status()[0]?.lastError?.code, 'UNKNOWN_TOPIC');
    await broker.createTopic('numbers', { partitions: 1 });
    await add(log, 10);
    await until(() => pipelines.status()[0]?.phase === 'live', 'the table is live');
    await pipelines.caughtUp();
    assert.deepEqual(await rows(), { n: 1, s: 10 });
    assert.equal(pipelines.status()[0]?.lastError, undefined);
  },
);

test('a fold that may not replay stands still with the reason', { timeout: 60_000 }, async (t) => {
  const { broker, log } = await setUp(t);
  const store = memoryStore(() => ({ count: 0 }));
  const counting = await fold({
    log,
    topic: 'numbers',
    name: 'count',
    codeVersion: '1',
    store,
    reduce: (state) => void state.count++,
  });
  t.after(() => counting.close());
  await add(log, 1, 2, 3);
  await counting.caughtUp();
  await broker.deleteTopic('numbers');
  await broker.createTopic('numbers', { partitions: 2 });
  await add(log, 4);
  assert.equal((await counting.stopped)?.code, 'FOLD_LOG_CHANGED');
  const { phase, lastError } = counting.status();
  assert.deepEqual([phase, lastError?.code, store.state.count], ['stopped', 'FOLD_LOG_CHANGED', 3]);
});

test('a follower is told, and is shown the new topic from its first record', { timeout: 60_000 }, async (t) => {
  const { broker, log } = await setUp(t);
  const closing = new AbortController();
  const limits = { bodyBytesMax: 1e6, longPollMs: 1_000 };
  const context = { log, ...limits, clock: systemClock, logger: silentLogger, closing: closing.signal };
  await add(log, 1);
  const response = await logApi(context, new Request('http://log/v1/topics/numbers/records?follow=true'));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const lines = async (count: number): Promise<unknown[]> => {
    while (text.split('\n').length <= count) text += (await reader.read()).value ?? assert.fail('it has ended');
    return text
      .split('\n', count)
      .map((line) => JSON.parse(line) as { value?: string; error?: { code: string } })
      .map(({ value, error }) => error?.code ?? value);
  };
  assert.deepEqual(await lines(1), ['{"value":1}']);
  await broker.deleteTopic('numbers');
  assert.deepEqual((await lines(2)).at(-1), 'UNKNOWN_TOPIC');
  await broker.createTopic('numbers', { partitions: 2 });
  await add(log, 7);
  assert.deepEqual((await lines(4)).slice(2), ['FOLD_LOG_CHANGED', '{"value":7}']);
  closing.abort();
  assert.equal((await reader.read()).done, true, 'it ends with the server');
});

test('a follower of all partitions is shown those that are added', { timeout: 60_000 }, async (t) => {
  const { broker, log } = await setUp(t, 1);
  const counted = memoryStore(() => ({ partitions: new Set<number>() }));
  const counting = await fold({
    log,
    topic: 'numbers',
    name: 'partitions',
    codeVersion: '1',
    store: counted,
    reduce: (state, { partition }) => void state.partitions.add(partition),
    topicCheckMs: 10,
  });
  t.after(() => counting.close());
  await broker.createPartitions('numbers', 3);
  await log.append('numbers', [{ key: null, value: null, partition: 2 }]);
  await until(() => counted.state.partitions.has(2), 'the record of the new partition is folded');
  assert.deepEqual(counting.status().offsets, [0n, 0n, 1n]);
});
