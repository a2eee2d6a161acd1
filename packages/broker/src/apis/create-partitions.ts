// CreatePartitions (KIP-195): gives topics more partitions. What a topic has stays where it is, so keys may go to another
// partition from then on.
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  createPartitionsApi,
  type CreatePartitionsRequest,
  type CreatePartitionsResponse,
  type CreatePartitionsTopic,
  type CreatePartitionsTopicResult,
} from '@throughline/wire/apis';
import { protectionText } from '../topics/protected-topics.ts';
import type { Services } from './services.ts';
import { duplicatesOf } from './duplicates.ts';
import { handler, type ApiRequest } from './handler.ts';
import { assignmentsProblem } from './new-partitions.ts';
import { problem, problemOf, type Problem } from './problem.ts';
import { hasNoTime, timedOut, withinTime } from './within-time.ts';

export const createPartitions = handler({ api: createPartitionsApi, handle, failed });

async function handle(
  services: Services,
  request: ApiRequest<CreatePartitionsRequest>,
): Promise<CreatePartitionsResponse> {
  const { topics, timeoutMs, validateOnly } = request.body;
  if (hasNoTime(timeoutMs)) return failed(request, timedOut.errorCode);
  const duplicates = duplicatesOf(topics.map(({ name }) => name));
  const rejections = Array.from(duplicates, (name) =>
    result(name, problem('INVALID_REQUEST', 'Duplicate topic name.')),
  );
  const single = topics.filter(({ name }) => !duplicates.has(name));
  const results = single.map((topic) => {
    const work = grow(services, topic, validateOnly).catch((error: unknown) => problemOf(error, services.logger));
    return withinTime(services.clock, timeoutMs, work, () => timedOut).then((answer) => result(topic.name, answer));
  });
  return { results: [...rejections, ...(await Promise.all(results))] };
}

function failed({ body }: ApiRequest<CreatePartitionsRequest>, errorCode: KafkaErrorName): CreatePartitionsResponse {
  return { results: body.topics.map(({ name }) => result(name, { errorCode, errorMessage: null })) };
}

async function grow(services: Services, topic: Read<CreatePartitionsTopic>, validateOnly: boolean): Promise<Problem> {
  const wrong = growthProblem(services, topic) ?? protectionProblem(services, topic);
  if (wrong !== undefined) return wrong;
  if (!validateOnly) await services.broker.createPartitions(topic.name, topic.count);
  return problem('NONE');
}

function growthProblem(
  services: Services,
  { name, count, assignments }: Read<CreatePartitionsTopic>,
): Problem | undefined {
  const topic = services.broker.findTopic(name);
  if (topic === undefined) return problem('UNKNOWN_TOPIC_OR_PARTITION');
  const present = topic.partitionCount;
  if (count === present) return problem('INVALID_PARTITIONS', `Topic already has ${present} partition(s).`);
  if (count < present) {
    return problem(
      'INVALID_PARTITIONS',
      `The topic ${name} currently has ${present} partition(s); ${count} would not be an increase.`,
    );
  }
  if (assignments === null) return undefined;
  if (assignments.length !== count - present) {
    return problem(
      'INVALID_REPLICA_ASSIGNMENT',
      `Attempted to add ${count - present} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
    );
  }
  return assignmentsProblem(services, assignments, assignments[0]?.brokerIds.length);
}

function protectionProblem({ broker }: Services, { name }: Read<CreatePartitionsTopic>): Problem | undefined {
  const reason = broker.protectedTopics.get(name);
  return reason === undefined ? undefined : problem('POLICY_VIOLATION', protectionText(name, reason));
}

function result(name: string, { errorCode, errorMessage }: Problem): CreatePartitionsTopicResult {
  return { name, errorCode, errorMessage };
}
