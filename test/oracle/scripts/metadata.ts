import { zeroUuid } from '@throughline/wire';
import {
  apiVersionsApi,
  describeClusterApi,
  describeQuorumApi,
  metadataApi,
  type DescribeQuorumRequest,
  type MetadataRequest,
} from '@throughline/wire/apis';
import { handlers } from '../../../packages/broker/src/apis/registry.ts';
import type { Side } from '../side.ts';
import { versionsOf, type Script } from './script.ts';

const unknownId = `${'0'.repeat(31)}7`;

export const metadata: Script = {
  name: 'metadata',
  async run(side) {
    const topicId = await side.topic('meta-a', 3);
    await side.topic('meta-b');
    const ask = (what: string, version: number, body: MetadataRequest): Promise<unknown> =>
      side.call(what, metadataApi, version, body);
    for (const version of versionsOf(metadataApi)) {
      const allowAutoTopicCreation = version < 4;
      const names = (...all: readonly string[]): MetadataRequest => ({
        topics: all.map((name) => ({ name, topicId: zeroUuid })),
        allowAutoTopicCreation,
        includeTopicAuthorizedOperations: version % 2 === 0,
        includeClusterAuthorizedOperations: version % 2 === 0,
      });
      await ask('names', version, names('meta-a', 'meta-b', 'meta-a'));
      await ask('invalid names', version, names('meta a', '', '.', '..', 'x'.repeat(250)));
      if (version > 0) await ask('no topics', version, { topics: [], allowAutoTopicCreation });
      if (version >= 4) await ask('unknown names', version, names('meta-unknown', 'meta-a'));
      if (version >= 10) {
        await ask('ids', version, {
          topics: [
            { name: null, topicId },
            { name: null, topicId: unknownId },
          ],
        });
        await ask('a name and an id', version, {
          topics: [
            { name: 'meta-a', topicId: unknownId },
            { name: 'meta-b', topicId: zeroUuid },
          ],
        });
        await ask('neither name nor id', version, { topics: [{ name: null, topicId: zeroUuid }] });
      }
    }
    await all(side);
    await ask('auto-creation', 12, { topics: [{ name: 'meta-auto', topicId: zeroUuid }] });
    await side.served('meta-auto');
    await ask('after auto-creation', 12, { topics: [{ name: 'meta-auto', topicId: zeroUuid }] });
  },
};

/** All topics, of which those of other scripts are left out. */
async function all(side: Side): Promise<void> {
  for (const version of [0, 1, 9, 12, 13]) {
    const answer = await side.ask(metadataApi, version, { topics: version === 0 ? [] : null });
    const topics = answer.topics.filter(({ name }) => name?.startsWith('meta-'));
    side.note('all', metadataApi, version, { ...answer, topics });
  }
}

export const quorum: Script = {
  name: 'quorum',
  async run(side) {
    for (const version of versionsOf(describeQuorumApi)) {
      const asked = (topicName: string, ...indexes: readonly number[]) => {
        return { topicName, partitions: indexes.map((partitionIndex) => ({ partitionIndex })) };
      };
      const describe = (what: string, ...topics: DescribeQuorumRequest['topics']): Promise<unknown> =>
        side.call(what, describeQuorumApi, version, { topics });
      const { topics, ...rest } = await side.ask(describeQuorumApi, version, {
        topics: [asked('__cluster_metadata', 0)],
      });
      // How far each has come is its own affair: that the end is the same wherever it is told, is not.
      const partition = topics[0]!.partitions[0]!;
      const isEnd = (offset: bigint): string => (offset === partition.highWatermark && offset > 0n ? 'end' : 'other');
      const voters = partition.currentVoters.map((voter) => ({ ...voter, logEndOffset: isEnd(voter.logEndOffset) }));
      const leaderEpoch = partition.leaderEpoch > 0;
      const known = { ...partition, leaderEpoch, highWatermark: isEnd(partition.highWatermark), currentVoters: voters };
      side.note('the metadata log', describeQuorumApi, version, { ...rest, partition: known });
      await describe('another partition of it', asked('__cluster_metadata', 1));
      await describe('more of it', asked('__cluster_metadata', 0, 1));
      await describe('another topic', asked('no-such-topic', 0));
      await describe('it and another', asked('__cluster_metadata', 0), asked('no-such-topic', 0));
      await describe('nothing');
    }
  },
};

export const cluster: Script = {
  name: 'cluster',
  async run(side) {
    for (const version of versionsOf(describeClusterApi)) {
      for (const endpointType of version === 0 ? [1] : [1, 2, 3]) {
        await side.call(`endpoint type ${endpointType}`, describeClusterApi, version, {
          includeClusterAuthorizedOperations: version === 1,
          endpointType,
          includeFencedBrokers: true,
        });
      }
    }
    const keys = new Set(handlers.map(({ api }) => api.key));
    for (const version of versionsOf(apiVersionsApi)) {
      for (const [what, clientSoftwareName, clientSoftwareVersion] of [
        ['named', 'oracle', '1.0.0'],
        ['an empty name', '', '1'],
        ['an odd name', 'a b', '1'],
        ['an odd version', 'oracle', '-1'],
      ] as const) {
        const answer = await side.ask(apiVersionsApi, version, { clientSoftwareName, clientSoftwareVersion });
        // What comes with later issues is absent here.
        const apiKeys = answer.apiKeys.filter(({ apiKey }) => keys.has(apiKey));
        side.note(what, apiVersionsApi, version, { ...answer, apiKeys });
      }
    }
  },
};
