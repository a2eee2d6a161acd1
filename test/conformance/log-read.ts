// What read promises: whole records in offset order from the very one asked for.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appendTexts, readAll, rejected, texts, type Subject } from './log-support.ts';

export function readClaims(subject: Subject): void {
  describe('read', () => {
    test('an empty log gives nothing, and says where it ends', async () => {
      const topic = await subject.newTopic();
      assert.deepEqual(await subject.log.read({ topic, partition: 0, offset: 0n }), {
        records: [],
        nextOffset: 0n,
        lastEpoch: -1,
        logStartOffset: 0n,
        highWatermark: 0n,
      });
    });

    test('it begins with the very record asked for, also inside a batch', async () => {
      const topic = await subject.newTopic();
      await appendTexts(subject.log, topic, 'a', 'b', 'c');
      await appendTexts(subject.log, topic, 'd', 'e');
      for (let offset = 0; offset <= 5; offset++) {
        const { records, nextOffset } = await subject.log.read({ topic, partition: 0, offset: BigInt(offset) });
        assert.equal(texts(records).join(''), 'abcde'.slice(offset, offset + records.length));
        assert.equal(records.length > 0, offset < 5);
        assert.equal(nextOffset, BigInt(offset + records.length));
      }
      assert.deepEqual(texts(await readAll(subject.log, topic)), ['a', 'b', 'c', 'd', 'e']);
    });

    test('a bound smaller than a batch still gets on, record after record to the end', async () => {
      const topic = await subject.newTopic();
      const expected: string[] = [];
      for (let n = 0; n < 10; n++) {
        const batch = Array.from({ length: 3 }, (_, at) => `${n}.${at} ${'x'.repeat(2000)}`);
        expected.push(...batch);
        await appendTexts(subject.log, topic, ...batch);
      }
      for (const bytesMax of [1, 100, 7000, 20_000]) {
        assert.deepEqual(texts(await readAll(subject.log, topic, 0, bytesMax)), expected, `bytesMax ${bytesMax}`);
      }
      const { records } = await subject.log.read({ topic, partition: 0, offset: 0n, bytesMax: 1 });
      assert.ok(records.length < expected.length, 'a bound keeps a read from taking everything');
    });

    test('out of range at either end is OFFSET_OUT_OF_RANGE and names both ends', async () => {
      const topic = await subject.newTopic();
      await appendTexts(subject.log, topic, 'a', 'b');
      for (const offset of [-1n, 3n, 2n ** 62n]) {
        const error = await rejected(subject.log.read({ topic, partition: 0, offset }), 'OFFSET_OUT_OF_RANGE');
        assert.equal(error.details['logStartOffset'], '0');
        assert.equal(error.details['highWatermark'], '2');
      }
      assert.equal((await subject.log.read({ topic, partition: 0, offset: 2n })).records.length, 0);
    });

    test('an unknown topic or partition is UNKNOWN_TOPIC', async () => {
      const topic = await subject.newTopic(2);
      await rejected(subject.log.read({ topic: 'nowhere', partition: 0, offset: 0n }), 'UNKNOWN_TOPIC');
      for (const partition of [2, -1, 0.5]) {
        await rejected(subject.log.read({ topic, partition, offset: 0n }), 'UNKNOWN_TOPIC');
      }
    });
  });
}
