// OffsetFetch: what groups have committed. Up to version 7 it asks for one group, then for several (KIP-709); for given
// partitions or, without topics, for all; from version 10 on by topic ids.
import { zeroUuid, type KafkaErrorName, type Read } from '@throughline/wire';
import {
  offsetFetchApi,
  type OffsetFetchRequest,
  type OffsetFetchResponse,
  type OffsetFetchResponseGroup,
  type OffsetFetchResponsePartitions,
  type OffsetFetchResponseTopics,
} from '@throughline/wire/apis';
import { storeErrorOf } from '../groups/group-answers.ts';
import type { CommittedOffset } from '../groups/group-records.ts';
import type { Services } from './services.ts';
import { coordinatorError } from './group-requests.ts';
import { handler, type ApiRequest } from './handler.ts';

type AskedGroup = Read<OffsetFetchRequest>['groups'][number];

export const offsetFetch = handler({
  api: offsetFetchApi,
  handle: async (services, request) => {
    const groups: OffsetFetchResponseGroup[] = [];
    for (const asked of askedGroups(request)) groups.push(await fetch(services, request, asked));
    return inVersion(request.version, groups);
  },
  failed: (request, errorCode) => {
    return inVersion(
      request.version,
      askedGroups(request).map((asked) => rejection(request.version, asked, errorCode)),
    );
  },
});

function askedGroups({ body, version }: ApiRequest<OffsetFetchRequest>): readonly AskedGroup[] {
  if (version >= 8) return body.groups;
  const topics = body.topics?.map((topic) => ({ ...topic, topicId: zeroUuid })) ?? null;
  return [{ groupId: body.groupId, memberId: null, memberEpoch: -1, topics }];
}

async function fetch(
  services: Services,
  request: ApiRequest<OffsetFetchRequest>,
  asked: AskedGroup,
): Promise<OffsetFetchResponseGroup> {
  const { body, version } = request;
  const { groupId } = asked;
  const errorCode = coordinatorError(services, request, groupId);
  if (errorCode !== undefined) return rejection(version, asked, errorCode);
  const { offsets } = services.groups;
  try {
    if (body.requireStable) await offsets.settled(groupId);
  } catch (error) {
    return rejection(version, asked, storeErrorOf(error));
  }
  if (asked.topics === null) return { groupId, topics: allTopics(services, groupId), errorCode: 'NONE' };
  const topics = asked.topics.map(({ name, topicId, partitionIndexes }) => {
    const topic = version >= 10 ? services.broker.findTopicById(topicId)?.topic : name;
    const error = topic === undefined ? 'UNKNOWN_TOPIC_ID' : 'NONE';
    const partitions = partitionIndexes.map((partitionIndex) => {
      const committed = topic === undefined ? undefined : offsets.committed(groupId, topic, partitionIndex);
      return answer(partitionIndex, committed, error);
    });
    return { name, topicId, partitions };
  });
  return { groupId, topics, errorCode: 'NONE' };
}

function allTopics({ broker, groups }: Services, groupId: string): readonly OffsetFetchResponseTopics[] {
  const topics = new Map<string, OffsetFetchResponsePartitions[]>();
  for (const { topic, partition, committed } of groups.offsets.allCommitted(groupId)) {
    const partitions = topics.get(topic) ?? [];
    topics.set(topic, partitions);
    partitions.push(answer(partition, committed, 'NONE'));
  }
  return Array.from(topics, ([name, partitions]) => ({ name, topicId: broker.topic(name).topicId, partitions }));
}

function answer(
  partitionIndex: number,
  committed: CommittedOffset | undefined,
  errorCode: KafkaErrorName,
): OffsetFetchResponsePartitions {
  const { offset = -1n, leaderEpoch = -1, metadata = '' } = committed ?? {};
  return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode };
}

/** Version 1 has no place for the error of a group: there every partition has it. */
function rejection(
  version: number,
  { groupId, topics }: AskedGroup,
  errorCode: KafkaErrorName,
): OffsetFetchResponseGroup {
  if (version >= 2) return { groupId, topics: [], errorCode };
  const all = (topics ?? []).map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => answer(partitionIndex, undefined, errorCode)),
  }));
  return { groupId, topics: all, errorCode };
}

function inVersion(version: number, groups: readonly OffsetFetchResponseGroup[]): OffsetFetchResponse {
  if (version >= 8) return { groups };
  const topics = groups[0]?.topics.map(({ name = '', partitions }) => ({ name, partitions })) ?? [];
  return { topics, errorCode: groups[0]?.errorCode ?? 'NONE' };
}
