// A topic that was deleted while a checkpoint ran was logged as a failed sync: its folders had gone in the middle of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger, utf8, type Logger } from '@throughline/event';
import { LossyDisk } from '@throughline/testkit';
import { encodeRecordBatch } from '@throughline/wire';
import { openBroker } from './open-broker.ts';

test('a topic may be deleted while a checkpoint runs', async () => {
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (_fields, message) => void errors.push(message) };
  const broker = await openBroker({ dataDir: '/data', disk: new LossyDisk(), logger });
  const batch = (): Uint8Array => encodeRecordBatch([{ key: null, value: utf8('one') }], { nowMs: Date.now() });
  // The checkpoint is busy with the one while the other goes.
  await broker.createTopic('kept', { partitions: 40 });
  await broker.createTopic('doomed', { partitions: 4 });
  for (const { topic, partitionCount } of broker.topics()) {
    for (let one = 0; one < partitionCount; one++) await broker.partition(topic, one).append(batch());
  }
  const checkpoint = broker.checkpoint();
  await broker.deleteTopic('doomed');
  await checkpoint;
  assert.ok(broker.partition('kept', 0).isOnline);
  await broker.close();
  assert.deepEqual(errors, []);
});
