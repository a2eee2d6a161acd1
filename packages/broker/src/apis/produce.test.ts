import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  attributeBits,
  batchFieldsAt,
  batchHeaderBytes,
  encodeRecordBatch,
  readBatchAttributes,
  zeroUuid,
  type Codec,
} from '@throughline/wire';
import { apiVersionsApi, produceApi, type ProduceRequest } from '@throughline/wire/apis';
import { batchWith, FaultyDisk, LossyDisk } from '@throughline/testkit';
import { connectKafka, type KafkaClient } from '../../../../test/support/kafka-client.ts';
import type { Broker } from '../topics/broker.ts';
import type { PartitionLog } from '../storage/partition-face.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, LogRecorder, batchOfProducer, readAll } from '../test-support.ts';
import { produce } from './produce.ts';
import { ask, servedBroker, stillServices, type ServedBroker } from './test-support.ts';

function requestOf(records: Uint8Array | null, more: Partial<ProduceRequest> = {}): ProduceRequest {
  return { acks: -1, timeoutMs: 5000, topicData: [{ name: 't', partitionData: [{ index: 0, records }] }], ...more };
}

async function withTopic(t: TestContext, settings: Record<string, string> = {}): Promise<ServedBroker> {
  const served = await servedBroker(t);
  await served.broker.createTopic('t', { partitions: 2, settings: new Map(Object.entries(settings)) });
  return served;
}

/** What the one partition of a request is answered, with the name of its code. */
async function answerOf(client: KafkaClient, version: number, request: ProduceRequest) {
  const { responses } = await client.call(produceApi, version, request);
  const [answer] = responses[0]!.partitionResponses;
  return { ...answer!, error: answer!.errorCode };
}

/** A batch of which something is wrong: with a right checksum, so that it is seen. */
test('each version appends batches to several partitions and answers where they landed', async (t) => {
  const { broker, client } = await withTopic(t);
  const { topicId } = broker.topic('t');
  let offset = 0n;
  for (let version = produceApi.versionMin; version <= produceApi.versionMax; version++, offset += 2n) {
    const partitionData = [0, 1].map((index) => ({ index, records: batchOf([`${version}`, `${version}'`]) }));
    const request = requestOf(null, { topicData: [{ name: 't', topicId, partitionData }] });
    const { responses } = await client.call(produceApi, version, request);
    const [{ name, topicId: answeredId, partitionResponses }] = responses as [(typeof responses)[number]];
    assert.deepEqual([name, answeredId], version <= 12 ? ['t', zeroUuid] : ['', topicId]);
    for (const [index, answer] of partitionResponses.entries()) {
      const { errorCode, baseOffset, logAppendTimeMs, logStartOffset } = answer;
      const expected = [index, 'NONE', offset, -1n, version >= 5 ? 0n : -1n];
      assert.deepEqual([answer.index, errorCode, baseOffset, logAppendTimeMs, logStartOffset], expected);
    }
  }
  assert.equal((await readAll(broker.partition('t', 1))).length, 22);
});

test('the window that is advertised begins at 0, and what is below 3 is closed', async (t) => {
  const { client } = await withTopic(t);
  const { apiKeys } = await client.call(apiVersionsApi, 0, {});
  const { minVersion, maxVersion } = apiKeys.find(({ apiKey }) => apiKey === produceApi.key)!;
  assert.deepEqual([minVersion, maxVersion], [0, 13]);
  client.send({ ...produceApi, flexibleFrom: 99 }, 2, requestOf(batchOf(['a'])));
  await client.closed;
});

test('all codecs pass through untouched; zstd from version 7 on', async (t) => {
  const { broker, client } = await withTopic(t);
  const records = [{ key: null, value: Buffer.from('text '.repeat(50)) }];
  for (const codec of ['none', 'gzip', 'zstd'] as const satisfies readonly Codec[]) {
    const batch = encodeRecordBatch(records, { nowMs: Date.now(), codec });
    assert.equal((await answerOf(client, 7, requestOf(batch))).error, 'NONE');
    const { baseOffset, error } = await answerOf(client, 6, requestOf(batch));
    assert.deepEqual(
      [error, baseOffset],
      codec === 'zstd' ? ['UNSUPPORTED_COMPRESSION_TYPE', -1n] : ['NONE', baseOffset],
    );
  }
  // The others are not packed by this house, and are not looked into.
  for (const attributes of [2, 3]) {
    const batch = batchWith(batchOf(['a']), { attributes });
    assert.equal((await answerOf(client, 3, requestOf(batch))).error, 'NONE');
    const { batches } = await broker.partition('t', 0).read(broker.partition('t', 0).highWatermark - 1n, 1);
    assert.equal(readBatchAttributes(batches, 0), attributes);
  }
});

