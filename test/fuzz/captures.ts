// Valid requests of every API in every version, as bytes with their size in front: what the mutators begin with. They speak of a topic,
// a group and a producer that the broker under test knows, so that a mutant gets far before it is rejected.
import { encodeRecordBatch, encodeRequest, type Api } from '@throughline/wire';
import * as apis from '@throughline/wire/apis';

/** A frame, and what it was made for. */
export interface Capture {
  readonly name: string;
  readonly apiKey: number;
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** What the requests speak of. */
export interface CaptureContext {
  readonly topic: string;
  readonly topicId: string;
  readonly group: string;
}

/** A body with the fields of all versions: each version writes those that it has. */
export interface Sample {
  readonly api: Api<never>;
  readonly body: unknown;
}

function sample<Request>(api: Api<Request>, body: NoInfer<Request>): Sample {
  return { api: api as Api<never>, body };
}

export function captureRequests(context: CaptureContext): readonly Capture[] {
  const captures: Capture[] = [];
  for (const { api, body } of samplesOf(context)) {
    for (let version = api.versionMin; version <= api.versionMax; version++) {
      const head = { apiVersion: version, correlationId: captures.length, clientId: 'fuzz' };
      const bytes = Buffer.concat(encodeRequest(api, head, body as never));
      captures.push({ name: `${api.name} v${version}`, apiKey: api.key, version, bytes });
    }
  }
  return captures;
}

export function samplesOf({ topic, topicId, group }: CaptureContext): readonly Sample[] {
  const producer = { id: 7n, epoch: 0, baseSequence: 0 };
  const value = Buffer.from('value');
  const plain = encodeRecordBatch([{ key: null, value }], { nowMs: 1_700_000_000_000 });
  const headers = [{ key: 'header', value }];
  const idempotent = encodeRecordBatch(
    [
      { key: value, value, headers },
      { key: null, value: null },
    ],
    {
      nowMs: 1_700_000_000_000,
      codec: 'gzip',
      producer,
    },
  );
  const records = [plain, idempotent].map((batch) => ({ index: 0, records: batch }));
  const member = { groupId: group, generationId: 1, memberId: 'member', groupInstanceId: null };
  const offsetPartitions = [
    { partitionIndex: 0, committedOffset: 3n, committedLeaderEpoch: 0, committedMetadata: 'm' },
  ];
  const fetchPartition = {
    partition: 0,
    currentLeaderEpoch: 0,
    fetchOffset: 0n,
    lastFetchedEpoch: -1,
    partitionMaxBytes: 4096,
  };
  const fetch = { replicaId: -1, maxWaitMs: 0, minBytes: 1, maxBytes: 65_536, isolationLevel: 1, rackId: 'r' };
  const config = { name: 'retention.ms', value: '1000' };
  const resource = { resourceType: 2, resourceName: topic };
  return [
    ...records.map((one) =>
      sample(apis.produceApi, {
        acks: -1,
        timeoutMs: 1000,
        topicData: [{ name: topic, topicId, partitionData: [one] }],
      }),
    ),
    sample(apis.produceApi, {
      acks: 0,
      timeoutMs: 1000,
      topicData: [{ name: topic, topicId, partitionData: records }],
    }),
    sample(apis.fetchApi, {
      ...fetch,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topic, topicId, partitions: [fetchPartition] }],
    }),
    sample(apis.fetchApi, {
      ...fetch,
      sessionId: 0,
      sessionEpoch: 0,
      topics: [{ topic, topicId, partitions: [fetchPartition] }],
      forgottenTopicsData: [{ topic, topicId, partitions: [1] }],
    }),
    sample(apis.listOffsetsApi, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [
        {
          name: topic,
          partitions: [
            { partitionIndex: 0, currentLeaderEpoch: 0, timestamp: -1n },
            { partitionIndex: 1, timestamp: 5n },
          ],
        },
      ],
      timeoutMs: 100,
    }),
    sample(apis.metadataApi, { topics: [{ name: topic, topicId }], allowAutoTopicCreation: false }),
    sample(apis.metadataApi, { topics: null, allowAutoTopicCreation: false }),
    sample(apis.offsetCommitApi, {
      groupId: group,
      generationIdOrMemberEpoch: -1,
      memberId: '',
      retentionTimeMs: -1n,
      topics: [{ name: topic, topicId, partitions: offsetPartitions }],
    }),
    sample(apis.offsetFetchApi, {
      groupId: group,
      topics: [{ name: topic, partitionIndexes: [0, 1] }],
      groups: [
        { groupId: group, memberId: null, memberEpoch: -1, topics: [{ name: topic, topicId, partitionIndexes: [0] }] },
      ],
      requireStable: true,
    }),
    sample(apis.findCoordinatorApi, { key: group, keyType: 0, coordinatorKeys: [group, 'other'] }),
    sample(apis.joinGroupApi, {
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      groupInstanceId: 'instance',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 0]) }],
      reason: 'fuzz',
    }),
    sample(apis.syncGroupApi, {
      ...member,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId: 'member', assignment: Buffer.from([0, 0, 0, 0, 0, 0]) }],
    }),
    sample(apis.heartbeatApi, member),
    sample(apis.leaveGroupApi, { ...member, members: [{ memberId: 'member', groupInstanceId: null, reason: 'fuzz' }] }),
    sample(apis.describeGroupsApi, { groups: [group], includeAuthorizedOperations: true }),
    sample(apis.listGroupsApi, { statesFilter: ['Stable'], typesFilter: ['classic'] }),
    sample(apis.deleteGroupsApi, { groupsNames: ['nobody'] }),
    sample(apis.offsetDeleteApi, { groupId: 'nobody', topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }] }),
    sample(apis.apiVersionsApi, { clientSoftwareName: 'fuzz', clientSoftwareVersion: '1.0' }),
    sample(apis.createTopicsApi, {
      topics: [{ name: 'made', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [config] }],
      timeoutMs: 100,
      validateOnly: true,
    }),
    sample(apis.deleteTopicsApi, { topics: [{ name: 'nothing', topicId }], topicNames: ['nothing'], timeoutMs: 100 }),
    sample(apis.deleteRecordsApi, {
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: 0n }] }],
      timeoutMs: 100,
    }),
    sample(apis.createPartitionsApi, {
      topics: [{ name: topic, count: 3, assignments: null }],
      timeoutMs: 100,
      validateOnly: true,
    }),
    sample(apis.initProducerIdApi, {
      transactionalId: null,
      transactionTimeoutMs: 0,
      producerId: -1n,
      producerEpoch: -1,
    }),
    sample(apis.offsetForLeaderEpochApi, {
      replicaId: -1,
      topics: [{ topic, partitions: [{ partition: 0, currentLeaderEpoch: 0, leaderEpoch: 0 }] }],
    }),
    sample(apis.describeConfigsApi, {
      resources: [{ ...resource, configurationKeys: ['retention.ms'] }],
      includeSynonyms: true,
      includeDocumentation: true,
    }),
    sample(apis.alterConfigsApi, { resources: [{ ...resource, configs: [config] }], validateOnly: true }),
    sample(apis.incrementalAlterConfigsApi, {
      resources: [{ ...resource, configs: [{ ...config, configOperation: 0 }] }],
      validateOnly: true,
    }),
    sample(apis.listConfigResourcesApi, { resourceTypes: [2] }),
    sample(apis.describeClusterApi, { includeClusterAuthorizedOperations: true, endpointType: 1 }),
    sample(apis.describeLogDirsApi, { topics: [{ topic, partitions: [0] }] }),
    sample(apis.alterReplicaLogDirsApi, { dirs: [{ path: '/data', topics: [{ name: topic, partitions: [0] }] }] }),
    sample(apis.describeQuorumApi, {
      topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
    }),
    sample(apis.electLeadersApi, { topicPartitions: [{ topic, partitions: [0] }] }),
    sample(apis.alterPartitionReassignmentsApi, {
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, replicas: [1] }] }],
    }),
    sample(apis.listPartitionReassignmentsApi, { topics: [{ name: topic, partitionIndexes: [0] }] }),
    sample(apis.describeTopicPartitionsApi, {
      topics: [{ name: topic }],
      cursor: { topicName: topic, partitionIndex: 0 },
    }),
    sample(apis.describeProducersApi, { topics: [{ name: topic, partitionIndexes: [0] }] }),
  ];
}
