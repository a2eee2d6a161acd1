// Which groups a cluster has, and which of its brokers answers for each (ListGroups, FindCoordinator).
import { findCoordinatorApi, listGroupsApi } from '@throughline/wire/apis';
import type { AskGroup } from '../group/group-offsets.ts';
import type { Cluster } from './cluster.ts';
import { failureOf } from '../port/failures.ts';

const groupKey = 0;

/** The ids of all groups that consume, or have committed. @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED */
export async function groupIds(cluster: Cluster): Promise<readonly string[]> {
  const ids = new Set<string>();
  for (const broker of cluster.brokerIds) {
    const groups = await cluster.retrying('groups', async () => {
      const answer = await cluster.request(broker, 'ask', listGroupsApi, { statesFilter: [], typesFilter: [] });
      if (answer.errorCode !== 'NONE') throw failureOf(answer.errorCode, 'groups');
      return answer.groups;
    });
    for (const { groupId, protocolType } of groups) {
      if (protocolType === 'consumer' || protocolType === '') ids.add(groupId);
    }
  }
  return [...ids].sort();
}

/** Asks the coordinator of a group, which is looked up each time. */
export function askCoordinator(cluster: Cluster, groupId: string): AskGroup {
  return async (api, request) => cluster.request(await coordinatorOf(cluster, groupId), 'ask', api, request);
}

/** The broker that answers for a group. */
export async function coordinatorOf(cluster: Cluster, groupId: string): Promise<number> {
  const answer = await cluster.requestAny(findCoordinatorApi, {
    key: groupId,
    keyType: groupKey,
    coordinatorKeys: [groupId],
  });
  const { errorCode, nodeId, errorMessage } = answer.coordinators[0] ?? answer;
  if (errorCode !== 'NONE') throw failureOf(errorCode, `coordinator of group ${groupId}`, errorMessage);
  return nodeId;
}
