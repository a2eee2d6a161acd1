// Where @platformatic/kafka hands values over in another shape than the schemas have them, or always writes the same: only
// how it is called differs here, never what is on the wire.
import { zeroUuid, type Read } from '@throughline/wire';
import type {
  ApiVersionsResponse,
  CreateTopicsResponse,
  DeleteTopicsRequest,
  DeleteTopicsResponse,
  DescribeConfigsResponse,
  DescribeQuorumResponse,
  DescribeLogDirsRequest,
  FetchRequest,
  FetchResponse,
  FindCoordinatorRequest,
  FindCoordinatorResponse,
  JoinGroupResponse,
  LeaveGroupRequest,
  ListGroupsRequest,
  ListOffsetsRequest,
  MetadataRequest,
  MetadataResponse,
  OffsetCommitRequest,
  OffsetFetchRequest,
  OffsetForLeaderEpochRequest,
} from '@throughline/wire/apis';

/** A body of an API whose type is known to the table that it is handed to. */
type Body = Readonly<Record<string, unknown>>;

interface RequestShape {
  /** The arguments, as far as they are not fields of the body. */
  readonly arguments?: (body: never, version: number) => Body;
  /** What is on the wire for a body that they cannot write as it is. */
  readonly written?: (body: never, version: number) => Body;
}

export const requestShapes: Readonly<Record<string, RequestShape>> = {
  Fetch: {
    arguments: ({ topics, forgottenTopicsData }: Read<FetchRequest>, version) =>
      version > 12
        ? {}
        : {
            topics: topics.map((topic) => ({ ...topic, topicId: topic.topic })),
            forgottenTopicsData: forgottenTopicsData.map((topic) => ({ ...topic, topicId: topic.topic })),
          },
    written: (body: Read<FetchRequest>, version) => ({
      ...body,
      // A consumer is no replica, and knows of no log start.
      replicaId: -1,
      topics: body.topics.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((one) => ({
          ...one,
          logStartOffset: version >= 5 ? -1n : one.logStartOffset,
        })),
      })),
    }),
  },
  ListOffsets: { arguments: ({ replicaId }: Read<ListOffsetsRequest>) => ({ replica: replicaId }) },
  Metadata: {
    written: (body: Read<MetadataRequest>, version) => ({
      ...body,
      // Version 0 has no null, and before version 12 topics have a name and no id.
      topics:
        (version === 0 ? (body.topics ?? []) : body.topics)?.map((topic) =>
          version >= 12 ? topic : { name: topic.name ?? '', topicId: zeroUuid },
        ) ?? null,
    }),
  },
  OffsetCommit: {
    arguments: (body: Read<OffsetCommitRequest>) => ({ generationId: body.generationIdOrMemberEpoch }),
    written: (body: Read<OffsetCommitRequest>) => ({ ...body, retentionTimeMs: -1n }),
  },
  OffsetFetch: {
    arguments: ({ groupId, topics, groups }: Read<OffsetFetchRequest>, version) => ({
      groups: version <= 7 ? [{ groupId, topics: version === 1 ? (topics ?? []) : topics }] : groups,
    }),
    // Version 1 has no null.
    written: (body: Read<OffsetFetchRequest>, version) => ({
      ...body,
      topics: version === 1 ? (body.topics ?? []) : body.topics,
    }),
  },
  FindCoordinator: {
    arguments: ({ key, coordinatorKeys }: Read<FindCoordinatorRequest>, version) => ({
      coordinatorKeys: version <= 3 ? [key] : coordinatorKeys,
    }),
  },
  LeaveGroup: {
    arguments: ({ memberId, members }: Read<LeaveGroupRequest>, version) => ({
      members: version <= 2 ? [{ memberId }] : members,
    }),
  },
  ListGroups: {
    arguments: ({ typesFilter }: Read<ListGroupsRequest>) => ({ typesFilter: typesFilter.map(() => 'classic') }),
    written: (body: Read<ListGroupsRequest>) => ({ ...body, typesFilter: body.typesFilter.map(() => 'classic') }),
  },
  DeleteTopics: {
    arguments: ({ topicNames, topics }: Read<DeleteTopicsRequest>, version) => ({
      topics: version <= 5 ? topicNames.map((name) => ({ name })) : topics,
    }),
  },
  OffsetForLeaderEpoch: {
    arguments: ({ topics }: Read<OffsetForLeaderEpochRequest>) => ({
      topics: topics.map(({ topic, partitions }) => ({
        name: topic,
        partitions: partitions.map((one) => ({ ...one, partitionIndex: one.partition })),
      })),
    }),
  },
  DescribeLogDirs: {
    arguments: ({ topics }: Read<DescribeLogDirsRequest>) => ({
      topics: topics?.map(({ topic, partitions }) => ({ name: topic, partitions })) ?? null,
    }),
  },
};

/** What they make of a response, where that is not what it says; compared as far as it has fields of ours. */
export const responseShapes: Readonly<Record<string, (body: never, version: number) => Body>> = {
  // Record batches are read by them at once, and compared elsewhere.
  Fetch: ({ responses, ...body }: Read<FetchResponse>, version) => ({
    ...body,
    responses: responses.map(({ topic, topicId, partitions }) => ({
      ...(version <= 12 ? { topicId: topic } : { topicId }),
      partitions: partitions.map((one) =>
        Object.fromEntries(Object.entries(one).filter(([name]) => name !== 'records')),
      ),
    })),
  }),
  Metadata: (body: Read<MetadataResponse>, version) => ({
    ...body,
    topics: body.topics.map((topic) => ({ ...topic, name: version <= 11 ? (topic.name ?? '') : topic.name })),
  }),
  FindCoordinator: (body: Read<FindCoordinatorResponse>, version) => {
    const { errorCode, errorMessage, nodeId, host, port } = body;
    // What version 0 has no place for is null with them.
    const message = version === 0 ? null : errorMessage;
    const one = { key: '', errorCode, errorMessage: message, nodeId, host, port };
    return { ...body, coordinators: version <= 3 ? [one] : body.coordinators };
  },
  DescribeQuorum: (body: Read<DescribeQuorumResponse>, version) => {
    // Likewise: messages come with version 2.
    const withMessage = <One extends { readonly errorMessage: string | null }>(one: One): One =>
      version <= 1 ? { ...one, errorMessage: null } : one;
    const topics = body.topics.map((topic) => ({ ...topic, partitions: topic.partitions.map(withMessage) }));
    return { ...withMessage(body), topics };
  },
  JoinGroup: (body: Read<JoinGroupResponse>, version) => ({
    ...body,
    protocolName: version <= 6 ? (body.protocolName ?? '') : body.protocolName,
  }),
  ApiVersions: ({ apiKeys, ...body }: Read<ApiVersionsResponse>) => ({
    ...body,
    apiKeys: apiKeys.map(({ apiKey, minVersion, maxVersion }) => ({ apiKey, minVersion, maxVersion })),
  }),
  CreateTopics: (body: Read<CreateTopicsResponse>, version) => ({
    ...body,
    topics: body.topics.map((topic) => (version <= 4 ? { ...topic, configs: null } : topic)),
  }),
  DeleteTopics: (body: Read<DeleteTopicsResponse>, version) => ({
    ...body,
    responses: body.responses.map((one) => ({ ...one, name: version <= 5 ? (one.name ?? '') : one.name })),
  }),
  DescribeConfigs: (body: Read<DescribeConfigsResponse>, version) => ({
    ...body,
    results: body.results.map((result) => ({
      ...result,
      configs: result.configs.map((config) => (version <= 2 ? { ...config, documentation: null } : config)),
    })),
  }),
};
