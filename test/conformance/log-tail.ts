// What tail promises: every record from its start on, once, in order, and an end when it is told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TailStep } from '@throughline/log';
import { appendTexts, collect, first, rejected, textRecord, texts, untilEnd, type Subject } from './log-support.ts';

export function tailClaims(subject: Subject): void {
  describe('tail', () => {
    test('from the earliest it gives every record once and goes on with what comes', async () => {
      const topic = await subject.newTopic(2);
      await subject.log.append(
        topic,
        ['a', 'b'].map((text) => ({ ...textRecord(text), partition: 0 })),
      );
      const seen = collect(subject.log, topic, { from: 'earliest' }, 5);
      await subject.log.append(topic, [{ ...textRecord('c'), partition: 1 }]);
      await subject.log.append(topic, [{ ...textRecord('d'), partition: 0 }]);
      await subject.log.append(topic, [{ ...textRecord('e'), partition: 1 }]);
      const records = await seen;
      assert.deepEqual(texts(records.filter(({ partition }) => partition === 0)), ['a', 'b', 'd']);
      assert.deepEqual(texts(records.filter(({ partition }) => partition === 1)), ['c', 'e']);
    });

    test('from the latest it gives what is appended after the call, and nothing before', async () => {
      const topic = await subject.newTopic();
      await appendTexts(subject.log, topic, 'before');
      const tail = subject.log.tail({ topic, from: 'latest' })[Symbol.asyncIterator]();
      await appendTexts(subject.log, topic, 'after the call');
      const { value: step } = await tail.next();
      assert.deepEqual(texts((step as TailStep).records), ['after the call']);
      await tail.return?.();
    });

    test('from offsets it begins there, from the earliest where the list ends', async () => {
      const topic = await subject.newTopic(3);
      for (const partition of [0, 1, 2]) {
        await subject.log.append(
          topic,
          ['a', 'b', 'c'].map((text) => ({ ...textRecord(partition + text), partition })),
        );
      }
      const records = await collect(subject.log, topic, { from: { offsets: [2n, 3n] } }, 4);
      assert.deepEqual(texts(records).sort(), ['0c', '2a', '2b', '2c']);
    });

    test('from a time it begins with the first record of that time', async () => {
      const topic = await subject.newTopic();
      await subject.log.append(
        topic,
        [10, 20, 30].map((timestampMs) => ({ ...textRecord(String(timestampMs)), timestampMs })),
      );
      const records = await collect(subject.log, topic, { from: { timestampMs: 15 } }, 2);
      assert.deepEqual(texts(records), ['20', '30']);
    });

    test('only the partitions asked for are followed', async () => {
      const topic = await subject.newTopic(3);
      for (const partition of [0, 1, 2])
        await subject.log.append(topic, [{ ...textRecord(String(partition)), partition }]);
      const records = await collect(subject.log, topic, { from: 'earliest', partitions: [2, 0] }, 2);
      assert.deepEqual(texts(records).sort(), ['0', '2']);
    });

    test('a step is never empty, and its offsets lead from one to the next', async () => {
      const topic = await subject.newTopic();
      const ending = new AbortController();
      const appending = (async () => {
        for (let n = 0; n < 50; n++) await appendTexts(subject.log, topic, `${n}`, 'x'.repeat(500));
      })();
      let next = 0n;
      for await (const step of subject.log.tail({ topic, from: 'earliest', bytesMax: 3000, signal: ending.signal })) {
        assert.ok(step.records.length > 0);
        assert.equal(step.records[0]!.offset, next);
        assert.equal(step.nextOffset, step.records.at(-1)!.offset + 1n);
        assert.ok(step.highWatermark >= step.nextOffset);
        next = step.nextOffset;
        if (next === 100n) ending.abort();
      }
      assert.equal(next, 100n);
      await appending;
    });

    test('nothing that is appended between two steps is slept through', async () => {
      const topic = await subject.newTopic();
      const tail = subject.log.tail({ topic, from: 'latest' })[Symbol.asyncIterator]();
      for (let n = 0; n < 200; n++) {
        // Before, while, and after the tail goes to sleep.
        const step = n % 3 === 0 ? undefined : tail.next();
        if (n % 3 === 2) await new Promise((resolve) => setImmediate(resolve));
        const appended = appendTexts(subject.log, topic, String(n));
        const { value } = await (step ?? tail.next());
        assert.deepEqual(texts((value as TailStep).records), [String(n)]);
        await appended;
      }
      await tail.return?.();
    });

    test('a busy partition does not keep another one waiting', async () => {
      const topic = await subject.newTopic(2);
      const block = Array.from({ length: 20 }, () => ({ ...textRecord('x'.repeat(500)), partition: 0 }));
      for (let n = 0; n < 20; n++) await subject.log.append(topic, block);
      await subject.log.append(topic, [{ ...textRecord('other'), partition: 1 }]);
      let stepCount = 0;
      for await (const step of subject.log.tail({ topic, from: 'earliest', bytesMax: 1000 })) {
        stepCount++;
        if (step.partition === 1) break;
      }
      assert.ok(stepCount <= 2, `${stepCount} steps until the other partition`);
    });

    test('many tails of one topic each get every record once', async () => {
      const topic = await subject.newTopic(2);
      const tails = Array.from({ length: 8 }, () => collect(subject.log, topic, { from: 'earliest' }, 200));
      for (let n = 0; n < 100; n++) {
        await subject.log.append(topic, [
          { ...textRecord(`0:${n}`), partition: 0 },
          { ...textRecord(`1:${n}`), partition: 1 },
        ]);
      }
      for (const records of await Promise.all(tails)) {
        for (const partition of [0, 1]) {
          assert.deepEqual(
            texts(records.filter((record) => record.partition === partition)),
            Array.from({ length: 100 }, (_, n) => `${partition}:${n}`),
          );
        }
      }
    });

    test('its signal ends it: before the start, asleep, and between two steps', async () => {
      const topic = await subject.newTopic();
      await appendTexts(subject.log, topic, 'a');
      assert.deepEqual(await untilEnd(subject.log.tail({ topic, from: 'earliest', signal: AbortSignal.abort() })), []);

      const asleep = new AbortController();
      const sleeping = untilEnd(subject.log.tail({ topic, from: 'latest', signal: asleep.signal }));
      await new Promise((resolve) => setImmediate(resolve));
      asleep.abort();
      assert.deepEqual(await sleeping, []);

      const between = new AbortController();
      let stepCount = 0;
      for await (const _ of subject.log.tail({ topic, from: 'earliest', signal: between.signal, bytesMax: 1 })) {
        stepCount++;
        await appendTexts(subject.log, topic, 'b');
        between.abort();
      }
      assert.equal(stepCount, 1);
    });

    test('what cannot be followed is an error of the first step', async () => {
      const topic = await subject.newTopic(2);
      await appendTexts(subject.log, topic, 'a');
      await rejected(first(subject.log.tail({ topic: 'nowhere', from: 'earliest' })), 'UNKNOWN_TOPIC');
      await rejected(first(subject.log.tail({ topic, from: 'earliest', partitions: [2] })), 'UNKNOWN_TOPIC');
      const error = await rejected(first(subject.log.tail({ topic, from: { offsets: [2n] } })), 'OFFSET_OUT_OF_RANGE');
      assert.equal(error.details['highWatermark'], '1');
    });

    test('a topic that is deleted under it ends it with UNKNOWN_TOPIC', async () => {
      const topic = await subject.newTopic();
      const waiting = first(subject.log.tail({ topic, from: 'latest' }));
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([rejected(waiting, 'UNKNOWN_TOPIC'), subject.log.admin.deleteTopic(topic)]);
    });
  });
}
