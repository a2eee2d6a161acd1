// What append promises: order, atomic calls, true acknowledgements, and rejections that leave nothing behind.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ThroughlineError, fromUtf8, utf8, type ProducerRecord } from '@throughline/event';
import type { AppendAck } from '@throughline/log';
import { appendTexts, plain, readAll, rejected, textRecord, texts, type Subject } from './log-support.ts';

export function appendClaims(subject: Subject): void {
  describe('append', () => {
    test('each record gets an acknowledgement with its place and its time, in the order given', async () => {
      const topic = await subject.newTopic(3);
      const acks = await subject.log.append(topic, [
        { ...textRecord('a'), partition: 2, timestampMs: 1000 },
        { ...textRecord('b'), partition: 0, timestampMs: 2000 },
        { ...textRecord('c'), partition: 2, timestampMs: 1500 },
      ]);
      assert.deepEqual(acks, [
        { partition: 2, offset: 0n, timestampMs: 1000 },
        { partition: 0, offset: 0n, timestampMs: 2000 },
        { partition: 2, offset: 1n, timestampMs: 1500 },
      ]);
      assert.deepEqual(texts(await readAll(subject.log, topic, 2)), ['a', 'c']);
      assert.deepEqual(texts(await readAll(subject.log, topic, 0)), ['b']);
    });

    test('a record without a time gets the present one, and the acknowledgement tells the same as the log', async () => {
      const topic = await subject.newTopic();
      const beforeMs = Date.now();
      const [ack] = await appendTexts(subject.log, topic, 'now');
      const [record] = await readAll(subject.log, topic);
      assert.ok(record!.timestampMs >= beforeMs && record!.timestampMs <= Date.now());
      assert.equal(ack!.timestampMs, record!.timestampMs);
    });

    test('keys, values and headers come back byte for byte, null and empty told apart', async () => {
      const topic = await subject.newTopic();
      const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      const records: ProducerRecord[] = [
        { key: utf8('key'), value: utf8('value'), timestampMs: 1, headers: [{ key: 'name', value: utf8('x') }] },
        { key: null, value: utf8('no key'), timestampMs: 2 },
        { key: utf8('tombstone'), value: null, timestampMs: 3 },
        { key: new Uint8Array(0), value: new Uint8Array(0), timestampMs: 4, headers: [] },
        {
          key: allBytes,
          value: allBytes,
          timestampMs: 5,
          headers: [
            { key: 'twice', value: null },
            { key: 'twice', value: new Uint8Array(0) },
            { key: '', value: allBytes },
            { key: 'ключ-鍵', value: utf8('ü') },
          ],
        },
      ];
      await subject.log.append(topic, records);
      const expected = records.map((record, index) => ({
        topic,
        partition: 0,
        offset: BigInt(index),
        headers: [],
        ...record,
      }));
      assert.deepEqual(plain(await readAll(subject.log, topic)), expected);
    });

    test('the same key goes to the same partition, the one that Kafka would choose', async () => {
      const topic = await subject.newTopic(4);
      const keys = ['21', 'foobar', 'a-little-bit-long-string', 'abc'];
      const acks = await subject.log.append(
        topic,
        [...keys, ...keys].map((key) => ({ key: utf8(key), value: null })),
      );
      // Kafka's murmur2 of those keys, made positive, modulo 4.
      const expected = [-973932308, -790332482, -985981536, 479470107].map((hash) => (hash & 0x7fffffff) % 4);
      assert.deepEqual(
        acks.map(({ partition }) => partition),
        [...expected, ...expected],
      );
    });

    test('no records are no error and leave nothing', async () => {
      const topic = await subject.newTopic();
      assert.deepEqual(await subject.log.append(topic, []), []);
      assert.equal((await subject.log.read({ topic, partition: 0, offset: 0n })).highWatermark, 0n);
    });

    test('records of one call stand side by side, whatever others append meanwhile', async () => {
      const topic = await subject.newTopic();
      await Promise.all(
        Array.from({ length: 40 }, (_, call) =>
          appendTexts(subject.log, topic, ...Array.from({ length: 1 + (call % 7) }, (_, at) => `${call}:${at}`)),
        ),
      );
      const seen = texts(await readAll(subject.log, topic));
      const expected = Array.from({ length: 40 }, (_, call) =>
        Array.from({ length: 1 + (call % 7) }, (_, at) => `${call}:${at}`),
      ).flat();
      assert.deepEqual(seen, expected);
    });

    test('64 appenders at once: each has its records in its order, and every acknowledgement is true', async () => {
      const topic = await subject.newTopic(2);
      const acked = new Map<string, AppendAck>();
      await Promise.all(
        Array.from({ length: 64 }, async (_, appender) => {
          for (let n = 0; n < 20; n++) {
            const text = `${appender}/${n}`;
            const [ack] = await subject.log.append(topic, [{ ...textRecord(text), partition: appender % 2 }]);
            acked.set(text, ack!);
          }
        }),
      );
      for (const partition of [0, 1]) {
        const records = await readAll(subject.log, topic, partition);
        assert.equal(records.length, 640);
        const next = new Map<string, number>();
        for (const record of records) {
          const text = fromUtf8(record.value!);
          const [appender, n] = text.split('/') as [string, string];
          assert.equal(Number(n), next.get(appender) ?? 0);
          next.set(appender, Number(n) + 1);
          assert.deepEqual(acked.get(text), { partition, offset: record.offset, timestampMs: record.timestampMs });
        }
      }
    });

    test('appends that nobody waits for keep the order of the calls', async () => {
      const topic = await subject.newTopic();
      const calls = Array.from({ length: 500 }, (_, n) => appendTexts(subject.log, topic, String(n)));
      const offsets = (await Promise.all(calls)).map(([ack]) => ack!.offset);
      assert.deepEqual(
        offsets,
        Array.from({ length: 500 }, (_, n) => BigInt(n)),
      );
      assert.deepEqual(
        texts(await readAll(subject.log, topic)),
        Array.from({ length: 500 }, (_, n) => String(n)),
      );
    });

    test('an acknowledged record can be read at once', async () => {
      const topic = await subject.newTopic();
      for (let n = 0; n < 10; n++) {
        const [ack] = await appendTexts(subject.log, topic, String(n));
        const { records, highWatermark } = await subject.log.read({ topic, partition: 0, offset: ack!.offset });
        assert.deepEqual(texts(records), [String(n)]);
        assert.ok(highWatermark > ack!.offset);
      }
    });

    test('a flood is kept or rejected with THROTTLED, never half kept, never out of order', async () => {
      const topic = await subject.newTopic();
      const padding = 'x'.repeat(100_000);
      const results = await Promise.allSettled(
        Array.from({ length: 600 }, (_, n) => appendTexts(subject.log, topic, `${n} ${padding}`)),
      );
      const kept: string[] = [];
      results.forEach((result, n) => {
        if (result.status === 'fulfilled') kept.push(String(n));
        else assert.ok(ThroughlineError.is(result.reason, 'THROTTLED') && result.reason.retriable);
      });
      assert.ok(kept.length > 0);
      const seen = texts(await readAll(subject.log, topic)).map((text) => text.split(' ', 1)[0]);
      assert.deepEqual(seen, kept);
    });

    test('too large is rejected as a whole and leaves nothing; what fits is taken afterwards', async () => {
      const topic = await subject.newTopic(2, { recordBytesMax: 10_000 });
      const small = { ...textRecord('small'), partition: 1 };
      const large = { key: null, value: new Uint8Array(10_001), partition: 0 };
      await rejected(subject.log.append(topic, [large]), 'RECORD_TOO_LARGE');
      await rejected(subject.log.append(topic, [small, large]), 'RECORD_TOO_LARGE');
      const half = { key: null, value: new Uint8Array(5_001), partition: 0 };
      await rejected(subject.log.append(topic, [half, half]), 'RECORD_TOO_LARGE');
      for (const partition of [0, 1]) {
        assert.equal((await subject.log.read({ topic, partition, offset: 0n })).highWatermark, 0n);
      }
      await subject.log.append(topic, [{ ...half, value: new Uint8Array(9_000) }]);
      await Promise.all([subject.log.append(topic, [half]), subject.log.append(topic, [half])]);
      assert.equal((await readAll(subject.log, topic)).length, 3);
    });

    test('an impossible time is INVALID_RECORD and harms nobody else in the same turn', async () => {
      const topic = await subject.newTopic();
      const [bad, good] = await Promise.allSettled([
        subject.log.append(topic, [{ ...textRecord('bad'), timestampMs: Number.NaN }]),
        appendTexts(subject.log, topic, 'good'),
      ]);
      assert.ok(bad.status === 'rejected' && ThroughlineError.is(bad.reason, 'INVALID_RECORD'));
      assert.equal(good.status, 'fulfilled');
      assert.deepEqual(texts(await readAll(subject.log, topic)), ['good']);
    });

    // Over the Kafka protocol it was INVALID_RECORD, in the process INVALID_TIMESTAMP.
    test('a time that is further ahead than a topic allows is INVALID_TIMESTAMP, and nothing of that append is kept', async () => {
      const topic = await subject.newTopic();
      const ahead = { ...textRecord('ahead'), timestampMs: Date.now() + 2 * 60 * 60 * 1000 };
      await rejected(subject.log.append(topic, [ahead]), 'INVALID_TIMESTAMP');
      await rejected(subject.log.append(topic, [textRecord('good'), ahead]), 'INVALID_TIMESTAMP');
      assert.deepEqual(await readAll(subject.log, topic), []);
    });

    test('an unknown topic or partition is UNKNOWN_TOPIC', async () => {
      const topic = await subject.newTopic(2);
      await rejected(appendTexts(subject.log, 'nowhere', 'x'), 'UNKNOWN_TOPIC');
      for (const partition of [2, -1, 0.5]) {
        await rejected(subject.log.append(topic, [{ ...textRecord('x'), partition }]), 'UNKNOWN_TOPIC');
      }
      assert.equal((await subject.log.read({ topic, partition: 0, offset: 0n })).highWatermark, 0n);
    });
  });
}
