// DescribeQuorum (KIP-595): who votes on the metadata log. The one voter, and its leader, is the controller in this process;
// it has no listener of its own (KIP-853), so none is told. The log's end is its high watermark: a record counts once it is
// synced.
import type { KafkaErrorName } from '@throughline/wire';
import {
  describeQuorumApi,
  type DescribeQuorumRequest,
  type DescribeQuorumResponse,
  type DescribeQuorumResponsePartitionData,
} from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { clusterMetadataTopic } from '../ground/topic-name.ts';
import { handler, type ApiRequest } from './handler.ts';

export const describeQuorum = handler({ api: describeQuorumApi, handle, failed });

type Request = ApiRequest<DescribeQuorumRequest>;

function handle(services: Services, request: Request): DescribeQuorumResponse {
  const { topics } = request.body;
  const [topic] = topics;
  const [partition] = topic?.partitions ?? [];
  // Kafka answers for the metadata log alone, and for nothing where something else is asked beside it.
  const isMetadataLog =
    topics.length === 1 &&
    topic?.topicName === clusterMetadataTopic &&
    topic.partitions.length === 1 &&
    partition?.partitionIndex === 0;
  if (!isMetadataLog) return { ...answered(request, unknownPartition), errorMessage: '', nodes: [] };
  const { controllerId } = services.cluster;
  const { leaderEpoch, endOffset } = services.broker.metadataEnd;
  const nowMs = BigInt(services.clock.nowMs());
  const voter = {
    replicaId: controllerId,
    logEndOffset: endOffset,
    lastFetchTimestamp: nowMs,
    lastCaughtUpTimestamp: nowMs,
  };
  const described: Described = {
    errorCode: 'NONE',
    errorMessage: '',
    leaderId: controllerId,
    leaderEpoch,
    highWatermark: endOffset,
    currentVoters: [voter],
    observers: [],
  };
  const nodes = [{ nodeId: controllerId, listeners: [] }];
  return { ...answered(request, described), errorMessage: '', nodes };
}

function failed(request: Request, errorCode: KafkaErrorName): DescribeQuorumResponse {
  return { ...answered(request, { ...nothing, errorCode }), errorCode };
}

type Described = Omit<DescribeQuorumResponsePartitionData, 'partitionIndex'>;

const nothing = { leaderId: 0, leaderEpoch: 0, highWatermark: 0n, currentVoters: [], observers: [] };

const unknownPartition: Described = {
  ...nothing,
  errorCode: 'UNKNOWN_TOPIC_OR_PARTITION',
  errorMessage: 'This server does not host this topic-partition.',
};

function answered({ body }: Request, described: Described): DescribeQuorumResponse {
  const topics = body.topics.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...described })),
  }));
  return { errorCode: 'NONE', topics };
}
