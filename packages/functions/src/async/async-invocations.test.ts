// Asynchronous invocations on a log in memory, with a clock that stands still and a function that is made up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBridgeSchema } from '@aws-lambda-powertools/parser/schemas';
import { fromUtf8, ThroughlineError } from '@throughline/event';
import { asyncGroup, asyncLimits, asyncTopic } from '../defaults.ts';
import { busEventOf } from '../triggers/bus/bus-event.ts';
import { bench, fails, kinds, minuteMs } from './test-support.ts';

test('an event is on the log before it is accepted, and its function is called with it', async (t) => {
  const { accept, start, fake, records, clock } = await bench(t);
  await start();
  const requestId = await accept({ id: 'a', event: '{"n":12345678901234567890}' });
  const [record] = await records();
  assert.equal(fromUtf8(record!.value!), '{"n":12345678901234567890}', 'the digits are as they came');
  await clock.settle();
  assert.deepEqual(fake.calls, [{ event: '{"n":12345678901234567890}', requestId }]);
  assert.deepEqual(await kinds(records), ['accepted a', 'succeeded a']);
});

test('a function that fails is called again after one and two minutes, with the same request id, and then given up', async (t) => {
  const { accept, start, fake, records, clock } = await bench(t);
  fake.handler = fails('FUNCTION_ERROR');
  await start();
  await accept({ id: 'a' });
  await clock.settle();
  assert.equal(fake.calls.length, 1);
  await clock.advance(minuteMs - 1);
  assert.equal(fake.calls.length, 1);
  await clock.advance(1);
  assert.equal(fake.calls.length, 2);
  await clock.advance(2 * minuteMs - 1);
  assert.equal(fake.calls.length, 2);
  await clock.advance(1);
  assert.equal(fake.calls.length, 3);
  await clock.advance(24 * 60 * minuteMs);
  assert.equal(fake.calls.length, 3);
  assert.equal(new Set(fake.calls.map(({ requestId }) => requestId)).size, 1);
  assert.deepEqual(await kinds(records), ['accepted a', 'retried a', 'retried a', 'failed a']);
});

test('what is not the function’s failure is no attempt: it is tried again ever more slowly until the event is too old', async (t) => {
  const { accept, start, fake, records, clock } = await bench(t, { maximumEventAgeSeconds: 60 });
  fake.handler = fails('THROTTLED');
  await start();
  await accept({ id: 'a' });
  await clock.advance(10 * minuteMs);
  // After 0, 1, 3, 7, 15 and 31 seconds; the next would be after 63.
  assert.equal(fake.calls.length, 6);
  const all = await kinds(records);
  assert.deepEqual([all.at(0), all.at(1), all.at(-1), all.length], ['accepted a', 'delayed a', 'failed a', 7]);
});

test('an id counts once, also when it was settled before the start', async (t) => {
  const { accept, start, fake, clock } = await bench(t);
  const first = await start();
  await accept({ id: 'a' });
  await accept({ id: 'a' });
  await clock.settle();
  assert.equal(fake.calls.length, 1);
  await first.close();
  await start();
  await accept({ id: 'a' });
  await accept({ id: 'b' });
  await clock.settle();
  assert.deepEqual(fake.calls.length, 2);
});

test('the next start goes on with what is open, with its attempts and its time', async (t) => {
  const { accept, start, fake, clock } = await bench(t);
  fake.handler = fails('FUNCTION_TIMED_OUT');
  const first = await start();
  await accept({ id: 'a' });
  await clock.advance(minuteMs);
  assert.equal(fake.calls.length, 2);
  await first.close();
  await start();
  await clock.advance(2 * minuteMs - 1000);
  assert.equal(fake.calls.length, 2, 'its time has not come');
  await clock.advance(1000);
  assert.equal(fake.calls.length, 3);
  await clock.advance(60 * minuteMs);
  assert.equal(fake.calls.length, 3, 'it was the last attempt');
});

