import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromUtf8, utf8, type LogRecord } from '@throughline/event';
import { batchWith } from '@throughline/testkit';
import { attributeBits, encodeRecordBatch, setBaseOffset, type Read } from '@throughline/wire';
import type { AbortedTransaction, FetchResponse } from '@throughline/wire/apis';
import { decodeFetched, fetchFrom, type FetchedPartition } from './fetch.ts';

const metadata = { topic: 'notes', topicId: '1'.repeat(32), isInternal: false, partitions: [] };
const { transactional } = attributeBits;
const control = attributeBits.control | transactional;

function batch(baseOffset: bigint, texts: readonly string[], producer = -1n, attributes = 0): Buffer {
  const records = texts.map((text) => ({ key: null, value: utf8(text) }));
  const bytes = encodeRecordBatch(records, { nowMs: 1000 });
  setBaseOffset(bytes, 0, baseOffset);
  return Buffer.from(batchWith(bytes, { attributes, producerId: producer }));
}

async function fetched(records: Uint8Array, aborted: readonly AbortedTransaction[] = []): Promise<FetchedPartition> {
  const partition = {
    partitionIndex: 0,
    errorCode: 'NONE',
    highWatermark: 100n,
    lastStableOffset: 90n,
    logStartOffset: 0n,
    abortedTransactions: aborted,
    divergingEpoch: { epoch: -1, endOffset: -1n },
    records,
  };
  const response = { errorCode: 'NONE', responses: [{ topic: 'notes', partitions: [partition] }] };
  const bounds = { waitMs: 0, bytesMax: 1000, partitionBytesMax: 1000, what: 'committed' } as const;
  const send = async (): Promise<Read<FetchResponse>> => response as unknown as Read<FetchResponse>;
  const [found] = await fetchFrom(send, metadata, [{ partition: 0, offset: 0n, lastEpoch: -1 }], bounds);
  return found!;
}

function texts({ records }: { readonly records: readonly LogRecord[] }): string[] {
  return records.map(({ value }) => fromUtf8(value!));
}

test('the beginning of a batch at the end of an answer is left for the next fetch, wherever it is cut', async () => {
  const whole = batch(0n, ['a', 'b']);
  const next = batch(2n, ['c']);
  for (let cut = 0; cut < next.length; cut++) {
    const found = await fetched(Buffer.concat([whole, next.subarray(0, cut)]));
    const decoded = decodeFetched('notes', found);
    assert.deepEqual([texts(decoded), decoded.nextOffset], [['a', 'b'], 2n], `cut at ${cut}`);
  }
});

test('readers see nothing beyond the last stable offset', async () => {
  assert.equal((await fetched(batch(0n, ['a']))).lastStableOffset, 90n);
});

test('batches of an aborted transaction are hidden up to its marker, those of others and of later ones are not', async () => {
  const log = Buffer.concat([
    batch(0n, ['plain']),
    batch(1n, ['aborted'], 7n, transactional),
    batch(2n, ['of another'], 8n, transactional),
    batch(3n, ['marker'], 7n, control),
    batch(4n, ['later'], 7n, transactional),
    batch(5n, ['marker'], 8n, control),
  ]);
  const decoded = decodeFetched('notes', await fetched(log, [{ producerId: 7n, firstOffset: 1n }]));
  assert.deepEqual([texts(decoded), decoded.nextOffset], [['plain', 'of another', 'later'], 6n]);
});
