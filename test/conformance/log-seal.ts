// What a seal promises: nothing is appended behind it, before a restart and after, until somebody begins a larger epoch.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeRecordBatch, setBaseOffset, setPartitionLeaderEpoch } from '@throughline/wire';
import { appendTexts, readAll, rejected, textRecord, texts, type Subject } from './log-support.ts';

export function sealClaims(subject: Subject): void {
  if (subject.batches !== 'place') return;
  describe('a seal', () => {
    test('keeps what was handed in before, and rejects what comes after, until a larger epoch begins', async () => {
      const topic = await subject.newTopic(2);
      const before = Array.from({ length: 10 }, (_, n) =>
        subject.log.append(topic, [{ ...textRecord(String(n)), partition: 0 }]),
      );
      await Promise.all(before.slice(0, 5));
      const sealed = await subject.log.admin.seal(topic, 0);
      const late = (text: string) => subject.log.append(topic, [{ ...textRecord(text), partition: 0 }]);
      await rejected(late('late'), 'PARTITION_SEALED');
      const settled = await Promise.allSettled(before);
      const kept = settled.filter(({ status }) => status === 'fulfilled').length;
      assert.equal(BigInt(kept), sealed.endOffset);
      assert.equal((await readAll(subject.log, topic)).length, kept);
      assert.deepEqual(
        (await subject.log.admin.describeTopic(topic)).partitions.map(({ isSealed }) => isSealed),
        [true, false],
      );
      await subject.log.append(topic, [{ ...textRecord('elsewhere'), partition: 1 }]);
      assert.deepEqual(await subject.log.admin.seal(topic, 0), sealed, 'sealing twice is the same as once');
      const fenced = await rejected(subject.log.admin.beginEpoch(topic, 0, sealed.leaderEpoch), 'LEADER_EPOCH_FENCED');
      assert.equal(fenced.details['leaderEpoch'], sealed.leaderEpoch);
      await rejected(late('still late'), 'PARTITION_SEALED');
      await subject.log.admin.beginEpoch(topic, 0, sealed.leaderEpoch + 7);
      await late('again');
      const last = (await readAll(subject.log, topic)).at(-1)!;
      assert.deepEqual([texts([last]), last.leaderEpoch], [['again'], sealed.leaderEpoch + 7]);
      assert.deepEqual(await subject.log.admin.endOfEpoch(topic, 0, sealed.leaderEpoch), {
        epoch: sealed.leaderEpoch,
        endOffset: sealed.endOffset,
      });
      await rejected(subject.log.admin.seal('nowhere', 0), 'UNKNOWN_TOPIC');
      await rejected(subject.log.admin.beginEpoch(topic, 2, 9), 'UNKNOWN_TOPIC');
      for (const epoch of [-1, 1.5, 2 ** 31])
        await rejected(subject.log.admin.beginEpoch(topic, 1, epoch), 'INVALID_ARGUMENT');
    });

    test('lets batches of another log through, and is there again after a restart', async () => {
      let other = await subject.makeLog();
      const topic = subject.uniqueTopic();
      const place = { topic, partition: 0 };
      const batchOf = (offset: bigint): Uint8Array => {
        const batch = encodeRecordBatch([textRecord(String(offset))], { nowMs: 1_000 });
        setBaseOffset(batch, 0, offset);
        setPartitionLeaderEpoch(batch, 0, 3);
        return batch;
      };
      try {
        await other.log.admin.createTopic(topic, { partitions: 1, config: subject.config });
        await other.log.admin.seal(topic, 0);
        await other.log.appendBatches({ ...place, batches: batchOf(0n) });
        await other.log.close();
        other = await other.reopen!();
        await rejected(appendTexts(other.log, topic, 'x'), 'PARTITION_SEALED');
        await other.log.appendBatches({ ...place, batches: batchOf(1n), lastEpoch: 3 });
        assert.deepEqual(texts(await readAll(other.log, topic)), ['0', '1']);
        await other.log.admin.beginEpoch(topic, 0, 4);
        await other.log.close();
        other = await other.reopen!();
        await appendTexts(other.log, topic, 'own');
        const records = await readAll(other.log, topic);
        assert.deepEqual(
          records.map(({ leaderEpoch }) => leaderEpoch),
          [3, 3, 4],
        );
        await other.log.admin.seal(topic, 0);
        await other.log.admin.deleteTopic(topic);
        await other.log.admin.createTopic(topic, { partitions: 1, config: subject.config });
        await appendTexts(other.log, topic, 'a topic that is made again is not sealed');
      } finally {
        await other.log.close();
        await other.dispose();
      }
    });
  });
}
