import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, systemClock, ThroughlineError, utf8, type LogFields, type LogRecord } from '@throughline/event';
import { MemoryLog } from '@throughline/testkit';
import { LiveTail } from './live-tail.ts';

async function startTail(
  log: MemoryLog,
  onRecord: (record: LogRecord) => void,
  logger = silentLogger,
): Promise<LiveTail> {
  return LiveTail.start({ log, topic: 'topic', onRecord, retryMs: 1, waitMsMax: 60_000, clock: systemClock, logger });
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
  const refused = assert.rejects(waiting, (error) => ThroughlineError.is(error, 'CLOSED'));
  await tail.close();
  await refused;
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
