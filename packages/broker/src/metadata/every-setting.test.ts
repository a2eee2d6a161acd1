// Every setting that is accepted has its effect or its mark: each of a broker's and of a topic's is proved here to change what
// the broker does, or says in its documentation why it changes nothing. A setting that is new has to be entered.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { seededRandom, ThroughlineError } from '@throughline/event';
import { LossyDisk, VirtualClock } from '@throughline/testkit';
import { zeroUuid } from '@throughline/wire';
import {
  createTopicsApi,
  deleteTopicsApi,
  describeTopicPartitionsApi,
  fetchApi,
  incrementalAlterConfigsApi,
  joinGroupApi,
  metadataApi,
  offsetCommitApi,
  offsetFetchApi,
} from '@throughline/wire/apis';
import { connectKafka } from '../../../../test/support/kafka-client.ts';
import { handlers } from '../apis/registry.ts';
import { ask, servedBroker, stillServices } from '../apis/test-support.ts';
import { openBroker } from '../topics/open-broker.ts';
import { batchOf, batchOfProducer } from '../test-support.ts';
import { brokerConfigTable } from './broker-config-table.ts';
import { BrokerConfigs, type GivenConfigs } from './broker-configs.ts';
import { topicConfigOf } from './topic-configs.ts';
import { topicConfigTable } from './topic-config-table.ts';

/** Shows what is different between two values of a setting. */
type Proof = (t: TestContext) => Promise<void>;

// ── settings of topics ──

/** What one topic does with a setting of its own, in a broker that can be crashed. */
async function withTopic<Result>(
  settings: Readonly<Record<string, string>>,
  act: (world: Awaited<ReturnType<typeof topicWorld>>) => Promise<Result>,
): Promise<Result> {
  const world = await topicWorld(settings);
  try {
    return await act(world);
  } finally {
    await world.close();
  }
}

async function topicWorld(settings: Readonly<Record<string, string>>) {
  const disk = new LossyDisk();
  const clock = new VirtualClock();
  const open = () => openBroker({ dataDir: '/data', disk, clock, journalFileBytes: 64 * 1024 });
  let broker = await open();
  await broker.createTopic('t', { partitions: 1, settings: new Map(Object.entries(settings)) });
  const log = () => broker.partition('t', 0);
  /** Appends a record of so many bytes and of this age; gives the error, or nothing. */
  const append = async (bytes = 10, ageMs = 0): Promise<string | undefined> => {
    try {
      await log().append(batchOf(['x'.repeat(bytes)], clock.nowMs() - ageMs));
      return undefined;
    } catch (error) {
      return ThroughlineError.from(error).code;
    }
  };
  return {
    clock,
    log,
    append,
    /** Appends two records that fill a segment each, the first of `ageMs`, and looks which are left after retention. */
    leftAfterRetention: async (ageMs: number): Promise<bigint> => {
      for (const age of [ageMs, 0, 0]) await append(700 * 1024, age);
      await broker.runRetention();
      return log().logStartOffset;
    },
    /** How many records are there after the power was cut, of five. */
    leftAfterPowerCut: async (seed: number): Promise<bigint> => {
      for (let i = 0; i < 5; i++) await append();
      disk.cutPower(seededRandom(seed));
      broker = await open();
      return log().highWatermark;
    },
    segmentCount: async (): Promise<number> =>
      (await disk.list('/data/t-0')).filter((name) => name.endsWith('.log')).length,
    close: () => broker.close(),
  };
}

const small = { 'segment.bytes': '1048576' };
const dayMs = 24 * 60 * 60 * 1000;