test('what is not one whole batch of magic 2 is rejected as Kafka rejects it, and nothing of it is kept', async (t) => {
  const { broker, client } = await withTopic(t);
  const batch = batchOf(['a']);
  const tooShort = 'Record size 0 is less than the minimum record overhead (14)';
  const cases: [string, Uint8Array | null, string, string | null][] = [
    ['null', null, 'INVALID_RECORD', null],
    ['nothing', new Uint8Array(0), 'INVALID_RECORD', null],
    ['too little', new Uint8Array(11), 'INVALID_RECORD', null],
    ['zeros', new Uint8Array(batchHeaderBytes), 'CORRUPT_MESSAGE', tooShort],
    ['a half', batch.subarray(0, batch.length - 1), 'INVALID_RECORD', null],
    ['two', Buffer.concat([batch, batch]), 'INVALID_RECORD', null],
    ['magic 1', batchWith(batch, { magic: 1 }), 'INVALID_RECORD', null],
    ['magic 3', batchWith(batch, { magic: 3 }), 'CORRUPT_MESSAGE', 'Invalid magic found in record: 3'],
    ['a flipped bit', batch.with(batch.length - 2, 0), 'CORRUPT_MESSAGE', null],
    ['a flipped bit in the head', batch.with(batchFieldsAt.recordCount + 3, 7), 'CORRUPT_MESSAGE', null],
    ['a base offset', batchWith(batch, { baseOffset: 5 }), 'INVALID_RECORD', null],
    ['no records', batchWith(batch, { recordCount: 0 }), 'INVALID_RECORD', null],
    ['a wrong count', batchWith(batch, { recordCount: 2 }), 'INVALID_RECORD', null],
    ['a wrong range', batchWith(batch, { lastOffsetDelta: -1 }), 'INVALID_RECORD', null],
    ['a control batch', batchWith(batch, { attributes: attributeBits.control }), 'INVALID_RECORD', null],
    ['no such codec', batchWith(batch, { attributes: 6 }), 'INVALID_RECORD', null],
    ['no sequence', batchWith(batch, { producerId: 5 }), 'INVALID_RECORD', null],
  ];
  for (const [what, records, error, message] of cases) {
    const answer = await answerOf(client, 9, requestOf(records));
    assert.deepEqual([answer.error, answer.errorMessage, answer.baseOffset], [error, message, -1n], what);
  }
  const behind = await answerOf(client, 9, requestOf(Buffer.concat([batch, batch.subarray(0, 40)])));
  assert.equal(behind.error, 'NONE', 'what is behind the batch and is none is left out');
  assert.deepEqual(await readAll(broker.partition('t', 0)), ['0:a']);
});

test('a rejected record is named, with the bounds that it breaks', async (t) => {
  const { client } = await withTopic(t, { 'message.timestamp.after.max.ms': '1000' });
  const records = [{}, { timestampMs: 4e12 }].map((more) => ({ key: null, value: null, ...more }));
  const batch = encodeRecordBatch(records, { nowMs: Date.now() });
  const { error, errorMessage, recordErrors } = await answerOf(client, 8, requestOf(batch));
  assert.equal(error, 'INVALID_TIMESTAMP');
  assert.equal(errorMessage, 'One or more records have been rejected due to invalid timestamp');
  assert.equal(recordErrors.length, 1);
  assert.equal(recordErrors[0]!.batchIndex, 1);
  assert.match(
    recordErrors[0]!.batchIndexErrorMessage!,
    /^Timestamp 4000000000000 of message with offset 1 is out of range\./,
  );
});

test("a batch above the topic's max.message.bytes is too large", async (t) => {
  const { client } = await withTopic(t, { 'max.message.bytes': '100' });
  const { error, logStartOffset } = await answerOf(client, 9, requestOf(batchOf(['x'.repeat(100)])));
  assert.deepEqual([error, logStartOffset], ['MESSAGE_TOO_LARGE', -1n]);
});

