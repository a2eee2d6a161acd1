// ElectLeaders (KIP-183, KIP-460): makes the preferred replica the leader, or any live one. Each partition has one replica,
// which leads it, so an election is never needed. The words are those of Kafka's ReplicationControlManager.
import type { KafkaErrorName } from '@throughline/wire';
import { electLeadersApi, type ElectLeadersRequest, type ElectLeadersResponse } from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { handler, type ApiRequest } from './handler.ts';
import { problem, type Problem } from './problem.ts';

export const electLeaders = handler({ api: electLeadersApi, handle, failed });

/** PREFERRED and UNCLEAN. */
const electionTypeMax = 1;

function handle({ broker }: Services, request: ApiRequest<ElectLeadersRequest>): ElectLeadersResponse {
  const { electionType, topicPartitions } = request.body;
  if (electionType < 0 || electionType > electionTypeMax) {
    return answer(request, problem('INVALID_REQUEST', `Unknown election type ${electionType}`));
  }
  // Of all partitions only those are told that needed an election.
  const asked = topicPartitions ?? broker.topics().map(({ topic }) => ({ topic, partitions: [] }));
  return {
    errorCode: 'NONE',
    replicaElectionResults: asked.map(({ topic, partitions }) => {
      const partitionCount = broker.findTopic(topic)?.partitionCount;
      return {
        topic,
        partitionResult: partitions.map((partitionId) => ({
          partitionId,
          ...outcomeOf(topic, partitionCount, partitionId),
        })),
      };
    }),
  };
}

function outcomeOf(topic: string, partitionCount: number | undefined, partition: number): Problem {
  if (partitionCount === undefined) return problem('UNKNOWN_TOPIC_OR_PARTITION', `No such topic as ${topic}`);
  return partition >= 0 && partition < partitionCount
    ? problem('ELECTION_NOT_NEEDED', 'Leader election not needed for topic partition.')
    : problem('UNKNOWN_TOPIC_OR_PARTITION', `No such partition as ${topic}-${partition}`);
}

function failed(request: ApiRequest<ElectLeadersRequest>, errorCode: KafkaErrorName): ElectLeadersResponse {
  return answer(request, { errorCode, errorMessage: null });
}

/** The same of everything that was asked for; before version 1 there is no place for it elsewhere. */
function answer({ version, body }: ApiRequest<ElectLeadersRequest>, outcome: Problem): ElectLeadersResponse {
  return {
    errorCode: version === 0 ? 'NONE' : outcome.errorCode,
    replicaElectionResults: (body.topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, ...outcome })),
    })),
  };
}
