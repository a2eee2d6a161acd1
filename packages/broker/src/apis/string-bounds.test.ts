// A group id of 40,000 bytes, which a flexible request can carry and the key of a record cannot, ended the whole broker: by
// OffsetCommit and DeleteGroups, or by JoinGroup and the end of the session. What Apache Kafka 4.3.1 answers was asked of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRequest, stringBytesMax, type KafkaErrorName } from '@throughline/wire';
import {
  createTopicsApi,
  deleteGroupsApi,
  describeGroupsApi,
  findCoordinatorApi,
  heartbeatApi,
  incrementalAlterConfigsApi,
  joinGroupApi,
  offsetCommitApi,
  offsetFetchApi,
} from '@throughline/wire/apis';
import { connectKafka } from '../../../../test/support/kafka-client.ts';
import { joinRequest } from '../groups/test-support.ts';
import { LogRecorder } from '../test-support.ts';
import { servedBroker } from './test-support.ts';

const longest = 'g'.repeat(stringBytesMax);
const tooLong = `${longest}g`;

const { protocolType, protocols, rebalanceTimeoutMs } = joinRequest();
const join = { memberId: '', protocolType, protocols, rebalanceTimeoutMs, sessionTimeoutMs: 6000 };
const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: null }];
const commit = { memberId: '', generationIdOrMemberEpoch: -1, topics: [{ name: 't', partitions }] };

test('a group id as long as a string can be is one like any other, until the group is deleted', async (t) => {
  const { client, broker } = await servedBroker(t);
  await broker.createTopic('t', { partitions: 1 });
  const groupId = longest;
  const found = await client.call(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: [groupId] });
  assert.equal(found.coordinators[0]!.errorCode, 'NONE');
  const { topics } = await client.call(offsetCommitApi, 9, { groupId, ...commit });
  assert.equal(topics[0]!.partitions[0]!.errorCode, 'NONE');
  const asked = { groupId, topics: [{ name: 't', partitionIndexes: [0] }] };
  const fetched = await client.call(offsetFetchApi, 9, { groups: [asked] });
  assert.equal(fetched.groups[0]!.topics[0]!.partitions[0]!.committedOffset, 5n);
  const { results } = await client.call(deleteGroupsApi, 2, { groupsNames: [groupId] });
  assert.equal(results[0]!.errorCode, 'NONE');
  const described = await client.call(describeGroupsApi, 6, { groups: [groupId] });
  assert.equal(described.groups[0]!.errorCode, 'GROUP_ID_NOT_FOUND');
});

test('a longer one closes the connection of whoever sends it, and nobody else notices', async (t) => {
  const logger = new LogRecorder();
  const running = await servedBroker(t, { logger });
  const { address, broker, client } = running;
  await broker.createTopic('t', { partitions: 1 });
  const sends = [
    (one: typeof client) => one.send(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: [tooLong] }),
    (one: typeof client) => one.send(offsetCommitApi, 9, { groupId: tooLong, ...commit }),
    (one: typeof client) => one.send(joinGroupApi, 7, { groupId: tooLong, ...join }),
    (one: typeof client) => one.send(joinGroupApi, 7, { groupId: 'g', ...join, groupInstanceId: tooLong }),
    (one: typeof client) => one.send(heartbeatApi, 4, { groupId: 'g', generationId: 1, memberId: tooLong }),
    (one: typeof client) => one.send(deleteGroupsApi, 2, { groupsNames: [tooLong] }),
  ];
  for (const send of sends) {
    const other = await connectKafka(address);
    send(other);
    await other.closed;
  }
  assert.equal(running.metrics.rejectionTotals.get('malformed-request'), sends.length);
  assert.equal((await client.call(deleteGroupsApi, 2, { groupsNames: ['g'] })).results.length, 1);
  assert.deepEqual(
    logger.lines.filter((line) => line.startsWith('error')),
    [],
  );
});

test('text that is no UTF-8 is measured as it would be kept: three bytes for each of its own', async (t) => {
  const running = await servedBroker(t);
  const client = await connectKafka(running.address);
  const frame = Buffer.concat(
    encodeRequest(
      heartbeatApi,
      { apiVersion: 3, correlationId: 1, clientId: null },
      {
        groupId: 'a'.repeat(20_000),
        generationId: 1,
        memberId: 'm',
      },
    ),
  );
  const at = frame.indexOf('aaaa');
  client.sendRaw(frame.fill(0xff, at, at + 20_000));
  await client.closed;
  assert.equal(running.metrics.rejectionTotals.get('malformed-request'), 1);
});

test('a member id that would be longer than a string is not given out, whichever of the two ids it is made of', async (t) => {
  const { client, address, broker } = await servedBroker(t);
  await client.call(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: ['g'] });
  const named = await connectKafka(address, { clientId: longest });
  t.after(() => named.close());
  const answers = [
    await client.call(joinGroupApi, 5, { groupId: 'g', ...join, groupInstanceId: longest }),
    await client.call(joinGroupApi, 7, { groupId: 'g', ...join, groupInstanceId: longest }),
    await named.call(joinGroupApi, 3, { groupId: 'g', ...join }),
    await named.call(joinGroupApi, 9, { groupId: 'g', ...join }),
  ];
  for (const { errorCode, memberId } of answers) {
    assert.deepEqual([errorCode, memberId], ['UNKNOWN_SERVER_ERROR', '']);
  }
  // One byte for each of the longest UUID and its hyphen less, and it is a member.
  const groupInstanceId = longest.slice('-00000000-0000-0000-0000-000000000000'.length);
  const joined = await client.call(joinGroupApi, 7, { groupId: 'g', ...join, groupInstanceId });
  assert.equal(joined.errorCode, 'NONE');
  assert.equal(joined.memberId.length, stringBytesMax);
  assert.ok(broker.findTopic('__consumer_offsets'));
});

test('a message about a long name fits into the answer, and a value is no longer than a record of it can be', async (t) => {
  const { client, broker } = await servedBroker(t);
  await broker.createTopic('t', { partitions: 1 });
  for (const version of [4, 7]) {
    const topic = { name: longest, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    const named = await client.call(createTopicsApi, version, {
      topics: [topic],
      timeoutMs: 1000,
      validateOnly: false,
    });
    assert.equal(named.topics[0]!.errorCode, 'INVALID_TOPIC_EXCEPTION');
    const configs = [{ name: longest, value: longest }];
    const configured = { ...topic, name: 'c', configs };
    const made = await client.call(createTopicsApi, version, {
      topics: [configured],
      timeoutMs: 1000,
      validateOnly: false,
    });
    assert.equal(made.topics[0]!.errorCode, 'INVALID_CONFIG');
  }
  const described = await client.call(describeGroupsApi, 6, { groups: [longest] });
  assert.equal(described.groups[0]!.errorCode, 'NOT_COORDINATOR');
  const append = async (value: string): Promise<KafkaErrorName> => {
    const change = { name: 'leader.replication.throttled.replicas', configOperation: 2, value };
    const resources = [{ resourceType: 2, resourceName: 't', configs: [change] }];
    const { responses } = await client.call(incrementalAlterConfigsApi, 1, { resources, validateOnly: false });
    return responses[0]!.errorCode;
  };
  const items = (first: number): string => Array.from({ length: 3000 }, (_, index) => `${first + index}:1`).join(',');
  assert.equal(await append(items(10_000)), 'NONE');
  assert.equal(await append(items(20_000)), 'INVALID_CONFIG');
  assert.equal(await append(items(10_000)), 'NONE', 'the one before is there still');
});
