// The APIs of groups as a node of the virtual cluster answers them. What groups do: ../groups/*.test.ts; every version of every
// API, field by field: test/judges/oracle.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  describeGroupsApi,
  findCoordinatorApi,
  heartbeatApi,
  joinGroupApi,
  leaveGroupApi,
  listGroupsApi,
  offsetCommitApi,
  offsetFetchApi,
  syncGroupApi,
} from '@throughline/wire/apis';
import { joinRequest } from '../groups/test-support.ts';
import type { Services } from './services.ts';
import { describeGroups } from './describe-groups.ts';
import { findCoordinator } from './find-coordinator.ts';
import { heartbeat } from './heartbeat.ts';
import { joinGroup } from './join-group.ts';
import { leaveGroup } from './leave-group.ts';
import { listGroups } from './list-groups.ts';
import { offsetCommit } from './offset-commit.ts';
import { offsetFetch } from './offset-fetch.ts';
import { syncGroup } from './sync-group.ts';
import { ask, stillServices } from './test-support.ts';

const { protocolType, protocols, rebalanceTimeoutMs, sessionTimeoutMs } = joinRequest();
const joinBody = { groupId: 'g', memberId: '', protocolType, protocols, rebalanceTimeoutMs, sessionTimeoutMs };

/** The node that coordinates a group, and one that does not. */
async function nodesOf(
  services: Services,
  groupId: string,
): Promise<{ readonly right: number; readonly wrong: number }> {
  const body = { keyType: 0, coordinatorKeys: [groupId] };
  const { coordinators = [] } = await ask(findCoordinator, services, { api: findCoordinatorApi, version: 6, body });
  const right = coordinators[0]!.nodeId;
  return { right, wrong: (right % 3) + 1 };
}

test('groups are spread over the nodes, and each is the same node for all who ask', async (t) => {
  const services = await stillServices(t, { nodeCount: 3 });
  const coordinatorKeys = Array.from({ length: 50 }, (_, index) => `group-${index}`);
  for (const nodeId of [1, 3]) {
    const body = { keyType: 0, coordinatorKeys };
    const answer = await ask(findCoordinator, services, { api: findCoordinatorApi, version: 4, body, nodeId });
    const nodes = answer.coordinators!.map((one) => one.nodeId);
    assert.deepEqual(
      [...new Set(nodes)].toSorted((a, b) => a - b),
      [1, 2, 3],
    );
    assert.deepEqual(
      nodes,
      await Promise.all(coordinatorKeys.map(async (key) => (await nodesOf(services, key)).right)),
    );
  }
});

test('a node that does not coordinate a group says so, whatever it is asked', async (t) => {
  const services = await stillServices(t, { nodeCount: 3 });
  const { right, wrong } = await nodesOf(services, 'g');
  const { topicId } = await services.broker.createTopic('t', { partitions: 1 });
  for (const [nodeId, expected] of [
    [wrong, 'NOT_COORDINATOR'],
    [right, 'NONE'],
  ] as const) {
    const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }];
    const body = { groupId: 'g', memberId: '', topics: [{ topicId, partitions }] };
    const committed = await ask(offsetCommit, services, { api: offsetCommitApi, version: 10, body, nodeId });
    assert.equal(committed.topics[0]?.partitions[0]?.errorCode, expected);
    const fetchBody = { groups: [{ groupId: 'g', topics: null }] };
    const fetched = await ask(offsetFetch, services, { api: offsetFetchApi, version: 9, body: fetchBody, nodeId });
    assert.equal(fetched.groups?.[0]?.errorCode, expected);
    const listed = await ask(listGroups, services, { api: listGroupsApi, version: 5, body: {}, nodeId });
    assert.equal(listed.groups.length, expected === 'NONE' ? 1 : 0);
    const described = await ask(describeGroups, services, {
      api: describeGroupsApi,
      version: 5,
      body: { groups: ['g'] },
      nodeId,
    });
    assert.equal(described.groups[0]?.errorCode, expected);
  }
  const joined = await ask(joinGroup, services, { api: joinGroupApi, version: 9, body: joinBody, nodeId: wrong });
  assert.equal(joined.errorCode, 'NOT_COORDINATOR');
  const member = { groupId: 'g', memberId: 'm', generationId: 1 };
  const syncBody = { ...member, protocolType, protocolName: 'range', assignments: [] };
  const synced = await ask(syncGroup, services, { api: syncGroupApi, version: 5, body: syncBody, nodeId: wrong });
  assert.equal(synced.errorCode, 'NOT_COORDINATOR');
  const beaten = await ask(heartbeat, services, { api: heartbeatApi, version: 4, body: member, nodeId: wrong });
  assert.equal(beaten.errorCode, 'NOT_COORDINATOR');
  const leaveBody = { groupId: 'g', members: [{ memberId: 'm' }] };
  const left = await ask(leaveGroup, services, { api: leaveGroupApi, version: 5, body: leaveBody, nodeId: wrong });
  assert.equal(left.errorCode, 'NOT_COORDINATOR');
});

test('a coordinator of transactions or of share groups is rejected for good: clients must not ask for ever', async (t) => {
  const services = await stillServices(t);
  for (const keyType of [1, 2]) {
    const body = { keyType, coordinatorKeys: ['x'] };
    const { coordinators } = await ask(findCoordinator, services, { api: findCoordinatorApi, version: 6, body });
    assert.equal(coordinators?.[0]?.errorCode, 'INVALID_REQUEST');
    assert.match(coordinators?.[0]?.errorMessage ?? '', /no coordinator for (transactions|share groups)/);
  }
});

test('who waits for a generation and hangs up is not waited for', async (t) => {
  const services = await stillServices(t);
  await nodesOf(services, 'g');
  const hangUp = new AbortController();
  const { signal } = hangUp;
  const waiting = ask(joinGroup, services, { api: joinGroupApi, version: 3, body: joinBody, signal });
  await services.clock.settle();
  assert.equal(services.groups.group('g')?.state, 'PreparingRebalance');
  hangUp.abort();
  assert.equal((await waiting).errorCode, 'NOT_COORDINATOR');
});
