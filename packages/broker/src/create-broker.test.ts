import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaErrorName } from '@throughline/wire';
import { apiVersionsApi, listOffsetsApi, metadataApi } from '@throughline/wire/apis';
import { connectKafka } from '../../../test/support/kafka-client.ts';
import { handlers } from './apis/registry.ts';
import { openBroker } from './topics/open-broker.ts';
import { createBroker } from './create-broker.ts';
import { KafkaFaults } from './network/kafka-faults.ts';
import { serveKafka } from './serve-kafka.ts';

const named = { clientSoftwareName: 'throughline-test', clientSoftwareVersion: '1.0' };

test('a client that connects is told which APIs there are', async () => {
  await using broker = await createBroker({ memory: true });
  const client = await connectKafka(broker.address);
  for (const version of [0, 1, 2, 3, 4]) {
    const { errorCode, apiKeys } = await client.call(apiVersionsApi, version, version < 3 ? {} : named);
    assert.equal(errorCode, 'NONE');
    assert.deepEqual(
      apiKeys.map(({ apiKey }) => apiKey),
      handlers.map(({ api }) => api.key),
    );
  }
  await client.close();
});

test('of several nodes each listens, each tells of all, and only the leader of a partition answers for it', async () => {
  await using broker = await createBroker({ memory: true, nodes: 3 });
  assert.equal(new Set(broker.addresses).size, 3);
  await broker.broker.createTopic('orders', { partitions: 6 });
  const leaders = new Set<number>();
  for (const [index, address] of broker.addresses.entries()) {
    const client = await connectKafka(address);
    const { brokers, topics } = await client.call(metadataApi, 9, { topics: [{ name: 'orders' }] });
    assert.deepEqual(
      brokers.map(({ host, port }) => `${host}:${port}`),
      broker.addresses,
    );
    for (const { leaderId, partitionIndex } of topics[0]!.partitions) {
      leaders.add(leaderId);
      const { topics: answers } = await client.call(listOffsetsApi, 7, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: 'orders', partitions: [{ partitionIndex, currentLeaderEpoch: -1, timestamp: -1n }] }],
      });
      const expected = leaderId === index + 1 ? 'NONE' : 'NOT_LEADER_OR_FOLLOWER';
      assert.equal(answers[0]?.partitions[0]?.errorCode, expected);
    }
    await client.close();
  }
  assert.deepEqual(
    [...leaders].sort((a, b) => a - b),
    [1, 2, 3],
  );
});

test('clients are told the advertised host and ports', async () => {
  await using broker = await createBroker({
    memory: true,
    nodes: 2,
    advertisedHost: 'kafka.example',
    advertisedPort: 7000,
  });
  const client = await connectKafka(broker.address);
  const { brokers } = await client.call(metadataApi, 9, { topics: [] });
  assert.deepEqual(
    brokers.map(({ host, port }) => `${host}:${port}`),
    ['kafka.example:7000', 'kafka.example:7001'],
  );
  await client.close();
});

test('a client sees the older broker that maxVersions speaks of', async () => {
  await using broker = await createBroker({ memory: true, maxVersions: { Metadata: 5, ListOffsets: -1 } });
  const client = await connectKafka(broker.address);
  const { apiKeys } = await client.call(apiVersionsApi, 0, {});
  assert.equal(apiKeys.find(({ apiKey }) => apiKey === metadataApi.key)?.maxVersion, 5);
  assert.equal(
    apiKeys.some(({ apiKey }) => apiKey === listOffsetsApi.key),
    false,
  );
  await assert.rejects(client.call(metadataApi, 9, { topics: [] }), /closed the connection/);
  assert.equal(broker.metrics.rejectionTotals.get('unsupported-version'), 1);
});

test('a fault reaches a real handler, and the next request is answered', async () => {
  const faults = new KafkaFaults();
  await using broker = await createBroker({ memory: true, faults });
  await broker.broker.createTopic('orders', { partitions: 1 });
  const client = await connectKafka(broker.address);
  const ask = async (): Promise<KafkaErrorName | undefined> => {
    const { topics } = await client.call(metadataApi, 12, { topics: [{ topicId: '0'.repeat(32), name: 'orders' }] });
    return topics[0]?.errorCode;
  };
  faults.add({ api: 'Metadata', topic: 'orders', error: 'LEADER_NOT_AVAILABLE' });
  assert.equal(await ask(), 'LEADER_NOT_AVAILABLE');
  assert.equal(await ask(), 'NONE');
  await client.close();
});

test('options that cannot be are rejected, and a port in use frees everything again', async () => {
  const rejected = async (options: Partial<Parameters<typeof createBroker>[0]>, code: string): Promise<void> => {
    await assert.rejects(createBroker({ memory: true, ...options }), { code });
  };
  await rejected({ nodes: 0 }, 'INVALID_ARGUMENT');
  await rejected({ port: 70_000 }, 'INVALID_ARGUMENT');
  await rejected({ port: 65_535, nodes: 2 }, 'INVALID_ARGUMENT');
  await rejected({ maxVersions: { Produkt: 1 } }, 'INVALID_ARGUMENT');
  await rejected({ maxVersions: { Metadata: 99 } }, 'INVALID_ARGUMENT');
  await rejected({ host: 'no.such.host.invalid' }, 'INVALID_ARGUMENT');
  await using broker = await createBroker({ memory: true });
  await rejected({ port: Number(broker.address.split(':')[1]) }, 'PORT_IN_USE');
});

test('an open broker can be served again and again, and stays open', async () => {
  const broker = await openBroker({ memory: true });
  for (let time = 0; time < 2; time++) {
    const served = await serveKafka(broker);
    const client = await connectKafka(served.address);
    await client.call(apiVersionsApi, 0, {});
    await served.close();
    await client.closed;
  }
  await broker.createTopic('still-open', { partitions: 1 });
  await broker.close();
});

test('closing twice is closing once, and brokers that are closed leave nothing behind', async () => {
  const resources = (): readonly string[] =>
    process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name));
  const before = resources();
  for (let count = 0; count < 50; count++) {
    const broker = await createBroker({ memory: true });
    const client = await connectKafka(broker.address);
    await client.call(apiVersionsApi, 0, {});
    await Promise.all([broker.close(), broker.close()]);
    await client.closed;
  }
  assert.deepEqual(resources(), before);
});
