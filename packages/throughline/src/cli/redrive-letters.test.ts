// Dead letters go back to where they came from, each at most once, on a log in memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, utf8, type LogRecord, type ProducerRecord } from '@throughline/event';
import { acceptedRecord, asyncTopic } from '@throughline/functions';
import { MemoryLog, VirtualClock } from '@throughline/testkit';
import { redrive, redriveGroup, type RedriveCounts, type RedriveOptions } from './redrive-letters.ts';

const header = (key: string, text: string | number) => ({ key: `throughline-${key}`, value: utf8(String(text)) });

function letterOf(value: string, origin: string, offset: number, code = 'FUNCTION_ERROR'): ProducerRecord {
  const headers = [
    { key: 'own', value: utf8('stays') },
    header('origin-topic', origin),
    header('origin-partition', 1),
    header('origin-offset', offset),
    header('error-code', code),
    header('function', 'worker'),
  ];
  return { key: utf8('k'), value: utf8(value), headers, partition: 0 };
}

async function house() {
  const log = new MemoryLog(new VirtualClock());
  for (const topic of ['jobs', asyncTopic, 'dead', 'other']) await log.admin.createTopic(topic, { partitions: 2 });
  const run = (more: Partial<RedriveOptions> = {}): Promise<RedriveCounts> =>
    redrive({
      log,
      topic: 'dead',
      to: undefined,
      where: [],
      rate: undefined,
      isDryRun: false,
      clock: new VirtualClock(),
      signal: new AbortController().signal,
      onLetter: () => {},
      ...more,
    });
  const read = async (topic: string, partition = 1): Promise<readonly LogRecord[]> =>
    (await log.read({ topic, partition, offset: 0n })).records;
  return { log, run, read };
}

test('a letter goes back as it was, once; later ones go by the next redrive', async () => {
  const { log, run, read } = await house();
  await log.append('dead', [letterOf('a', 'jobs', 7)]);
  assert.equal((await run({ isDryRun: true }))['would send'], 1);
  assert.equal((await run()).sent, 1);
  assert.equal((await run()).sent, 0);
  await log.append('dead', [letterOf('b', 'jobs', 8)]);
  assert.equal((await run()).sent, 1);
  const records = await read('jobs');
  assert.deepEqual(
    records.map(({ value }) => fromUtf8(value!)),
    ['a', 'b'],
  );
  assert.deepEqual(
    records[0]!.headers.map(({ key }) => key),
    ['own'],
  );
});

test('an event of a function goes to its function as it was accepted, with an id of its letter', async () => {
  const { log, run, read } = await house();
  const body = utf8('{"n":12345678901234567890}');
  const event = { id: 'a', functionName: 'worker', origin: 'api', requestId: 'r', hops: 0, body };
  await log.append(asyncTopic, [{ ...acceptedRecord(event), partition: 1 }]);
  await log.append('dead', [letterOf('{"requestPayload":{}}', asyncTopic, 0)]);
  assert.equal((await run()).sent, 1);
  const all = [...(await read(asyncTopic, 0)), ...(await read(asyncTopic, 1))];
  const again = all.find(({ key }) => fromUtf8(key!) === 'redrive/dead/0/0');
  assert.equal(fromUtf8(again!.value!), '{"n":12345678901234567890}');
});

test('what was being sent when a redrive was killed is named and not sent again, but for events of functions, which count once', async () => {
  const { log, run, read } = await house();
  await log.append('dead', [letterOf('a', 'jobs', 7), letterOf('{"requestPayload":{}}', asyncTopic, 99)]);
  const append = log.append.bind(log);
  const killed = new Error('killed');
  log.append = async (...args) => {
    await append(...args);
    throw killed;
  };
  await assert.rejects(run());
  log.append = append;
  const counts = await run();
  assert.deepEqual([counts['in doubt'], counts.sent], [1, 1]);
  assert.equal((await read('jobs')).length, 1);
  // The same again, in the middle of the event.
  const group = redriveGroup('dead');
  await log.admin.commitOffsets(group, [{ topic: 'dead', partition: 0, offset: 2n, metadata: 'sending' }]);
  assert.equal((await run()).sent, 1);
  const ids = [...(await read(asyncTopic, 0)), ...(await read(asyncTopic, 1))].map(({ key }) => fromUtf8(key!));
  assert.deepEqual(ids, ['redrive/dead/0/1', 'redrive/dead/0/1']);
});

test('--where passes what has other headers, --to sends elsewhere, and what says no origin stays', async () => {
  const { log, run, read } = await house();
  const plain: ProducerRecord = { key: null, value: utf8('plain'), partition: 0 };
  await log.append('dead', [letterOf('a', 'jobs', 7), letterOf('b', 'jobs', 8, 'FUNCTION_TIMED_OUT'), plain]);
  const where = [{ name: 'error-code', value: 'FUNCTION_TIMED_OUT' }];
  const dry = await run({ where, isDryRun: true });
  assert.deepEqual([dry['would send'], dry['no match']], [1, 2]);
  assert.equal((await run({ isDryRun: true }))['no origin'], 1);
  const counts = await run({ where, to: 'other' });
  assert.deepEqual([counts.sent, counts['no match']], [1, 2]);
  const records = [...(await read('other', 0)), ...(await read('other', 1))];
  assert.deepEqual(
    records.map(({ value }) => fromUtf8(value!)),
    ['b'],
  );
});
