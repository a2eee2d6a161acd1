// A mapping over a log in memory, with a function that is made up: what it is called with, what is tried again and how often, and
// what is committed at each moment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@throughline/event';
import { bench, headersOf, invocationError, textOf, topic } from './test-support.ts';

const numbered = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `v${from + index}`);

test('a record is handed on without a timer, in the shape of Kafka, and its offset is committed when it is done', async (t) => {
  const { clock, log, fake, start, committed } = await bench(t);
  const mapping = start();
  await clock.settle();
  fake.isHeld = true;
  const record = { key: utf8('k'), value: utf8('{"a":1}'), headers: [{ key: 'h', value: utf8('xy') }], timestampMs: 5 };
  await log.append(topic, [record]);
  await clock.settle();
  assert.deepEqual(fake.events, [
    {
      eventSource: 'SelfManagedKafka',
      bootstrapServers: '127.0.0.1:9092',
      records: {
        'jobs-0': [
          {
            topic,
            partition: 0,
            offset: 0,
            timestamp: 5,
            timestampType: 'CREATE_TIME',
            key: Buffer.from('k').toString('base64'),
            value: Buffer.from('{"a":1}').toString('base64'),
            headers: [{ h: [120, 121] }],
          },
        ],
      },
    },
  ]);
  assert.deepEqual(await committed(mapping), { 0: 0n });
  fake.release();
  await clock.settle();
  assert.deepEqual(await committed(mapping), { 0: 1n });
  assert.deepEqual(mapping.status(), { type: 'kafka', functionName: 'worker', source: topic });
});

test('batches hold batchSize records at most, and what comes while one is under way is the next', async (t) => {
  const { clock, fake, start, produce } = await bench(t);
  fake.isHeld = true;
  start({ batchSize: 3 });
  await produce(numbered(1));
  await produce(numbered(7, 1));
  assert.deepEqual(fake.batches, [['v0']]);
  fake.isHeld = false;
  fake.release();
  await clock.settle();
  assert.deepEqual(fake.batches, [['v0'], ['v1', 'v2', 'v3'], ['v4', 'v5', 'v6'], ['v7']]);
});

test('a record waits for more as long as the window says, and no longer once its batch is full', async (t) => {
  const { clock, fake, start, produce } = await bench(t);
  start({ batchSize: 3, batchWindowMs: 500 });
  await produce(['v0']);
  await clock.advance(499);
  await produce(['v1']);
  assert.deepEqual(fake.batches, []);
  await clock.advance(1);
  assert.deepEqual(fake.batches, [['v0', 'v1']]);
  await produce(numbered(3, 2));
  assert.deepEqual(fake.batches[1], ['v2', 'v3', 'v4']);
});

test('a batch that fails is tried again, ever later, and nothing behind it is handed on', async (t) => {
  const { clock, fake, start, produce, committed } = await bench(t);
  let failures = 3;
  fake.handler = () => {
    if (failures-- > 0) throw new Error('not now');
  };
  const mapping = start({ batchSize: 2 });
  await produce(numbered(4));
  assert.deepEqual(fake.batches, [['v0', 'v1']]);
  assert.equal(mapping.status().problem?.message, 'not now');
  await clock.advance(100);
  await clock.advance(199);
  assert.equal(fake.batches.length, 2);
  assert.deepEqual(await committed(mapping), { 0: 0n });
  await clock.advance(1);
  await clock.advance(400);
  assert.deepEqual(fake.batches.slice(2), [
    ['v0', 'v1'],
    ['v0', 'v1'],
    ['v2', 'v3'],
  ]);
  assert.deepEqual(await committed(mapping), { 0: 4n });
  assert.equal(mapping.status().problem, undefined);
});

test('after maximumRetryAttempts a batch becomes dead letters: the records themselves, with where they were and why', async (t) => {
  const { clock, log, fake, start, produce, committed, recordsOf } = await bench(t);
  fake.handler = (values) => {
    if (values.includes('a=bad')) throw new Error('cannot be eaten');
  };
  const mapping = start({ batchSize: 2, maximumRetryAttempts: 2, onFailure: 'kafka://jobs.dead' });
  await log.append(topic, [
    { key: utf8('a'), value: utf8('a=bad'), headers: [{ key: 'own', value: utf8('1') }], timestampMs: 7 },
  ]);
  await produce(['b=good', 'c=good']);
  await clock.advance(1000);
  assert.equal(fake.batches.filter((batch) => batch.includes('a=bad')).length, 3);
  assert.deepEqual(await committed(mapping), { 0: 3n });
  const [letter] = await recordsOf('jobs.dead');
  assert.deepEqual([textOf(letter!), letter?.timestampMs], ['a=bad', 7]);
  assert.deepEqual(headersOf(letter!), {
    own: '1',
    'throughline-origin-topic': topic,
    'throughline-origin-partition': '0',
    'throughline-origin-offset': '0',
    'throughline-condition': 'RetryAttemptsExhausted',
    'throughline-error-code': 'FUNCTION_ERROR',
    'throughline-error-type': 'FUNCTION_ERROR',
    'throughline-error-message': 'cannot be eaten',
    'throughline-attempts': '3',
    'throughline-mapping': mapping.options.uuid,
    'throughline-function': 'worker',
  });
});

