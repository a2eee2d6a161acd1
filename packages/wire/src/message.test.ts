import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThroughlineError } from '@throughline/event';
import { apiVersionsApi, fetchApi, produceApi, type PartitionData } from './apis/index.ts';
import { stringBytesMax } from './defaults.ts';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from './message.ts';

const frameOf = (chunks: readonly Uint8Array[]): Uint8Array => {
  const bytes = Buffer.concat(chunks);
  assert.equal(bytes.readInt32BE(0), bytes.length - 4, 'the size says what follows it');
  return bytes.subarray(4);
};

test('a request comes back as it was written, in a plain and in a flexible version', () => {
  for (const apiVersion of [3, 8, 9, 13]) {
    const records = Buffer.alloc(5000, 7);
    const partitionData = [
      { index: 1, records },
      { index: 2, records: Buffer.alloc(3) },
    ];
    const topic = apiVersion <= 12 ? { name: 'a' } : { topicId: 'ab'.repeat(16) };
    const written = encodeRequest(
      produceApi,
      { apiVersion, correlationId: 7, clientId: 'ü' },
      { acks: -1, timeoutMs: 5, topicData: [{ ...topic, partitionData }] },
    );
    assert.ok(written.includes(records), 'records are not copied');
    const { header, body } = decodeRequest(produceApi, frameOf(written));
    assert.deepEqual(header, { apiKey: 0, apiVersion, correlationId: 7, clientId: 'ü' });
    assert.equal(body.transactionalId, null);
    assert.deepEqual(
      body.topicData[0]?.partitionData.map((one) => Buffer.from(one.records!)),
      [records, Buffer.alloc(3)],
    );
  }
});

test('tagged fields are written when they say something, and come back', () => {
  const partition: PartitionData = {
    partitionIndex: 0,
    errorCode: 'NONE',
    highWatermark: 5n,
    abortedTransactions: null,
    records: null,
  };
  const of = (more: object): Uint8Array =>
    frameOf(
      encodeResponse(
        fetchApi,
        { apiVersion: 16, correlationId: 1 },
        { throttleTimeMs: 0, responses: [{ topicId: 'cd'.repeat(16), partitions: [{ ...partition, ...more }] }] },
      ),
    );
  const told = of({ currentLeader: { leaderId: 3, leaderEpoch: 9 } });
  assert.ok(told.length > of({}).length);
  const { body } = decodeResponse(fetchApi, 16, told);
  assert.deepEqual(body.responses[0]?.partitions[0]?.currentLeader, { leaderId: 3, leaderEpoch: 9 });
  assert.deepEqual(body.responses[0]?.partitions[0]?.divergingEpoch, { epoch: -1, endOffset: -1n });
});

test('the response header of ApiVersions has no tagged fields in any version (KIP-511)', () => {
  const frame = frameOf(
    encodeResponse(apiVersionsApi, { apiVersion: 4, correlationId: 9 }, { errorCode: 'NONE', apiKeys: [] }),
  );
  assert.equal(Buffer.from(frame).readInt16BE(4), 0, 'the error follows the correlation id');
});

test('a client id that is too long for its field is rejected; the longest one comes back whole', () => {
  // The length was written into 16 bits without a look: the bytes behind were read as something else.
  const write = (clientId: string, apiVersion: number): Uint8Array[] =>
    encodeRequest(apiVersionsApi, { apiVersion, correlationId: 1, clientId }, {});
  const longest = 'c'.repeat(stringBytesMax);
  for (const apiVersion of [0, 3]) {
    assert.equal(decodeRequest(apiVersionsApi, frameOf(write(longest, apiVersion))).header.clientId, longest);
    for (const tooLong of [`${longest}c`, 'c'.repeat(70_000), 'ü'.repeat(16_384)]) {
      assert.throws(
        () => write(tooLong, apiVersion),
        (error) => ThroughlineError.is(error, 'INVALID_ARGUMENT'),
      );
    }
  }
});
