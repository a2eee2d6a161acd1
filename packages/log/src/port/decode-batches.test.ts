import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, ThroughlineError, utf8, type LogRecord } from '@throughline/event';
import { batchHeaderBytes, encodeRecordBatch, setBaseOffset, writeBatchCrc } from '@throughline/wire';
import { decodeBatches } from './decode-batches.ts';

const place = { topic: 'notes', partition: 0 };

function batch(baseOffset: bigint, ...texts: readonly string[]): Uint8Array {
  const records = texts.map((text) => ({ key: null, value: utf8(text) }));
  const bytes = encodeRecordBatch(records, { nowMs: 1000 });
  setBaseOffset(bytes, 0, baseOffset);
  return bytes;
}

function texts(records: readonly LogRecord[]): string[] {
  return records.map(({ value }) => fromUtf8(value!));
}

test('a batch of sound checksum whose records break the format is CORRUPT_RECORD with a way on', () => {
  const broken = batch(0n, 'broken');
  broken[batchHeaderBytes] = 0x7f;
  writeBatchCrc(broken, 0, broken.length);
  assert.throws(
    () => decodeBatches(broken, { ...place, fromOffset: 0n, lastEpoch: -1 }),
    (error) => ThroughlineError.is(error, 'CORRUPT_RECORD') && error.details['nextOffset'] === '1',
  );
});

test('a batch from a network is compared with its checksum: what stands before it is given, then it is CORRUPT_RECORD', () => {
  const flipped = batch(1n, 'flipped', 'too');
  flipped[70]! ^= 1;
  const both = Buffer.concat([batch(0n, 'sound'), flipped]);
  const decoded = decodeBatches(both, { ...place, fromOffset: 0n, lastEpoch: -1, mustVerify: true });
  assert.deepEqual([texts(decoded.records), decoded.nextOffset], [['sound'], 1n]);
  assert.throws(
    () => decodeBatches(flipped, { ...place, fromOffset: 1n, lastEpoch: -1, mustVerify: true }),
    (error) => ThroughlineError.is(error, 'CORRUPT_RECORD') && error.details['nextOffset'] === '3',
  );
});

test('what is hidden passes without its records', () => {
  const all = Buffer.concat([batch(0n, 'a'), batch(1n, 'b', 'c'), batch(3n, 'd')]);
  const isHidden = ({ baseOffset }: { readonly baseOffset: bigint }): boolean => baseOffset === 1n;
  const { records, nextOffset } = decodeBatches(all, { ...place, fromOffset: 0n, lastEpoch: -1, isHidden });
  assert.deepEqual([texts(records), nextOffset], [['a', 'd'], 4n]);
});
