// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources and DescribeLogDirs over a socket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from '@throughline/event';
import { LossyDisk } from '@throughline/testkit';
import { encodeRecordBatch } from '@throughline/wire';
import {
  alterConfigsApi,
  alterReplicaLogDirsApi,
  describeConfigsApi,
  describeLogDirsApi,
  describeQuorumApi,
  incrementalAlterConfigsApi,
  listConfigResourcesApi,
  type DescribeConfigsResourceResult,
} from '@throughline/wire/apis';
import { connectKafka, type KafkaClient } from '../../../../test/support/kafka-client.ts';
import { unknownConfigCountMax } from '../defaults.ts';
import { createBroker } from '../create-broker.ts';
import { resourceTypes } from '../ground/config-resource-types.ts';
import { servedBroker } from './test-support.ts';

const { TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP } = resourceTypes;
const operations = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

/** A setting as DescribeConfigs tells of it. */
async function setting(
  client: KafkaClient,
  resourceType: number,
  resourceName: string,
  name: string,
  version = 4,
): Promise<
  | (Pick<DescribeConfigsResourceResult, 'value' | 'configSource' | 'readOnly' | 'isSensitive' | 'configType'> & {
      readonly synonyms: readonly string[];
    })
  | undefined
> {
  const { results } = await client.call(describeConfigsApi, version, {
    resources: [{ resourceType, resourceName, configurationKeys: [name] }],
    includeSynonyms: true,
  });
  const found = results[0]?.configs[0];
  if (found === undefined) return undefined;
  return { ...found, synonyms: found.synonyms.map((one) => `${one.name}=${one.value} ${one.source}`) };
}

/** Changes one resource, and gives the name of the error. */
async function change(
  client: KafkaClient,
  [resourceType, resourceName]: readonly [number, string],
  changes: readonly (readonly [name: string, operation: keyof typeof operations, value?: string])[],
  { version = 1, validateOnly = false } = {},
): Promise<string | undefined> {
  const configs = changes.map(([name, operation, value = null]) => ({
    name,
    configOperation: operations[operation],
    value,
  }));
  const resources = [{ resourceType, resourceName, configs }];
  const { responses } = await client.call(incrementalAlterConfigsApi, version, { resources, validateOnly });
  return responses[0]!.errorCode;
}

test('the durability of a topic and where it comes from is told in every version', async (t) => {
  const { broker, client } = await servedBroker(t, { config: { 'log.durability': 'os' } });
  await broker.createTopic('follows', { partitions: 1 });
  await broker.createTopic('own', { partitions: 1, config: { durability: 'memory' } });
  for (let version = describeConfigsApi.versionMin; version <= describeConfigsApi.versionMax; version++) {
    const [follows, own] = [
      await setting(client, TOPIC, 'follows', 'durability', version),
      await setting(client, TOPIC, 'own', 'durability', version),
    ];
    assert.deepEqual([follows?.value, follows?.configSource], ['os', 4]);
    assert.deepEqual([own?.value, own?.configSource], ['memory', 1]);
    assert.equal(own?.synonyms[0], 'durability=memory 1');
  }
});

test('what an acknowledgement really means is told, too, and cannot be set', async (t) => {
  const fsync = { partitions: 1, config: { durability: 'fsync' } } as const;
  const onDisk = await servedBroker(t);
  await onDisk.broker.createTopic('notes', fsync);
  assert.equal((await setting(onDisk.client, TOPIC, 'notes', 'durability.achieved'))?.value, 'fsync');
  assert.equal(await change(onDisk.client, [TOPIC, 'notes'], [['durability.achieved', 'set', 'os']]), 'INVALID_CONFIG');
  const inMemory = await createBroker({ memory: true });
  await inMemory.broker.createTopic('notes', fsync);
  const client = await connectKafka(inMemory.address);
  assert.equal((await setting(client, TOPIC, 'notes', 'durability'))?.value, 'fsync');
  assert.equal((await setting(client, TOPIC, 'notes', 'durability.achieved'))?.value, 'memory');
  await client.close();
  await inMemory.close();
});

test('what a setting is for is told when somebody asks, and whether it has an effect here', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 1 });
  const resources = [{ resourceType: TOPIC, resourceName: 'notes', configurationKeys: ['flush.ms'] }];
  const { results } = await client.call(describeConfigsApi, 4, { resources, includeDocumentation: true });
  assert.match(results[0]?.configs[0]?.documentation ?? '', /synced.*Without effect here/s);
  const without = await client.call(describeConfigsApi, 4, { resources });
  assert.equal(without.results[0]?.configs[0]?.documentation, null);
});