test('a topic with LogAppendTime answers the time', async (t) => {
  const { client } = await withTopic(t, { 'message.timestamp.type': 'LogAppendTime' });
  const before = BigInt(Date.now());
  const { logAppendTimeMs } = await answerOf(client, 9, requestOf(batchOf(['a'])));
  assert.ok(logAppendTimeMs >= before && logAppendTimeMs <= BigInt(Date.now()));
});

test('an idempotent producer that sends again is answered as the first time, in a later life of the broker too', async (t) => {
  const disk = new LossyDisk();
  const first = await openBroker({ dataDir: '/data', disk });
  await first.createTopic('t', { partitions: 1 });
  const batch = (baseSequence: number, epoch = 0): Uint8Array =>
    batchOfProducer(['a'], { id: 7n, epoch, baseSequence });
  for (const sequence of [0, 1, 2]) await first.partition('t', 0).append(batch(sequence));
  await first.close();
  const { client } = await servedBroker(t, { disk });
  const outcomes: [Uint8Array, string, bigint][] = [
    [batch(1), 'NONE', 1n],
    [batch(3), 'NONE', 3n],
    [batch(5), 'OUT_OF_ORDER_SEQUENCE_NUMBER', -1n],
    [batch(0, 1), 'NONE', 4n],
    [batch(4, 0), 'INVALID_PRODUCER_EPOCH', -1n],
  ];
  for (const [records, error, offset] of outcomes) {
    const answer = await answerOf(client, 9, requestOf(records));
    assert.deepEqual([answer.error, answer.baseOffset, answer.logStartOffset], [error, offset, 0n]);
  }
});