const topicProofs: Readonly<Record<string, Proof>> = {
  'cleanup.policy': async () => {
    const code = (policy: string) => withTopic({ 'cleanup.policy': policy }, ({ append }) => append());
    assert.deepEqual([await code('delete'), await code('compact')], [undefined, 'INVALID_RECORD']);
  },
  durability: async () => {
    const left = async (durability: string): Promise<readonly bigint[]> => {
      const ends: bigint[] = [];
      for (let seed = 1; seed <= 8; seed++) {
        ends.push(await withTopic({ durability }, ({ leftAfterPowerCut }) => leftAfterPowerCut(seed)));
      }
      return ends;
    };
    assert.ok((await left('os')).some((end) => end < 5n));
    assert.ok((await left('fsync')).every((end) => end === 5n));
  },
  'flush.messages': async (t) => {
    const durabilityOf = async (settings: ReadonlyMap<string, string>): Promise<string> => {
      const { broker } = await stillServices(t, { config: { 'log.durability': 'os' } });
      return (await broker.createTopic('t', { partitions: 1, settings })).config.durability;
    };
    assert.equal(await durabilityOf(new Map()), 'os');
    assert.equal(await durabilityOf(new Map([['flush.messages', '1']])), 'fsync');
  },
  'max.message.bytes': async () => {
    const code = (bytes: string) => withTopic({ 'max.message.bytes': bytes }, ({ append }) => append(500));
    assert.deepEqual([await code('1000'), await code('400')], [undefined, 'RECORD_TOO_LARGE']);
  },
  'message.timestamp.after.max.ms': async () => {
    const name = 'message.timestamp.after.max.ms';
    const code = (ms: string) => withTopic({ [name]: ms }, ({ append }) => append(10, -1500));
    assert.deepEqual([await code('2000'), await code('1000')], [undefined, 'INVALID_TIMESTAMP']);
  },
  'message.timestamp.before.max.ms': async () => {
    const name = 'message.timestamp.before.max.ms';
    const code = (ms: string) => withTopic({ [name]: ms }, ({ append }) => append(10, 1500));
    assert.deepEqual([await code('2000'), await code('1000')], [undefined, 'INVALID_TIMESTAMP']);
  },
  'message.timestamp.type': async () => {
    const time = (type: string) =>
      withTopic({ 'message.timestamp.type': type }, async ({ log, clock }) => {
        const { logAppendTimeMs } = await log().append(batchOf(['x'], clock.nowMs()));
        return logAppendTimeMs >= 0;
      });
    assert.deepEqual([await time('CreateTime'), await time('LogAppendTime')], [false, true]);
  },
  'retention.bytes': async () => {
    const start = (bytes: string) =>
      withTopic({ ...small, 'retention.bytes': bytes }, ({ leftAfterRetention }) => leftAfterRetention(0));
    assert.deepEqual([await start('-1'), await start('1000000')], [0n, 1n]);
  },
  'retention.ms': async () => {
    const start = (ms: string) =>
      withTopic({ ...small, 'retention.ms': ms }, ({ leftAfterRetention }) => leftAfterRetention(dayMs));
    assert.deepEqual([await start(String(2 * dayMs)), await start('60000')], [0n, 1n]);
  },
  'segment.bytes': async () => {
    const count = (bytes: string) =>
      withTopic({ 'segment.bytes': bytes }, async ({ append, segmentCount }) => {
        for (let i = 0; i < 3; i++) await append(700 * 1024);
        return segmentCount();
      });
    assert.deepEqual([await count('8388608'), await count('1048576')], [1, 3]);
  },
  'segment.ms': async () => {
    const count = (ms: string) =>
      withTopic({ 'segment.ms': ms }, async ({ append, segmentCount }) => {
        await append(10, 5000);
        await append(10, 0);
        return segmentCount();
      });
    assert.deepEqual([await count('10000'), await count('1000')], [1, 2]);
  },
};

// ── settings of the broker ──

function named(values: GivenConfigs): { readonly config: GivenConfigs } {
  return { config: values };
}

function handlerOf(api: { readonly key: number }) {
  return handlers.find((one) => one.api.key === api.key)!;
}

/** The code that a new member is answered with, for a session time-out that it asks for. */
async function joinCode(t: TestContext, config: GivenConfigs, sessionTimeoutMs: number): Promise<string | undefined> {
  const services = await stillServices(t, named({ 'group.initial.rebalance.delay.ms': 0, ...config }));
  return joined(services, 'member', sessionTimeoutMs);
}

