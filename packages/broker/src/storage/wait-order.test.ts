// The order of what may wait for what is asserted where somebody waits, and what stands still is named.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, ThroughlineError, type LogFields } from '@throughline/event';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, HeldDisk, settlesWithin } from '../test-support.ts';
import { holdingNothing, mayWaitFor, OrderedTurns, whileHolding } from './wait-order.ts';

const nowMs = Date.UTC(2030, 0, 1);

test('whoever holds something may wait for what stands behind it in the order, and for nothing else', async () => {
  const [changes, checkpoint, upkeep] = [
    new OrderedTurns('changes'),
    new OrderedTurns('checkpoint'),
    new OrderedTurns('upkeep'),
  ];
  const nested = (outer: OrderedTurns, inner: OrderedTurns): Promise<string> =>
    outer.run('one', async () => {
      // However far away the wait is.
      await new Promise<void>((resolve) => setImmediate(resolve));
      return inner.run('another', async () => 'waited');
    });
  assert.equal(await nested(changes, upkeep), 'waited');
  assert.equal(await nested(checkpoint, upkeep), 'waited');
  // Of one kind: it would wait for itself.
  for (const [outer, inner] of [
    [upkeep, checkpoint],
    [upkeep, changes],
    [upkeep, upkeep],
  ] as const) {
    await assert.rejects(nested(outer, inner), (error) => ThroughlineError.is(error, 'INTERNAL'));
  }
  // A turn that failed is over.
  assert.equal(await upkeep.run('the next', async () => 'done'), 'done');
  whileHolding('upkeep', () => {
    for (const what of ['changes', 'retention', 'writing', 'commits', 'checkpoint', 'upkeep'] as const) {
      assert.throws(() => mayWaitFor(what), /assertion failed/);
      holdingNothing(() => mayWaitFor(what));
    }
    mayWaitFor('log starts');
  });
});

test('a listener that is called while something is held may ask for everything', async () => {
  const held = new HeldDisk(new LossyDisk());
  const options = { disk: held, clock: new VirtualClock(nowMs), random: seededRandom(1) };
  const broker = await openBroker({ dataDir: '/data', ...options, journalFileBytes: 65_536 });
  await broker.createTopic('t', { partitions: 1, config: { durability: 'fsync' } });
  const log = broker.partition('t', 0);
  await log.append(batchOf(['first'], nowMs));
  const asked: Promise<unknown>[] = [];
  log.onAdvance(() => asked.push(broker.alterTopic('t', { retentionMs: 1e9 }), broker.checkpoint()));
  // By the loop that writes and by the journal, and by a checkpoint when the partition goes offline.
  await log.append(batchOf(['second'], nowMs));
  held.hold('sync', '/t-0/00000000000000000000.log').fail('EIO');
  await broker.checkpoint();
  assert.equal(log.isOnline, false);
  assert.ok(asked.length >= 4);
  await settlesWithin(5000, Promise.all(asked));
  await broker.close();
});

test('what stands still is named: the partition, how long, and what it waits for, again when that has doubled', async () => {
  const lines: { readonly fields: LogFields; readonly message: string }[] = [];
  const logger = {
    debug() {},
    info() {},
    warn() {},
    error: (fields: LogFields, message: string) => lines.push({ fields, message }),
  };
  const held = new HeldDisk(new LossyDisk());
  const clock = new VirtualClock(nowMs);
  const options = { disk: held, clock, random: seededRandom(1), logger, journalFileBytes: 16_384 };
  const broker = await openBroker({ dataDir: '/data', ...options, checkpointIntervalMs: 1000 });
  for (const topic of ['t', 'u']) await broker.createTopic(topic, { partitions: 1, config: { durability: 'fsync' } });
  const [t, u] = ['t', 'u'].map((topic) => broker.partition(topic, 0));
  await t!.append(batchOf(['first'], nowMs));
  await u!.append(batchOf(['first'], nowMs));
  // A disk that hangs in the sync of a segment: the checkpoint waits for it, the journal for the checkpoint.
  const sync = held.hold('sync', '/t-0/00000000000000000000.log');
  const checkpoint = broker.checkpoint();
  await sync.reached;
  await clock.advance(9000);
  const lineCount = (): number => lines.length;
  assert.equal(lineCount(), 0);
  await clock.advance(5000);
  assert.equal(lineCount(), 1);
  assert.equal(lines[0]!.message, 'a partition stands still');
  const { waitMs, ...said } = lines[0]!.fields as { waitMs: number };
  assert.deepEqual(said, {
    code: 'LOG_STALLED',
    partition: 't-0',
    waitsFor: 'a sync',
    journal: 'nothing',
    checkpoint: 'the sync of t-0',
  });
  assert.ok(waitMs >= 10_000 && waitMs <= 12_000, `${waitMs} ms`);
  await clock.advance(30_000);
  assert.ok(lineCount() >= 2 && lineCount() <= 4, `${lineCount()} lines`);
  sync.release();
  await checkpoint;
  const countBefore = lineCount();
  await clock.advance(60_000);
  assert.equal(lineCount(), countBefore);
  // One that hangs in the sync of the journal.
  const commit = held.hold('sync', '.journal');
  const append = u!.append(batchOf(['second'], nowMs));
  await commit.reached;
  await clock.advance(15_000);
  const last = lines.at(-1)!.fields as { partition: string; waitsFor: string; journal: string };
  assert.deepEqual([last.partition, last.waitsFor, last.journal], ['u-0', 'the commit journal', 'a sync']);
  commit.release();
  await append;
  await broker.close();
});
