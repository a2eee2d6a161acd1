// Groups as their administrators see them: state, members and what these read, and their end (ListGroups, DescribeGroups,
// DeleteGroups).
import { ThroughlineError } from '@throughline/event';
import { MessageReader, type KafkaErrorName } from '@throughline/wire';
import { deleteGroupsApi, describeGroupsApi, listGroupsApi, type DescribedGroupMember } from '@throughline/wire/apis';
import { consumerProtocolAssignmentSchema } from '@throughline/wire/records';
import type { Cluster } from './cluster.ts';
import { failureOf } from '../port/failures.ts';
import { coordinatorOf } from './group-coordinators.ts';

export interface ListedGroup {
  readonly groupId: string;
  /** `Stable`, `Empty` …; empty from brokers before Kafka 2.6. */
  readonly state: string;
  /** `consumer`, `connect` …; empty for a group that has only offsets. */
  readonly protocolType: string;
}

export interface DescribedGroup extends ListedGroup {
  /** The broker that coordinates it. */
  readonly coordinator: number;
  /** The assignor of a consumer group; empty unless the group is stable. */
  readonly protocol: string;
  readonly members: readonly DescribedMember[];
}

export interface DescribedMember {
  readonly memberId: string;
  /** Of a static member. */
  readonly groupInstanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  /** What it reads, where the group is stable and its members are consumers. */
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
}

/** All groups of the cluster, by their ids. @throws ThroughlineError LOG_UNREACHABLE, LOG_REFUSED */
export async function listGroups(cluster: Cluster): Promise<readonly ListedGroup[]> {
  const found = new Map<string, ListedGroup>();
  for (const broker of cluster.brokerIds) {
    const groups = await cluster.retrying('groups', async () => {
      const answer = await cluster.request(broker, 'ask', listGroupsApi, { statesFilter: [], typesFilter: [] });
      if (answer.errorCode !== 'NONE') throw failureOf(answer.errorCode, 'groups');
      return answer.groups;
    });
    for (const { groupId, groupState, protocolType } of groups) {
      found.set(groupId, { groupId, state: groupState, protocolType });
    }
  }
  return [...found.values()].toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1));
}

/** @throws ThroughlineError UNKNOWN_GROUP, LOG_UNREACHABLE */
export function describeGroup(cluster: Cluster, groupId: string): Promise<DescribedGroup> {
  return cluster.retrying(`group ${groupId}`, async () => {
    const coordinator = await coordinatorOf(cluster, groupId);
    const { groups } = await cluster.request(coordinator, 'ask', describeGroupsApi, { groups: [groupId] });
    const found = groups[0]!;
    const { errorCode, errorMessage, groupState: state, protocolType, protocolData: protocol } = found;
    if (errorCode !== 'NONE') throw failureOfGroup(groupId, errorCode, `group ${groupId}`, errorMessage);
    // Before version 6 a group that there is not is a dead one.
    if (state === 'Dead') throw failureOfGroup(groupId, 'GROUP_ID_NOT_FOUND', `group ${groupId}`);
    const members = found.members.map((member) => memberOf(member, protocolType));
    return { groupId, coordinator, state, protocolType, protocol, members };
  });
}

/** Deletes a group without members, with its offsets. @throws ThroughlineError UNKNOWN_GROUP, LOG_REFUSED, LOG_UNREACHABLE */
export async function deleteGroup(cluster: Cluster, groupId: string): Promise<void> {
  await cluster.retrying(`deletion of group ${groupId}`, async () => {
    const coordinator = await coordinatorOf(cluster, groupId);
    const { results } = await cluster.request(coordinator, 'ask', deleteGroupsApi, { groupsNames: [groupId] });
    const { errorCode } = results[0]!;
    if (errorCode !== 'NONE') throw failureOfGroup(groupId, errorCode, `deletion of group ${groupId}`);
  });
}

function failureOfGroup(
  groupId: string,
  errorCode: KafkaErrorName,
  what: string,
  words?: string | null,
): ThroughlineError {
  if (errorCode !== 'GROUP_ID_NOT_FOUND') return failureOf(errorCode, what, words);
  return new ThroughlineError('UNKNOWN_GROUP', `there is no group ${groupId}`, { details: { kafkaError: errorCode } });
}

function memberOf(member: DescribedGroupMember, protocolType: string): DescribedMember {
  const { memberId, groupInstanceId = null, clientId, clientHost, memberAssignment } = member;
  const isReadable = protocolType === 'consumer' && memberAssignment.length > 0;
  return { memberId, groupInstanceId, clientId, clientHost, partitions: isReadable ? assigned(memberAssignment) : [] };
}

/** Every version of an assignment begins with the fields of version 0; before them stands the version. */
function assigned(bytes: Uint8Array): DescribedMember['partitions'] {
  const from = new MessageReader(bytes, { version: 0, isFlexible: false }, { start: 2 });
  const { assignedPartitions } = consumerProtocolAssignmentSchema.read(from);
  return assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
}
