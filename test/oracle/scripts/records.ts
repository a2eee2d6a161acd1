import { utf8 } from '@throughline/event';
import { batchFieldsAt, encodeRecordBatch, zeroUuid, type EncodeOptions } from '@throughline/wire';
import {
  deleteRecordsApi,
  fetchApi,
  initProducerIdApi,
  listOffsetsApi,
  offsetForLeaderEpochApi,
  produceApi,
  type FetchRequest,
} from '@throughline/wire/apis';
import type { Side } from '../side.ts';
import { versionsOf, type Script } from './script.ts';

const unknownId = `${'0'.repeat(31)}7`;

/** An hour ago, the same on both sides: recent, as old records would be removed by retention, and never the broker's own time. */
const nowMs = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;

function batch(
  texts: readonly string[],
  options: Partial<EncodeOptions> & { timestampMs?: number; key?: string } = {},
): Uint8Array {
  const { timestampMs = nowMs, key, ...rest } = options;
  return encodeRecordBatch(
    texts.map((text, index) => ({
      key: key === undefined ? null : utf8(key),
      value: utf8(text),
      timestampMs: timestampMs + index,
    })),
    { nowMs, ...rest },
  );
}

function produceTo(
  side: Side,
  topic: string,
  version: number,
): (
  what: string,
  records: Uint8Array | null,
  rest?: { acks?: number; partition?: number; name?: string; topicId?: string },
) => Promise<unknown> {
  return (
    what,
    records,
    { acks = -1, partition = 0, name = topic, topicId = side.topicIds.get(name) ?? unknownId } = {},
  ) =>
    side.call(what, produceApi, version, {
      acks,
      timeoutMs: 30_000,
      topicData: [{ name, topicId, partitionData: [{ index: partition, records }] }],
    });
}

export const produce: Script = {
  name: 'produce',
  async run(side) {
    for (const version of versionsOf(produceApi)) {
      const topic = `produced-${version}`;
      await side.topic(topic, 2);
      await side.topic(`${topic}-keys`, 1, { 'cleanup.policy': 'compact' });
      await side.topic(`${topic}-times`, 1, { 'message.timestamp.type': 'LogAppendTime' });
      await side.topic(`${topic}-small`, 1, { 'max.message.bytes': '100' });
      const send = produceTo(side, topic, version);
      await send('a batch', batch(['one', 'two']));
      await send('acks of 1', batch(['three']), { acks: 1 });
      await send('the other partition', batch(['four']), { partition: 1 });
      await send('an unknown partition', batch(['five']), { partition: 7 });
      await send('an unknown topic', batch(['six']), { name: 'produced-unknown' });
      await send('odd acks', batch(['seven']), { acks: 2 });
      await send('an empty batch', new Uint8Array());
      const damaged = batch(['eight']);
      damaged[70]! ^= 0xff;
      await send('a wrong checksum', damaged);
      await send('magic 1', batch(['nine']).with(batchFieldsAt.magic, 1));
      await send('gzip', batch(['ten', 'eleven'], { codec: 'gzip' }));
      await send('zstd', batch(['twelve'], { codec: 'zstd' }));
      await send('a future timestamp', batch(['thirteen'], { timestampMs: nowMs + 48 * 3_600_000 }));
      await send('a batch that is too large', batch(['x'.repeat(200)]), { name: `${topic}-small` });
      await send('no key', batch(['fourteen']), { name: `${topic}-keys` });
      await send('a key', batch(['fifteen'], { key: 'k' }), { name: `${topic}-keys` });
      await send('append time', batch(['sixteen', 'seventeen']), { name: `${topic}-times` });
      const two = new Uint8Array([...batch(['eighteen']), ...batch(['nineteen'])]);
      await send('two batches', two);
      await side.call('several at once', produceApi, version, {
        acks: -1,
        timeoutMs: 30_000,
        topicData: [topic, `${topic}-keys`].map((name) => ({
          name,
          topicId: side.topicIds.get(name) ?? zeroUuid,
          partitionData: [
            { index: 0, records: batch(['twenty'], { key: 'k' }) },
            { index: 1, records: batch(['twenty-one'], { key: 'k' }) },
          ],
        })),
      });
      await side.call('nothing', produceApi, version, { acks: -1, timeoutMs: 30_000, topicData: [] });
      await side.call('what is there', fetchApi, 12, fetchOf(side, topic));
    }
  },
};

