// What is said of leader epochs: every record has that of the leader that appended it, each epoch has an end, and whoever comes
// with an epoch that does not fit learns that this is another log than the one that was read.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appendTexts, first, readAll, rejected, texts, type Subject } from './log-support.ts';

export function epochClaims(subject: Subject): void {
  describe('leader epochs', () => {
    test('records, reads, tails and the partition itself tell the same one, and it ends at the end', async () => {
      const topic = await subject.newTopic();
      const place = { topic, partition: 0 };
      await appendTexts(subject.log, topic, 'a', 'b');
      const { leaderEpoch } = (await subject.log.admin.describeTopic(topic)).partitions[0]!;
      assert.ok(leaderEpoch >= 0);
      assert.deepEqual(
        (await readAll(subject.log, topic)).map((record) => record.leaderEpoch),
        [leaderEpoch, leaderEpoch],
      );
      assert.equal((await subject.log.read({ ...place, offset: 0n })).lastEpoch, leaderEpoch);
      assert.equal((await subject.log.read({ ...place, offset: 2n })).lastEpoch, -1, 'nothing was read');
      assert.equal((await subject.log.read({ ...place, offset: 2n, lastEpoch: leaderEpoch })).lastEpoch, leaderEpoch);
      assert.equal((await first(subject.log.tail({ topic, from: 'earliest' })))!.lastEpoch, leaderEpoch);
      const end = { epoch: leaderEpoch, endOffset: 2n };
      assert.deepEqual(await subject.log.admin.endOfEpoch(topic, 0, leaderEpoch), end);
      assert.equal(await subject.log.admin.endOfEpoch(topic, 0, leaderEpoch + 1), null);
      await rejected(subject.log.admin.endOfEpoch(topic, 1, 0), 'UNKNOWN_TOPIC');
      await rejected(subject.log.admin.endOfEpoch('nowhere', 0, 0), 'UNKNOWN_TOPIC');
    });

    test('a position that fits is read on from, by a read and by a tail', async () => {
      const topic = await subject.newTopic();
      await appendTexts(subject.log, topic, 'a');
      await appendTexts(subject.log, topic, 'b');
      const { nextOffset, lastEpoch } = await subject.log.read({ topic, partition: 0, offset: 0n, bytesMax: 1 });
      assert.equal(nextOffset, 1n);
      const { records } = await subject.log.read({ topic, partition: 0, offset: nextOffset, lastEpoch });
      assert.deepEqual(texts(records), ['b']);
      const from = { offsets: [nextOffset], lastEpochs: [lastEpoch] };
      assert.deepEqual(texts((await first(subject.log.tail({ topic, from })))!.records), ['b']);
    });

    test('a position of an epoch that ended before it, or never was, is LOG_DIVERGED', async () => {
      const topic = await subject.newTopic();
      await appendTexts(subject.log, topic, 'a', 'b');
      const { leaderEpoch: lastEpoch } = (await subject.log.admin.describeTopic(topic)).partitions[0]!;
      const beyond = await rejected(subject.log.read({ topic, partition: 0, offset: 5n, lastEpoch }), 'LOG_DIVERGED');
      assert.equal(beyond.details['divergesAt'], '2');
      const place = { topic, partition: 0, offset: 1n };
      await rejected(subject.log.read({ ...place, lastEpoch: lastEpoch + 1 }), 'LOG_DIVERGED');
      const from = { offsets: [1n], lastEpochs: [lastEpoch + 1] };
      await rejected(first(subject.log.tail({ topic, from })), 'LOG_DIVERGED');
      await rejected(
        first(subject.log.tail({ topic, from: { offsets: [5n], lastEpochs: [lastEpoch] } })),
        'LOG_DIVERGED',
      );
    });
  });
}
