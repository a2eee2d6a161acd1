// DescribeLogDirs (KIP-113): how many bytes each partition has on the disk. Each node of a virtual cluster tells of the
// partitions that it leads. How large the disk is and how much of it is free (KIP-827) is not known: -1.
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  describeLogDirsApi,
  type DescribableLogDirTopic,
  type DescribeLogDirsPartition,
  type DescribeLogDirsRequest,
  type DescribeLogDirsResponse,
  type DescribeLogDirsTopic,
} from '@throughline/wire/apis';
import type { TopicMetadata } from '../topics/broker.ts';
import type { Services } from './services.ts';
import { handler, type ApiRequest } from './handler.ts';

export const describeLogDirs = handler({ api: describeLogDirsApi, handle, failed });

function handle(services: Services, { body, nodeId }: ApiRequest<DescribeLogDirsRequest>): DescribeLogDirsResponse {
  const { broker } = services;
  const topics = (body.topics ?? broker.topics().map(allPartitions))
    .map(({ topic, partitions }) => topicOf(services, nodeId, { topic, partitions }))
    .filter(({ partitions }) => partitions.length > 0);
  return {
    errorCode: 'NONE',
    results: [{ errorCode: 'NONE', logDir: broker.dataDir, topics }],
  };
}

function failed(_request: ApiRequest<DescribeLogDirsRequest>, errorCode: KafkaErrorName): DescribeLogDirsResponse {
  // Before version 3 there is no place for it, and no folder says as much.
  return { errorCode, results: [] };
}

function allPartitions({ topic, partitionCount }: TopicMetadata): Read<DescribableLogDirTopic> {
  return { topic, partitions: Array.from({ length: partitionCount }, (_, partition) => partition) };
}

/** What is asked for and is not there is passed over. */
function topicOf(
  { broker, cluster }: Services,
  nodeId: number,
  { topic: name, partitions }: Read<DescribableLogDirTopic>,
): DescribeLogDirsTopic {
  const topic = broker.findTopic(name);
  const isHere = (partition: number): boolean =>
    topic !== undefined &&
    partition >= 0 &&
    partition < topic.partitionCount &&
    cluster.leaderOf(topic, partition) === nodeId;
  return {
    name,
    partitions: [...new Set(partitions)].filter(isHere).map((partitionIndex): DescribeLogDirsPartition => ({
      partitionIndex,
      partitionSize: BigInt(broker.partition(name, partitionIndex).bytes),
      offsetLag: 0n,
      isFutureKey: false,
    })),
  };
}