export const idempotence: Script = {
  name: 'idempotent producers',
  async run(side) {
    const ask = { transactionalId: null, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 };
    await side.until('producer ids to be given', async () => {
      return (await side.ask(initProducerIdApi, 4, ask)).errorCode === 'NONE' ? true : undefined;
    });
    for (const version of versionsOf(initProducerIdApi)) {
      await side.call('a producer id', initProducerIdApi, version, ask);
      await side.call('another', initProducerIdApi, version, { ...ask, transactionTimeoutMs: -1 });
      await side.call('a known producer', initProducerIdApi, version, { ...ask, producerId: 5n, producerEpoch: 1 });
    }
    for (const version of [3, 7, 9, 12, 13]) {
      const topic = `idempotent-${version}`;
      await side.topic(topic, 2);
      const { producerId: id } = await side.ask(initProducerIdApi, 4, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
      });
      const send = produceTo(side, topic, version);
      const from = (epoch: number, baseSequence: number, ...texts: readonly string[]): Uint8Array =>
        batch(texts, { producer: { id, epoch, baseSequence } });
      await send('sequence 0', from(0, 0, 'a', 'b', 'c'));
      await send('sequence 0 again', from(0, 0, 'a', 'b', 'c'));
      await send('sequence 3', from(0, 3, 'd'));
      await send('a gap', from(0, 5, 'f'));
      await send('a part of an earlier batch', from(0, 1, 'b'));
      for (let sequence = 4; sequence < 10; sequence++)
        await send(`sequence ${sequence}`, from(0, sequence, String(sequence)));
      await send('one of the last five', from(0, 6, '6'));
      await send('one of before', from(0, 0, 'a', 'b', 'c'));
      await send('a new epoch that does not begin at 0', from(1, 10, 'x'));
      await send('a new epoch', from(1, 0, 'y'));
      await send('an old epoch', from(0, 10, 'z'));
      await send('another partition, not from 0', from(1, 5, 'p'), { partition: 1 });
      await send('another producer', batch(['q'], { producer: { id: id + 1_000_000n, epoch: 0, baseSequence: 3 } }));
      await send(
        'the last sequence number',
        batch(['r', 's'], { producer: { id: id + 1_000_001n, epoch: 0, baseSequence: 2 ** 31 - 1 } }),
      );
      await send('and round', batch(['t'], { producer: { id: id + 1_000_001n, epoch: 0, baseSequence: 1 } }));
      await side.call('what is there', fetchApi, 12, fetchOf(side, topic));
    }
  },
};

function fetchOf(
  side: Side,
  topic: string,
  rest: Partial<FetchRequest> & { offset?: bigint; bytesMax?: number } = {},
): FetchRequest {
  const { offset = 0n, bytesMax = 1 << 20, ...body } = rest;
  const topicId = side.topicIds.get(topic) ?? unknownId;
  const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: bytesMax }];
  return {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 22,
    topics: [{ topic, topicId, partitions }],
    forgottenTopicsData: [],
    rackId: '',
    ...body,
  };
}

