// What close promises: what was acknowledged is kept, what was asked is answered, what comes later is rejected.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TopicDescription } from '@throughline/log';
import { copied, first, plain, readAll, rejected, textRecord, untilEnd, type Subject } from './log-support.ts';

export function closeClaims(subject: Subject): void {
  describe('close', () => {
    test('appends that were made before are answered, tails end, and everything after is CLOSED', async () => {
      const other = await subject.makeLog();
      const topic = subject.uniqueTopic();
      await other.log.admin.createTopic(topic, { partitions: 2, config: subject.config });
      const ending = new AbortController();
      const asleep = untilEnd(other.log.tail({ topic, from: 'latest', signal: ending.signal }));
      const iterator = other.log.tail({ topic, from: 'latest' })[Symbol.asyncIterator]();
      const appended = Array.from({ length: 100 }, (_, n) => other.log.append(topic, [textRecord(String(n))]));
      const members = other.log.join({ group: topic, topics: [topic] })[Symbol.asyncIterator]();
      const closed = other.log.close();
      assert.equal((await Promise.all(appended)).length, 100);
      await closed;
      await other.log.close();
      assert.ok((await asleep).flatMap(({ records }) => records).length <= 100);
      while (!(await iterator.next()).done);
      while (!(await members.next()).done);
      await rejected(other.log.append(topic, [textRecord('late')]), 'CLOSED');
      await rejected(other.log.read({ topic, partition: 0, offset: 0n }), 'CLOSED');
      await rejected(first(other.log.tail({ topic, from: 'earliest' })), 'CLOSED');
      await rejected(other.log.admin.topics(), 'CLOSED');
      await rejected(other.log.admin.committedOffsets('x'), 'CLOSED');
      const late = async (): Promise<unknown> => {
        const changes = other.log.join({ group: topic, topics: [topic] })[Symbol.asyncIterator]();
        return changes.next();
      };
      await rejected(late(), 'CLOSED');
      await rejected(other.log.admin.createTopic('x', { partitions: 1 }), 'CLOSED');
      await other.dispose();
    });

    if (!subject.reopens) return;
    test('a log that is opened again has every record and every topic as they were', async () => {
      let other = await subject.makeLog();
      const kept = subject.uniqueTopic();
      const gone = subject.uniqueTopic();
      const own = async (): Promise<readonly TopicDescription[]> =>
        (await other.log.admin.topics()).filter(({ topic }) => topic === kept || topic === gone);
      try {
        const config = { ...subject.config, retentionMs: 1e12 };
        await other.log.admin.createTopic(kept, { partitions: 2, config });
        await other.log.admin.createTopic(gone, { partitions: 1, config });
        await other.log.admin.deleteTopic(gone);
        for (let round = 1; round <= 3; round++) {
          for (const partition of [0, 1]) {
            const batch = Array.from({ length: 30 }, (_, n) => ({ ...textRecord(`${round}/${n}`), partition }));
            await other.log.append(kept, batch);
          }
          const described = withoutBytes(await own());
          const expected = [await readAll(other.log, kept, 0), await readAll(other.log, kept, 1)].map(copied);
          await other.log.close();
          other = await other.reopen!();
          assert.deepEqual(withoutBytes(await own()), described);
          assert.equal(described.length, 1);
          const found = [await readAll(other.log, kept, 0), await readAll(other.log, kept, 1)].map(plain);
          assert.deepEqual(found, expected);
          assert.equal(found[0]!.length, round * 30);
        }
      } finally {
        await other.log.close();
        await other.dispose();
      }
    });
  });
}

/** What is written behind counts from when it is written; all else must be the same before a close and after it. */
function withoutBytes(topics: readonly TopicDescription[]): object[] {
  return topics.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map((partition) => ({ ...partition, bytes: 0 })),
  }));
}
