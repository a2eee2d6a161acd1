import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, systemClock, ThroughlineError, utf8, type LogFields, type LogRecord } from '@throughline/event';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { LiveTail } from './live-tail.ts';

async function startTail(
  log: MemoryLog,
  onRecord: (record: LogRecord) => void,
  logger = silentLogger,
): Promise<LiveTail> {
  const tail = new LiveTail({ log, topic: 'topic', retryMs: 1, waitMsMax: 60_000, clock: systemClock, logger });
  await tail.start({ onRecord, onStartOver: () => {}, onRemoved: () => {} });
  return tail;
}

const record = (value: string) => ({ key: utf8('key'), value: utf8(value) });

test('a reader that waits for an offset is woken once the record was handed on', async () => {
  const log = new MemoryLog();
  await log.admin.createTopic('topic', { partitions: 1 });
  await log.append('topic', [record('before')]);
  const seen: bigint[] = [];
  const tail = await startTail(log, ({ offset }) => seen.push(offset));
  const waiting = tail.reached(0, 2n);
  await log.append('topic', [record('a'), record('b')]);
  await waiting;
  assert.deepEqual(seen, [1n, 2n]);
  await tail.reached(0, 1n);
  await tail.close();
  await log.close();
});

test('a log that fails to read is tried again from where it failed, and the problem is known meanwhile', async () => {
  const log = new MemoryLog();
  await log.admin.createTopic('topic', { partitions: 1 });
  const seen: bigint[] = [];
  const tail = log.tail.bind(log);
  let failures = 0;
  log.tail = async function* (request) {
    for await (const step of tail(request)) {
      yield step;
      if (failures++ < 2) throw new ThroughlineError('CORRUPT_RECORD', 'a bit has flipped');
    }
  };
  const reported: unknown[] = [];
  const logger = { ...silentLogger, error: (fields: LogFields) => reported.push(fields['code']) };
  const live = await startTail(log, ({ offset }) => seen.push(offset), logger);
  for (const value of ['a', 'b', 'c', 'd']) {
    await log.append('topic', [record(value)]);
    await live.reached(0, BigInt(seen.length));
  }
  assert.deepEqual(seen, [0n, 1n, 2n, 3n]);
  assert.deepEqual(reported, ['CORRUPT_RECORD', 'CORRUPT_RECORD']);
  assert.equal(live.problem, undefined);
  await live.close();
  await log.close();
});

test('whoever waits when the tail closes is told so', async () => {
  const log = new MemoryLog();
  await log.admin.createTopic('topic', { partitions: 1 });
  const tail = await startTail(log, () => {});
  const waiting = tail.reached(0, 5n);
  const rejected = assert.rejects(waiting, (error) => ThroughlineError.is(error, 'CLOSED'));
  await tail.close();
  await rejected;
  await log.close();
});

test('a record that somebody chokes on is reported, and the next ones are handed on', async () => {
  const log = new MemoryLog();
  await log.admin.createTopic('topic', { partitions: 1 });
  const seen: bigint[] = [];
  const reported: unknown[] = [];
  const logger = { ...silentLogger, error: (fields: LogFields) => reported.push(fields['offset']) };
  const choke = ({ offset }: LogRecord): void => {
    if (offset === 1n) throw new TypeError('a defect');
    seen.push(offset);
  };
  const tail = await startTail(log, choke, logger);
  await log.append('topic', [record('a'), record('b'), record('c')]);
  await tail.reached(0, 2n);
  assert.deepEqual(seen, [0n, 2n]);
  assert.deepEqual(reported, ['1']);
  await tail.close();
  await log.close();
});

test('a topic that is deleted is a problem until it is made again, and is then handed on from its first record', async () => {
  const log = new MemoryLog();
  const clock = new VirtualClock();
  await log.admin.createTopic('topic', { partitions: 1 });
  await log.append('topic', [record('old')]);
  const seen: string[] = [];
  const tail = new LiveTail({ log, topic: 'topic', retryMs: 1, waitMsMax: 60_000, clock, logger: silentLogger });
  await tail.start({
    onRecord: ({ value }) => seen.push(new TextDecoder().decode(value!)),
    onStartOver: ({ partitions }) => seen.push(`anew with ${partitions.length}`),
    onRemoved: () => seen.push('removed'),
  });
  const problems = (): unknown[] => [tail.topicProblem?.code, tail.problem?.code];
  assert.deepEqual(problems(), [undefined, undefined]);
  await log.admin.deleteTopic('topic');
  await clock.settle();
  assert.deepEqual(problems(), ['TOPIC_DELETED', 'UNKNOWN_TOPIC']);
  assert.deepEqual(seen, ['removed']);
  await log.admin.createTopic('topic', { partitions: 2 });
  await log.append('topic', [{ ...record('new'), partition: 1 }]);
  // Whoever has appended meanwhile waits for the new topic, whatever the position was in the old one.
  const reached = tail.reached(1, 0n);
  await clock.advance(1_000);
  await reached;
  assert.deepEqual(seen, ['removed', 'anew with 2', 'new']);
  assert.deepEqual(problems(), [undefined, undefined]);
  await tail.close();
});

test('after a cluster has lost records, what is in memory is dropped and the tail goes on at the end', async () => {
  const log = new MemoryLog();
  const clock = new VirtualClock();
  await log.admin.createTopic('topic', { partitions: 1 });
  const tail = log.tail.bind(log);
  let cut = (): void => {};
  log.tail = async function* (request) {
    const stop = new AbortController();
    cut = () => stop.abort();
    yield* tail({ ...request, signal: AbortSignal.any([request.signal!, stop.signal]) });
    if (stop.signal.aborted) throw new ThroughlineError('LOG_UNREACHABLE', 'the leader is gone');
  };
  const seen: string[] = [];
  const live = new LiveTail({ log, topic: 'topic', retryMs: 1, waitMsMax: 60_000, clock, logger: silentLogger });
  await live.start({
    onRecord: ({ value }) => seen.push(new TextDecoder().decode(value!)),
    onStartOver: () => seen.push('anew'),
    onRemoved: () => {},
  });
  await log.append('topic', [record('a'), record('b')]);
  await live.reached(0, 1n);
  cut();
  await clock.settle();
  log.loseFrom('topic', 0, 0n);
  await log.append('topic', [record('x'), record('y'), record('z')]);
  await clock.advance(1);
  await log.append('topic', [record('last')]);
  await live.reached(0, 3n);
  assert.deepEqual(seen, ['a', 'b', 'anew', 'last']);
  await live.close();
});
