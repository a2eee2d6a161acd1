// Where leader epochs end on a cluster (OffsetForLeaderEpoch, API key 23), asked of the leader of the partition.
import { offsetForLeaderEpochApi } from '@throughline/wire/apis';
import type { EpochEnd } from '../port/port.ts';
import { checkHistory, unknownEpoch, type ReadPosition } from '../port/history.ts';
import type { Cluster } from './cluster.ts';
import { failureOf } from '../port/failures.ts';
import { staleOr } from './offsets.ts';

const consumer = -1;

/**
 * Where an epoch ends, asked once.
 *
 * @returns null for an epoch that has not begun
 * @throws ThroughlineError UNKNOWN_TOPIC; LOG_UNREACHABLE also where the leader is another one than was thought
 */
export async function endOfEpoch(
  cluster: Cluster,
  topic: string,
  partition: number,
  epoch: number,
): Promise<EpochEnd | null> {
  const { metadata, leader } = await cluster.leaderOf(topic, partition);
  const what = `epoch ${epoch} of ${topic}-${partition}`;
  const { leaderEpoch: currentLeaderEpoch } = metadata.partitions[partition]!;
  const { topics } = await cluster
    .request(leader, 'read', offsetForLeaderEpochApi, {
      replicaId: consumer,
      topics: [{ topic, partitions: [{ partition, currentLeaderEpoch, leaderEpoch: epoch }] }],
    })
    .catch((error: unknown) => {
      cluster.forget(topic);
      throw error;
    });
  const found = topics[0]?.partitions[0];
  if (found === undefined) throw failureOf('UNKNOWN_TOPIC_OR_PARTITION', what);
  if (found.errorCode !== 'NONE') throw await staleOr(cluster, metadata, found.errorCode, what);
  return found.leaderEpoch < 0 || found.endOffset < 0n
    ? null
    : { epoch: found.leaderEpoch, endOffset: found.endOffset };
}

/** Checks a position as checkHistory does, asking once. @throws ThroughlineError LOG_DIVERGED, UNKNOWN_TOPIC, LOG_UNREACHABLE */
export async function checkPosition(cluster: Cluster, position: ReadPosition): Promise<void> {
  const { topic, partition, lastEpoch } = position;
  if (lastEpoch !== unknownEpoch) checkHistory(position, await endOfEpoch(cluster, topic, partition, lastEpoch));
}
