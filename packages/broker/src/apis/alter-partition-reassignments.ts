// AlterPartitionReassignments (KIP-455): gives partitions other replicas, or ends that. Each partition has one replica, at the
// node that it is worked out to be at (network/cluster.ts): to leave it there is accepted, anything else is rejected, and there
// is nothing to end. The words are those of Kafka's ReplicationControlManager.
import type { KafkaErrorName, Read } from '@throughline/wire';
import {
  alterPartitionReassignmentsApi,
  type AlterPartitionReassignmentsRequest,
  type AlterPartitionReassignmentsResponse,
  type ReassignablePartition,
} from '@throughline/wire/apis';
import type { Services } from './services.ts';
import { handler, type ApiRequest } from './handler.ts';
import { assignmentsProblem } from './new-partitions.ts';
import { problem, type Problem } from './problem.ts';

export const alterPartitionReassignments = handler({ api: alterPartitionReassignmentsApi, handle, failed });

function handle(
  services: Services,
  { body }: ApiRequest<AlterPartitionReassignmentsRequest>,
): AlterPartitionReassignmentsResponse {
  return {
    errorCode: 'NONE',
    errorMessage: null,
    allowReplicationFactorChange: body.allowReplicationFactorChange,
    responses: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((partition) => ({
        partitionIndex: partition.partitionIndex,
        ...outcomeOf(services, name, partition),
      })),
    })),
  };
}

function failed(
  _request: ApiRequest<AlterPartitionReassignmentsRequest>,
  errorCode: KafkaErrorName,
): AlterPartitionReassignmentsResponse {
  return { errorCode, errorMessage: null, responses: [] };
}

function outcomeOf(
  services: Services,
  name: string,
  { partitionIndex, replicas }: Read<ReassignablePartition>,
): Problem {
  const topic = services.broker.findTopic(name);
  if (topic === undefined) return problem('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${name}.`);
  if (partitionIndex < 0 || partitionIndex >= topic.partitionCount) {
    return problem('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${name}:${partitionIndex}.`);
  }
  if (replicas === null) return problem('NO_REASSIGNMENT_IN_PROGRESS');
  const wrong = assignmentsProblem(services, [{ brokerIds: replicas }], undefined);
  if (wrong !== undefined) return wrong;
  const leader = services.cluster.leaderOf(topic, partitionIndex);
  return replicas.length === 1 && replicas[0] === leader
    ? problem('NONE')
    : problem('INVALID_REPLICA_ASSIGNMENT', `Each partition has one replica, and this one is at broker ${leader}.`);
}
