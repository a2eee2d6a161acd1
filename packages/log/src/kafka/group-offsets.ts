// Committed offsets of consumer groups: which groups there are, what they have committed, and commits on their behalf while
// none of their members is there (ListGroups, FindCoordinator, OffsetFetch, OffsetCommit).
import { kafkaErrors } from '@throughline/wire';
import { findCoordinatorApi, listGroupsApi, offsetCommitApi, offsetFetchApi } from '@throughline/wire/apis';
import type { Cluster } from './cluster.ts';
import { failureOf } from './failures.ts';

export interface CommittedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly metadata: string | null;
}

/** From version 10 on topics are told by id; names are enough here, and every broker has them. */
const byName = {
  offsetFetch: { ...offsetFetchApi, versionMax: 9 },
  offsetCommit: { ...offsetCommitApi, versionMax: 9 },
};
const groupKey = 0;

/** The ids of all groups that consume, or have committed. @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED */
export async function groupIds(cluster: Cluster): Promise<readonly string[]> {
  const ids = new Set<string>();
  for (const broker of cluster.brokerIds) {
    const groups = await cluster.retrying('groups', async () => {
      const answer = await cluster.request(broker, 'ask', listGroupsApi, { statesFilter: [], typesFilter: [] });
      if (answer.errorCode !== kafkaErrors.NONE) throw failureOf(answer.errorCode, 'groups');
      return answer.groups;
    });
    for (const { groupId, protocolType } of groups) {
      if (protocolType === 'consumer' || protocolType === '') ids.add(groupId);
    }
  }
  return [...ids].sort();
}

/** What a group has committed, of all topics. @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED */
export function committedOffsets(cluster: Cluster, groupId: string): Promise<readonly CommittedOffset[]> {
  return cluster.retrying(`offsets of group ${groupId}`, async () => {
    const answer = await cluster.request(await coordinatorOf(cluster, groupId), 'ask', byName.offsetFetch, {
      groupId,
      topics: null,
      groups: [{ groupId, topics: null }],
    });
    const { errorCode, topics } = answer.groups[0] ?? answer;
    if (errorCode !== kafkaErrors.NONE) throw failureOf(errorCode, `offsets of group ${groupId}`);
    const offsets: CommittedOffset[] = [];
    for (const { name: topic, partitions } of topics) {
      for (const { partitionIndex: partition, committedOffset: offset, metadata, errorCode: code } of partitions) {
        if (code !== kafkaErrors.NONE) throw failureOf(code, `offset of group ${groupId} in ${topic}-${partition}`);
        if (offset >= 0n) offsets.push({ topic, partition, offset, metadata });
      }
    }
    return offsets;
  });
}

/**
 * Commits for a group that has no members.
 *
 * @throws ThroughlineError LOG_REFUSED while members are there; LOG_UNREACHABLE
 */
export async function commitOffsets(
  cluster: Cluster,
  groupId: string,
  offsets: readonly CommittedOffset[],
): Promise<void> {
  await cluster.retrying(`commit of group ${groupId}`, async () => {
    const { topics } = await cluster.request(await coordinatorOf(cluster, groupId), 'ask', byName.offsetCommit, {
      groupId,
      memberId: '',
      topics: offsets.map(({ topic: name, partition: partitionIndex, offset: committedOffset, metadata }) => ({
        name,
        partitions: [{ partitionIndex, committedOffset, committedMetadata: metadata }],
      })),
    });
    for (const { name, partitions } of topics) {
      for (const { partitionIndex, errorCode } of partitions) {
        if (errorCode === kafkaErrors.NONE) continue;
        throw failureOf(errorCode, `commit of group ${groupId} in ${name}-${partitionIndex}`);
      }
    }
  });
}

/** The broker that answers for a group. */
export async function coordinatorOf(cluster: Cluster, groupId: string): Promise<number> {
  const answer = await cluster.requestAny(findCoordinatorApi, {
    key: groupId,
    keyType: groupKey,
    coordinatorKeys: [groupId],
  });
  const { errorCode, nodeId, errorMessage } = answer.coordinators[0] ?? answer;
  if (errorCode !== kafkaErrors.NONE) throw failureOf(errorCode, `coordinator of group ${groupId}`, errorMessage);
  return nodeId;
}