test('each resource is answered on its own, but an unknown kind fails them all', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 1 });
  const describe = async (...resources: readonly (readonly [number, string])[]): Promise<readonly string[]> => {
    const asked = resources.map(([resourceType, resourceName]) => ({
      resourceType,
      resourceName,
      configurationKeys: null,
    }));
    const { results } = await client.call(describeConfigsApi, 4, { resources: asked });
    return results.map(({ errorCode, configs }) => `${errorCode} ${configs.length > 0}`);
  };
  assert.deepEqual(await describe([TOPIC, 'notes'], [TOPIC, 'unknown'], [TOPIC, 'a b']), [
    'NONE true',
    'UNKNOWN_TOPIC_OR_PARTITION false',
    'INVALID_TOPIC_EXCEPTION false',
  ]);
  assert.deepEqual(await describe([BROKER, '1'], [BROKER, ''], [BROKER, '2'], [BROKER, 'x']), [
    'NONE true',
    'NONE false',
    'INVALID_REQUEST false',
    'INVALID_REQUEST false',
  ]);
  assert.deepEqual(
    await describe([BROKER_LOGGER, '1'], [BROKER_LOGGER, ''], [GROUP, 'g'], [GROUP, ''], [CLIENT_METRICS, 'm']),
    ['NONE false', 'INVALID_REQUEST false', 'NONE false', 'INVALID_REQUEST false', 'INVALID_REQUEST false'],
  );
  assert.deepEqual(await describe([TOPIC, 'notes'], [3, 'x']), ['INVALID_REQUEST false', 'INVALID_REQUEST false']);
});

test('AlterConfigs gives a topic all its settings, in every version', async (t) => {
  const { broker, client } = await servedBroker(t);
  for (let version = alterConfigsApi.versionMin; version <= alterConfigsApi.versionMax; version++) {
    const resourceName = `notes-${version}`;
    await broker.createTopic(resourceName, { partitions: 1, settings: new Map([['segment.ms', '5000']]) });
    const alter = async (value: string | null, validateOnly = false): Promise<string | undefined> => {
      const resource = { resourceType: TOPIC, resourceName, configs: [{ name: 'retention.ms', value }] };
      const { responses } = await client.call(alterConfigsApi, version, { resources: [resource], validateOnly });
      return responses[0]!.errorCode;
    };
    assert.equal(await alter('soon'), 'INVALID_CONFIG');
    assert.equal(await alter(null), 'INVALID_REQUEST');
    assert.equal(await alter('7000', true), 'NONE');
    assert.equal(broker.topic(resourceName).config.segmentMs, 5000);
    assert.equal(await alter('6000'), 'NONE');
    const { retentionMs, segmentMs } = broker.topic(resourceName).config;
    assert.deepEqual([retentionMs, segmentMs], [6000, 7 * 24 * 60 * 60 * 1000]);
  }
});

test('IncrementalAlterConfigs sets, deletes, appends and subtracts, in every version', async (t) => {
  const { broker, client } = await servedBroker(t);
  for (
    let version = incrementalAlterConfigsApi.versionMin;
    version <= incrementalAlterConfigsApi.versionMax;
    version++
  ) {
    const notes = [TOPIC, `notes-${version}`] as const;
    await broker.createTopic(notes[1], { partitions: 1, settings: new Map() });
    const own = (): Readonly<Record<string, string>> => Object.fromEntries(broker.topic(notes[1]).overrides);
    const alter = (...changes: Parameters<typeof change>[2]): Promise<string | undefined> =>
      change(client, notes, changes, { version });
    assert.equal(await alter(['retention.ms', 'set', '1000'], ['segment.ms', 'set', '2000']), 'NONE');
    assert.deepEqual(own(), { 'retention.ms': '1000', 'segment.ms': '2000' });
    assert.equal(await alter(['retention.ms', 'delete'], ['cleanup.policy', 'append', 'compact']), 'NONE');
    assert.deepEqual(own(), { 'segment.ms': '2000', 'cleanup.policy': 'delete,compact' });
    assert.equal(await alter(['cleanup.policy', 'subtract', 'delete']), 'NONE');
    assert.deepEqual([own()['cleanup.policy'], broker.topic(notes[1]).config.isCompacted], ['compact', true]);
    assert.equal(await alter(['no.such.setting', 'delete']), 'NONE');
    assert.equal(await alter(['no.such.setting', 'set', '1']), 'INVALID_CONFIG');
    assert.equal(await alter(['segment.ms', 'append', '1']), 'INVALID_CONFIG');
    assert.equal(await alter(['segment.ms', 'set', '1'], ['segment.ms', 'set', '2']), 'INVALID_REQUEST');
    assert.equal(await change(client, notes, [['segment.ms', 'set', '9']], { version, validateOnly: true }), 'NONE');
    assert.equal(own()['segment.ms'], '2000');
  }
});