test('bisecting finds the one bad record of a batch, and a split is no attempt', async (t) => {
  const { clock, fake, start, produce, committed, recordsOf } = await bench(t);
  fake.handler = (values) => {
    if (values.includes('v5')) throw new Error('v5');
  };
  const mapping = start({ bisectBatchOnFunctionError: true, maximumRetryAttempts: 1, onFailure: 'kafka://jobs.dead' });
  await produce(numbered(8));
  await clock.advance(1000);
  assert.deepEqual((await recordsOf('jobs.dead')).map(textOf), ['v5']);
  // 8, 4, 2 and then twice alone.
  assert.equal(fake.batches.filter((batch) => batch.includes('v5')).length, 5);
  assert.deepEqual(await committed(mapping), { 0: 8n });
  const done = fake.batches.filter((batch) => !batch.includes('v5')).flat();
  assert.deepEqual(done, ['v0', 'v1', 'v2', 'v3', 'v4', 'v6', 'v7']);
});

test('a partition resumes from the first record that the function names, and only that one counts an attempt', async (t) => {
  const { clock, fake, start, produce, committed, recordsOf } = await bench(t);
  fake.handler = (values, { records }) => {
    const failed = records['jobs-0']!.filter((_, index) => values[index] === 'v2' || values[index] === 'v4');
    return {
      batchItemFailures: failed.toReversed().map(({ offset }) => ({ itemIdentifier: { partition: 'jobs-0', offset } })),
    };
  };
  const mapping = start({ reportBatchItemFailures: true, maximumRetryAttempts: 1, onFailure: 'kafka://jobs.dead' });
  await produce(numbered(6));
  assert.deepEqual(await committed(mapping), { 0: 2n });
  await clock.advance(2000);
  assert.deepEqual(fake.batches, [numbered(6), numbered(4, 2), numbered(3, 3), numbered(2, 4), ['v5']]);
  assert.deepEqual((await recordsOf('jobs.dead')).map(textOf), ['v2', 'v4']);
  assert.deepEqual(await committed(mapping), { 0: 6n });
});

for (const [what, answer] of [
  [
    'names a record that is not in the batch',
    { batchItemFailures: [{ itemIdentifier: { partition: 'jobs-0', offset: 9 } }] },
  ],
  ['names another partition', { batchItemFailures: [{ itemIdentifier: { partition: 'jobs-1', offset: 0 } }] }],
  ['names nothing', { batchItemFailures: [{ itemIdentifier: '' }] }],
  ['has a list that is none', { batchItemFailures: 'v1' }],
  ['has a misspelt name', { batchItemFailures: [{ identifier: 1 }] }],
  ['is text', 'ok'],
] as const) {
  test(`an answer that ${what} fails the whole batch`, async (t) => {
    const { clock, fake, start, produce, recordsOf } = await bench(t);
    fake.handler = () => answer;
    start({ reportBatchItemFailures: true, maximumRetryAttempts: 0, onFailure: 'kafka://jobs.dead' });
    await produce(numbered(2));
    await clock.settle();
    const letters = await recordsOf('jobs.dead');
    assert.deepEqual(letters.map(textOf), numbered(2));
    assert.equal(headersOf(letters[0]!)['throughline-error-code'], 'FUNCTION_OUTPUT_INVALID');
  });
}

for (const answer of [null, '', {}, { batchItemFailures: [] }, { batchItemFailures: null }, undefined]) {
  test(`the answer ${JSON.stringify(answer)} is a success`, async (t) => {
    const { fake, start, produce, committed } = await bench(t);
    fake.handler = () => answer;
    const mapping = start({ reportBatchItemFailures: true });
    await produce(numbered(2));
    assert.deepEqual(await committed(mapping), { 0: 2n });
  });
}

test('a throttle and a function that cannot be loaded are waited out, and are no attempts', async (t) => {
  const { clock, fake, start, produce, committed } = await bench(t);
  let count = 0;
  fake.handler = () => {
    if (++count < 8) throw invocationError(count % 2 === 0 ? 'THROTTLED' : 'FUNCTION_INIT_FAILED');
  };
  const mapping = start({ maximumRetryAttempts: 0 });
  await produce(['v0']);
  assert.equal(mapping.status().problem?.code, 'FUNCTION_INIT_FAILED');
  await clock.advance(60_000);
  assert.equal(count, 8);
  assert.deepEqual(await committed(mapping), { 0: 1n });
});