export const fetch: Script = {
  name: 'fetch',
  async run(side) {
    await side.topic('fetched', 2);
    await side.topic('fetched-other', 1);
    await side.topic('fetched-empty', 1);
    for (const texts of [['a', 'b', 'c'], ['d'], ['e'.repeat(3000)], ['f', 'g']])
      await side.produce('fetched', texts, { timestampMs: nowMs });
    await side.produce('fetched', ['z'], { partition: 1, timestampMs: nowMs });
    await side.produce('fetched-other', ['y'], { timestampMs: nowMs });
    for (const version of versionsOf(fetchApi)) {
      const ask = (what: string, rest: Parameters<typeof fetchOf>[2] = {}, topic = 'fetched'): Promise<unknown> =>
        side.call(what, fetchApi, version, fetchOf(side, topic, rest));
      await ask('from the start');
      await ask('from within a batch', { offset: 1n });
      await ask('read committed', { isolationLevel: 1 });
      await ask('at the end', { offset: 7n });
      await ask('beyond the end', { offset: 8n });
      await ask('below the start', { offset: -1n });
      await ask('one byte', { bytesMax: 1 });
      await ask('some bytes', { bytesMax: 150 });
      await ask('one byte of the whole', { maxBytes: 1 });
      await ask('an unknown topic', {}, 'fetched-unknown');
      await ask('an empty topic', {}, 'fetched-empty');
      const topics = (
        ...all: readonly (readonly [string, number, Record<string, unknown>?])[]
      ): FetchRequest['topics'] =>
        all.map(([topic, partition, rest = {}]) => ({
          topic,
          topicId: side.topicIds.get(topic) ?? unknownId,
          partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 20, ...rest }],
        }));
      await ask('an unknown partition', { topics: topics(['fetched', 9], ['fetched-other', 0]) });
      await ask('nothing', { topics: [] });
      await ask('an old leader epoch', { topics: topics(['fetched', 0, { currentLeaderEpoch: 0 }]) });
      await ask('a future leader epoch', { topics: topics(['fetched', 0, { currentLeaderEpoch: 5 }]) });
      await ask('a last fetched epoch', { topics: topics(['fetched', 0, { fetchOffset: 3n, lastFetchedEpoch: 0 }]) });
      await ask('a last fetched epoch of the future', {
        topics: topics(['fetched', 0, { fetchOffset: 3n, lastFetchedEpoch: 7 }]),
      });
      if (version >= 7) await sessions(side, version, topics);
    }
  },
};

async function sessions(
  side: Side,
  version: number,
  topics: (...all: readonly (readonly [string, number, Record<string, unknown>?])[]) => FetchRequest['topics'],
): Promise<void> {
  const ask = (
    what: string,
    rest: Partial<FetchRequest>,
  ): ReturnType<typeof side.call<FetchRequest, { sessionId?: number }>> =>
    side.call(what, fetchApi, version, fetchOf(side, 'fetched', rest));
  const begun = await ask('a session', {
    sessionId: 0,
    sessionEpoch: 0,
    topics: topics(['fetched', 0], ['fetched-other', 0]),
  });
  const sessionId = begun?.sessionId ?? 0;
  const [atEnd] = topics(['fetched', 0, { fetchOffset: 7n }]);
  await ask('the session goes on', { sessionId, sessionEpoch: 1, topics: [atEnd!] });
  await ask('the session with nothing new', {
    sessionId,
    sessionEpoch: 2,
    topics: topics(['fetched-other', 0, { fetchOffset: 1n }]),
  });
  await ask('the session with another partition', { sessionId, sessionEpoch: 3, topics: topics(['fetched', 1]) });
  const forgotten = [{ topic: 'fetched', topicId: side.topicIds.get('fetched') ?? unknownId, partitions: [1] }];
  await ask('the session without it', { sessionId, sessionEpoch: 4, topics: [], forgottenTopicsData: forgotten });
  await ask('a wrong epoch of the session', { sessionId, sessionEpoch: 9, topics: [] });
  await ask('an unknown session', { sessionId: 123_456_789, sessionEpoch: 1, topics: [] });
  await ask('the end of the session', { sessionId, sessionEpoch: -1, topics: [] });
  await ask('the session after its end', { sessionId, sessionEpoch: 5, topics: [] });
}

