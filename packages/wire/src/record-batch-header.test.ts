import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import * as fc from 'fast-check';
import {
  batchHeaderBytes,
  batchHeaderProblem,
  readBatchHeader,
  setBaseOffset,
  setPartitionLeaderEpoch,
  verifyBatchCrc,
  writeBatchCrc,
} from './record-batch-header.ts';

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
