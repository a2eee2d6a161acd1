// Where partitions are: elections, reassignments, and topics page by page. What Apache Kafka answers to the same is asked in
// test/oracle/scripts/placement.ts; here are the cases of virtual nodes and of pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Read } from '@throughline/wire';
import {
  alterPartitionReassignmentsApi,
  describeTopicPartitionsApi,
  electLeadersApi,
  listPartitionReassignmentsApi,
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
} from '@throughline/wire/apis';
import { servedBroker, type ServedBroker } from './test-support.ts';

type Page = Read<DescribeTopicPartitionsResponse>;

async function withTopics(t: Parameters<typeof servedBroker>[0], nodes: number): Promise<ServedBroker> {
  const served = await servedBroker(t, { nodes });
  for (const [topic, partitions] of [
    ['a', 3],
    ['b', 2],
    ['c', 1],
  ] as const) {
    await served.broker.createTopic(topic, { partitions });
  }
  return served;
}

test('no election is ever needed', async (t) => {
  const { client } = await withTopics(t, 2);
  const some = [
    { topic: 'a', partitions: [0, 3] },
    { topic: 'x', partitions: [0] },
  ];
  const { replicaElectionResults } = await client.call(electLeadersApi, 2, { topicPartitions: some });
  const outcomes = replicaElectionResults.flatMap(({ partitionResult }) =>
    partitionResult.map(({ errorCode }) => errorCode),
  );
  assert.deepEqual(outcomes, ['ELECTION_NOT_NEEDED', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION']);
  const all = await client.call(electLeadersApi, 2, { topicPartitions: null });
  assert.deepEqual(
    all.replicaElectionResults.flatMap(({ partitionResult }) => partitionResult),
    [],
  );
  const unknownType = await client.call(electLeadersApi, 1, { electionType: 2, topicPartitions: some });
  assert.equal(unknownType.errorCode, 'INVALID_REQUEST');
});

test('a partition stays where it is: there is accepted, elsewhere is not, and nothing is under way', async (t) => {
  const { client } = await withTopics(t, 2);
  const { topics } = await client.call(describeTopicPartitionsApi, 0, { topics: [{ name: 'c' }] });
  const leader = topics[0]!.partitions[0]!.leaderId;
  const outcomeOf = async (replicas: readonly number[] | null): Promise<string | undefined> => {
    const partitions = [{ partitionIndex: 0, replicas }];
    const { responses } = await client.call(alterPartitionReassignmentsApi, 1, { topics: [{ name: 'c', partitions }] });
    return responses[0]!.partitions[0]!.errorCode;
  };
  assert.equal(await outcomeOf([leader]), 'NONE');
  assert.equal(await outcomeOf([3 - leader]), 'INVALID_REPLICA_ASSIGNMENT');
  assert.equal(await outcomeOf([1, 2]), 'INVALID_REPLICA_ASSIGNMENT');
  assert.equal(await outcomeOf(null), 'NO_REASSIGNMENT_IN_PROGRESS');
  assert.deepEqual((await client.call(listPartitionReassignmentsApi, 0, { topics: null })).topics, []);
});

test('pages of any size, one after the other, are all topics', async (t) => {
  const { broker, client } = await withTopics(t, 3);
  const shown = ({ topics }: Pick<Page, 'topics'>): string[] =>
    topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => `${name}${partitionIndex}`));
  for (const responsePartitionLimit of [1, 2, 3, 4, 100]) {
    const seen: string[] = [];
    let cursor: DescribeTopicPartitionsRequest['cursor'] = null;
    do {
      const page: Page = await client.call(describeTopicPartitionsApi, 0, {
        topics: [],
        responsePartitionLimit,
        cursor,
      });
      seen.push(...shown(page));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(seen, ['a0', 'a1', 'a2', 'b0', 'b1', 'c0'], `${responsePartitionLimit} at a time`);
  }
  // The topic of a cursor may be gone by the time that somebody goes on from it.
  await broker.deleteTopic('b');
  const rest = await client.call(describeTopicPartitionsApi, 0, {
    topics: [],
    cursor: { topicName: 'b', partitionIndex: 1 },
  });
  assert.deepEqual(shown(rest), ['c0']);
});
