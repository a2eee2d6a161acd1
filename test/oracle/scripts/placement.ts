// Where partitions are and who leads them, as the administrators of a cluster ask: elections, reassignments, and the page by
// page description of topics.
import {
  alterPartitionReassignmentsApi,
  describeTopicPartitionsApi,
  electLeadersApi,
  listPartitionReassignmentsApi,
  type DescribeTopicPartitionsRequest,
} from '@throughline/wire/apis';
import { versionsOf, type Script } from './script.ts';

const topic = 'placed';
const other = 'placed-too';

const elections: Script = {
  name: 'elections',
  async run(side) {
    await side.topic(topic, 3);
    for (const version of versionsOf(electLeadersApi)) {
      for (const electionType of version === 0 ? [0] : [0, 1, 2]) {
        await side.call(`election type ${electionType}`, electLeadersApi, version, {
          electionType,
          topicPartitions: [
            { topic, partitions: [0, 2, 3, -1] },
            { topic: 'no-such-topic', partitions: [0] },
          ],
        });
      }
      await side.call('no partitions', electLeadersApi, version, { topicPartitions: [] });
      const { errorCode, replicaElectionResults } = await side.ask(electLeadersApi, version, { topicPartitions: null });
      const needed = replicaElectionResults.filter(({ partitionResult }) => partitionResult.length > 0);
      side.note('all partitions', electLeadersApi, version, { errorCode, needed });
    }
  },
};

const reassignments: Script = {
  name: 'reassignments',
  async run(side) {
    await side.topic(topic, 3);
    for (const version of versionsOf(alterPartitionReassignmentsApi)) {
      for (const allowReplicationFactorChange of version === 0 ? [true] : [true, false]) {
        const to = (replicas: readonly number[] | null, partitionIndex = 0) => ({ partitionIndex, replicas });
        await side.call(
          `replicas, factor may change: ${allowReplicationFactorChange}`,
          alterPartitionReassignmentsApi,
          version,
          {
            allowReplicationFactorChange,
            topics: [
              {
                name: topic,
                partitions: [to([1]), to([1], 2), to(null), to([]), to([1, 1]), to([7]), to([1, 7]), to([1], 3)],
              },
              { name: 'no-such-topic', partitions: [to([1])] },
            ],
          },
        );
      }
      await side.call('no topics', alterPartitionReassignmentsApi, version, { topics: [] });
    }
    for (const version of versionsOf(listPartitionReassignmentsApi)) {
      const list = (what: string, topics: readonly { name: string; partitionIndexes: number[] }[] | null) =>
        side.call(what, listPartitionReassignmentsApi, version, { topics });
      await list('all', null);
      await list('some', [
        { name: topic, partitionIndexes: [0, 9] },
        { name: 'no-such-topic', partitionIndexes: [0] },
      ]);
    }
  },
};

const topicPages: Script = {
  name: 'topics page by page',
  async run(side) {
    await side.topic(topic, 3);
    await side.topic(other, 2);
    for (const version of versionsOf(describeTopicPartitionsApi)) {
      const describe = (what: string, request: DescribeTopicPartitionsRequest): Promise<unknown> =>
        side.call(what, describeTopicPartitionsApi, version, request);
      const topics = [{ name: other }, { name: topic }, { name: topic }];
      await describe('two topics', { topics, cursor: null });
      for (const responsePartitionLimit of [1, 2, 3, 4, 5, 0, -1]) {
        await describe(`at most ${responsePartitionLimit}`, { topics, responsePartitionLimit, cursor: null });
      }
      for (const cursor of [
        { topicName: topic, partitionIndex: 1 },
        { topicName: topic, partitionIndex: 3 },
        { topicName: topic, partitionIndex: 9 },
        { topicName: other, partitionIndex: 0 },
        { topicName: 'placed-', partitionIndex: 1 },
        { topicName: 'z', partitionIndex: 0 },
        { topicName: topic, partitionIndex: -1 },
      ]) {
        await describe(`from ${cursor.topicName} ${cursor.partitionIndex}`, { topics, cursor });
      }
      for (const name of ['no-such-topic', 'not a name', '']) {
        await describe(`no such topic: ${name}`, { topics: [{ name }, { name: topic }], cursor: null });
      }
    }
  },
};

export const placementScripts: readonly Script[] = [elections, reassignments, topicPages];
