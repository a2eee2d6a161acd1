import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { conversationStream, silentLogger, systemClock, systemRandom, toRecord, ulids } from '@throughline/event';
import { MemoryLog } from '@throughline/testkit';
import { ConversationFold } from './conversation-fold.ts';

test('an index that is still of the topic before shows none of its conversations', async (t) => {
  // The list showed those of a topic that had been made again, until the index noticed it as well.
  const dir = mkdtempSync(path.join(tmpdir(), 'throughline-index-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const log = new MemoryLog();
  const topic = 'conversations';
  const { topicId } = await log.admin.createTopic(topic, { partitions: 1 });
  const event = { type: 'conversation-created', id: ulids(systemClock, systemRandom)(), payload: { title: 'of old' } };
  await log.append(topic, [toRecord({ ...event, stream: conversationStream('a') })]);
  const incarnation = { topicId };
  const index = await ConversationFold.start({
    log,
    topic,
    storePath: path.join(dir, 'index.sqlite'),
    incarnation,
    rangeGapRecords: 64,
    commitDelayMs: 0,
    onSummaries: () => {},
    clock: systemClock,
    logger: silentLogger,
  });
  t.after(() => index.close());
  await index.caughtUp(10_000);
  const listed = () => index.list({ limit: 10, after: undefined, isArchived: false }).conversations.map(({ id }) => id);
  assert.deepEqual(listed(), ['a']);
  incarnation.topicId = 'another';
  assert.deepEqual([listed(), index.offsets, index.ranges('a', 0n)], [[], [], []]);
});