test('a record that is too old is given up before it is handed on again', async (t) => {
  const { clock, fake, start, produce, committed, recordsOf } = await bench(t);
  fake.handler = () => {
    throw new Error('never');
  };
  const mapping = start({ maximumRecordAgeSeconds: 60, onFailure: 'kafka://jobs.dead' });
  await produce(['v0']);
  await clock.advance(50_000);
  assert.deepEqual(await committed(mapping), { 0: 0n });
  await clock.advance(50_000);
  const [letter] = await recordsOf('jobs.dead');
  assert.equal(headersOf(letter!)['throughline-condition'], 'RecordAgeExceeded');
  assert.deepEqual(await committed(mapping), { 0: 1n });
});

test('an event has at most 6 MiB, and a record that no event holds is given up', async (t) => {
  const { clock, log, fake, start, committed, recordsOf } = await bench(t);
  const mapping = start({ onFailure: 'kafka://jobs.dead' });
  const recordBytesMax = 16 * 1024 * 1024;
  await log.admin.alterTopic(topic, { recordBytesMax });
  for (const megabytes of [2, 2, 2, 6, 1]) {
    await log.append(topic, [{ key: null, value: Buffer.alloc(megabytes * 1024 * 1024, 120) }]);
  }
  await clock.settle(20);
  assert.ok(fake.batches.every((batch) => JSON.stringify(batch).length < 6 * 1024 * 1024));
  assert.deepEqual(
    fake.batches.flat().map(({ length }) => length / 1024 / 1024),
    [2, 2, 2, 1],
  );
  assert.deepEqual(
    (await recordsOf('jobs.dead')).map(({ offset, headers }) => [offset, headers.length]),
    [[0n, 10]],
  );
  assert.deepEqual(await committed(mapping), { 0: 5n });
});

test('records of one key are in one lane, in their order, while other keys go on', async (t) => {
  const { clock, fake, start, produce, committed } = await bench(t);
  let isStuck = true;
  fake.handler = (values) => {
    if (isStuck && values.some((value) => value.startsWith('a='))) throw new Error('stuck');
  };
  const mapping = start({ parallelizationFactor: 8, batchSize: 1 });
  await produce(['a=1', 'b=1', 'a=2', 'c=1', 'b=2', 'd=1']);
  await clock.settle();
  const seen = new Set(fake.batches.flat());
  assert.ok(seen.has('a=1') && !seen.has('a=2'));
  assert.ok(seen.has('b=1') && seen.has('b=2'), 'other keys are worked on');
  assert.deepEqual(await committed(mapping), { 0: 0n });
  isStuck = false;
  await clock.advance(1000);
  assert.deepEqual(await committed(mapping), { 0: 6n });
  assert.deepEqual(
    fake.batches
      .flat()
      .filter((value) => value.startsWith('a='))
      .at(-1),
    'a=2',
  );
});

test('partitions do not wait for each other', async (t) => {
  const { fake, start, produce, committed } = await bench(t, 2);
  fake.handler = (values) => {
    if (values.includes('bad')) throw new Error('bad');
  };
  const mapping = start();
  await produce(['bad'], 0);
  await produce(['good'], 1);
  assert.deepEqual(await committed(mapping), { 0: 0n, 1: 1n });
});

test('the next start goes on where the group has come to, wherever it is told to begin', async (t) => {
  const { clock, fake, start, produce } = await bench(t);
  const first = start();
  await produce(numbered(2));
  await first.close();
  await produce(numbered(1, 2));
  start({ startingPosition: 'LATEST' });
  await clock.settle();
  assert.deepEqual(fake.batches.flat(), numbered(3));
});

test('LATEST begins behind what was there, and is a place that a restart keeps', async (t) => {
  const { clock, fake, start, produce, committed } = await bench(t, 2);
  await produce(numbered(2));
  const first = start({ startingPosition: 'LATEST' });
  await clock.settle();
  assert.deepEqual(await committed(first), { 0: 2n, 1: 0n });
  await first.close();
  await produce(numbered(1, 2));
  start({ startingPosition: 'LATEST' });
  await clock.settle();
  assert.deepEqual(fake.batches.flat(), ['v2']);
});

test('AT_TIMESTAMP begins with the first record of that time', async (t) => {
  const { clock, log, fake, start } = await bench(t);
  for (const timestampMs of [1000, 2000, 3000])
    await log.append(topic, [{ key: null, value: utf8(`at ${timestampMs}`), timestampMs }]);
  start({ startingPosition: 'AT_TIMESTAMP', startingPositionTimestamp: '1970-01-01T00:00:02Z' });
  await clock.settle();
  assert.deepEqual(fake.batches.flat(), ['at 2000', 'at 3000']);
});

