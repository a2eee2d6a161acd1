// A queue over a log in memory, with a function that is made up: what it is called with, what comes again and when, what becomes a
// dead letter, and what a second start knows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SqsSchema } from '@aws-lambda-powertools/parser/schemas/sqs';
import { fromUtf8, seededRandom, silentLogger, utf8, type LogRecord } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { functionDefaults } from '../../defaults.ts';
import type { InvocationRequest, InvocationSink, Settlement } from '../../invoker/invocation-contract.ts';
import type { Invoker } from '../../invoker/invoker.ts';
import { invocationError, settled } from '../mapping/test-support.ts';
import type { RunningTrigger, TriggerServices } from '../trigger.ts';
import { queueKind } from './queue.ts';

interface Message {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: { readonly ApproximateReceiveCount: string };
}
type Handler = (messages: readonly Message[]) => unknown;

const topic = 'queue.mails';

function open(t: { after(action: () => Promise<void>): void }) {
  const clock = new VirtualClock();
  const log = new MemoryLog(clock);
  const events: unknown[] = [];
  /** Body and receive count of each message, by call. */
  const calls: string[][] = [];
  const held: (() => void)[] = [];
  const fake = { handler: (() => null) as Handler, isHeld: false };
  const invoke = async (request: InvocationRequest, _: InvocationSink, signal: AbortSignal): Promise<Settlement> => {
    const event = JSON.parse(request.event as string) as { Records: Message[] };
    events.push(event);
    calls.push(event.Records.map(({ body, attributes }) => `${body} ${attributes.ApproximateReceiveCount}`));
    if (fake.isHeld) {
      await new Promise<void>((resolve) => {
        held.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    if (signal.aborted) return settled(undefined, invocationError('INVOCATION_CANCELLED'));
    try {
      return settled(JSON.stringify(fake.handler(event.Records)), undefined);
    } catch (thrown) {
      if (!(thrown instanceof Error)) return settled(undefined, thrown as ReturnType<typeof invocationError>);
      return settled(undefined, { ...invocationError('FUNCTION_ERROR'), errorMessage: thrown.message });
    }
  };
  const services: TriggerServices = {
    log,
    bootstrapServers: '',
    member: {},
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    stateDir: '',
    newId: () => '0',
    accept: async () => {},
  };
  const start = (asked: Readonly<Record<string, unknown>> = {}): RunningTrigger => {
    const config = queueKind.read({ type: 'queue', queue: 'mails', ...asked }, 'triggers[0]');
    const invoker = { invoke, config: { ...functionDefaults, environmentsMax: 2 } } as unknown as Invoker;
    const running = queueKind.start(config, { name: 'mailer', invoker }, services);
    t.after(() => stop(running));
    return running;
  };
  const stop = async (running: RunningTrigger): Promise<void> => {
    for (const resolve of held.splice(0)) resolve();
    const closing = running.close();
    await clock.advance(10_000);
    await closing;
  };
  const send = async (...bodies: readonly string[]): Promise<void> => {
    await log.append(
      topic,
      bodies.map((body) => ({ key: null, value: utf8(body), partition: 0 })),
    );
    await clock.settle();
  };
  const recordsOf = async (name: string): Promise<readonly LogRecord[]> => {
    const { partitions } = await log.admin.describeTopic(name);
    const reads = await Promise.all(
      partitions.map(({ partition }) => log.read({ topic: name, partition, offset: 0n })),
    );
    return reads.flatMap(({ records }) => records);
  };
  const release = async (): Promise<void> => {
    for (const resolve of held.splice(0)) resolve();
    await clock.settle();
  };
  const committed = async (): Promise<bigint | undefined> =>
    (await log.admin.committedOffsets('throughline-trigger-mailer-queue-mails')).find(
      ({ partition }) => partition === 0,
    )?.offset;
  return { clock, log, fake, calls, events, start, stop, send, recordsOf, release, committed };
}

test('a message has the shape of SQS, and is deleted once the function has come to its end', async (t) => {
  const { clock, log, events, start, committed } = open(t);
  start();
  await clock.settle();
  const headers = [
    { key: 'kind', value: utf8('news') },
    { key: 'raw', value: new Uint8Array([255]) },
  ];
  await log.append(topic, [{ key: utf8('g'), value: utf8('{"to":"you"}'), headers, partition: 0, timestampMs: 5 }]);
  await clock.settle();
  const [event] = events;
  SqsSchema.parse(event);
  const [message] = (event as { Records: Record<string, unknown>[] }).Records;
  assert.deepEqual(
    { ...message, messageId: '', receiptHandle: '' },
    {
      messageId: '',
      receiptHandle: '',
      body: '{"to":"you"}',
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: '5',
        SenderId: '000000000000',
        ApproximateFirstReceiveTimestamp: String(clock.nowMs()),
        MessageGroupId: 'g',
      },
      messageAttributes: {
        kind: { stringValue: 'news', stringListValues: [], binaryListValues: [], dataType: 'String' },
        raw: { binaryValue: '/w==', stringListValues: [], binaryListValues: [], dataType: 'Binary' },
      },
      md5OfBody: '4a234e95e17fd08d24dd2707f59efc45',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:mails',
      awsRegion: 'us-east-1',
    },
  );
  assert.equal(await committed(), 1n);
});

test('batches hold batchSize messages at most, and a window gathers them', async (t) => {
  const { clock, calls, start, send } = open(t);
  start({ batchSize: 3, batchWindowMs: 500 });
  await clock.settle();
  await send('a');
  await clock.advance(499);
  await send('b');
  assert.deepEqual(calls, []);
  await clock.advance(1);
  assert.deepEqual(calls, [['a 1', 'b 1']]);
  await send('c', 'd', 'e', 'f');
  assert.deepEqual(calls[1], ['c 1', 'd 1', 'e 1']);
});

test('a message that fails comes again after its visibility time-out, and holds nothing up', async (t) => {
  const { clock, fake, calls, start, send, committed } = open(t);
  fake.handler = ([first]) => {
    if (first?.body === 'bad' && first.attributes.ApproximateReceiveCount !== '3') throw new Error('not yet');
  };
  start({ batchSize: 1, visibilityTimeoutMs: 10_000 });
  await clock.settle();
  await send('bad', 'good', 'better');
  assert.deepEqual(calls, [['bad 1'], ['good 1'], ['better 1']]);
  assert.equal(await committed(), 0n);
  await clock.advance(9_999);
  assert.equal(calls.length, 3);
  await clock.advance(1);
  assert.deepEqual(calls[3], ['bad 2']);
  await clock.advance(10_000);
  assert.deepEqual(calls[4], ['bad 3']);
  assert.equal(await committed(), 3n);
});

test('what the function names comes again, the others are deleted; an answer that is none deletes nothing', async (t) => {
  const { clock, fake, calls, start, send } = open(t);
  fake.handler = (messages) => ({
    batchItemFailures: messages
      .filter(({ body }) => body === 'b')
      .map(({ messageId }) => ({ itemIdentifier: messageId })),
  });
  start({ visibilityTimeoutMs: 1000, reportBatchItemFailures: true });
  await clock.settle();
  await send('a', 'b', 'c');
  await clock.advance(1000);
  assert.deepEqual(calls.slice(0, 2), [['a 1', 'b 1', 'c 1'], ['b 2']]);
  fake.handler = () => ({ batchItemFailures: [{ itemIdentifier: '' }] });
  await clock.advance(1000);
  fake.handler = () => ({ batchItemFailures: [{ itemIdentifier: 'nobody' }] });
  await clock.advance(1000);
  fake.handler = () => null;
  await clock.advance(1000);
  assert.deepEqual(calls.slice(2), [['b 3'], ['b 4'], ['b 5']]);
  await clock.advance(60_000);
  assert.equal(calls.length, 5);
});

test('a message that was received maxReceiveCount times goes to the dead letter queue, as it was and with where it came from', async (t) => {
  const { clock, fake, calls, start, send, recordsOf, committed } = open(t);
  fake.handler = () => {
    throw new Error('broken');
  };
  start({ visibilityTimeoutMs: 1000, redrive: { deadLetterQueue: 'mails.dead', maxReceiveCount: 2 } });
  await clock.settle();
  await send('x');
  await clock.advance(1000);
  assert.deepEqual(calls, [['x 1'], ['x 2']]);
  await clock.advance(1000);
  assert.equal(calls.length, 2);
  const [letter, ...more] = await recordsOf('queue.mails.dead');
  assert.equal(more.length, 0);
  assert.equal(fromUtf8(letter!.value!), 'x');
  const headers = Object.fromEntries(letter!.headers.map(({ key, value }) => [key, fromUtf8(value!)]));
  assert.deepEqual(
    [headers['throughline-origin-topic'], headers['throughline-origin-offset'], headers['throughline-condition']],
    [topic, '0', 'ReceiveCountExceeded'],
  );
  assert.deepEqual([headers['throughline-error-message'], headers['throughline-attempts']], ['broken', '2']);
  assert.equal(await committed(), 1n);
});

test('a second start knows what was received and what was deleted, and hides what is hidden', async (t) => {
  const { clock, fake, calls, start, stop, send, committed } = open(t);
  fake.handler = ([first]) => {
    if (first?.body === 'a') throw new Error('not now');
  };
  const first = start({ batchSize: 1, visibilityTimeoutMs: 30_000 });
  await clock.settle();
  await send('a', 'b', 'c');
  assert.deepEqual(calls, [['a 1'], ['b 1'], ['c 1']]);
  await stop(first);
  assert.equal(await committed(), 0n);
  fake.handler = () => null;
  start({ batchSize: 1, visibilityTimeoutMs: 30_000 });
  await clock.settle();
  assert.equal(calls.length, 3);
  await clock.advance(20_000);
  assert.deepEqual(calls.slice(3), [['a 2']]);
  assert.equal(await committed(), 3n);
});

test('no more batches are under way than maximumConcurrency says, else than the function serves', async (t) => {
  for (const [asked, count] of [
    [{}, 2],
    [{ maximumConcurrency: 3 }, 3],
  ] as const) {
    const { clock, fake, calls, start, send, release } = open(t);
    fake.isHeld = true;
    start({ batchSize: 1, ...asked });
    await clock.settle();
    await send('a', 'b', 'c', 'd');
    assert.equal(calls.length, count);
    await release();
    await release();
    assert.equal(calls.length, 4);
  }
});

test('a function that has no room was not called: that is no receive, and status says why nothing is handed out', async (t) => {
  const { clock, fake, calls, start, send } = open(t);
  fake.handler = () => {
    throw invocationError('THROTTLED');
  };
  const running = start({ redrive: { deadLetterQueue: 'd', maxReceiveCount: 1 } });
  await clock.settle();
  await send('a');
  assert.equal(running.status().problem?.code, 'THROTTLED');
  fake.handler = () => null;
  await clock.advance(5_000);
  assert.deepEqual(calls, [['a 1'], ['a 1']]);
  assert.equal(running.status().problem, undefined);
});

test('filters look into the body, and what does not match is deleted', async (t) => {
  const { clock, calls, start, send, committed } = open(t);
  start({ filters: [{ body: { kind: ['news'] } }, { body: [{ prefix: 'plain' }] }] });
  await clock.settle();
  await send('{"kind":"news"}', '{"kind":"spam"}', 'plain text');
  assert.deepEqual(calls, [['{"kind":"news"} 1', 'plain text 1']]);
  assert.equal(await committed(), 3n);
});

test('a batch that no event holds is cut in two, and a message that no event holds is given up', async (t) => {
  const { clock, log, calls, start, recordsOf } = open(t);
  start({ redrive: { deadLetterQueue: 'dead', maxReceiveCount: 5 } });
  await clock.settle();
  await log.admin.alterTopic(topic, { recordBytesMax: 10_000_000 });
  const bodies = [7_000_000, 4_000_000, 3_000_000].map((length) => 'x'.repeat(length));
  for (const body of bodies) await log.append(topic, [{ key: null, value: utf8(body), partition: 0 }]);
  await clock.settle();
  assert.deepEqual(
    calls.map((messages) => messages.map(({ length }) => length)),
    [[4_000_002], [3_000_002]],
  );
  assert.equal((await recordsOf('queue.dead'))[0]?.value?.length, 7_000_000);
});

for (const [asked, said] of [
  [{ batchSize: 11 }, /batchSize: above 10 it needs a batchWindowMs/],
  [{ batchSize: 0 }, /batchSize: expected a number from 1 to 10000/],
  [{ visibilityTimeoutMs: -1 }, /visibilityTimeoutMs/],
  [{ redrive: { deadLetterQueue: 'mails', maxReceiveCount: 1 } }, /mails is the queue itself/],
  [{ redrive: { deadLetterQueue: 'd', maxReceiveCount: 0 } }, /maxReceiveCount/],
  [{ filters: [{ body: 'x' }] }, /filters\[0\]/],
  [{ queue: '' }, /queue/],
  [{ colour: 'red' }, /colour/],
] as const) {
  test(`rejected: ${JSON.stringify(asked)}`, () => {
    assert.throws(() => queueKind.read({ type: 'queue', queue: 'mails', ...asked }, 'triggers[0]'), said);
  });
}