async function join(
  services: Awaited<ReturnType<typeof stillServices>>,
  groupInstanceId: string,
  sessionTimeoutMs = 10_000,
): Promise<string | undefined> {
  await services.groups.nodeOf('g');
  const body = {
    groupId: 'g',
    sessionTimeoutMs,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    groupInstanceId,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: new Uint8Array() }],
  };
  const answer = await ask(handlerOf(joinGroupApi), services, { api: joinGroupApi, version: 7, body });
  return answer.errorCode;
}

/** The same, with the time going on until it is answered. */
async function joined(...args: Parameters<typeof join>): Promise<string | undefined> {
  const [{ clock }] = args;
  const joining = join(...args);
  for (;;) {
    const answer = await Promise.race([joining, nextTurn()]);
    if (answer !== undefined) return answer;
    await clock.advance(1);
  }
}

function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => void setImmediate(() => resolve(undefined)));
}

async function commitCode(
  services: Awaited<ReturnType<typeof stillServices>>,
  committedMetadata: string | null,
): Promise<string | undefined> {
  if (services.broker.findTopic('t') === undefined) await services.broker.createTopic('t', { partitions: 1 });
  await services.groups.nodeOf('g');
  const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata }];
  const topics = [{ name: 't', partitions }];
  const body = { groupId: 'g', memberId: '', generationIdOrMemberEpoch: -1, topics };
  const answer = await ask(handlerOf(offsetCommitApi), services, { api: offsetCommitApi, version: 8, body });
  return answer.topics[0]!.partitions[0]!.errorCode;
}

async function committedOffset(services: Awaited<ReturnType<typeof stillServices>>): Promise<bigint | undefined> {
  const groups = [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }] }];
  const body = { groupId: '', topics: null, groups };
  const answer = await ask(handlerOf(offsetFetchApi), services, { api: offsetFetchApi, version: 8, body });
  return answer.groups?.[0]?.topics[0]?.partitions[0]?.committedOffset;
}

const minuteMs = 60_000;

