// A burst: far more is to be done than a function may do at once. What waits is on the log; all of it is done, and no more of it at
// once than is reserved.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { utf8 } from '@throughline/event';
import { createFunctionHost, type FunctionConfig, type FunctionHost } from '@throughline/functions';
import { MemoryLog } from '@throughline/testkit';
import { until } from './functions-harness.ts';

const count = 1000;
const numbers = Array.from({ length: count }, (_, index) => index);

interface Bench {
  readonly host: FunctionHost;
  readonly log: MemoryLog;
  /** Numbers in the order in which they were begun, and the most invocations at once. */
  readonly notes: () => { readonly begun: readonly number[]; readonly ended: number; readonly atOnceMax: number };
  readonly call: (n: number, type: string) => Promise<Response>;
}

function bench(t: TestContext, config: Partial<FunctionConfig>): Bench {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'throughline-burst-'));
  const file = path.join(folder, 'notes');
  writeFileSync(file, '');
  const log = new MemoryLog();
  const entry = path.join(import.meta.dirname, '../support/burst/worker.ts');
  const host = createFunctionHost({
    log,
    functions: [{ name: 'worker', entry, env: { NOTES: file }, reservedConcurrency: 2, ...config }],
  });
  t.after(async () => {
    await host.close();
    rmSync(folder, { recursive: true });
  });
  const notes = (): ReturnType<Bench['notes']> => {
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    const begun: number[] = [];
    let ended = 0;
    let atOnce = 0;
    let atOnceMax = 0;
    for (const line of lines) {
      const [what, ...all] = line.split(' ');
      if (what === 'begin') begun.push(...all.map(Number));
      else ended += all.length;
      atOnce += what === 'begin' ? 1 : -1;
      atOnceMax = Math.max(atOnce, atOnceMax);
    }
    return { begun, ended, atOnceMax };
  };
  const call = (n: number, type: string): Promise<Response> =>
    host.lambda.fetch(
      new Request('http://localhost/2015-03-31/functions/worker/invocations', {
        method: 'POST',
        headers: { 'x-amz-invocation-type': type },
        body: JSON.stringify({ n }),
      }),
      { sourceIp: '127.0.0.1', cut: () => {} },
    );
  return { host, log, notes, call };
}

test('of 1,000 events that come at once each is called once, two at a time', async (t) => {
  const { host, notes, call } = bench(t, {});
  const answers = await Promise.all(numbers.map((n) => call(n, 'Event')));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
  await until(() => notes().ended === count && host.asynchronous().openCount === 0, 'all are done');
  const { begun, atOnceMax } = notes();
  assert.deepEqual(
    begun.toSorted((a, b) => a - b),
    numbers,
  );
  assert.equal(atOnceMax, 2);
});

test('1,000 records of a topic are done in their order while others ask, too, and no attempt is lost to a throttle', async (t) => {
  const topic = 'jobs';
  const trigger = { type: 'kafka', topic, batchSize: 10, batchWindowMs: 0, maximumRetryAttempts: 0 };
  const { log, notes, call } = bench(t, { triggers: [{ ...trigger, onFailure: 'kafka://jobs.dead' } as never] });
  const partitionCount = 4;
  await log.admin.createTopic(topic, { partitions: partitionCount });
  await log.append(
    topic,
    numbers.map((n) => ({ key: null, value: utf8(String(n)), partition: n % partitionCount })),
  );
  const statuses = new Set<number>();
  let asked = count;
  await until(async () => {
    const { ended, begun } = notes();
    if (begun.filter((n) => n < count).length === count && ended === begun.length) return true;
    for (const { status } of await Promise.all([call(asked++, 'RequestResponse'), call(asked++, 'RequestResponse')])) {
      statuses.add(status);
    }
    return false;
  }, 'all records are done');
  const { begun, atOnceMax } = notes();
  for (let partition = 0; partition < partitionCount; partition++) {
    assert.deepEqual(
      begun.filter((n) => n < count && n % partitionCount === partition),
      numbers.filter((n) => n % partitionCount === partition),
    );
  }
  assert.equal(atOnceMax, 2);
  assert.ok(statuses.has(429), `of ${asked - count} calls none was throttled`);
  assert.deepEqual(
    (await log.admin.topics()).map(({ topic: name }) => name).filter((name) => name === 'jobs.dead'),
    [],
  );
});
