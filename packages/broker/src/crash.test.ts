// Random appends, rolls, checkpoints, crashes and restarts against a model. The seed of a failing run is in fast-check's
// report; give it as { seed, path } to see the same run again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom, ThroughlineError } from '@throughline/event';
import { FaultyDisk, LossyDisk, VirtualClock } from '@throughline/testkit';
import * as fc from 'fast-check';
import type { Broker } from './topics/broker.ts';
import { openBroker } from './topics/open-broker.ts';
import { batchOf, readAll } from './test-support.ts';
import type { Durability } from './ground/topic-config.ts';

const limits = { journalFileBytes: 4096, journalFileCountMax: 3, recoveryReadBytes: 512, openSegmentCountMax: 2 };

/** One life of the broker: what it does, and how it ends. */
interface Life {
  /** Each: how many records, how long each, and whether to wait for the acknowledgement before the next. */
  readonly appends: readonly {
    readonly recordCount: number;
    readonly textLength: number;
    readonly isAwaited: boolean;
  }[];
  /** Changes of the disk before the process dies in the middle of one. */
  readonly dieAfter: number;
  /** Bytes until the disk is full, counted from the first append. */
  readonly bytesFree: number;
  /** The append before which somebody makes room. */
  readonly roomAt: number;
  readonly end: 'close' | 'kill' | 'power cut';
  readonly seed: number;
}

const life: fc.Arbitrary<Life> = fc.record({
  appends: fc.array(
    fc.record({
      recordCount: fc.integer({ min: 1, max: 3 }),
      textLength: fc.integer({ min: 1, max: 400 }),
      isAwaited: fc.boolean(),
    }),
    { maxLength: 14 },
  ),
  dieAfter: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.constant(Number.POSITIVE_INFINITY)),
  bytesFree: fc.oneof(fc.integer({ min: 0, max: 4000 }), fc.constant(Number.POSITIVE_INFINITY)),
  roomAt: fc.integer({ min: 0, max: 14 }),
  end: fc.constantFrom('close', 'kill', 'power cut'),
  seed: fc.nat(),
});

interface Batch {
  readonly texts: readonly string[];
  isAcked: boolean;
}

/** Runs the lives one after the other on one disk, and checks after each what the next one finds. */
async function runLives(durability: Durability, lives: readonly Life[]): Promise<void> {
  const memory = new LossyDisk();
  /** What was sent and not rejected, in order, since the topic was made. */
  let sent: Batch[] = [];
  /** The topic has been acknowledged. */
  let isMade = false;
  let name = 0;
  for (const one of [...lives, undefined]) {
    const disk = new FaultyDisk(memory);
    const options = {
      dataDir: '/data',
      disk,
      clock: new VirtualClock(),
      random: seededRandom(one?.seed ?? 1),
      ...limits,
    };
    if (one !== undefined) disk.dieAfter(one.dieAfter);
    let broker: Broker | undefined;
    try {
      broker = await openBroker(options);
      if (broker.topics().length === 0) {
        assert.equal(isMade, false, 'the topic is lost');
        await broker.createTopic('t', { partitions: 1, config: { durability, segmentBytes: 1024 } });
        isMade = true;
        sent = [];
      }
      const log = broker.partition('t', 0);
      // What is found is what was sent, from the first on, in whole batches: nothing lost below the last acknowledged,
      // nothing twice, nothing out of order.
      const found = await readAll(log);
      const expected = sent.flatMap(({ texts }) => texts).map((text, offset) => `${offset}:${text}`);
      assert.deepEqual(found, expected.slice(0, found.length));
      let batchCount = 0;
      let recordCount = 0;
      while (recordCount < found.length) recordCount += sent[batchCount++]!.texts.length;
      assert.equal(recordCount, found.length, 'half a batch is there');
      const lost = sent.slice(batchCount);
      assert.deepEqual(
        lost.filter(({ isAcked }) => isAcked),
        [],
        'acknowledged records are lost',
      );
      sent = sent.slice(0, batchCount);
      if (one === undefined) return;

      const acks: Promise<void>[] = [];
      disk.bytesFree = one.bytesFree;
      for (const [i, { recordCount: count, textLength, isAwaited }] of one.appends.entries()) {
        if (i === one.roomAt) disk.heal();
        const batch: Batch = {
          texts: Array.from({ length: count }, () => `${name++}`.padEnd(textLength, '.')),
          isAcked: false,
        };
        sent.push(batch);
        const ack = log.append(batchOf(batch.texts)).then(
          () => {
            batch.isAcked = true;
          },
          (error: unknown) => {
            // Only a full disk is a plain no; after anything else nobody knows.
            if (ThroughlineError.is(error, 'OUT_OF_DISK')) sent = sent.filter((other) => other !== batch);
            else assert.ok(ThroughlineError.is(error), String(error));
          },
        );
        acks.push(ack);
        if (isAwaited) await ack;
      }
      disk.heal();
      if (one.end === 'close') {
        await Promise.all(acks);
        await broker.close();
      }
    } catch (error) {
      if (!disk.isDead) throw error;
    }
    await disk.die();
    if (one?.end === 'power cut') memory.cutPower(seededRandom(one.seed));
    else memory.crash();
    // Only `fsync` promises anything across a power cut, and `memory` across nothing but a clean close.
    const isCut = one?.end === 'power cut' && durability !== 'fsync';
    const isKilled = durability === 'memory' && (disk.operationCount > (one?.dieAfter ?? 0) || one?.end !== 'close');
    if (isCut || isKilled) for (const batch of sent) batch.isAcked = false;
  }
}

for (const durability of ['fsync', 'os', 'memory'] as const) {
  test(`whatever crashes, a ${durability} topic keeps what it promised, and only a prefix of what was sent`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), (lives) => runLives(durability, lives)),
      { numRuns: 60 },
    );
  });
}