test('no more are handed on than the function serves at once, and none of a burst is lost', async (t) => {
  const { accept, start, fake, clock } = await bench(t);
  await start();
  fake.isHeld = true;
  await Promise.all(Array.from({ length: 1000 }, (_, index) => accept({ id: String(index), event: String(index) })));
  await clock.settle();
  assert.equal(fake.runningCount, 2);
  fake.isHeld = false;
  fake.release();
  while (fake.calls.length < 1000) await clock.settle();
  assert.equal(fake.runningCountMax, 2);
  assert.equal(new Set(fake.calls.map(({ event }) => event)).size, 1000);
});

test('a function has no more handed on than it has reserved, and more at once when it has', async (t) => {
  const { accept, start, fake, clock } = await bench(t);
  fake.reservedConcurrency = 1;
  fake.isHeld = true;
  const server = await start();
  await Promise.all(['a', 'b', 'c'].map((id) => accept({ id })));
  await clock.settle();
  assert.equal(fake.runningCount, 1);
  fake.reservedConcurrency = 2;
  server.concurrencyChanged('worker');
  await clock.settle();
  assert.equal(fake.runningCount, 2);
  server.concurrencyChanged('nobody');
  fake.release();
});

test('an event that is running at the end is called again by the next start', async (t) => {
  const { accept, start, fake, clock, records } = await bench(t);
  fake.isHeld = true;
  const first = await start();
  await accept({ id: 'a' });
  await clock.settle();
  const closing = first.close();
  await clock.advance(10_000);
  await closing;
  assert.deepEqual(await kinds(records), ['accepted a']);
  fake.isHeld = false;
  await start();
  assert.equal(fake.calls.length, 2);
});

test('two servers share the events, and one takes over what the other leaves', async (t) => {
  const { accept, start, fake, clock, records } = await bench(t);
  const first = await start();
  const second = await start();
  await clock.advance(10_000);
  assert.deepEqual([first.status().partitions.length, second.status().partitions.length], [2, 2]);
  await Promise.all(Array.from({ length: 20 }, (_, index) => accept({ id: String(index) })));
  await clock.settle();
  assert.equal(fake.calls.length, 20);
  await first.close();
  await clock.advance(10_000);
  assert.equal(second.status().partitions.length, asyncLimits.partitionCount);
  await Promise.all(Array.from({ length: 20 }, (_, index) => accept({ id: `more ${index}` }, second)));
  await clock.settle();
  assert.equal(fake.calls.length, 40);
  assert.equal((await records()).length, 80);
});

test('what is settled is not read again: the group has its place', async (t) => {
  const { accept, start, clock, log } = await bench(t);
  await start();
  await accept({ id: 'a' });
  await clock.advance(1000);
  const places = await log.admin.committedOffsets(asyncGroup);
  const topic = await log.admin.describeTopic(asyncTopic);
  const ends = topic.partitions.reduce((sum, { highWatermark }) => sum + highWatermark, 0n);
  assert.deepEqual([ends, places.reduce((sum, { offset }) => sum + offset, 0n)], [2n, 2n]);
});

test('an unknown function, and an event above 1 MB, are rejected', async (t) => {
  const { accept, start } = await bench(t);
  await start();
  const rejected = (code: string) => (error: unknown) => ThroughlineError.is(error, code as never);
  await assert.rejects(accept({ id: 'a', functionName: 'nobody' }), rejected('UNKNOWN_FUNCTION'));
  await assert.rejects(accept({ id: 'a', event: `"${'a'.repeat(1024 * 1024)}"` }), rejected('BODY_TOO_LARGE'));
  await accept({ id: 'a', event: `"${'a'.repeat(1024 * 1024 - 2)}"` });
});