export const offsets: Script = {
  name: 'offsets of a log',
  async run(side) {
    const topic = 'offsets';
    await side.topic(topic, 1);
    await side.topic('offsets-empty', 1);
    await side.produce(topic, ['a', 'b'], { timestampMs: nowMs });
    await side.produce(topic, ['c'], { timestampMs: nowMs + 2000 });
    await side.produce(topic, ['d'], { timestampMs: nowMs + 1000 });
    for (const version of versionsOf(listOffsetsApi)) {
      for (const [what, timestamp, rest = {}] of [
        ['the latest', -1n],
        ['the earliest', -2n],
        ['of the largest timestamp', -3n],
        ['the earliest local', -4n],
        ['the latest tiered', -5n],
        ['the earliest pending upload', -6n],
        ['an unknown kind', -7n],
        ['at a time', BigInt(nowMs)],
        ['between two', BigInt(nowMs + 500)],
        ['out of order', BigInt(nowMs + 1500)],
        ['in the future', BigInt(nowMs + 99_000)],
        ['at the beginning of time', 0n],
        ['an old leader epoch', -1n, { currentLeaderEpoch: 0 }],
        ['a future leader epoch', -1n, { currentLeaderEpoch: 3 }],
      ] as const) {
        const partitions = [{ partitionIndex: 0, timestamp, ...rest }];
        const ask = (name: string, partitionIndex = 0): { name: string; partitions: typeof partitions } => {
          return { name, partitions: partitions.map((one) => ({ ...one, partitionIndex: partitionIndex as 0 })) };
        };
        await side.call(what, listOffsetsApi, version, {
          replicaId: -1,
          isolationLevel: version % 2,
          topics: [ask(topic), ask('offsets-empty'), ask('offsets-unknown')],
          timeoutMs: 1000,
        });
      }
      await side.call('unknown partitions', listOffsetsApi, version, {
        replicaId: -1,
        topics: [
          {
            name: topic,
            partitions: [
              { partitionIndex: 7, timestamp: -1n },
              { partitionIndex: -1, timestamp: -1n },
            ],
          },
        ],
      });
      await side.call('a partition twice', listOffsetsApi, version, {
        replicaId: -1,
        topics: [
          {
            name: topic,
            partitions: [
              { partitionIndex: 0, timestamp: -1n },
              { partitionIndex: 0, timestamp: -2n },
            ],
          },
        ],
      });
    }
    for (const version of versionsOf(offsetForLeaderEpochApi)) {
      for (const [leaderEpoch, currentLeaderEpoch] of [
        [0, -1],
        [0, 0],
        [1, -1],
        [-1, -1],
        [0, 4],
      ] as const) {
        const partitions = [0, 8].map((partition) => ({ partition, currentLeaderEpoch, leaderEpoch }));
        await side.call(`epoch ${leaderEpoch} at ${currentLeaderEpoch}`, offsetForLeaderEpochApi, version, {
          replicaId: -1,
          topics: [
            { topic, partitions },
            { topic: 'offsets-unknown', partitions: partitions.slice(0, 1) },
          ],
        });
      }
    }
  },
};

export const deleteRecords: Script = {
  name: 'delete records',
  async run(side) {
    for (const version of versionsOf(deleteRecordsApi)) {
      const topic = `shortened-${version}`;
      await side.topic(topic, 1);
      for (const text of ['a', 'b', 'c', 'd', 'e']) await side.produce(topic, [text], { timestampMs: nowMs });
      const remove = (what: string, offset: bigint, name = topic, partitionIndex = 0): Promise<unknown> =>
        side.call(what, deleteRecordsApi, version, {
          topics: [{ name, partitions: [{ partitionIndex, offset }] }],
          timeoutMs: 30_000,
        });
      await remove('two', 2n);
      await remove('none more', 1n);
      await remove('too many', 6n);
      await remove('a negative offset', -2n);
      await remove('an unknown partition', 1n, topic, 4);
      await remove('an unknown topic', 1n, 'shortened-unknown');
      await side.call('below the start', fetchApi, 12, fetchOf(side, topic, { offset: 1n }));
      await side.call('from the start', fetchApi, 12, fetchOf(side, topic, { offset: 2n }));
      const partitions = [{ partitionIndex: 0, timestamp: -2n }];
      await side.call('the earliest then', listOffsetsApi, 7, { replicaId: -1, topics: [{ name: topic, partitions }] });
      await remove('all', -1n);
      await side.call('the earliest in the end', listOffsetsApi, 7, {
        replicaId: -1,
        topics: [{ name: topic, partitions }],
      });
      await side.produce(topic, ['f'], { timestampMs: nowMs });
      await side.call('what is there', fetchApi, 12, fetchOf(side, topic, { offset: 5n }));
      await side.call('epochs', offsetForLeaderEpochApi, 4, {
        topics: [{ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] }],
      });
    }
  },
};

export const recordScripts: readonly Script[] = [produce, idempotence, fetch, offsets, deleteRecords];
