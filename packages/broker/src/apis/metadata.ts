// Metadata: the nodes, and of topics the partitions with their leaders. It is what each client asks first, and again
// whenever something moved; some ask in a tight loop, or for ten thousand partitions at once.
import { zeroUuid, type KafkaErrorName } from '@throughline/wire';
import {
  metadataApi,
  type MetadataRequest,
  type MetadataResponse,
  type MetadataResponseBroker,
  type MetadataResponseTopic,
} from '@throughline/wire/apis';
import type { TopicMetadata } from '../topics/broker.ts';
import type { Services } from './services.ts';
import { isInternalTopic, topicNameProblem } from '../ground/topic-name.ts';
import { clusterOperations, operationsNotAsked, topicOperations } from './authorized-operations.ts';
import { autoCreate } from './auto-creation.ts';
import { handler, type ApiRequest } from './handler.ts';
import { partitionsOf } from './told-partitions.ts';

export const metadata = handler({ api: metadataApi, handle, failed });

function handle(services: Services, request: ApiRequest<MetadataRequest>): MetadataResponse {
  const { version, body } = request;
  if (!isAnswerable(request)) return failed(request, 'INVALID_REQUEST');
  const topicAuthorizedOperations = body.includeTopicAuthorizedOperations ? topicOperations : operationsNotAsked;
  const topics = askedTopics(services, request);
  for (const topic of topics) topic.topicAuthorizedOperations = topicAuthorizedOperations;
  const asksCluster = version <= 10 && body.includeClusterAuthorizedOperations;
  return {
    brokers: brokersOf(services),
    clusterId: services.cluster.clusterId,
    controllerId: services.cluster.controllerId,
    topics,
    clusterAuthorizedOperations: asksCluster ? clusterOperations : operationsNotAsked,
  };
}

function failed({ body }: ApiRequest<MetadataRequest>, errorCode: KafkaErrorName): MetadataResponse {
  const topics = (body.topics ?? []).map(({ name, topicId }) => noTopic(errorCode, { name: name ?? '', topicId }));
  return { brokers: [], topics, errorCode };
}

type Answer = { -readonly [Name in keyof MetadataResponseTopic]: MetadataResponseTopic[Name] };

/** Ids came in version 10 and were first understood in 12; before that a topic has to have a name, and always one of both. */
function isAnswerable({ version, body }: ApiRequest<MetadataRequest>): boolean {
  return (body.topics ?? []).every(({ name, topicId }) =>
    version < 12 ? name !== null && topicId === zeroUuid : name !== null || topicId !== zeroUuid,
  );
}

function askedTopics(services: Services, { version, body }: ApiRequest<MetadataRequest>): Answer[] {
  const { topics } = body;
  // Version 0 has no null.
  if (topics === null || (version === 0 && topics.length === 0)) {
    return services.broker.topics().map((topic) => answerOf(services, topic));
  }
  // A request asks by id as soon as it has one: names beside ids are passed over, as in Kafka.
  const ids = new Set(topics.map(({ topicId }) => topicId).filter((topicId) => topicId !== zeroUuid));
  if (ids.size > 0) return topicsById(services, ids);
  const names = new Set(topics.flatMap(({ name }) => (name === null ? [] : [name])));
  return Array.from(names, (name) => topicByName(services, name, body.allowAutoTopicCreation));
}

function topicsById(services: Services, ids: ReadonlySet<string>): Answer[] {
  const byId = new Map(services.broker.topics().map((topic) => [topic.topicId, topic]));
  return Array.from(ids, (topicId) => {
    const topic = byId.get(topicId);
    return topic === undefined ? noTopic('UNKNOWN_TOPIC_ID', { name: null, topicId }) : answerOf(services, topic);
  });
}

function topicByName(services: Services, name: string, mayCreate: boolean): Answer {
  const topic = services.broker.findTopic(name);
  if (topic !== undefined) return answerOf(services, topic);
  if (topicNameProblem(name) !== undefined) return noTopic('INVALID_TOPIC_EXCEPTION', { name });
  if (mayCreate) autoCreate(services, name);
  return noTopic('UNKNOWN_TOPIC_OR_PARTITION', { name });
}

function noTopic(
  errorCode: KafkaErrorName,
  { name, topicId = zeroUuid }: { name: string | null; topicId?: string },
): Answer {
  return { errorCode, name, topicId, isInternal: isInternalTopic(name ?? ''), partitions: [] };
}

function answerOf(services: Services, topic: TopicMetadata): Answer {
  const { topic: name, topicId } = topic;
  return {
    errorCode: 'NONE',
    name,
    topicId,
    isInternal: isInternalTopic(name),
    partitions: partitionsOf(services, topic),
  };
}

function brokersOf({ cluster }: Services): MetadataResponseBroker[] {
  return cluster.nodes.map(({ nodeId, host, port }) => ({ nodeId, host, port }));
}