test('a setting of the broker changes at run time, and the topics that follow it with it', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 1, settings: new Map() });
  const retention = (): number | null => broker.topic('notes').config.retentionMs;
  assert.equal(await change(client, [BROKER, ''], [['log.retention.ms', 'set', '100000']]), 'NONE');
  assert.equal(retention(), 100_000);
  assert.equal(await change(client, [BROKER, '1'], [['log.retention.ms', 'set', '200000']]), 'NONE');
  assert.equal(retention(), 200_000);
  assert.deepEqual((await setting(client, TOPIC, 'notes', 'retention.ms'))?.synonyms, [
    'log.retention.ms=200000 2',
    'log.retention.ms=100000 3',
    'log.retention.hours=168 5',
  ]);
  assert.equal(await change(client, [BROKER, '1'], [['log.retention.ms', 'delete']]), 'NONE');
  assert.equal(retention(), 100_000);
  assert.equal(await change(client, [BROKER, '1'], [['num.partitions', 'set', '3']]), 'INVALID_REQUEST');
  assert.equal(await change(client, [BROKER, '7'], [['log.retention.ms', 'set', '3']]), 'INVALID_REQUEST');
  assert.equal(await change(client, [BROKER_LOGGER, '1'], [['kafka', 'set', 'DEBUG']]), 'INVALID_CONFIG');
  assert.equal(await change(client, [GROUP, 'g'], [['consumer.session.timeout.ms', 'set', '1']]), 'INVALID_CONFIG');
});

test('a node tells where it listens, which one it is and where its data is; none of it can be changed', async (t) => {
  const { broker, client, addresses } = await servedBroker(t, {
    nodes: 2,
    advertisedHost: 'kafka.example',
    advertisedPort: 19092,
  });
  const told = async (name: string): Promise<readonly unknown[]> => {
    const found = await setting(client, BROKER, '1', name);
    return [found?.value, found?.configSource, found?.readOnly];
  };
  const isStatic = [4, true];
  assert.deepEqual(await told('listeners'), [`PLAINTEXT://${addresses[0]}`, ...isStatic]);
  assert.deepEqual(await told('advertised.listeners'), ['PLAINTEXT://kafka.example:19092', ...isStatic]);
  assert.deepEqual(await told('log.dirs'), [broker.dataDir, ...isStatic]);
  assert.deepEqual(await told('node.id'), ['1', ...isStatic]);
  assert.deepEqual(await told('broker.id'), ['1', ...isStatic]);
  assert.deepEqual(await told('process.roles'), ['broker,controller', ...isStatic]);
  for (const name of ['listeners', 'node.id', 'log.dirs']) {
    assert.equal(await change(client, [BROKER, '1'], [[name, 'set', 'x']]), 'INVALID_REQUEST');
    await assert.rejects(createBroker({ memory: true, config: { [name]: 'x' } }), /is not a setting here/);
  }
});

test('a setting of a broker that nobody knows is kept, and shown without its value', async (t) => {
  const disk = new LossyDisk();
  const first = await createBroker({ dataDir: '/data', disk });
  const client = await connectKafka(first.address);
  assert.equal(await change(client, [BROKER, '1'], [['no.such.setting', 'set', 'secret']]), 'NONE');
  assert.equal(await change(client, [BROKER, ''], [['no.such.setting', 'set', 'other']]), 'NONE');
  await client.close();
  await first.close();
  const again = await servedBroker(t, { disk });
  const found = await setting(again.client, BROKER, '1', 'no.such.setting');
  assert.deepEqual([found?.value, found?.readOnly, found?.isSensitive, found?.configType], [null, true, true, 0]);
  assert.deepEqual(found?.synonyms, ['no.such.setting=null 2', 'no.such.setting=null 3']);
  for (const node of ['1', '']) {
    assert.equal(await change(again.client, [BROKER, node], [['no.such.setting', 'delete']]), 'NONE');
  }
  assert.equal(await setting(again.client, BROKER, '1', 'no.such.setting'), undefined);
});

test('settings that nobody knows are bounded', async (t) => {
  const { client } = await servedBroker(t);
  const many = Array.from({ length: unknownConfigCountMax }, (_, index) => [`made.up.${index}`, 'set', ''] as const);
  assert.equal(await change(client, [BROKER, '1'], many), 'NONE');
  assert.equal(await change(client, [BROKER, '1'], [['one.more', 'set', '1']]), 'INVALID_REQUEST');
  assert.equal(
    await change(
      client,
      [BROKER, '1'],
      [
        ['made.up.7', 'set', '1'],
        ['log.retention.ms', 'set', '9'],
      ],
    ),
    'NONE',
  );
});

