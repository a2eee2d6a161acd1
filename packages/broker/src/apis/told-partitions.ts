// The partitions of a topic as clients are told of them, by Metadata and DescribeTopicPartitions.
import type { MetadataResponsePartition } from '@throughline/wire/apis';
import type { TopicMetadata } from '../topics/broker.ts';
import type { Services } from './services.ts';

/** Partitions as they were told last, which for ten thousand of them is most of the work. */
const told = new WeakMap<TopicMetadata, Told>();

interface Told {
  readonly nodes: Services['cluster']['nodes'];
  readonly partitions: readonly MetadataResponsePartition[];
}

/** They change with the topic, of which there is then another object, and with the nodes; epochs begin at a start only. */
export function partitionsOf(
  { broker, cluster }: Services,
  topic: TopicMetadata,
): readonly MetadataResponsePartition[] {
  const before = told.get(topic);
  if (before?.nodes === cluster.nodes) return before.partitions;
  const partitions = Array.from({ length: topic.partitionCount }, (_, partitionIndex): MetadataResponsePartition => {
    const leaderId = cluster.leaderOf(topic, partitionIndex);
    return {
      errorCode: 'NONE',
      partitionIndex,
      leaderId,
      leaderEpoch: broker.partition(topic.topic, partitionIndex).leaderEpoch,
      replicaNodes: [leaderId],
      isrNodes: [leaderId],
    };
  });
  told.set(topic, { nodes: cluster.nodes, partitions });
  return partitions;
}
