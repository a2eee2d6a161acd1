// How far a group is behind, partition by partition.
import { ThroughlineError } from '@throughline/event';
import type { KafkaCluster, TopicDescription } from '@throughline/log';

export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  readonly committed: bigint;
  /** Undefined when the partition is not there any more, or nobody leads it. */
  readonly end: bigint | undefined;
  readonly lag: bigint | undefined;
}

/** What a group has committed, against the ends of the partitions. @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED */
export async function groupLag(cluster: KafkaCluster, groupId: string): Promise<readonly PartitionLag[]> {
  const committed = await cluster.committedOffsets(groupId);
  const topics = new Map<string, TopicDescription | undefined>();
  for (const { topic } of committed) {
    if (!topics.has(topic)) topics.set(topic, await cluster.log.admin.describeTopic(topic).catch(undefinedIfGone));
  }
  return committed
    .map(({ topic, partition, offset }) => {
      const found = topics.get(topic)?.partitions[partition];
      const end = found?.isOnline === true ? found.highWatermark : undefined;
      const lag = end === undefined ? undefined : recordsBetween(offset, end, found?.logStartOffset);
      return { topic, partition, committed: offset, end, lag };
    })
    .toSorted((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
}

/** Records from `offset` on: what is deleted below the start of the log will never be read, so nobody is behind by it. */
function recordsBetween(offset: bigint, end: bigint, logStartOffset = 0n): bigint {
  const first = offset > logStartOffset ? offset : logStartOffset;
  return end > first ? end - first : 0n;
}

function undefinedIfGone(error: unknown): undefined {
  if (!ThroughlineError.is(error, 'UNKNOWN_TOPIC')) throw error;
}
