import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, ThroughlineError, utf8, type LogRecord, type ProducerRecord } from '@throughline/event';
import * as fc from 'fast-check';
import { codecId, type Codec } from './compression.ts';
import {
  exactTimestamps,
  readBatchHeader,
  setBaseOffset,
  verifyBatchCrc,
  writeBatchCrc,
} from './record-batch-header.ts';
import { batchHeaderBytes } from './record-batch-layout.ts';
import { decodeRecordBatch, encodeRecordBatch, recordBytesBound } from './record-batch.ts';

const place = { topic: 'notes', partition: 3 };

function decode(batch: Uint8Array, fromOffset?: bigint): LogRecord[] {
  const records: LogRecord[] = [];
  decodeRecordBatch(batch, 0, fromOffset === undefined ? place : { ...place, fromOffset }, records);
  return records;
}

const field = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const anyRecord: fc.Arbitrary<ProducerRecord> = fc.record(
  {
    key: field,
    value: field,
    headers: fc.array(
      fc.record({ key: fc.string({ maxLength: 100, unit: 'binary' }), value: field }, { noNullPrototype: true }),
      { maxLength: 5 },
    ),
    timestampMs: fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
  },
  { noNullPrototype: true },
);

test('an int64 timestamp that a number does not hold comes back with every digit', () => {
  // 1764500000000000001 came back as 1764500000000000000, and could not be written.
  const time = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(-1n, 0n, 5n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 1_764_500_000_000_000_001n, 2n ** 63n - 1n),
  );
  fc.assert(
    fc.property(
      fc.array(time, { minLength: 1, maxLength: 8 }),
      fc.constantFrom<Codec>('none', 'gzip'),
      (times, codec) => {
        const records = times.map((exact): ProducerRecord => {
          const isPlain = exact >= 0n && Number.isSafeInteger(Number(exact));
          const at = isPlain ? { timestampMs: Number(exact) } : { exactTimestampMs: exact };
          return { key: null, value: null, headers: [], ...at };
        });
        const batch = encodeRecordBatch(records, { nowMs: 5, codec });
        assert.ok(
          batch.length <= batchHeaderBytes + records.reduce((sum, record) => sum + recordBytesBound(record), 0) + 40,
        );
        const read = decode(batch);
        assert.deepEqual(
          read.map(({ timestampMs, exactTimestampMs }) => exactTimestampMs ?? BigInt(timestampMs)),
          times,
        );
        for (const { timestampMs, exactTimestampMs } of read) {
          assert.equal(exactTimestampMs === undefined, Number.isSafeInteger(timestampMs));
          assert.equal(timestampMs, Number(exactTimestampMs ?? timestampMs));
        }
        assert.deepEqual(exactTimestamps(batch, 0), {
          base: times[0],
          max: times.reduce((largest, exact) => (exact > largest ? exact : largest)),
        });
      },
    ),
    { seed: 7, numRuns: 300 },
  );
  for (const exactTimestampMs of [-(2n ** 63n) - 1n, 2n ** 63n]) {
    assert.throws(
      () => encodeRecordBatch([{ key: null, value: null, exactTimestampMs }], { nowMs: 5 }),
      (error) => ThroughlineError.is(error, 'INVALID_RECORD'),
    );
  }
});

for (const codec of ['none', 'gzip', 'zstd'] satisfies Codec[]) {
  test(`any records come back from a batch with codec ${codec}, each at its offset`, () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 20 }),
        fc.bigInt({ min: 0n, max: 2n ** 62n }),
        fc.nat(25),
        (records, baseOffset, skip) => {
          const batch = encodeRecordBatch(records, { nowMs: 5, codec });
          setBaseOffset(batch, 0, baseOffset);
          const header = readBatchHeader(batch, 0);
          assert.equal(header.sizeBytes, batch.length);
          assert.equal(header.recordCount, records.length);
          assert.equal(header.maxTimestampMs, Math.max(...records.map(({ timestampMs }) => timestampMs!)));
          assert.ok(verifyBatchCrc(batch, 0, batch.length));
          const expected = records.map((record, index) => ({
            ...place,
            offset: baseOffset + BigInt(index),
            leaderEpoch: -1,
            ...record,
          }));
          assert.deepEqual(decode(batch), expected);
          assert.deepEqual(decode(batch, baseOffset + BigInt(skip)), expected.slice(skip));
        },
      ),
      { numRuns: codec === 'none' ? 300 : 50 },
    );
  });
}

test('a batch never has more bytes than the bounds of its records', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 20 }), (records) => {
      const bound = records.reduce((sum, record) => sum + recordBytesBound(record), batchHeaderBytes);
      assert.ok(encodeRecordBatch(records, { nowMs: 5 }).length <= bound);
    }),
  );
});

test('records without a timestamp get the time that is handed in', () => {
  const [first, second] = decode(
    encodeRecordBatch(
      [
        { key: null, value: null },
        { key: null, value: null, timestampMs: 7 },
      ],
      { nowMs: 1_800_000_000_000 },
    ),
  );
  assert.equal(first!.timestampMs, 1_800_000_000_000);
  assert.equal(second!.timestampMs, 7);
});

