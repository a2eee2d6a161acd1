// What is promised of record batches as they are stored: they are read byte for byte, and a log that takes them from another
// one is then the same log, to its offsets, epochs and producers. What a log cannot do it rejects by its code.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Log, RawBatches } from '@throughline/log';
import { batchWith } from '@throughline/testkit';
import {
  attributeBits,
  encodeRecordBatch,
  readBatchHeader,
  setBaseOffset,
  setPartitionLeaderEpoch,
} from '@throughline/wire';
import { appendTexts, plain, readAll, rejected, textRecord, texts, type Subject } from './log-support.ts';

/** A batch of texts as another log has it. */
function placed(
  offset: bigint,
  epoch: number,
  values: readonly string[],
  producer?: { readonly id: bigint; readonly epoch: number; readonly baseSequence: number },
): Uint8Array {
  const options = { nowMs: 1_000, ...(producer === undefined ? {} : { producer }) };
  const batch = encodeRecordBatch(values.map(textRecord), options);
  setBaseOffset(batch, 0, offset);
  setPartitionLeaderEpoch(batch, 0, epoch);
  return batch;
}

/** All batches of a partition, bounded read by bounded read. */
async function readAllBatches(log: Log, topic: string, bytesMax: number): Promise<readonly RawBatches[]> {
  const all: RawBatches[] = [];
  for (let offset = 0n, lastEpoch = -1; ;) {
    const read = await log.readBatches({ topic, partition: 0, offset, lastEpoch, bytesMax });
    if (read.nextOffset > offset) all.push(read);
    ({ nextOffset: offset, lastEpoch } = read);
    if (offset === read.highWatermark) return all;
  }
}

