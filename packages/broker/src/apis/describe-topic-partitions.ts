// DescribeTopicPartitions (KIP-966): the partitions of topics page by page, in the order of names and numbers. A page ends
// with a cursor, from which the next one goes on. There are no eligible leader replicas beside the one that there is.
import { zeroUuid, type KafkaErrorName } from '@throughline/wire';
import {
  describeTopicPartitionsApi,
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
  type DescribeTopicPartitionsResponsePartition,
  type DescribeTopicPartitionsResponseTopic,
} from '@throughline/wire/apis';
import type { TopicMetadata } from '../topics/broker.ts';
import type { Services } from './services.ts';
import { isInternalTopic, topicNameProblem } from '../ground/topic-name.ts';
import { operationsNotAsked, topicOperations } from './authorized-operations.ts';
import { handler, type ApiRequest } from './handler.ts';
import { partitionsOf } from './told-partitions.ts';

export const describeTopicPartitions = handler({ api: describeTopicPartitionsApi, handle, failed });

function handle(
  services: Services,
  request: ApiRequest<DescribeTopicPartitionsRequest>,
): DescribeTopicPartitionsResponse {
  const { topics: asked, cursor, responsePartitionLimit } = request.body;
  const { broker } = services;
  const asksAll = asked.length === 0;
  const names = new Set(asksAll ? broker.topics().map(({ topic }) => topic) : asked.map(({ name }) => name));
  // Of all topics the one of the cursor may have gone since; of a list it must be one.
  const isCursorGood = cursor === null || (cursor.partitionIndex >= 0 && (asksAll || names.has(cursor.topicName)));
  if (!isCursorGood) return failed(request, 'INVALID_REQUEST');
  const limit = Math.min(responsePartitionLimit, broker.configs.integer('max.request.partition.size.limit'));
  let left = Math.max(1, limit);
  const topics: DescribeTopicPartitionsResponseTopic[] = [];
  for (const name of Array.from(names).sort()) {
    if (cursor !== null && name < cursor.topicName) continue;
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } };
    const topic = broker.findTopic(name);
    if (topic === undefined) {
      topics.push(unknownTopic(name));
      continue;
    }
    const from = name === cursor?.topicName ? cursor.partitionIndex : 0;
    const to = Math.min(topic.partitionCount, from + left);
    const partitions = described(services, topic, from, to);
    topics.push({
      errorCode: 'NONE',
      name,
      topicId: topic.topicId,
      isInternal: isInternalTopic(name),
      partitions,
      topicAuthorizedOperations: topicOperations,
    });
    if (to < topic.partitionCount) return { topics, nextCursor: { topicName: name, partitionIndex: to } };
    left -= partitions.length;
  }
  return { topics, nextCursor: null };
}

function failed(
  { body }: ApiRequest<DescribeTopicPartitionsRequest>,
  errorCode: KafkaErrorName,
): DescribeTopicPartitionsResponse {
  const topics = body.topics.map(({ name }) => ({
    ...noTopic(errorCode, name),
    topicAuthorizedOperations: operationsNotAsked,
  }));
  return { topics, nextCursor: null };
}

function noTopic(errorCode: KafkaErrorName, name: string): DescribeTopicPartitionsResponseTopic {
  return { errorCode, name, topicId: zeroUuid, partitions: [], topicAuthorizedOperations: topicOperations };
}

function unknownTopic(name: string): DescribeTopicPartitionsResponseTopic {
  const isValid = topicNameProblem(name) === undefined;
  const errorCode = isValid ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION';
  return { ...noTopic(errorCode, name), isInternal: isInternalTopic(name) };
}

function described(
  services: Services,
  topic: TopicMetadata,
  from: number,
  to: number,
): DescribeTopicPartitionsResponsePartition[] {
  return partitionsOf(services, topic)
    .slice(from, to)
    .map((partition) => ({ ...partition, eligibleLeaderReplicas: [], lastKnownElr: [], offlineReplicas: [] }));
}
