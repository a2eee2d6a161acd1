// Files of the metadata log as a disk hands them out.
import { offsetBehind } from '@throughline/wire';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSnapshotFooter, metadataBatch, recordsIn, snapshotBatches } from './metadata-batches.ts';
import { isWholeSnapshot, wholeBatches } from './metadata-files.ts';
import { featureRecord } from './metadata-version.ts';

const nowMs = 1_700_000_000_000;

// On a machine's disk a file is a Buffer. Looking for the footer took the control bit off the file itself, the footer was read
// as a record of Kafka's, and after its first snapshot a folder was taken over from Kafka at every start.
test('looking whether a snapshot is whole leaves it as it is', () => {
  const bytes = Buffer.concat(snapshotBatches([featureRecord], 1, nowMs));
  const before = Buffer.from(bytes);
  const found = wholeBatches(bytes, 0n);
  assert.equal(isWholeSnapshot(found), true);
  assert.deepEqual(bytes, before);
  const records = found.batches.flatMap(({ batch }) => recordsIn(batch));
  assert.deepEqual(
    records.map(({ record }) => record),
    [featureRecord],
  );
});

test('a snapshot is not whole without its end, without its middle, and with something behind it', () => {
  const parts = snapshotBatches([featureRecord], 1, nowMs);
  for (const some of [parts.slice(0, 2), [parts[0]!, parts[2]!], [...parts, new Uint8Array(5)], parts.slice(1)]) {
    assert.equal(isWholeSnapshot(wholeBatches(Buffer.concat(some), 0n)), false);
  }
});

test('damage costs the batches that it is in, wherever it is and however long', () => {
  const parts = Array.from({ length: 6 }, (_, i) => {
    return metadataBatch(Array(i + 1).fill(featureRecord), { baseOffset: BigInt((i * (i + 1)) / 2), epoch: 1, nowMs });
  });
  const whole = Buffer.concat(parts);
  const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, { length }) => sum + length, 0));
  for (let from = 0; from < whole.length; from += 3) {
    for (const byteCount of [1, 40, 150]) {
      const bytes = Buffer.from(whole);
      const to = Math.min(from + byteCount, bytes.length);
      for (let at = from; at < to; at++) bytes[at]! ^= 0xff;
      const isWhole = (i: number): boolean => ends[i]! <= from || ends[i]! - parts[i]!.length >= to;
      const expected = parts.flatMap((_, i) => (isWhole(i) ? [BigInt((i * (i + 1)) / 2)] : []));
      // The leader epoch is not under the checksum, and nothing hangs on it.
      const { batches, isTorn } = wholeBatches(bytes, 0n);
      const found = batches.filter(({ header }) => header.partitionLeaderEpoch === 1);
      assert.deepEqual(
        found.map(({ header }) => header.baseOffset),
        expected,
        `${from} to ${to}`,
      );
      assert.equal(isTorn, batches.length === 0 || offsetBehind(batches.at(-1)!.header) < 21n);
    }
  }
});

test('only the batch that ends a snapshot is its footer', () => {
  const { batches } = wholeBatches(Buffer.concat(snapshotBatches([featureRecord], 1, nowMs)), 0n);
  assert.deepEqual(
    batches.map(({ batch }) => isSnapshotFooter(batch)),
    [false, false, true],
  );
});