const brokerProofs: Readonly<Record<string, Proof>> = {
  'auto.create.topics.enable': async (t) => {
    for (const isOn of [true, false]) {
      const services = await stillServices(t, named({ 'auto.create.topics.enable': isOn }));
      const topics = [{ name: 'asked-for', topicId: zeroUuid }];
      const body = { topics, allowAutoTopicCreation: true };
      await ask(handlerOf(metadataApi), services, { api: metadataApi, version: 12, body });
      // Changes happen one at a time: whatever began before it has ended.
      await services.broker.takeProducerIds();
      assert.equal(services.broker.findTopic('asked-for') !== undefined, isOn);
    }
  },
  'connections.max.idle.ms': async (t) => {
    const clock = new VirtualClock();
    const { client } = await servedBroker(t, { clock, ...named({ 'connections.max.idle.ms': 60_000 }) });
    await client.call(metadataApi, 12, { topics: [], allowAutoTopicCreation: false });
    await clock.advance(2 * minuteMs);
    await client.closed;
  },
  'delete.topic.enable': async (t) => {
    for (const isOn of [true, false]) {
      const services = await stillServices(t, named({ 'delete.topic.enable': isOn }));
      await services.broker.createTopic('t', { partitions: 1 });
      const body = { topicNames: ['t'], timeoutMs: 30_000 };
      const handling = handlerOf(deleteTopicsApi);
      const { responses } = await ask(handling, services, { api: deleteTopicsApi, version: 5, body });
      assert.equal(responses[0]!.errorCode, isOn ? 'NONE' : 'TOPIC_DELETION_DISABLED');
    }
  },
  'fetch.max.bytes': async (t) => {
    const fetched = async (bytes: number): Promise<readonly number[]> => {
      const services = await stillServices(t, named({ 'fetch.max.bytes': bytes }));
      const { topicId } = await services.broker.createTopic('t', { partitions: 2 });
      for (const partition of [0, 1]) {
        await services.broker.partition('t', partition).append(batchOf(['x'.repeat(2000)], services.clock.nowMs()));
      }
      const partitions = [0, 1].map((partition) => {
        return { partition, currentLeaderEpoch: -1, fetchOffset: 0n, partitionMaxBytes: 10_000, logStartOffset: -1n };
      });
      const topics = [{ topic: 't', topicId, partitions }];
      const body = {
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes: 1_000_000,
        topics,
        forgottenTopicsData: [],
        sessionEpoch: -1,
      };
      const answer = await ask(handlerOf(fetchApi), services, { api: fetchApi, version: 12, body });
      return answer.responses.flatMap((one) => one.partitions.map(({ records }) => Math.sign(records?.length ?? 0)));
    };
    assert.deepEqual(
      [await fetched(1_000_000), await fetched(1024)],
      [
        [1, 1],
        [1, 0],
      ],
    );
  },
  'group.initial.rebalance.delay.ms': async (t) => {
    const services = await stillServices(t, named({ 'group.initial.rebalance.delay.ms': 5000 }));
    const joining = join(services, 'member');
    while (services.groups.group('g') === undefined) await nextTurn();
    let isOver = false;
    void joining.then(() => (isOver = true));
    await services.clock.advance(4000);
    assert.equal(isOver, false);
    await services.clock.advance(1000);
    assert.equal(await joining, 'NONE');
  },
  'group.max.session.timeout.ms': async (t) => {
    assert.equal(await joinCode(t, {}, 60_000), 'NONE');
    assert.equal(await joinCode(t, { 'group.max.session.timeout.ms': 30_000 }, 60_000), 'INVALID_SESSION_TIMEOUT');
  },
  'group.max.size': async (t) => {
    const services = await stillServices(t, named({ 'group.initial.rebalance.delay.ms': 0, 'group.max.size': 1 }));
    assert.deepEqual(
      [await joined(services, 'one'), await joined(services, 'two')],
      ['NONE', 'GROUP_MAX_SIZE_REACHED'],
    );
  },
  'group.min.session.timeout.ms': async (t) => {
    assert.equal(await joinCode(t, {}, 3000), 'INVALID_SESSION_TIMEOUT');
    assert.equal(await joinCode(t, { 'group.min.session.timeout.ms': 1000 }, 3000), 'NONE');
  },
  'max.connections': async (t) => {
    const { address, broker } = await servedBroker(t, named({ 'max.connections': 1 }));
    const second = await connectKafka(address);
    await second.closed;
    await broker.alterBrokerSettings('', new Map([['max.connections', '2']]));
    const third = await connectKafka(address);
    await third.call(metadataApi, 12, { topics: [], allowAutoTopicCreation: false });
    await third.close();
  },
  'max.connections.per.ip': async (t) => {
    const { address, broker } = await servedBroker(t, named({ 'max.connections.per.ip': 1 }));
    const second = await connectKafka(address);
    await second.closed;
    await broker.alterBrokerSettings('', new Map([['max.connections.per.ip', '2']]));
    const third = await connectKafka(address);
    await third.call(metadataApi, 12, { topics: [], allowAutoTopicCreation: false });
    await third.close();
  },
  'max.incremental.fetch.session.cache.slots': async (t) => {
    const isKept = async (slots: number): Promise<boolean> => {
      const config = named({ 'max.incremental.fetch.session.cache.slots': slots });
      const services = await stillServices(t, config);
      await services.broker.createTopic('t', { partitions: 1 });
      const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }];
      const topics = [{ topic: 't', partitions }];
      const body = { maxWaitMs: 0, minBytes: 0, topics, forgottenTopicsData: [], sessionEpoch: 0 };
      return (await ask(handlerOf(fetchApi), services, { api: fetchApi, version: 12, body })).sessionId !== 0;
    };
    assert.deepEqual([await isKept(0), await isKept(1)], [false, true]);
  },
  'max.request.partition.size.limit': async (t) => {
    const services = await stillServices(t, named({ 'max.request.partition.size.limit': 2 }));
    await services.broker.createTopic('t', { partitions: 3 });
    const body = { topics: [{ name: 't' }], responsePartitionLimit: 2000, cursor: null };
    const handling = handlerOf(describeTopicPartitionsApi);
    const answer = await ask(handling, services, { api: describeTopicPartitionsApi, version: 0, body });
    assert.deepEqual([answer.topics[0]?.partitions.length, answer.nextCursor?.partitionIndex], [2, 2]);
  },
  'num.partitions': async (t) => {
    const services = await stillServices(t, named({ 'num.partitions': 3 }));
    const topics = [{ name: 't', numPartitions: -1, replicationFactor: -1, assignments: [], configs: [] }];
    const handling = handlerOf(createTopicsApi);
    await ask(handling, services, { api: createTopicsApi, version: 7, body: { topics, timeoutMs: 30_000 } });
    assert.equal(services.broker.topic('t').partitionCount, 3);
  },
  'offset.metadata.max.bytes': async (t) => {
    const services = await stillServices(t, named({ 'offset.metadata.max.bytes': 3 }));
    assert.equal(await commitCode(services, 'abc'), 'NONE');
    assert.equal(await commitCode(services, 'abcd'), 'OFFSET_METADATA_TOO_LARGE');
  },
  'offsets.retention.check.interval.ms': async (t) => {
    const config = { 'offsets.retention.minutes': 1, 'offsets.retention.check.interval.ms': 5 * minuteMs };
    const services = await stillServices(t, named(config));
    await commitCode(services, null);
    await services.clock.advance(4 * minuteMs);
    assert.equal(await committedOffset(services), 5n);
    await services.clock.advance(minuteMs);
    while ((await committedOffset(services)) !== -1n) await nextTurn();
  },
  'offsets.retention.minutes': async (t) => {
    const config = { 'offsets.retention.minutes': 3, 'offsets.retention.check.interval.ms': minuteMs };
    const services = await stillServices(t, named(config));
    await commitCode(services, null);
    await services.clock.advance(2 * minuteMs);
    assert.equal(await committedOffset(services), 5n);
    await services.clock.advance(2 * minuteMs);
    while ((await committedOffset(services)) !== -1n) await nextTurn();
  },
  'offsets.topic.num.partitions': async (t) => {
    const services = await stillServices(t, named({ 'offsets.topic.num.partitions': 3 }));
    await commitCode(services, null);
    assert.equal(services.broker.topic('__consumer_offsets').partitionCount, 3);
  },
  'offsets.topic.segment.bytes': async (t) => {
    const services = await stillServices(t, named({ 'offsets.topic.segment.bytes': 2_000_000 }));
    await commitCode(services, null);
    assert.equal(services.broker.topic('__consumer_offsets').config.segmentBytes, 2_000_000);
  },
  'producer.id.expiration.ms': async (t) => {
    const { broker, clock } = await stillServices(t, named({ 'producer.id.expiration.ms': 1000 }));
    await broker.createTopic('t', { partitions: 1 });
    const send = async (baseSequence: number): Promise<string> => {
      const batch = batchOfProducer(['x'], { id: 1n, epoch: 0, baseSequence });
      return broker
        .partition('t', 0)
        .append(batch)
        .then(
          () => 'kept',
          (error: unknown) => ThroughlineError.from(error).code,
        );
    };
    assert.deepEqual([await send(0), await send(7)], ['kept', 'OUT_OF_ORDER_SEQUENCE_NUMBER']);
    await clock.advance(1000);
    assert.equal(await send(7), 'kept');
  },
  'socket.request.max.bytes': async (t) => {
    const { client } = await servedBroker(t, named({ 'socket.request.max.bytes': 1000 }));
    const topics = [{ name: 'x'.repeat(2000), topicId: zeroUuid }];
    await assert.rejects(client.call(metadataApi, 12, { topics, allowAutoTopicCreation: false }), /closed/);
  },
};

