// The partition that a request is about: whether there is one, whether the node that was asked leads it, and whether the
// client means the same leader epoch (KIP-320). The order of the questions is that of Kafka's ReplicaManager and Partition.
import type { KafkaErrorName } from '@throughline/wire';
import type { PartitionLog } from '../storage/partition-face.ts';
import type { Broker } from './broker.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

/** Topics, and which node leads which of their partitions. */
export interface Leadership {
  readonly broker: Broker;
  readonly cluster: VirtualCluster;
}

/** What a request names when it knows no leader epoch. */
const epochNotKnown = -1;

/** Why a partition cannot be had at a node. */
type NotLed = 'UNKNOWN_TOPIC_OR_PARTITION' | 'NOT_LEADER_OR_FOLLOWER';

/** The partition, or why it cannot be had at this node (`isNotLed`). Produce and Fetch ask for each, so nothing is made here. */
export function ledPartition(
  { broker, cluster }: Leadership,
  nodeId: number,
  topic: string,
  partition: number,
): PartitionLog | NotLed {
  const metadata = broker.findTopic(topic);
  if (metadata === undefined || partition < 0 || partition >= metadata.partitionCount) {
    return 'UNKNOWN_TOPIC_OR_PARTITION';
  }
  if (cluster.leaderOf(metadata, partition) !== nodeId) return 'NOT_LEADER_OR_FOLLOWER';
  return broker.partition(topic, partition);
}

export function isNotLed(found: PartitionLog | NotLed): found is NotLed {
  return typeof found === 'string';
}

/** Whether the client's leader epoch is the one that there is. */
export function leaderEpochProblem(log: PartitionLog, currentLeaderEpoch: number): KafkaErrorName {
  if (currentLeaderEpoch === epochNotKnown || currentLeaderEpoch === log.leaderEpoch) return 'NONE';
  return currentLeaderEpoch < log.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH';
}

interface CurrentLeader {
  readonly leaderId: number;
  readonly leaderEpoch: number;
}

/** Who leads a partition, for clients that asked somebody else: they need not ask Metadata then (KIP-951). */
export function currentLeader({ broker, cluster }: Leadership, topic: string, partition: number): CurrentLeader {
  const metadata = broker.findTopic(topic);
  if (metadata === undefined) return { leaderId: -1, leaderEpoch: -1 };
  const { leaderEpoch } = broker.partition(topic, partition);
  return { leaderId: cluster.leaderOf(metadata, partition), leaderEpoch };
}

interface NodeEndpoint {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/** Where the leaders that an answer names can be reached, each once. */
export function endpointsOf(
  { cluster }: Pick<Leadership, 'cluster'>,
  leaders: readonly ({ readonly leaderId?: number } | undefined)[],
): readonly NodeEndpoint[] {
  const ids = new Set(leaders.map((leader) => leader?.leaderId));
  return cluster.nodes
    .filter(({ nodeId }) => ids.has(nodeId))
    .map(({ nodeId, host, port }) => ({ nodeId, host, port }));
}