export function batchClaims(subject: Subject): void {
  describe('batches', () => {
    if (subject.batches === 'none') {
      test('a log that has only records says so', async () => {
        const topic = await subject.newTopic();
        await rejected(subject.log.readBatches({ topic, partition: 0, offset: 0n }), 'LOG_CANNOT');
        const batches = placed(0n, 0, ['a']);
        await rejected(subject.log.appendBatches({ topic, partition: 0, batches }), 'LOG_CANNOT');
      });
      return;
    }

    test('batches are read whole, from the one that contains the offset, with where to go on', async () => {
      const topic = await subject.newTopic();
      const place = { topic, partition: 0 };
      await appendTexts(subject.log, topic, 'a', 'b', 'c');
      await appendTexts(subject.log, topic, 'd');
      const { leaderEpoch } = (await subject.log.admin.describeTopic(topic)).partitions[0]!;
      const first = await subject.log.readBatches({ ...place, offset: 1n, bytesMax: 1 });
      const header = readBatchHeader(first.batches, 0);
      assert.deepEqual(
        [header.baseOffset, header.recordCount, header.sizeBytes, header.partitionLeaderEpoch],
        [0n, 3, first.batches.length, leaderEpoch],
      );
      assert.deepEqual([first.nextOffset, first.lastEpoch], [3n, leaderEpoch]);
      assert.deepEqual([first.highWatermark, first.lastStableOffset, first.logStartOffset], [4n, 4n, 0n]);
      const end = await subject.log.readBatches({ ...place, offset: 4n, lastEpoch: leaderEpoch });
      assert.deepEqual([end.batches.length, end.nextOffset, end.lastEpoch], [0, 4n, leaderEpoch]);
      await rejected(subject.log.readBatches({ ...place, offset: 5n }), 'OFFSET_OUT_OF_RANGE');
      await rejected(subject.log.readBatches({ ...place, offset: 1n, lastEpoch: leaderEpoch + 1 }), 'LOG_DIVERGED');
      await rejected(subject.log.readBatches({ topic: 'nowhere', partition: 0, offset: 0n }), 'UNKNOWN_TOPIC');
    });

    if (subject.batches === 'read') {
      test('a cluster gives its own offsets, and says so', async () => {
        const topic = await subject.newTopic();
        const batches = placed(0n, 0, ['a']);
        await rejected(subject.log.appendBatches({ topic, partition: 0, batches }), 'LOG_CANNOT');
        await rejected(subject.log.append(topic, [textRecord('a')], { endOffset: 0n }), 'LOG_CANNOT');
        await rejected(subject.log.admin.seal(topic, 0), 'LOG_CANNOT');
        await rejected(subject.log.admin.beginEpoch(topic, 0, 5), 'LOG_CANNOT');
        assert.deepEqual(texts(await readAll(subject.log, topic)), []);
      });
      return;
    }

    test('what is copied from another partition is the same, byte for byte and record for record', async () => {
      const source = await subject.newTopic();
      const target = await subject.newTopic(1, { segmentBytes: 4096 });
      for (let n = 0; n < 30; n++) await appendTexts(subject.log, source, `${n}`, 'x'.repeat(n * 20));
      let lastEpoch = -1;
      for (const read of await readAllBatches(subject.log, source, 2000)) {
        const batches = read.batches.slice();
        const end = await subject.log.appendBatches({ topic: target, partition: 0, batches, lastEpoch });
        assert.equal(end, read.nextOffset);
        ({ lastEpoch } = read);
      }
      const inTarget = (await readAll(subject.log, target)).map((record) => ({ ...record, topic: source }));
      assert.deepEqual(plain(inTarget), plain(await readAll(subject.log, source)));
      const [all, copy] = [await readAllBatches(subject.log, source, 1), await readAllBatches(subject.log, target, 1)];
      assert.deepEqual(
        copy.map(({ batches }) => Buffer.from(batches).toString('hex')),
        all.map(({ batches }) => Buffer.from(batches).toString('hex')),
      );
      // Appends go on behind it.
      const [ack] = await appendTexts(subject.log, target, 'behind');
      assert.equal(ack!.offset, 60n);
    });

    test('epochs of the other log are known here, and its producers, so that what they send again is no new record', async () => {
      const topic = await subject.newTopic();
      const place = { topic, partition: 0 };
      const producer = { id: 7_000n, epoch: 3, baseSequence: 0 };
      const batches = Buffer.concat([placed(0n, 2, ['a', 'b'], producer), placed(2n, 5, ['c'])]);
      assert.equal(await subject.log.appendBatches({ ...place, batches }), 3n);
      assert.equal((await subject.log.admin.describeTopic(topic)).partitions[0]!.leaderEpoch, 5);
      assert.deepEqual(await subject.log.admin.endOfEpoch(topic, 0, 2), { epoch: 2, endOffset: 2n });
      assert.deepEqual(
        (await readAll(subject.log, topic)).map(({ leaderEpoch }) => leaderEpoch),
        [2, 2, 5],
      );
      const header = readBatchHeader((await subject.log.readBatches({ ...place, offset: 0n })).batches, 0);
      assert.deepEqual([header.producerId, header.producerEpoch, header.baseSequence], [7_000n, 3, 0]);
    });

    test('what does not follow is rejected by its code, and nothing of it is kept', async () => {
      const topic = await subject.newTopic();
      const place = { topic, partition: 0 };
      await subject.log.appendBatches({ ...place, batches: placed(0n, 4, ['a', 'b']) });
      const append = (batches: Uint8Array, more = {}) => subject.log.appendBatches({ ...place, batches, ...more });
      for (const offset of [0n, 1n, 3n]) {
        const error = await rejected(append(placed(offset, 4, ['x'])), 'APPEND_CONDITION_FAILED');
        assert.deepEqual([error.details['endOffset'], error.details['leaderEpoch']], ['2', 4]);
      }
      await rejected(append(placed(2n, 3, ['x'])), 'LEADER_EPOCH_FENCED');
      await rejected(append(placed(2n, 4, ['x']), { lastEpoch: 3 }), 'LOG_DIVERGED');
      await rejected(append(placed(2n, -1, ['x'])), 'INVALID_RECORD');
      const second = Buffer.concat([placed(2n, 4, ['x']), placed(5n, 4, ['y'])]);
      await rejected(append(second, { mayLeaveGap: true }), 'INVALID_RECORD');
      const flipped = placed(2n, 4, ['x']);
      flipped[flipped.length - 1]! ^= 1;
      await rejected(append(flipped), 'CORRUPT_RECORD');
      await rejected(append(placed(2n, 4, ['x']).subarray(0, -1)), 'CORRUPT_RECORD');
      const produced = placed(2n, 4, ['x'], { id: 1n, epoch: 0, baseSequence: 0 });
      const transactional = batchWith(produced, { attributes: attributeBits.transactional });
      await rejected(append(transactional), 'NOT_BUILT_YET');
      assert.deepEqual(texts(await readAll(subject.log, topic)), ['a', 'b']);
      assert.equal(await append(new Uint8Array(0)), 2n);
      assert.equal(await append(placed(2n, 4, ['c']), { lastEpoch: 4 }), 3n);
    });

    test('a gap is left only where it is allowed: a log begins there, or goes on there', async () => {
      const topic = await subject.newTopic();
      const place = { topic, partition: 0 };
      const append = (batches: Uint8Array, mayLeaveGap: boolean) =>
        subject.log.appendBatches({ ...place, batches, mayLeaveGap });
      await rejected(append(placed(100n, 1, ['a']), false), 'APPEND_CONDITION_FAILED');
      assert.equal(await append(placed(100n, 1, ['a', 'b']), true), 102n);
      const [begun] = (await subject.log.admin.describeTopic(topic)).partitions;
      assert.deepEqual([begun!.logStartOffset, begun!.highWatermark], [100n, 102n]);
      assert.equal(await append(placed(200n, 1, ['c']), true), 201n);
      const found: string[] = [];
      for (let offset = 100n; offset < 201n;) {
        const { records, nextOffset } = await subject.log.read({ ...place, offset });
        found.push(...texts(records));
        offset = nextOffset;
      }
      assert.deepEqual(found, ['a', 'b', 'c']);
      await appendTexts(subject.log, topic, 'd');
      assert.deepEqual(texts((await subject.log.read({ ...place, offset: 201n })).records), ['d']);
    });

    test('a condition is looked at behind the calls before it, and an append that fails it leaves nothing', async () => {
      const topic = await subject.newTopic();
      const { leaderEpoch } = (await subject.log.admin.describeTopic(topic)).partitions[0]!;
      const append = (text: string, condition: { endOffset?: bigint; leaderEpoch?: number }) =>
        subject.log.append(topic, [textRecord(text)], condition);
      const before = appendTexts(subject.log, topic, 'a');
      const [ack] = await append('b', { endOffset: 1n, leaderEpoch });
      assert.equal(ack!.offset, 1n);
      await before;
      const error = await rejected(append('x', { endOffset: 1n }), 'APPEND_CONDITION_FAILED');
      assert.deepEqual([error.details['endOffset'], error.details['leaderEpoch']], ['2', leaderEpoch]);
      await rejected(append('x', { leaderEpoch: leaderEpoch + 1 }), 'APPEND_CONDITION_FAILED');
      const rivals = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) => append(`rival ${n}`, { endOffset: 2n })),
      );
      assert.equal(rivals.filter(({ status }) => status === 'fulfilled').length, 1, 'one of all has it');
      const plainCalls = Array.from({ length: 20 }, (_, n) => appendTexts(subject.log, topic, `plain ${n}`));
      const conditional = append('last', { endOffset: 23n });
      await Promise.all([...plainCalls, conditional]);
      assert.equal(texts(await readAll(subject.log, topic)).at(-1), 'last');
      const two = [
        { ...textRecord('x'), partition: 0 },
        { ...textRecord('y'), partition: 1 },
      ];
      const wide = await subject.newTopic(2);
      await rejected(subject.log.append(wide, two, { endOffset: 0n }), 'INVALID_ARGUMENT');
    });
  });
}
