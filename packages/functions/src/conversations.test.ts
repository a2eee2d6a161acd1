// The checkpoint of conversations moves on beside runs that have not ended.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  conversationStream,
  eventFromRecord,
  silentLogger,
  systemClock,
  systemRandom,
  toRecord,
  ulids,
  type RawEvent,
} from '@throughline/event';
import { sqliteStore } from '@throughline/fold';
import { MemoryLog } from '@throughline/testkit';
import { Conversations, type ReadPosition } from './conversations.ts';
import { heldBackRecordsMax } from './defaults.ts';

const topic = 'conversations';
const newId = ulids(systemClock, systemRandom);
const open = (id: string): RawEvent[] => {
  const stream = conversationStream(id);
  const messageId = `message-${id}`;
  const parts = [{ type: 'text', text: 'why?' }];
  const payload = { messageId, parentId: null, role: 'user', parts };
  const request = { messageId, replyId: `reply-${id}`, function: 'somebody-elses' };
  return [
    { type: 'conversation-created', id: newId(), stream, payload: { title: id } },
    { type: 'message-created', id: newId(), stream, payload },
    { type: 'run-requested', id: newId(), stream, run: `run-${id}`, payload: request },
  ];
};
const renamed = (id: string, index: number): RawEvent => {
  const stream = conversationStream(id);
  return { type: 'conversation-renamed', id: newId(), stream, payload: { title: `title ${index}` } };
};

async function setUp(t: TestContext): Promise<{ log: MemoryLog; reopen: () => Promise<Conversations> }> {
  const folder = mkdtempSync(join(tmpdir(), 'conversations-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = new MemoryLog();
  await log.admin.createTopic(topic, { partitions: 1 });
  const reopen = async (): Promise<Conversations> => {
    const initial = Conversations.initial;
    const store = sqliteStore({ path: join(folder, 'c.sqlite'), initial: (database) => database.exec(initial) });
    const bounds = { conversationsMax: 1000, bytesMax: 1024 * 1024 };
    const options = { store, log, topic, logger: silentLogger, ...bounds };
    return Conversations.open(options, await log.admin.describeTopic(topic));
  };
  return { log, reopen };
}

/** Reads what the topic has from the checkpoint on, and tells how many records that were. */
async function readAll(log: MemoryLog, conversations: Conversations): Promise<number> {
  const offset = conversations.position.offsets[0]!;
  const { records } = await log.read({ topic, partition: 0, offset, bytesMax: 100_000_000 });
  for (const record of records) conversations.apply(eventFromRecord(record), record);
  return records.length;
}

const endOf = async (log: MemoryLog): Promise<ReadPosition> => {
  const { partitions } = await log.admin.describeTopic(topic);
  return {
    offsets: partitions.map(({ highWatermark }) => highWatermark),
    marks: partitions.map(() => null),
    lastEpochs: [],
  };
};

test('an open run holds the checkpoint back by no more than its bound, and is found in the store', async (t) => {
  const { log, reopen } = await setUp(t);
  const first = await reopen();
  await log.append(topic, open('a').map(toRecord));
  await readAll(log, first);
  await first.save(await endOf(log));
  assert.deepEqual(first.position.offsets, [0n], 'a few records are read again rather than written each time');
  const others = Array.from({ length: heldBackRecordsMax }, (_, index) => renamed(`other-${index}`, index));
  await log.append(topic, others.map(toRecord));
  await first.close();

  const second = await reopen();
  assert.equal(await readAll(log, second), 3 + heldBackRecordsMax);
  await second.save(await endOf(log));
  assert.deepEqual(second.position, await endOf(log));
  await second.close();

  const third = await reopen();
  assert.equal(await readAll(log, third), 0);
  const runs = [...third.withOpenRuns()].flatMap(({ liveRunIds }) => [...liveRunIds]);
  assert.deepEqual(runs, ['run-a']);
  await third.close();
});

test('a conversation whose run has ended is no open one any more', async (t) => {
  const { log, reopen } = await setUp(t);
  const first = await reopen();
  await log.append(topic, open('a').map(toRecord));
  await readAll(log, first);
  await first.save(await endOf(log), true);
  assert.deepEqual(first.position, await endOf(log), 'the last checkpoint has everything');
  await first.close();
  const end = { type: 'run-ended', id: newId(), stream: conversationStream('a'), run: 'run-a', attempt: 0 };
  await log.append(topic, [toRecord({ ...end, payload: { outcome: 'stopped' } })]);
  const second = await reopen();
  assert.equal([...second.withOpenRuns()].length, 1);
  assert.equal(await readAll(log, second), 1);
  await second.save(await endOf(log));
  await second.close();
  const third = await reopen();
  assert.equal([...third.withOpenRuns()].length, 0);
  await third.close();
});