test('the result of an event goes to its destination in AWS’s shape, before the event is settled', async (t) => {
  const { accept, start, fake, records, clock } = await bench(t, {
    onSuccess: 'kafka://done',
    onFailure: 'kafka://dead',
  });
  fake.handler = (event) => (event === '1' ? '{"a":12345678901234567890}' : fails('FUNCTION_ERROR')(event));
  await start();
  const requestId = await accept({ id: 'a', event: '1' });
  await accept({ id: 'b', event: '{"n":2.50}' });
  await clock.advance(4 * minuteMs);
  const [done] = await records('done');
  const said = fromUtf8(done!.value!);
  assert.match(said, /"requestPayload":1,.*"responsePayload":\{"a":12345678901234567890\}\}$/);
  const { timestamp: _, ...shape } = JSON.parse(said) as Record<string, unknown>;
  const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:worker:$LATEST';
  assert.deepEqual(shape, {
    version: '1.0',
    requestContext: { requestId, functionArn, condition: 'Success', approximateInvokeCount: 1 },
    requestPayload: 1,
    responseContext: { statusCode: 200, executedVersion: '$LATEST' },
    // oxlint-disable-next-line no-loss-of-precision
    responsePayload: { a: 12345678901234567890 },
  });
  const dead = await records('dead');
  assert.equal(dead.length, 1);
  const letter = JSON.parse(fromUtf8(dead[0]!.value!)) as {
    requestContext: { condition: string; approximateInvokeCount: number };
    responsePayload: unknown;
    responseContext: { functionError: string };
  };
  assert.deepEqual(letter.requestContext.condition, 'RetriesExhausted');
  assert.deepEqual(letter.requestContext.approximateInvokeCount, 3);
  assert.deepEqual(letter.responseContext.functionError, 'Unhandled');
  assert.match(fromUtf8(dead[0]!.value!), /"requestPayload":\{"n":2\.50\}/);
  const header = (name: string) => fromUtf8(dead[0]!.headers.find(({ key }) => key === `throughline-${name}`)!.value!);
  assert.deepEqual(['origin-topic', 'condition', 'error-code', 'attempts', 'function'].map(header), [
    asyncTopic,
    'RetriesExhausted',
    'FUNCTION_ERROR',
    '3',
    'worker',
  ]);
});

test('a bus gets results as events of EventBridge, which its rules understand', async (t) => {
  const { accept, start, fake, records, clock } = await bench(t, {
    onSuccess: 'bus:shop',
    onFailure: 'bus:shop',
    maximumRetryAttempts: 0,
  });
  fake.handler = (event) => (event === '1' ? '{"a":12345678901234567890}' : fails('FUNCTION_ERROR')(event));
  await start();
  await accept({ id: 'a', event: '1' });
  await accept({ id: 'b', event: '2' });
  await clock.settle();
  const put = await records('bus.shop');
  const types = put.map((record) => {
    const event = busEventOf(record);
    EventBridgeSchema.parse(event);
    assert.equal(event?.source, 'lambda');
    assert.deepEqual(event?.resources, [
      'arn:aws:events:us-east-1:000000000000:event-bus/shop',
      'arn:aws:lambda:us-east-1:000000000000:function:worker:$LATEST',
    ]);
    return event?.['detail-type'];
  });
  assert.deepEqual(types.toSorted(), [
    'Lambda Function Invocation Result - Failure',
    'Lambda Function Invocation Result - Success',
  ]);
  assert.match(put.map(({ value }) => fromUtf8(value!)).join(), /"responsePayload":\{"a":12345678901234567890\}\}\}/);
});

test('functions that are destinations of each other are stopped after 16 hops', async (t) => {
  const { accept, start, fake, clock } = await bench(t, { onSuccess: 'function:worker' });
  await start();
  await accept({ id: 'a' });
  for (let turn = 0; turn < 40; turn++) await clock.settle();
  assert.equal(fake.calls.length, asyncLimits.hopsMax + 1);
  assert.match(fake.calls[1]!.event, /"condition":"Success"/);
});
