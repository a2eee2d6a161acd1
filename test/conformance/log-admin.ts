// What admin promises: topics as they were asked for, and coded rejections.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appendTexts, readAll, rejected, textRecord, texts, type Subject } from './log-support.ts';

export function adminClaims(subject: Subject): void {
  describe('admin', () => {
    test('a topic is made with what was asked for, and described as it is', async () => {
      const topic = await subject.newTopic(3, { retentionMs: 60_000 });
      await subject.log.append(topic, [{ ...textRecord('x'), partition: 1 }]);
      const description = await subject.log.admin.describeTopic(topic);
      assert.match(description.topicId, /^[0-9a-f]{32}$/);
      assert.equal(description.topic, topic);
      assert.equal(description.config.retentionMs, 60_000);
      assert.deepEqual(
        description.partitions.map(({ partition }) => partition),
        [0, 1, 2],
      );
      assert.deepEqual(
        description.partitions.map(({ highWatermark }) => highWatermark),
        [0n, 1n, 0n],
      );
      assert.ok(description.partitions.every(({ logStartOffset, isOnline }) => logStartOffset === 0n && isOnline));
      // At durability `memory` the bytes may still be on their way to where they are counted.
      if (subject.config.durability !== 'memory') assert.ok(description.partitions[1]!.bytes > 0);
      const listed = await subject.log.admin.topics();
      assert.deepEqual(
        listed.find((found) => found.topic === topic),
        description,
      );
    });

    test('a second topic of one name is TOPIC_EXISTS, and the first stays as it is', async () => {
      const topic = await subject.newTopic();
      await appendTexts(subject.log, topic, 'a');
      await rejected(subject.log.admin.createTopic(topic, { partitions: 1 }), 'TOPIC_EXISTS');
      assert.deepEqual(texts(await readAll(subject.log, topic)), ['a']);
    });

    test('a name that Kafka does not allow is INVALID_TOPIC', async () => {
      for (const topic of ['', '.', '..', 'a/b', '../up', 'ü', 'a b', 'a\0b', 'x'.repeat(250)]) {
        await rejected(subject.log.admin.createTopic(topic, { partitions: 1 }), 'INVALID_TOPIC');
      }
    });

    test('a setting that cannot be is INVALID_ARGUMENT and makes no topic', async () => {
      const wrong: { [name: string]: unknown }[] = [
        { durability: 'hope' },
        { retentionMs: -1 },
        { retentionBytes: 'all' },
        { segmentBytes: 0 },
        { recordBytesMax: 1.5 },
        { retentionHours: 3 },
      ];
      for (const settings of wrong) {
        const created = subject.log.admin.createTopic('never-made', { partitions: 1, config: settings });
        await rejected(created, 'INVALID_ARGUMENT');
      }
      for (const partitions of [0, -1, 1.5, Number.NaN]) {
        await rejected(subject.log.admin.createTopic('never-made', { partitions }), 'INVALID_ARGUMENT');
      }
      await rejected(subject.log.admin.describeTopic('never-made'), 'UNKNOWN_TOPIC');
    });

    test('alterTopic changes what it names and nothing else, at once', async () => {
      const topic = await subject.newTopic(1, { recordBytesMax: 5_000 });
      const large = { key: null, value: new Uint8Array(6_000) };
      await rejected(subject.log.append(topic, [large]), 'RECORD_TOO_LARGE');
      const first = await subject.log.admin.describeTopic(topic);
      const altered = await subject.log.admin.alterTopic(topic, { recordBytesMax: 20_000, retentionMs: null });
      assert.deepEqual(altered.config, { ...first.config, recordBytesMax: 20_000, retentionMs: null });
      assert.equal(altered.topicId, first.topicId);
      await subject.log.append(topic, [large]);
      await rejected(subject.log.admin.alterTopic('nowhere', {}), 'UNKNOWN_TOPIC');
      await rejected(subject.log.admin.alterTopic(topic, { recordBytesMax: -1 }), 'INVALID_ARGUMENT');
    });

    test('a topic that is deleted is gone, and another of its name is another topic', async () => {
      const topic = await subject.newTopic();
      await appendTexts(subject.log, topic, 'old');
      const { topicId } = await subject.log.admin.describeTopic(topic);
      await subject.log.admin.deleteTopic(topic);
      await rejected(subject.log.admin.describeTopic(topic), 'UNKNOWN_TOPIC');
      await rejected(subject.log.read({ topic, partition: 0, offset: 0n }), 'UNKNOWN_TOPIC');
      await rejected(appendTexts(subject.log, topic, 'x'), 'UNKNOWN_TOPIC');
      await rejected(subject.log.admin.deleteTopic(topic), 'UNKNOWN_TOPIC');
      const again = await subject.log.admin.createTopic(topic, { partitions: 1, config: subject.config });
      assert.notEqual(again.topicId, topicId);
      await appendTexts(subject.log, topic, 'new');
      assert.deepEqual(texts(await readAll(subject.log, topic)), ['new']);
    });

    test('offsetForTime finds the first record at or after a time, also where times go back', async () => {
      const topic = await subject.newTopic();
      assert.equal(await subject.log.admin.offsetForTime(topic, 0, 0), 0n);
      const times = [
        [50, 20, 70],
        [10, 90],
        [60, 60],
        [95, 5],
      ];
      for (const batch of times) {
        await subject.log.append(
          topic,
          batch.map((timestampMs) => ({ ...textRecord('x'), timestampMs })),
        );
      }
      const flat = times.flat();
      for (let timestampMs = 0; timestampMs <= 100; timestampMs += 5) {
        const index = flat.findIndex((found) => found >= timestampMs);
        const expected = BigInt(index === -1 ? flat.length : index);
        assert.equal(await subject.log.admin.offsetForTime(topic, 0, timestampMs), expected, `at ${timestampMs}`);
      }
      await rejected(subject.log.admin.offsetForTime('nowhere', 0, 0), 'UNKNOWN_TOPIC');
      await rejected(subject.log.admin.offsetForTime(topic, 1, 0), 'UNKNOWN_TOPIC');
    });
  });
}