const names = {
  topic: [...topicConfigTable.keys()],
  broker: [...brokerConfigTable.keys()],
};
/** Settings of the broker that topics follow: proved by what they do to a topic that says nothing. */
const followed = new Map(
  Array.from(topicConfigTable.values()).flatMap((definition) =>
    definition.follows.map(({ name, times = 1 }) => [name, { definition, times }] as const),
  ),
);
const isMarked = (definition: { readonly withoutEffect?: string } | undefined): boolean =>
  definition?.withoutEffect !== undefined;

test('every setting of a topic has an effect that is proved, or a mark, and not both', () => {
  const proved = names.topic.filter((name) => name in topicProofs);
  const marked = names.topic.filter((name) => isMarked(topicConfigTable.get(name)));
  assert.deepEqual([...proved, ...marked].sort(), names.topic.toSorted());
  assert.deepEqual(Object.keys(topicProofs).sort(), proved.sort());
});

test('every setting of a broker has an effect that is proved, or a mark, and not both', () => {
  const proved = names.broker.filter((name) => name in brokerProofs);
  const marked = names.broker.filter((name) => isMarked(brokerConfigTable.get(name)));
  const ofTopics = names.broker.filter((name) => !marked.includes(name) && followed.has(name));
  assert.deepEqual([...proved, ...marked, ...ofTopics].sort(), names.broker.toSorted());
  assert.deepEqual(Object.keys(brokerProofs).sort(), proved.sort());
});

