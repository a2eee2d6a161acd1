// DeleteTopics: by name, from version 6 on by id too. Each topic is answered on its own, in Kafka's order of checks
// (ControllerApis).
import { zeroUuid, type KafkaErrorName } from '@throughline/wire';
import {
  deleteTopicsApi,
  type DeletableTopicResult,
  type DeleteTopicsRequest,
  type DeleteTopicsResponse,
} from '@throughline/wire/apis';
import type { TopicMetadata } from '../topics/broker.ts';
import type { Services } from './services.ts';
import { duplicatesOf } from './duplicates.ts';
import { handler, type ApiRequest } from './handler.ts';
import { problem, problemOf, type Problem } from './problem.ts';
import { hasNoTime, timedOut, withinTime } from './within-time.ts';

export const deleteTopics = handler({ api: deleteTopicsApi, handle, failed });

/** A topic as the request names it: by one of both. */
interface Named {
  readonly name: string | null;
  readonly topicId: string;
}

async function handle(services: Services, request: ApiRequest<DeleteTopicsRequest>): Promise<DeleteTopicsResponse> {
  const { timeoutMs } = request.body;
  const isAllowed = services.broker.configs.boolean('delete.topic.enable');
  // Older versions have no error for it.
  if (!isAllowed) {
    return failed(request, request.version < 3 ? 'INVALID_REQUEST' : 'TOPIC_DELETION_DISABLED');
  }
  if (hasNoTime(timeoutMs)) return failed(request, 'REQUEST_TIMED_OUT');
  const { responses, topics } = resolve(services, namedTopics(request));
  const deletions = topics.map(({ topic: name, topicId }) => {
    const work = deleteTopic(services, { name, topicId });
    return withinTime(services.clock, timeoutMs, work, () => answer({ name, topicId }, timedOut));
  });
  return { responses: [...responses, ...(await Promise.all(deletions))] };
}

function failed(request: ApiRequest<DeleteTopicsRequest>, errorCode: KafkaErrorName): DeleteTopicsResponse {
  return { responses: namedTopics(request).map((named) => answer(named, { errorCode, errorMessage: null })) };
}

/** Up to version 5 there are names only. */
function namedTopics({ version, body }: ApiRequest<DeleteTopicsRequest>): readonly Named[] {
  return version >= 6 ? body.topics : body.topicNames.map((name) => ({ name, topicId: zeroUuid }));
}

/** Which topics are to be deleted, and the answers to what cannot be. */
function resolve(
  { broker }: Services,
  named: readonly Named[],
): { readonly responses: DeletableTopicResult[]; readonly topics: readonly TopicMetadata[] } {
  const responses: DeletableTopicResult[] = [];
  const reject = (what: Named, wrong: Problem): void => void responses.push(answer(what, wrong));
  const isName = ({ name, topicId }: Named): boolean => name !== null && topicId === zeroUuid;
  const isId = ({ name, topicId }: Named): boolean => name === null && topicId !== zeroUuid;
  for (const one of named) {
    if (isName(one) || isId(one)) continue;
    const text =
      one.name === null
        ? 'Neither topic name nor id were specified.'
        : 'You may not specify both topic name and topic id.';
    reject(one, problem('INVALID_REQUEST', text));
  }
  const names = named.filter(isName).map(({ name }) => name!);
  const ids = named.filter(isId).map(({ topicId }) => topicId);
  const duplicateNames = duplicatesOf(names);
  const duplicateIds = duplicatesOf(ids);
  for (const name of duplicateNames) {
    reject({ name, topicId: zeroUuid }, problem('INVALID_REQUEST', 'Duplicate topic name.'));
  }
  for (const topicId of duplicateIds) {
    reject({ name: null, topicId }, problem('INVALID_REQUEST', 'Duplicate topic id.'));
  }
  const topics = new Map<string, TopicMetadata>();
  for (const topicId of new Set(ids)) {
    const topic = broker.findTopicById(topicId);
    if (duplicateIds.has(topicId)) continue;
    if (topic === undefined) reject({ name: null, topicId }, noSuchId);
    else topics.set(topicId, topic);
  }
  for (const name of new Set(names)) {
    if (duplicateNames.has(name)) continue;
    const topic = broker.findTopic(name);
    if (topic === undefined) reject({ name, topicId: zeroUuid }, noSuchName);
    else if (topics.has(topic.topicId) || duplicateIds.has(topic.topicId)) {
      topics.delete(topic.topicId);
      const text = 'The provided topic name maps to an ID that was already supplied.';
      reject({ name, topicId: topic.topicId }, problem('INVALID_REQUEST', text));
    } else topics.set(topic.topicId, topic);
  }
  return { responses, topics: [...topics.values()] };
}

const noSuchName = problem('UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.');
const noSuchId = problem('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.');

async function deleteTopic({ broker, logger }: Services, { name, topicId }: Named): Promise<DeletableTopicResult> {
  try {
    // By its name now, which somebody may have given to another topic meanwhile.
    if (broker.findTopicById(topicId) === undefined) return answer({ name, topicId }, noSuchId);
    await broker.deleteTopic(name!);
    return answer({ name, topicId }, problem('NONE'));
  } catch (error) {
    return answer({ name, topicId }, problemOf(error, logger));
  }
}

function answer({ name, topicId }: Named, { errorCode, errorMessage }: Problem): DeletableTopicResult {
  return { name, topicId, errorCode, errorMessage };
}