test('partitions stay in the folder that they are in, and there is no other', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 1 });
  for (let version = alterReplicaLogDirsApi.versionMin; version <= alterReplicaLogDirsApi.versionMax; version++) {
    const move = async (path: string): Promise<readonly string[]> => {
      const dirs = [{ path, topics: [{ name: 'notes', partitions: [0, 9] }] }];
      const { results } = await client.call(alterReplicaLogDirsApi, version, { dirs });
      return results.flatMap(({ topicName, partitions }) =>
        partitions.map(({ partitionIndex, errorCode }) => {
          return `${topicName} ${partitionIndex} ${errorCode}`;
        }),
      );
    };
    assert.deepEqual(await move(broker.dataDir), ['notes 0 NONE', 'notes 9 UNKNOWN_TOPIC_OR_PARTITION']);
    assert.deepEqual(await move('/elsewhere'), ['notes 0 LOG_DIR_NOT_FOUND', 'notes 9 LOG_DIR_NOT_FOUND']);
  }
});

test('the quorum has one voter, which leads it and has the whole log', async (t) => {
  const { broker, client } = await servedBroker(t);
  for (let version = describeQuorumApi.versionMin; version <= describeQuorumApi.versionMax; version++) {
    const describe = async (...partitions: readonly number[]) => {
      const asked = partitions.map((partitionIndex) => ({ partitionIndex }));
      const topics = [{ topicName: '__cluster_metadata', partitions: asked }];
      return (await client.call(describeQuorumApi, version, { topics })).topics[0]!.partitions;
    };
    const [before] = await describe(0);
    assert.ok(before !== undefined);
    assert.deepEqual([before.errorCode, before.leaderId, before.observers], ['NONE', 1, []]);
    assert.deepEqual(
      before.currentVoters.map(({ replicaId, logEndOffset }) => [replicaId, logEndOffset]),
      [[1, before.highWatermark]],
    );
    await broker.createTopic(`notes-${version}`, { partitions: 1 });
    const [after] = await describe(0);
    assert.ok(after!.highWatermark > before.highWatermark);
    assert.deepEqual(
      (await describe(0, 1)).map(({ errorCode }) => errorCode),
      ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION'],
    );
  }
});

test('a resource that is named twice is not changed', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 1, settings: new Map() });
  const configs = [{ name: 'retention.ms', configOperation: operations.set, value: '1' }];
  const resource = { resourceType: TOPIC, resourceName: 'notes', configs };
  const { responses } = await client.call(incrementalAlterConfigsApi, 1, {
    resources: [resource, resource],
    validateOnly: false,
  });
  assert.deepEqual(
    responses.map(({ errorCode }) => errorCode),
    ['INVALID_REQUEST', 'INVALID_REQUEST'],
  );
  assert.equal(broker.topic('notes').overrides.size, 0);
});

test('topics, nodes and their loggers are listed; version 0 lists client metrics, of which there are none', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 1 });
  const list = async (version: number, resources: readonly number[] = []): Promise<readonly unknown[]> => {
    const answer = await client.call(listConfigResourcesApi, version, { resourceTypes: resources });
    if (answer.errorCode !== 'NONE') return [answer.errorCode];
    return answer.configResources.map(({ resourceType, resourceName }) => `${resourceType} ${resourceName}`);
  };
  assert.deepEqual(await list(0), []);
  assert.deepEqual(await list(1), ['2 notes', '4 1', '8 1']);
  assert.deepEqual(await list(1, [BROKER]), ['4 1']);
  assert.deepEqual(await list(1, [7]), ['UNSUPPORTED_VERSION']);
});

test('the folder tells in every version how many bytes each partition has', async (t) => {
  const { broker, client } = await servedBroker(t);
  await broker.createTopic('notes', { partitions: 2 });
  const batch = encodeRecordBatch([{ key: null, value: utf8('hello') }], { nowMs: Date.now() });
  const { length } = batch;
  await broker.partition('notes', 1).append(batch);
  for (let version = describeLogDirsApi.versionMin; version <= describeLogDirsApi.versionMax; version++) {
    const all = await client.call(describeLogDirsApi, version, { topics: null });
    const asked = await client.call(describeLogDirsApi, version, {
      topics: [
        { topic: 'notes', partitions: [1, 9] },
        { topic: 'unknown', partitions: [0] },
      ],
    });
    const sizes = ({ results }: typeof all): readonly string[] =>
      results.flatMap(({ logDir, topics }) =>
        topics.flatMap(({ name, partitions }) =>
          partitions.map(({ partitionIndex, partitionSize }) => `${logDir} ${name} ${partitionIndex} ${partitionSize}`),
        ),
      );
    assert.deepEqual(sizes(all), [`${broker.dataDir} notes 0 0`, `${broker.dataDir} notes 1 ${length}`]);
    assert.deepEqual(sizes(asked), [`${broker.dataDir} notes 1 ${length}`]);
  }
});