for (const [name, proof] of Object.entries(topicProofs)) test(`${name} of a topic has its effect`, proof);
for (const [name, proof] of Object.entries(brokerProofs)) test(`${name} of the broker has its effect`, proof);

test('a topic that says nothing does what the broker says, for each setting that it follows', () => {
  const given: Readonly<Record<string, string>> = {
    'cleanup.policy': 'compact',
    durability: 'memory',
    'flush.messages': '1',
    'message.timestamp.type': 'LogAppendTime',
    'segment.bytes': '2000000',
  };
  // Below durability fsync, so that flush.messages has something to change.
  const base = { 'log.durability': 'os' };
  for (const [name, { definition, times }] of followed) {
    if (isMarked(brokerConfigTable.get(name))) continue;
    const value = given[definition.name] ?? '7';
    const own = times === 1 ? value : String(Number(value) * times);
    const unsaid = topicConfigOf(new Map(), new BrokerConfigs({ ...base, [name]: value }));
    const said = topicConfigOf(new Map([[definition.name, own]]), new BrokerConfigs(base));
    assert.deepEqual(unsaid, said, name);
    assert.notDeepEqual(unsaid, topicConfigOf(new Map(), new BrokerConfigs(base)), name);
  }
});

test('a setting is changed at run time where it is dynamic, and rejected where it is not', async (t) => {
  const { client } = await servedBroker(t);
  for (const { name, isDynamic, type, default: value, oneOf, min = 1 } of brokerConfigTable.values()) {
    const fitting = value ?? oneOf?.[0] ?? (type === 'BOOLEAN' ? 'true' : String(Math.max(1, min)));
    const configs = [{ name, configOperation: 0, value: fitting }];
    const resources = [{ resourceType: 4, resourceName: '1', configs }];
    const { responses } = await client.call(incrementalAlterConfigsApi, 1, { resources, validateOnly: false });
    assert.equal(responses[0]!.errorCode, isDynamic ? 'NONE' : 'INVALID_REQUEST', name);
  }
});

test('a marked setting says in its documentation why it has no effect', () => {
  for (const definition of [...topicConfigTable.values(), ...brokerConfigTable.values()]) {
    if (isMarked(definition)) assert.ok(definition.withoutEffect!.length > 10, definition.name);
  }
});
