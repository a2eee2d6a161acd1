import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord } from '@throughline/event';
import { ThroughlineError } from '@throughline/event';
import { controlTypeOf, controlTypes, encodeControlBatch } from './control-batch.ts';
import { decodeRecordBatch, encodeRecordBatch } from './record-batch.ts';
import { readBatchHeader, setControlBatch, verifyBatchCrc } from './record-batch-header.ts';
import { batchHeaderBytes, isControlBatch } from './record-batch-layout.ts';

const nowMs = 1_700_000_000_000;

test('a control batch says its type wherever it stands, and shows readers no record', () => {
  for (const type of Object.values(controlTypes)) {
    const batch = encodeControlBatch(type, Uint8Array.of(0, 0), nowMs);
    assert.ok(verifyBatchCrc(batch, 0, batch.length));
    assert.ok(isControlBatch(readBatchHeader(batch, 0).attributes));
    const behindOther = Buffer.concat([encodeRecordBatch([{ key: null, value: null }], { nowMs }), batch]);
    assert.equal(controlTypeOf(behindOther, behindOther.length - batch.length), type);
    const records: LogRecord[] = [];
    decodeRecordBatch(batch, 0, { topic: 'notes', partition: 0 }, records);
    assert.deepEqual(records, []);
  }
});

test('any other batch has no type, and neither has a control batch whose key is too short for one', () => {
  const key = Uint8Array.of(0, 0, 0, controlTypes.commit);
  assert.equal(controlTypeOf(encodeRecordBatch([{ key, value: null }], { nowMs }), 0), undefined);
  for (const short of [null, key.subarray(0, 3)]) {
    const batch = encodeRecordBatch([{ key: short, value: null }], { nowMs });
    setControlBatch(batch, 0, batch.length);
    assert.equal(controlTypeOf(batch, 0), undefined);
  }
});

test('a control batch whose record breaks the format is INVALID_RECORD', () => {
  const batch = encodeControlBatch(controlTypes.abort, new Uint8Array(6), nowMs);
  assert.throws(
    () => controlTypeOf(batch.with(batchHeaderBytes + 4, 0x7e), 0),
    (error) => ThroughlineError.is(error, 'INVALID_RECORD'),
  );
});
