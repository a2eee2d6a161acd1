// Whether partitions can be had as they are asked for: how many of them, how often each is kept, and on which nodes. The
// rules and their words are those of Kafka's ReplicationControlManager.
//
// Each partition is kept once, and which node serves it is worked out (network/cluster.ts). So a replication factor is
// checked and then has no effect, and an assignment says how many partitions there are and not where.
import type { Read } from '@throughline/wire';
import type { CreatableReplicaAssignment, CreatableTopic } from '@throughline/wire/apis';
import { topicPartitionCountMax } from '../defaults.ts';
import type { Services } from './services.ts';
import { duplicatesOf } from './duplicates.ts';
import { problem, type Problem } from './problem.ts';

/** How many partitions a new topic has, or what is wrong with the request for it. */
export function partitionCountOf(services: Services, topic: Read<CreatableTopic>): number | Problem {
  const { assignments, numPartitions, replicationFactor } = topic;
  if (assignments.length > 0) return countOfAssignments(services, topic);
  if (replicationFactor < -1 || replicationFactor === 0) {
    return problem(
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.',
    );
  }
  if (numPartitions < -1 || numPartitions === 0) {
    return problem('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.');
  }
  const nodeCount = services.cluster.nodes.length;
  if (replicationFactor > nodeCount) {
    return problem(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): The target replication factor of ` +
        `${replicationFactor} cannot be reached because only ${nodeCount} broker(s) are registered or some brokers have all their log directories cordoned.`,
    );
  }
  return withinBounds(numPartitions === -1 ? services.broker.configs.integer('num.partitions') : numPartitions);
}

function withinBounds(count: number): number | Problem {
  return count <= topicPartitionCountMax
    ? count
    : problem('INVALID_PARTITIONS', `A topic has ${topicPartitionCountMax} partitions at most, not ${count}.`);
}

function countOfAssignments(services: Services, topic: Read<CreatableTopic>): number | Problem {
  const { assignments, numPartitions, replicationFactor } = topic;
  if (replicationFactor !== -1) {
    return problem(
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    );
  }
  if (numPartitions !== -1) {
    return problem(
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    );
  }
  const [duplicate] = duplicatesOf(assignments.map(({ partitionIndex }) => partitionIndex));
  if (duplicate !== undefined) {
    return problem(
      'INVALID_REPLICA_ASSIGNMENT',
      `Found multiple manual partition assignments for partition ${duplicate}`,
    );
  }
  const wrong = assignmentsProblem(services, assignments, assignments[0]?.brokerIds.length);
  if (wrong !== undefined) return wrong;
  if (assignments.some(({ partitionIndex }) => partitionIndex < 0 || partitionIndex >= assignments.length)) {
    return problem('INVALID_REPLICA_ASSIGNMENT', 'partitions should be a consecutive 0-based integer sequence');
  }
  return withinBounds(assignments.length);
}

/** What is wrong with the nodes that partitions are to be kept on. */
export function assignmentsProblem(
  services: Services,
  assignments: readonly Pick<Read<CreatableReplicaAssignment>, 'brokerIds'>[],
  replicationFactor: number | undefined,
): Problem | undefined {
  for (const { brokerIds } of assignments) {
    const text = nodesProblem(services, brokerIds, replicationFactor);
    if (text !== undefined) return problem('INVALID_REPLICA_ASSIGNMENT', text);
  }
  return undefined;
}

function nodesProblem(
  { cluster }: Services,
  nodeIds: readonly number[],
  replicationFactor: number | undefined,
): string | undefined {
  const text = 'The manual partition assignment includes';
  if (nodeIds.length === 0) return `${text} an empty replica list.`;
  const [duplicate] = duplicatesOf(nodeIds);
  for (const nodeId of [...nodeIds].sort((a, b) => a - b)) {
    if (cluster.node(nodeId) === undefined) return `${text} broker ${nodeId}, but no such broker is registered.`;
    if (nodeId === duplicate) return `${text} the broker ${nodeId} more than once.`;
  }
  if (replicationFactor !== undefined && nodeIds.length !== replicationFactor) {
    return (
      `${text} a partition with ${nodeIds.length} replica(s), but this is not consistent with previous partitions, ` +
      `which have ${replicationFactor} replica(s).`
    );
  }
  return undefined;
}