test("an idempotent writer's numbers stand in the head", () => {
  const batch = encodeRecordBatch([{ key: null, value: null }], {
    nowMs: 0,
    producer: { id: 2n ** 40n, epoch: 3, baseSequence: 99 },
  });
  const { producerId, producerEpoch, baseSequence } = readBatchHeader(batch, 0);
  assert.deepEqual([producerId, producerEpoch, baseSequence], [2n ** 40n, 3, 99]);
});

test('a batch written by hand from the format is read', () => {
  const head = '0000000000000005 00000043 00000000 02 00000000 0000 00000000';
  const timesAndProducer = '0000018bcfe56800 0000018bcfe56800 ffffffffffffffff ffff ffffffff 00000001';
  const body = '22 00 00 00 026b 0a68656c6c6f 02 0268 0401ff';
  const hex = `${head}${timesAndProducer}${body}`.replaceAll(' ', '');
  const batch = Uint8Array.from(Buffer.from(hex, 'hex'));
  assert.equal(batch.length, 12 + 0x43);
  const [record] = decode(batch);
  assert.equal(record!.offset, 5n);
  assert.equal(record!.timestampMs, 1_700_000_000_000);
  assert.equal(fromUtf8(record!.key!), 'k');
  assert.equal(fromUtf8(record!.value!), 'hello');
  assert.deepEqual(record!.headers, [{ key: 'h', value: Uint8Array.of(1, 255) }]);
  writeBatchCrc(batch, 0, batch.length);
  const again = encodeRecordBatch([record!], { nowMs: 0 });
  setBaseOffset(again, 0, 5n);
  again.set([0, 0, 0, 0], 12);
  assert.deepEqual(again, batch);
});

test('whatever happens to the bytes, decoding gives records or a coded error, and never more than the bytes can hold', () => {
  const codes = ['INVALID_RECORD', 'CORRUPT_RECORD', 'NOT_BUILT_YET'] as const;
  const codecs = fc.constantFrom<Codec>('none', 'none', 'gzip', 'zstd');
  const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(
      fc.array(anyRecord, { minLength: 1, maxLength: 5 }),
      codecs,
      mutations,
      fc.nat(),
      (records, codec, edits, cut) => {
        let batch = encodeRecordBatch(records, { nowMs: 5, codec });
        for (const [at, byte] of edits) batch[at % batch.length] = byte;
        if (cut % 3 === 0) batch = batch.subarray(0, cut % batch.length);
        try {
          assert.ok(decode(batch).length <= batch.length);
        } catch (error) {
          if (!codes.some((code) => ThroughlineError.is(error, code))) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  );
});

test('random bytes behind a sound head are rejected with a code', () => {
  const sound = encodeRecordBatch([{ key: null, value: utf8('x'.repeat(200)) }], { nowMs: 1 });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 150 }), fc.nat(4), (noise, codec) => {
      const batch = sound.slice();
      batch.set(noise, batchHeaderBytes);
      batch[22] = codec;
      try {
        decode(batch);
      } catch (error) {
        assert.ok(ThroughlineError.is(error), String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('snappy and lz4 are read, and never written', () => {
  for (const codec of ['snappy', 'lz4'] satisfies Codec[]) {
    const batch = encodeRecordBatch([{ key: null, value: utf8('hello') }], { nowMs: 1 });
    batch[22] = codecId(codec);
    assert.throws(
      () => decode(batch),
      (error) => ThroughlineError.is(error, 'INVALID_RECORD'),
    );
    assert.throws(
      () => encodeRecordBatch([{ key: null, value: null }], { nowMs: 1, codec }),
      (error) => ThroughlineError.is(error, 'NOT_BUILT_YET'),
    );
  }
});

test('a control batch holds no records for readers, and append time counts for all records', () => {
  const batch = encodeRecordBatch([{ key: null, value: null, timestampMs: 4 }], { nowMs: 1 });
  batch[22] = 0x20;
  assert.deepEqual(decode(batch), []);
  batch[22] = 0x08;
  new DataView(batch.buffer, batch.byteOffset).setBigInt64(35, 9n);
  assert.equal(decode(batch)[0]!.timestampMs, 9);
});

test('no records, and a timestamp that is no whole number of milliseconds, are INVALID_RECORD', () => {
  for (const records of [
    [],
    ...[Number.NaN, -1, 1.5, 2 ** 60].map((timestampMs) => [{ key: null, value: null, timestampMs }]),
  ]) {
    assert.throws(
      () => encodeRecordBatch(records, { nowMs: 1 }),
      (error) => ThroughlineError.is(error, 'INVALID_RECORD'),
    );
  }
});

test('header names of one length and the same ends are told apart', () => {
  const headers = ['tl-axe', 'tl-aze', 'tl-axe', ''].map((key) => ({ key, value: null }));
  assert.deepEqual(decode(encodeRecordBatch([{ key: null, value: null, headers }], { nowMs: 1 }))[0]!.headers, headers);
});
