import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import * as fc from 'fast-check';
import {
  batchHeaderProblem,
  crcOfUncheckedHead,
  hasBaseOffset,
  lastOffsetOf,
  offsetBehind,
  readBatchAttributes,
  readBatchHeader,
  readBatchLength,
  readBatchMagic,
  readBatchSize,
  readRecordCount,
  setBaseOffset,
  setControlBatch,
  setMaxTimestamp,
  setPartitionLeaderEpoch,
  setProducer,
  verifyBatchCrc,
  writeBatchCrc,
} from './record-batch-header.ts';
import { batchHeaderBytes } from './record-batch-layout.ts';

/** Written with DataView, apart from the code under test. */
function someBatch(): Uint8Array {
  const bytes = new Uint8Array(3 + batchHeaderBytes + 10);
  const view = new DataView(bytes.buffer, 3);
  view.setBigInt64(0, 77n);
  view.setInt32(8, 49 + 10);
  view.setInt32(12, 4);
  view.setInt8(16, 2);
  view.setInt16(21, -2);
  view.setInt32(23, 5);
  view.setBigInt64(27, 1_700_000_000_123n);
  view.setBigInt64(35, -1n);
  view.setBigInt64(43, -1n);
  view.setInt16(51, -1);
  view.setInt32(53, -1);
  view.setInt32(57, 6);
  writeBatchCrc(bytes, 3, batchHeaderBytes + 10);
  return bytes;
}

test('every field of a head is read from its place', () => {
  const header = readBatchHeader(someBatch(), 3);
  assert.deepEqual(
    { ...header, crc: 0 },
    {
      baseOffset: 77n,
      batchLength: 59,
      partitionLeaderEpoch: 4,
      magic: 2,
      crc: 0,
      attributes: -2,
      lastOffsetDelta: 5,
      baseTimestampMs: 1_700_000_000_123,
      maxTimestampMs: -1,
      producerId: -1n,
      producerEpoch: -1,
      baseSequence: -1,
      recordCount: 6,
      sizeBytes: 71,
    },
  );
  assert.equal(batchHeaderProblem(header), undefined);
  assert.deepEqual([lastOffsetOf(header), offsetBehind(header)], [82n, 83n]);
});

test('a field that is read by itself is what the whole head says', () => {
  const bytes = someBatch();
  const header = readBatchHeader(bytes, 3);
  const { batchLength, sizeBytes, magic, attributes, recordCount } = header;
  const single = [readBatchLength, readBatchSize, readBatchMagic, readBatchAttributes, readRecordCount];
  assert.deepEqual(
    single.map((read) => read(bytes, 3)),
    [batchLength, sizeBytes, magic, attributes, recordCount],
  );
  for (const offset of [0n, 1n, 2n ** 40n, -1n]) {
    setBaseOffset(bytes, 3, offset);
    assert.equal(hasBaseOffset(bytes, 3), offset !== 0n);
  }
});

test('a field that is set is the only one that changes, under a checksum that fits', () => {
  const changes: [(bytes: Uint8Array, sizeBytes: number) => void, object][] = [
    [
      (bytes, sizeBytes) => setProducer(bytes, 3, sizeBytes, { id: 2n ** 40n, epoch: 0x1234 }, 0x12345678),
      { producerId: 2n ** 40n, producerEpoch: 0x1234, baseSequence: 0x12345678 },
    ],
    [(bytes, sizeBytes) => setControlBatch(bytes, 3, sizeBytes), { attributes: 0x20 }],
    [
      (bytes, sizeBytes) => setMaxTimestamp(bytes, 3, sizeBytes, { timestampMs: 2 ** 40 + 1, isAppendTime: true }),
      { attributes: 0x08, maxTimestampMs: 2 ** 40 + 1 },
    ],
  ];
  for (const [change, expected] of changes) {
    const bytes = someBatch();
    new DataView(bytes.buffer, 3).setInt16(21, 0);
    const { crc: _before, ...before } = readBatchHeader(bytes, 3);
    change(bytes, before.sizeBytes);
    const { crc: _, ...after } = readBatchHeader(bytes, 3);
    assert.deepEqual(after, { ...before, ...expected });
    assert.ok(verifyBatchCrc(bytes, 3, before.sizeBytes));
  }
});

test('the checksum of a batch and that of its unchecked head cover every byte of it once', () => {
  const before = someBatch();
  const { sizeBytes } = readBatchHeader(before, 3);
  for (let at = 3; at < 3 + sizeBytes; at++) {
    const bytes = before.with(at, before[at]! ^ 1);
    const isHeadSame = crcOfUncheckedHead(bytes, 3, 7) === crcOfUncheckedHead(before, 3, 7);
    const isInChecksum = at >= 3 + 17 && at < 3 + 21;
    assert.equal(isHeadSame, at >= 3 + 21, `byte ${at}`);
    assert.equal(verifyBatchCrc(bytes, 3, sizeBytes), isHeadSame ? false : !isInChecksum, `byte ${at}`);
  }
});

test('placing a batch keeps its checksum right, and any int64 offset comes back', () => {
  const bytes = someBatch();
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer(), (offset, epoch) => {
      setBaseOffset(bytes, 3, offset);
      setPartitionLeaderEpoch(bytes, 3, epoch);
      const header = readBatchHeader(bytes, 3);
      assert.equal(header.baseOffset, offset);
      assert.equal(header.partitionLeaderEpoch, epoch);
      assert.ok(verifyBatchCrc(bytes, 3, header.sizeBytes));
    }),
  );
});

test('a flipped bit anywhere behind the checksum is noticed, and so is a batch that is cut short', () => {
  for (let at = 3 + 17; at < someBatch().length; at++) {
    const bytes = someBatch();
    bytes[at]! ^= 1 << (at % 8);
    assert.equal(verifyBatchCrc(bytes, 3, 71), false, `byte ${at}`);
  }
  assert.equal(verifyBatchCrc(someBatch().subarray(0, 73), 3, 71), false);
  assert.equal(verifyBatchCrc(someBatch(), 3, 60), false);
});

test('a head that is cut short is CORRUPT_RECORD', () => {
  assert.throws(
    () => readBatchHeader(someBatch(), 20),
    (error) => ThroughlineError.is(error, 'CORRUPT_RECORD'),
  );
});

test('an impossible head is named', () => {
  const header = readBatchHeader(someBatch(), 3);
  assert.match(batchHeaderProblem({ ...header, magic: 1 }) ?? '', /magic/);
  assert.match(batchHeaderProblem({ ...header, sizeBytes: 60 }) ?? '', /shorter/);
  assert.match(batchHeaderProblem({ ...header, recordCount: 7 }) ?? '', /lastOffsetDelta/);
  assert.match(batchHeaderProblem({ ...header, baseOffset: -1n }) ?? '', /negative/);
});