test('records of transactions are rejected: there are none yet', async (t) => {
  const { client } = await withTopic(t);
  const transactional = batchWith(batchOf(['a']), {
    attributes: attributeBits.transactional,
    producerId: 5,
    producerEpoch: 0,
    baseSequence: 0,
  });
  assert.equal((await answerOf(client, 9, requestOf(transactional))).error, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
  const named = requestOf(transactional, { transactionalId: 'x' });
  assert.equal((await answerOf(client, 9, named)).error, 'INVALID_TXN_STATE');
});

test('a topic, id or partition that is not there, acks that mean nothing and internal topics have their codes', async (t) => {
  const { broker, client } = await withTopic(t);
  await broker.createTopic('__consumer_offsets', { partitions: 1 });
  const records = batchOf(['a']);
  const to = (name: string, index = 0, topicId = zeroUuid): ProduceRequest =>
    requestOf(null, { topicData: [{ name, topicId, partitionData: [{ index, records }] }] });
  assert.equal((await answerOf(client, 9, to('unknown'))).error, 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal((await answerOf(client, 9, to('t', 2))).error, 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal((await answerOf(client, 9, to('t', -1))).error, 'UNKNOWN_TOPIC_OR_PARTITION');
  assert.equal((await answerOf(client, 13, to('', 0, '0123456789abcdef0123456789abcdef'))).error, 'UNKNOWN_TOPIC_ID');
  assert.equal((await answerOf(client, 9, to('__consumer_offsets'))).error, 'INVALID_TOPIC_EXCEPTION');
  for (const acks of [2, -2]) {
    assert.equal((await answerOf(client, 9, requestOf(records, { acks }))).error, 'INVALID_REQUIRED_ACKS');
  }
  assert.equal((await answerOf(client, 9, requestOf(records, { acks: 1 }))).error, 'NONE');
  const { responses } = await client.call(produceApi, 9, requestOf(null, { topicData: [] }));
  assert.deepEqual(responses, []);
});

test('acks of 0 get no answer, and a rejection closes the connection and is logged', async (t) => {
  const logger = new LogRecorder();
  const { broker, client, address } = await servedBroker(t, { logger });
  await broker.createTopic('t', { partitions: 1 });
  client.send(produceApi, 9, requestOf(batchOf(['a']), { acks: 0 }));
  client.send(produceApi, 9, requestOf(batchOf(['b']), { acks: 0 }));
  const { baseOffset } = await answerOf(client, 9, requestOf(batchOf(['c'])));
  assert.equal(baseOffset, 2n, 'the first answer is that of the third request');
  const other = await connectKafka(address);
  other.send(produceApi, 9, requestOf(null, { acks: 0 }));
  await other.closed;
  assert.ok(
    logger.lines.some((line) => line.includes('rejected and wanted no answer')),
    logger.lines.join('\n'),
  );
});

test('a node that does not lead the partition says who does', async (t) => {
  const { broker, addresses, client } = await servedBroker(t, { nodes: 2 });
  await broker.createTopic('t', { partitions: 2 });
  const partitionData = [0, 1].map((index) => ({ index, records: batchOf(['a']) }));
  const request = requestOf(null, { topicData: [{ name: 't', partitionData }] });
  const { responses, nodeEndpoints } = await client.call(produceApi, 10, request);
  const answers = responses[0]!.partitionResponses;
  const other = answers.find(({ errorCode }) => errorCode === 'NOT_LEADER_OR_FOLLOWER')!;
  assert.deepEqual(other.currentLeader, { leaderId: 2, leaderEpoch: broker.partition('t', 0).leaderEpoch });
  assert.deepEqual(
    nodeEndpoints.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
    [[2, addresses[1]]],
  );
  assert.equal(answers.filter(({ errorCode }) => errorCode === 'NONE').length, 1);
  const old = await client.call(produceApi, 9, request);
  assert.deepEqual(old.nodeEndpoints, []);
});

test('requests that follow each other go out together, and are answered in their order', async (t) => {
  const { broker, client } = await withTopic(t);
  const ids = Array.from({ length: 50 }, (_, i) => client.send(produceApi, 9, requestOf(batchOf([`${i}`]))));
  for (const [index, id] of ids.entries()) {
    const { responses } = await client.answer(produceApi, 9, id);
    assert.equal(responses[0]!.partitionResponses[0]!.baseOffset, BigInt(index));
  }
  assert.equal(broker.partition('t', 0).highWatermark, 50n);
});

test('a disk that takes longer than the client waits is told as a time-out, with acks=all only', async (t) => {
  const { broker, clock, ...services } = await stillServices(t);
  await broker.createTopic('t', { partitions: 1 });
  const stuckLog: Partial<PartitionLog> = { append: () => new Promise(() => {}) };
  const stuckBroker: Partial<Broker> = {
    findTopic: (topic) => broker.findTopic(topic),
    partition: () => stuckLog as PartitionLog,
  };
  const over = { ...services, clock, broker: stuckBroker as Broker };
  const before = clock.timerCount;
  const asked = { api: produceApi, version: 9, body: requestOf(batchOf(['a']), { timeoutMs: 100 }) };
  const waiting = ask(produce, over, asked);
  assert.equal(clock.timerCount, before + 1);
  await clock.advance(100);
  const { responses } = await waiting;
  assert.equal(responses[0]!.partitionResponses[0]!.errorCode, 'REQUEST_TIMED_OUT');
  void ask(produce, over, { ...asked, body: { ...asked.body, acks: 1 } });
  assert.equal(clock.timerCount, before, 'whoever asks for acks=1 waits for the disk');
});

test('a storage error says whether the disk is full or the partition is offline, which Kafka has one code for', async (t) => {
  const disk = new FaultyDisk(new LossyDisk());
  const { broker, client } = await servedBroker(t, { disk });
  await broker.createTopic('t', { partitions: 1, config: { durability: 'os' } });
  disk.bytesFree = 10;
  const full = await answerOf(client, 8, requestOf(batchOf(['rejected'])));
  assert.equal(full.error, 'KAFKA_STORAGE_ERROR');
  assert.match(full.errorMessage ?? '', /^OUT_OF_DISK: /);
  disk.heal();
  assert.equal((await answerOf(client, 8, requestOf(batchOf(['kept'])))).error, 'NONE');
  disk.fail({ operation: 'write', path: '/t-0/', code: 'EIO' });
  const offline = [1, 2].map(() => answerOf(client, 8, requestOf(batchOf(['rejected']))));
  for (const { error, errorMessage } of await Promise.all(offline)) {
    assert.equal(error, 'KAFKA_STORAGE_ERROR');
    assert.match(errorMessage ?? '', /^PARTITION_OFFLINE: /);
  }
});

test('a sealed partition sends its producers to look for the leader, and takes them again in a larger epoch', async (t) => {
  const { broker, client } = await withTopic(t);
  const { leaderEpoch } = await broker.partition('t', 0).seal();
  const request = (): ProduceRequest => requestOf(batchOf(['a']));
  assert.equal((await answerOf(client, 9, request())).error, 'NOT_LEADER_OR_FOLLOWER');
  await broker.beginEpoch('t', 0, leaderEpoch + 1);
  const { error, baseOffset } = await answerOf(client, 9, request());
  assert.deepEqual([error, baseOffset], ['NONE', 0n]);
});