test('a topic that there is not yet is waited for, and then read from its first record', async (t) => {
  const { clock, log, fake, start, produce } = await bench(t, 'no topic');
  const mapping = start({ startingPosition: 'LATEST' });
  await clock.settle();
  assert.equal(mapping.status().problem?.code, 'UNKNOWN_TOPIC');
  await log.admin.createTopic(topic, { partitions: 1 });
  await produce(numbered(2));
  await clock.advance(6000);
  assert.deepEqual(fake.batches.flat(), numbered(2));
  assert.equal(mapping.status().problem, undefined);
});

test('a topic that was made again is read from its first record', async (t) => {
  const { clock, log, fake, start, produce, committed } = await bench(t);
  const mapping = start();
  await produce(numbered(3));
  await log.admin.deleteTopic(topic);
  await clock.advance(10);
  assert.equal(mapping.status().problem?.code, 'UNKNOWN_TOPIC');
  await log.admin.createTopic(topic, { partitions: 1 });
  await produce(numbered(2, 10));
  await clock.advance(6000);
  assert.deepEqual(fake.batches.flat(), [...numbered(3), ...numbered(2, 10)]);
  assert.deepEqual(await committed(mapping), { 0: 2n });
});

test('partitions that were added are read from their first record, also where the mapping began at the end', async (t) => {
  const { clock, log, fake, start, produce } = await bench(t);
  await produce(numbered(1));
  start({ startingPosition: 'LATEST' });
  await clock.settle();
  log.grow(topic, 2);
  await produce(['added'], 1);
  // Any rebalance tells of them.
  await log.admin.createTopic('other', { partitions: 1 });
  await clock.settle();
  assert.deepEqual(fake.batches.flat(), ['added']);
});

test('two processes share the partitions, and each goes on where the other has come to', async (t) => {
  const { clock, fake, start, produce, committed } = await bench(t, 2);
  const first = start();
  await produce(['p0'], 0);
  const second = start();
  await clock.settle();
  await produce(['q0'], 0);
  await produce(['q1'], 1);
  assert.deepEqual(fake.batches.flat().toSorted(), ['p0', 'q0', 'q1']);
  await first.close();
  await clock.settle();
  await produce(['r0'], 0);
  assert.deepEqual(fake.batches.flat().toSorted(), ['p0', 'q0', 'q1', 'r0']);
  assert.deepEqual(await committed(second), { 0: 3n, 1: 1n });
});

test('a partition is given to others only when its batch under way has ended, and what was not handed on goes with it', async (t) => {
  const { clock, fake, start, produce } = await bench(t, 2);
  fake.isHeld = true;
  start({ batchSize: 1 });
  await produce(['p1', 'q1'], 1);
  assert.deepEqual(fake.batches, [['p1']]);
  start({ batchSize: 1 });
  await clock.settle();
  assert.deepEqual(fake.batches, [['p1']]);
  fake.isHeld = false;
  fake.release();
  await clock.settle();
  assert.deepEqual(fake.batches, [['p1'], ['q1']]);
});

test('a close waits for what is under way, but not for long; what has not ended comes again', async (t) => {
  const { clock, fake, start, produce, committed } = await bench(t);
  fake.isHeld = true;
  const mapping = start();
  await produce(['v0']);
  const closing = mapping.close();
  await clock.advance(2000);
  await clock.advance(1000);
  await closing;
  assert.deepEqual(await committed(mapping), { 0: 0n });
  fake.isHeld = false;
  start();
  await clock.settle();
  assert.deepEqual(fake.batches, [['v0'], ['v0']]);
});

test('what the log has lost and other records stand for is worked on', async (t) => {
  const { clock, log, fake, start, produce } = await bench(t);
  const first = start();
  await produce(numbered(3));
  await first.close();
  log.loseFrom(topic, 0, 1n);
  await produce(['w1', 'w2', 'w3', 'w4']);
  log.loseFrom(topic, 0, 2n);
  start();
  await clock.advance(3000);
  await produce(['x2']);
  await clock.advance(3000);
  assert.deepEqual(fake.batches.flat().at(-1), 'x2');
});

test('records that no filter matches are passed, also at the end of a topic, and their offsets are committed', async (t) => {
  const { fake, start, produce, committed } = await bench(t);
  const mapping = start({ batchSize: 2, filters: [{ value: [{ suffix: '1' }] }] });
  await produce(numbered(14));
  assert.deepEqual(fake.batches.flat(), ['v1', 'v11']);
  assert.deepEqual(await committed(mapping), { 0: 14n });
});
