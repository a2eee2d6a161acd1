// CreateTopics: each topic of a request is made or rejected on its own, in Kafka's order of checks (ControllerApis and
// ReplicationControlManager): the name, whether it is there, its settings, its partitions. A topic is answered when it is
// certain to survive a power cut.
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  createTopicsApi,
  type CreatableTopic,
  type CreatableTopicConfigs,
  type CreatableTopicResult,
  type CreateTopicsRequest,
  type CreateTopicsResponse,
} from '@throughline/wire/apis';
import type { TopicMetadata } from '../topics/broker.ts';
import { describeTopicConfigs } from '../metadata/describe-configs.ts';
import type { Services } from './services.ts';
import { clusterMetadataTopic, collisionName, topicNameProblem } from '../ground/topic-name.ts';
import { configSourceIds } from './config-ids.ts';
import { duplicatesOf } from './duplicates.ts';
import { handler, type ApiRequest } from './handler.ts';
import { partitionCountOf } from './new-partitions.ts';
import { problem, problemOf, type Problem } from './problem.ts';
import { hasNoTime, timedOut, withinTime } from './within-time.ts';

export const createTopics = handler({ api: createTopicsApi, handle, failed });

async function handle(services: Services, { body }: ApiRequest<CreateTopicsRequest>): Promise<CreateTopicsResponse> {
  const { topics, timeoutMs, validateOnly } = body;
  if (hasNoTime(timeoutMs)) return { topics: topics.map((topic) => rejected(topic.name, timedOut)) };
  const duplicates = duplicatesOf(topics.map(({ name }) => name));
  const single = topics.filter(({ name }) => !duplicates.has(name));
  // Names that come with one request do not collide with each other, only with those that are there (so in Kafka).
  const taken = takenNames(services);
  const results = single.map((topic) => {
    const work = createTopic(services, topic, { taken, validateOnly });
    return withinTime(services.clock, timeoutMs, work, () => rejected(topic.name, timedOut));
  });
  const rejections = Array.from(duplicates, (name) =>
    rejected(name, problem('INVALID_REQUEST', 'Duplicate topic name.')),
  );
  return { topics: [...(await Promise.all(results)), ...rejections] };
}

function failed({ body }: ApiRequest<CreateTopicsRequest>, errorCode: KafkaErrorName): CreateTopicsResponse {
  return { topics: body.topics.map(({ name }) => rejected(name, { errorCode, errorMessage: null })) };
}

/** Of the topics that there are, by the name that `.` and `_` make the same. */
function takenNames({ broker }: Services): ReadonlyMap<string, string> {
  return new Map(broker.topics().map(({ topic }) => [collisionName(topic) ?? topic, topic]));
}

async function createTopic(
  services: Services,
  topic: Read<CreatableTopic>,
  options: { readonly taken: ReadonlyMap<string, string>; readonly validateOnly: boolean },
): Promise<CreatableTopicResult> {
  const { broker, random, logger } = services;
  const { name } = topic;
  try {
    const wrong = nameProblem(services, name, options.taken) ?? nullConfigProblem(topic);
    if (wrong !== undefined) return rejected(name, wrong);
    const settings = new Map(topic.configs.map((config) => [config.name, config.value ?? '']));
    // Settings are judged before the number of partitions is.
    broker.checkNewTopic(name, { partitions: 1, settings });
    const partitions = partitionCountOf(services, topic);
    if (typeof partitions !== 'number') return rejected(name, partitions);
    const made = options.validateOnly
      ? { ...broker.checkNewTopic(name, { partitions, settings }), topicId: hex(random.bytes(16)) }
      : await broker.createTopic(name, { partitions, settings });
    return created(services, made);
  } catch (error) {
    return rejected(name, problemOf(error, logger));
  }
}

function nameProblem({ broker }: Services, name: string, taken: ReadonlyMap<string, string>): Problem | undefined {
  if (name === clusterMetadataTopic) {
    return problem('INVALID_REQUEST', `Creation of internal topic ${clusterMetadataTopic} is prohibited.`);
  }
  if (broker.findTopic(name) !== undefined) {
    return problem('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`);
  }
  const text = topicNameProblem(name);
  if (text !== undefined) return problem('INVALID_TOPIC_EXCEPTION', text);
  const other = taken.get(collisionName(name) ?? name);
  return other === undefined
    ? undefined
    : problem('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${other}`);
}

function nullConfigProblem({ configs }: Read<CreatableTopic>): Problem | undefined {
  const names = configs.filter(({ value }) => value === null).map(({ name }) => name);
  return names.length === 0
    ? undefined
    : problem('INVALID_CONFIG', `Null value not supported for topic configs: ${names.join(',')}`);
}

function created({ broker }: Services, topic: TopicMetadata): CreatableTopicResult {
  return {
    name: topic.topic,
    topicId: topic.topicId,
    errorCode: 'NONE',
    errorMessage: null,
    numPartitions: topic.partitionCount,
    replicationFactor: 1,
    configs: describeTopicConfigs(topic.overrides, broker.configs).map(
      ({ name, value, isReadOnly, source }): CreatableTopicConfigs => ({
        name,
        value,
        readOnly: isReadOnly,
        configSource: configSourceIds[source],
        isSensitive: false,
      }),
    ),
  };
}

function rejected(name: string, { errorCode, errorMessage }: Problem): CreatableTopicResult {
  return { name, errorCode, errorMessage };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
